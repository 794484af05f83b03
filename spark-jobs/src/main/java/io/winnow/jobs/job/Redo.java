// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.exists;
import static org.apache.spark.sql.functions.isnan;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.when;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Which rows of a table are made anew although they are there: those that failed in a way that the user wants tried
 * again, and those that were cut off earlier than they would be now. The latter go on from their tokens.
 *
 * @param runId the run that asks: rows that it has made itself are not tried once more
 * @param failed error classes to try again; {@link #ALL} for all of them
 * @param maxTokens new tokens of a trace at most, now
 * @param contextLength positions of the model: a trace that has filled them cannot go on
 * @param logprobs whether log-probabilities are kept: a trace without them is then made from its start
 */
record Redo(String runId, List<String> failed, int maxTokens, int contextLength, boolean logprobs) {
  static final String ALL = "all";

  /**
   * What the table holds, to be compared with what is wanted.
   *
   * @param traces rows of the table
   * @return {@code prompt_id, trace_id, redo}: null for a row that stays, else {@code struct<attempts int, token_ids
   *     array<int>, logprobs array<float>>}: attempts so far, 0 for a truncated trace, and what it goes on from, null
   *     where it starts anew; and behind these the columns of {@code more}
   */
  Dataset<Row> there(Dataset<Row> traces, Column... more) {
    Column retry = retry();
    Column goOn = goOn();
    Column tokens = lit(null).cast(traces.schema().apply("token_ids").dataType());
    Column probabilities = lit(null).cast(traces.schema().apply("logprobs").dataType());
    // The keys alone are quickly read; the tokens of a large table are not, so they are left alone without need.
    if (!traces.filter(goOn).isEmpty()) {
      // Some tables have rows with NaN where an earlier version did not know a twin's: they are made from their start.
      Column known = col("logprobs").isNotNull().and(not(exists(col("logprobs"), one -> isnan(one))));
      Column whole = logprobs ? goOn.and(known) : goOn;
      tokens = when(whole, col("token_ids"));
      probabilities = logprobs ? when(whole, col("logprobs")) : probabilities;
    }
    Column attempts = coalesce(col("error.attempts"), lit(0));
    Column redo =
        when(
                retry.or(goOn),
                struct(attempts.as("attempts"), tokens.as("token_ids"), probabilities.as("logprobs")))
            .as("redo");
    List<Column> columns = new ArrayList<>(List.of(col("prompt_id"), col("trace_id"), redo));
    columns.addAll(List.of(more));
    return traces.select(columns.toArray(Column[]::new));
  }

  private Column retry() {
    if (failed.isEmpty()) {
      return lit(false);
    }
    Column isError = col("error").isNotNull().and(coalesce(col("run_id").notEqual(runId), lit(true)));
    return failed.contains(ALL)
        ? isError
        : isError.and(coalesce(col("error.class"), lit("")).isin(failed.toArray()));
  }

  private Column goOn() {
    return coalesce(
        col("error").isNull()
            .and(col("finish_reason").equalTo("length"))
            .and(col("completion_tokens").lt(maxTokens))
            .and(col("prompt_tokens").plus(col("completion_tokens")).lt(contextLength)),
        lit(false));
  }
}
