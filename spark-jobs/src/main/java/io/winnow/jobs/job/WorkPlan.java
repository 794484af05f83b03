// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_contains;
import static org.apache.spark.sql.functions.array_except;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.collect_set;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.when;

import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.storage.StorageLevel;

/**
 * What is still to do: the prompts of which samples are missing in the table. Relational work on the keys alone; no
 * trace is read but for those whose text another prompt can share.
 */
final class WorkPlan implements AutoCloseable {
  /**
   * What {@link PromptEncoder} gives, with {@code missing array<string>}: the trace ids to be made, never empty; and
   * {@code redo array<struct<trace_id, redo>>}: those of them that the table has, see {@link Redo}; null for none.
   */
  final Dataset<Row> rows;
  /** Prompts with something missing. */
  final long prompts;
  /** Traces to be made. */
  final long traces;
  /** Those of them that take the place of rows in the table. */
  final long redone;

  private WorkPlan(Dataset<Row> rows) {
    this.rows = rows.persist(StorageLevel.DISK_ONLY());
    Row counts =
        this.rows
            .agg(
                count(lit(1)),
                coalesce(sum(size(col("missing"))), lit(0L)),
                coalesce(sum(coalesce(size(col("redo")), lit(0))), lit(0L)))
            .head();
    this.prompts = counts.getLong(0);
    this.traces = counts.getLong(1);
    this.redone = counts.getLong(2);
  }

  /**
   * Compares the keys wanted with the keys there.
   *
   * @param encoded result of {@link PromptEncoder}
   * @param table result of {@link Redo#there}
   */
  static WorkPlan of(Dataset<Row> encoded, Dataset<Row> table) {
    // Lists leave nulls out: a row is in one of the two.
    Dataset<Row> there =
        table
            .groupBy(col("prompt_id").as("there_id"))
            .agg(
                collect_set(when(col("redo").isNull(), col("trace_id"))).as("there"),
                collect_list(when(col("redo").isNotNull(), struct(col("trace_id"), col("redo")))).as("anew"));
    Dataset<Row> missing =
        encoded
            .join(there, encoded.col("prompt_id").equalTo(there.col("there_id")), "left_outer")
            .withColumn(
                "missing",
                filter(
                    col("trace_ids"),
                    id -> not(coalesce(array_contains(col("there"), id), lit(false)))))
            .withColumn("redo", filter(col("anew"), row -> array_contains(col("missing"), row.getField("trace_id"))))
            .drop("there_id", "there", "anew")
            .filter(size(col("missing")).gt(0));
    return new WorkPlan(missing);
  }

  /** How many of the traces to be made are not in the table, or are there as they were. */
  long stillToDo(Dataset<Row> table) {
    Dataset<Row> wanted = rows.select(col("prompt_id"), explode(col("missing")).as("trace_id"));
    Dataset<Row> done = table.filter(col("redo").isNull()).select("prompt_id", "trace_id");
    return wanted.join(done, new String[] {"prompt_id", "trace_id"}, "left_anti").count();
  }

  /**
   * The missing traces that the table holds for another prompt of the same tokens: one of them for each trace id, in
   * the columns {@code twin_…} beside the planned row; {@code missing_id} is that one id. Only twins that hold just
   * what decoding would give now: a trace that another run cut elsewhere, or kept less of, is no substitute.
   *
   * @param maxTokens new tokens of a trace at most
   * @param tokenIds whether token ids are kept
   * @param logprobs whether log-probabilities are kept
   * @param promptLogprobs whether those of the prompts' tokens are
   */
  Dataset<Row> copies(
      Dataset<Row> traces, int maxTokens, boolean tokenIds, boolean logprobs, boolean promptLogprobs) {
    Column ended = col("finish_reason").equalTo("stop").and(col("completion_tokens").leq(maxTokens));
    Column cutHere = col("finish_reason").equalTo("length").and(col("completion_tokens").equalTo(maxTokens));
    Column whole = ended.or(cutHere);
    if (tokenIds) {
      whole = whole.and(col("token_ids").isNotNull());
    }
    if (logprobs) {
      whole = whole.and(col("logprobs").isNotNull());
    }
    if (promptLogprobs) {
      whole = whole.and(col("prompt_logprobs").isNotNull());
    }
    Dataset<Row> missing =
        rows.filter(col("failure").isNull())
            .withColumn("anew", coalesce(transform(col("redo"), r -> r.getField("trace_id")), typedNone()))
            .withColumn("missing_id", explode(array_except(col("missing"), col("anew"))))
            .drop("anew");
    // The keys first: without twins no text is read.
    Dataset<Row> twins =
        traces
            .filter(whole)
            .join(missing.select(col("missing_id").as("trace_id")).distinct(), "trace_id")
            .groupBy(col("trace_id").as("twin_id"))
            .agg(
                first("text").as("twin_text"),
                first("token_ids").as("twin_token_ids"),
                first(kept("logprobs", logprobs)).as("twin_logprobs"),
                first(kept("prompt_logprobs", promptLogprobs)).as("twin_prompt_logprobs"),
                first("finish_reason").as("twin_finish_reason"),
                first("prompt_tokens").as("twin_prompt_tokens"),
                first("completion_tokens").as("twin_completion_tokens"),
                first("engine_ms").as("twin_engine_ms"));
    return missing.join(twins, col("missing_id").equalTo(col("twin_id")));
  }

  private static Column kept(String column, boolean wanted) {
    return wanted ? col(column) : lit(null).cast("array<float>");
  }

  private static Column typedNone() {
    return array().cast("array<string>");
  }

  /** Rows with the same tokens side by side in one partition, in an order that is the same in every attempt. */
  Dataset<Row> partitioned(int partitions) {
    // Rows that failed have no tokens and would all meet in one partition.
    Column spread = when(col("failure").isNotNull(), col("prompt_id"));
    return rows.repartition(partitions, col("tokens"), col("conversation"), spread)
        .sortWithinPartitions("tokens", "conversation", "prompt_id");
  }

  @Override
  public void close() {
    rows.unpersist();
  }
}
