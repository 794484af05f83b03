// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.max_by;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TraceTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;

/**
 * Who of several teachers has answered what, and at what price: a row for each prompt and teacher of a table of traces,
 * and what they add up to. A teacher is a model's fingerprint; it is called as its newest run called it.
 */
public final class TeacherMatrix {
  private static final String STEP = "teachers";
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");

  /**
   * What a teacher has done.
   *
   * @param prompts that it was asked
   * @param failed traces with an error
   * @param correct traces with that verdict
   * @param decided traces with the verdict correct or incorrect
   * @param solved prompts with a correct trace of it
   * @param solvedAlone those of them with no correct trace of another teacher
   * @param meanTokens generated tokens of a trace that did not fail; null where all did
   * @param costUsd null where no trace has a price
   */
  public record Teacher(
      String name, String fingerprint, long prompts, long traces, long failed, long correct, long decided, long solved,
      long solvedAlone, Double meanTokens, Double costUsd) {
    /** Share of correct traces among those decided; null where none is. */
    public Double passRate() {
      return decided == 0 ? null : Double.valueOf((double) correct / decided);
    }

    /** US dollars a correct trace; null without any. */
    public Double costOfCorrect() {
      return costUsd == null || correct == 0 ? null : Double.valueOf(costUsd / correct);
    }
  }

  /**
   * Two teachers on the prompts that both were asked.
   *
   * @param onlyFirst prompts that the first has solved and the second has not
   */
  public record Pair(String first, String second, long both, long onlyFirst, long onlySecond, long neither) {}

  /**
   * The whole.
   *
   * @param prompts with a trace of any teacher
   * @param solved with a correct one
   * @param unchanged whether the output was there already
   */
  public record Report(long prompts, long solved, List<Teacher> teachers, List<Pair> pairs, boolean unchanged) {}

  private TeacherMatrix() {}

  /**
   * The rows: {@code prompt_id, teacher, model_fingerprint, traces, failed, correct, decided, pass_rate, mean_tokens,
   * cost_usd}.
   */
  static Dataset<Row> rows(Dataset<Row> traces) {
    Column good = col("error").isNull();
    Dataset<Row> names =
        traces.groupBy(col("model_fingerprint").as("fingerprint"))
            .agg(max_by(col("model"), col("created_at")).as("teacher"));
    Column correct = coalesce(col("correct").cast("int"), lit(0));
    Dataset<Row> rows =
        traces.groupBy("prompt_id", "model_fingerprint")
            .agg(
                count(lit(1)).as("traces"),
                sum(when(good, 0L).otherwise(1L)).as("failed"),
                sum(correct).as("correct"),
                count(col("correct")).as("decided"),
                avg(when(good, col("completion_tokens"))).as("mean_tokens"),
                sum("cost_usd").as("cost_usd"));
    return rows.join(names, rows.col("model_fingerprint").eqNullSafe(names.col("fingerprint")))
        .withColumn("pass_rate", when(col("decided").gt(0), col("correct").divide(col("decided"))))
        .select(
            "prompt_id", "teacher", "model_fingerprint", "traces", "failed", "correct", "decided", "pass_rate",
            "mean_tokens", "cost_usd");
  }

  /**
   * Reads the table, and writes the rows where asked.
   *
   * @param traces a table of traces
   * @param out where the rows go
   * @param outFormat as {@link StepOutput} takes it
   * @throws io.winnow.jobs.table.TableException when there is no table of traces, or something else is at {@code out}
   */
  public static Report run(SparkSession spark, String traces, Optional<String> out, String outFormat) {
    TraceTable table = TraceTable.existing(spark, traces);
    long version = table.version();
    Dataset<Row> rows = rows(table.read(spark, version)).persist(StorageLevel.MEMORY_AND_DISK());
    boolean unchanged = false;
    if (out.isPresent()) {
      StepOutput output = new StepOutput(spark, out.get(), outFormat, STEP);
      String key = STEP + " 1 " + table.path() + " " + version;
      unchanged = output.holds(key);
      if (!unchanged) {
        Dataset<Row> sorted = rows.orderBy("prompt_id", "teacher", "model_fingerprint");
        if (output.format() == StepOutput.Format.JSONL) {
          Column whole = to_json(struct("*"), WITH_NULLS);
          output.writeLines(sorted.select(whole).as(Encoders.STRING()).toLocalIterator(), key);
        } else {
          output.write(sorted.coalesce(1), key);
        }
      }
    }
    Report report = report(rows, unchanged);
    rows.unpersist();
    return report;
  }

  private static Report report(Dataset<Row> rows, boolean unchanged) {
    Dataset<Row> marked = rows.withColumn("solved", col("correct").gt(0));
    Dataset<Row> byPrompt =
        marked.groupBy(col("prompt_id").as("id")).agg(sum(col("solved").cast("int")).as("solvers"));
    Row all = byPrompt.agg(count(lit(1)), coalesce(sum(when(col("solvers").gt(0), 1L)), lit(0L))).head();
    List<Teacher> teachers = new ArrayList<>();
    Dataset<Row> sums =
        marked.join(byPrompt, marked.col("prompt_id").equalTo(byPrompt.col("id")))
            .groupBy("model_fingerprint")
            .agg(
                max("teacher").as("teacher"), count(lit(1)).as("prompts"), sum("traces").as("traces"),
                sum("failed").as("failed"), sum("correct").as("correct"), sum("decided").as("decided"),
                sum(col("solved").cast("long")).as("solved"),
                sum(when(col("solved").and(col("solvers").equalTo(1)), 1L).otherwise(0L)).as("alone"),
                sum(col("mean_tokens").multiply(col("traces").minus(col("failed"))))
                    .divide(sum(col("traces").minus(col("failed")))).as("tokens"),
                sum("cost_usd").as("cost_usd"))
            .orderBy("teacher", "model_fingerprint");
    for (Row r : sums.collectAsList()) {
      teachers.add(
          new Teacher(
              r.getAs("teacher"), r.getAs("model_fingerprint"), r.getAs("prompts"), r.getAs("traces"),
              r.getAs("failed"), r.getAs("correct"), r.getAs("decided"), r.getAs("solved"), r.getAs("alone"),
              r.getAs("tokens"), r.getAs("cost_usd")));
    }
    return new Report(all.getLong(0), all.getLong(1), teachers, pairs(marked, teachers), unchanged);
  }

  private static List<Pair> pairs(Dataset<Row> marked, List<Teacher> teachers) {
    Dataset<Row> one = marked.select(col("prompt_id"), col("model_fingerprint").as("a"), col("solved").as("by_a"));
    Dataset<Row> two = marked.select(col("prompt_id"), col("model_fingerprint").as("b"), col("solved").as("by_b"));
    List<Row> counts =
        one.join(two, "prompt_id").filter(col("a").lt(col("b")))
            .groupBy("a", "b")
            .agg(
                sum(when(col("by_a").and(col("by_b")), 1L).otherwise(0L)),
                sum(when(col("by_a").and(col("by_b").equalTo(false)), 1L).otherwise(0L)),
                sum(when(col("by_b").and(col("by_a").equalTo(false)), 1L).otherwise(0L)),
                sum(when(col("by_a").or(col("by_b")), 0L).otherwise(1L)))
            .collectAsList();
    List<Pair> out = new ArrayList<>();
    for (int i = 0; i < teachers.size(); i++) {
      for (int j = i + 1; j < teachers.size(); j++) {
        String first = teachers.get(i).fingerprint();
        String second = teachers.get(j).fingerprint();
        for (Row r : counts) {
          boolean straight = r.getString(0).equals(first) && r.getString(1).equals(second);
          boolean turned = r.getString(0).equals(second) && r.getString(1).equals(first);
          if (straight || turned) {
            out.add(
                new Pair(
                    teachers.get(i).name(), teachers.get(j).name(), r.getLong(2), r.getLong(straight ? 3 : 4),
                    r.getLong(straight ? 4 : 3), r.getLong(5)));
          }
        }
      }
    }
    return out;
  }
}
