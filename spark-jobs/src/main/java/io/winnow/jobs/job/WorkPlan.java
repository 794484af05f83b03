// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array_contains;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_set;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.sum;
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
  /** What {@link PromptEncoder} gives, with {@code missing array<string>}: the trace ids to be made; never empty. */
  final Dataset<Row> rows;
  /** Prompts with something missing. */
  final long prompts;
  /** Traces missing. */
  final long traces;

  private WorkPlan(Dataset<Row> rows) {
    this.rows = rows.persist(StorageLevel.DISK_ONLY());
    Row counts =
        this.rows.agg(count(lit(1)), coalesce(sum(size(col("missing"))), lit(0L))).head();
    this.prompts = counts.getLong(0);
    this.traces = counts.getLong(1);
  }

  /**
   * Compares the keys wanted with the keys there.
   *
   * @param encoded result of {@link PromptEncoder}
   * @param keys (prompt_id, trace_id) of the table
   */
  static WorkPlan of(Dataset<Row> encoded, Dataset<Row> keys) {
    Dataset<Row> there =
        keys.groupBy(col("prompt_id").as("there_id")).agg(collect_set("trace_id").as("there"));
    Dataset<Row> missing =
        encoded
            .join(there, encoded.col("prompt_id").equalTo(there.col("there_id")), "left_outer")
            .withColumn(
                "missing",
                filter(
                    col("trace_ids"),
                    id -> not(coalesce(array_contains(col("there"), id), lit(false)))))
            .drop("there_id", "there")
            .filter(size(col("missing")).gt(0));
    return new WorkPlan(missing);
  }

  /**
   * The missing traces that the table holds for another prompt of the same tokens: one of them for each trace id, in
   * the columns {@code twin_…} beside the planned row; {@code missing_id} is that one id. Only twins that hold just
   * what decoding would give now: a trace that another run cut elsewhere, or kept less of, is no substitute.
   *
   * @param maxTokens new tokens of a trace at most
   * @param tokenIds whether token ids are kept
   * @param logprobs whether log-probabilities are kept
   */
  Dataset<Row> copies(Dataset<Row> traces, int maxTokens, boolean tokenIds, boolean logprobs) {
    Column ended = col("finish_reason").equalTo("stop").and(col("completion_tokens").leq(maxTokens));
    Column cutHere = col("finish_reason").equalTo("length").and(col("completion_tokens").equalTo(maxTokens));
    Column whole = ended.or(cutHere);
    if (tokenIds) {
      whole = whole.and(col("token_ids").isNotNull());
    }
    if (logprobs) {
      whole = whole.and(col("logprobs").isNotNull());
    }
    Column kept = logprobs ? col("logprobs") : lit(null).cast(traces.schema().apply("logprobs").dataType());
    Dataset<Row> missing =
        rows.filter(col("failure").isNull()).withColumn("missing_id", explode(col("missing")));
    // The keys first: without twins no text is read.
    Dataset<Row> twins =
        traces
            .filter(whole)
            .join(missing.select(col("missing_id").as("trace_id")).distinct(), "trace_id")
            .groupBy(col("trace_id").as("twin_id"))
            .agg(
                first("text").as("twin_text"),
                first("token_ids").as("twin_token_ids"),
                first(kept).as("twin_logprobs"),
                first("finish_reason").as("twin_finish_reason"),
                first("completion_tokens").as("twin_completion_tokens"),
                first("engine_ms").as("twin_engine_ms"));
    return missing.join(twins, col("missing_id").equalTo(col("twin_id")));
  }

  /** Rows with the same tokens side by side in one partition, in an order that is the same in every attempt. */
  Dataset<Row> partitioned(int partitions) {
    // Rows that failed have no tokens and would all meet in one partition.
    Column spread = when(col("failure").isNotNull(), col("prompt_id"));
    return rows.repartition(partitions, col("tokens"), spread).sortWithinPartitions("tokens", "prompt_id");
  }

  @Override
  public void close() {
    rows.unpersist();
  }
}
