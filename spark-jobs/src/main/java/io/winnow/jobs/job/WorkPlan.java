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
  /** Those of them that take the place of rows in the table; at most so many where a rule ends prompts. */
  final long redone;
  /**
   * Traces to be made at most, where a rule ends prompts ({@code --stop-when}): then {@link #traces} are those of the
   * blocks that prompts are in, and further ones may follow. Else the same.
   */
  final long atMost;
  /** Traces of prompts that a rule has ended before the last: they are not needed. */
  final long spared;
  /** Of all traces that prompts may have, those in the table that stay; -1 where no rule ends prompts. */
  final long there;

  /** The rows with those in which nothing is missing, which a rule's accounts need. */
  private final Dataset<Row> all;

  private WorkPlan(Dataset<Row> planned, boolean ruled) {
    this.all = planned.persist(StorageLevel.DISK_ONLY());
    Column open = size(col("missing")).gt(0);
    this.rows = all.filter(open);
    Column left = ruled ? size(col("trace_ids")).minus(col("there")) : size(col("missing"));
    Row counts =
        all.agg(
                count(when(open, 1)),
                total(size(col("missing"))),
                total(when(open, coalesce(size(col("redo")), lit(0)))),
                total(when(open, left)),
                total(when(not(open), left)),
                ruled ? total(col("there")) : lit(-1L))
            .head();
    this.prompts = counts.getLong(0);
    this.traces = counts.getLong(1);
    this.redone = counts.getLong(2);
    this.atMost = counts.getLong(3);
    this.spared = counts.getLong(4);
    this.there = counts.getLong(5);
  }

  private static Column total(Column numbers) {
    return coalesce(sum(numbers), lit(0L));
  }

  /**
   * As {@link #of(Dataset, Dataset)}, where a rule ends prompts: what is missing of a prompt is what its next decision
   * needs; {@code redo} holds what the table has of any of its traces.
   *
   * @param table result of {@link Redo#there} with {@link KnownSamples#columns}
   */
  static WorkPlan of(Dataset<Row> encoded, Dataset<Row> table, KnownSamples samples) {
    Dataset<Row> there =
        table.groupBy(col("prompt_id").as("there_id")).agg(anew(), samples.collected());
    Dataset<Row> missing =
        encoded
            .join(there, encoded.col("prompt_id").equalTo(there.col("there_id")), "left_outer")
            .withColumn("standing", samples.standing())
            .withColumn("missing", col("standing.missing"))
            .withColumn("there", col("standing.there"))
            .withColumn("redo", redo("trace_ids"))
            .drop("there_id", "anew", "standing");
    return new WorkPlan(missing, true);
  }

  /** Lists leave nulls out. */
  private static Column anew() {
    return collect_list(when(col("redo").isNotNull(), struct(col("trace_id"), col("redo")))).as("anew");
  }

  /** Those of these trace ids that are made anew. */
  private static Column redo(String ids) {
    return filter(col("anew"), row -> array_contains(col(ids), row.getField("trace_id")));
  }

  /**
   * Compares the keys wanted with the keys there.
   *
   * @param encoded result of {@link PromptEncoder}
   * @param table result of {@link Redo#there}
   */
  static WorkPlan of(Dataset<Row> encoded, Dataset<Row> table) {
    // A row is in one of the two.
    Dataset<Row> there =
        table
            .groupBy(col("prompt_id").as("there_id"))
            .agg(
                collect_set(when(col("redo").isNull(), col("trace_id"))).as("there"),
                anew());
    Dataset<Row> missing =
        encoded
            .join(there, encoded.col("prompt_id").equalTo(there.col("there_id")), "left_outer")
            .withColumn(
                "missing",
                filter(
                    col("trace_ids"),
                    id -> not(coalesce(array_contains(col("there"), id), lit(false)))))
            .withColumn("redo", redo("missing"))
            .drop("there_id", "there", "anew")
            .filter(size(col("missing")).gt(0));
    return new WorkPlan(missing, false);
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
    all.unpersist();
  }
}
