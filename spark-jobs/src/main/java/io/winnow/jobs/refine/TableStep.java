// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.job.StepKey;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TraceTable;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * A step that makes one table of another by a plan of DataFrames. The output is there wholly or not at all; run again,
 * it is left as it is unless the source or a setting changed ({@link StepOutput}).
 */
final class TableStep {
  private static final long TICK_MILLIS = 200;
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");

  private final SparkSession spark;
  private final String out;
  private final StepOutput output;
  private final String step;
  private final String key;

  /**
   * A step.
   *
   * @param step its name: outputs of other steps are not written over
   * @param version of what it computes
   * @param settings texts of all settings that decide what comes out
   * @param state of all inputs
   * @param inputs their places, none of which the output may be
   * @throws UsageException when the output is one of the inputs
   */
  TableStep(
      SparkSession spark, String step, String version, Map<String, String> settings, String state, List<String> inputs,
      String out, String outFormat) {
    if (inputs.stream().anyMatch(input -> StepOutput.covers(spark, out, input))) {
      throw new UsageException(
          "Cannot write to --out '" + out + "': it is the input, or holds it. Give another place.");
    }
    this.spark = spark;
    this.out = out;
    this.step = step;
    output = new StepOutput(spark, out, outFormat, step);
    key = StepKey.of(step, version, settings, state);
  }

  /**
   * Whether just this is there already.
   *
   * @throws io.winnow.jobs.table.TableException when something else is there
   */
  boolean unchanged() {
    return output.holds(key);
  }

  /**
   * Writes the rows in place of what was there.
   *
   * @param order columns by which lines are sorted; those of tables are not
   */
  void write(Dataset<Row> rows, String... order) {
    if (output.format() != StepOutput.Format.JSONL) {
      output.write(rows, key);
      return;
    }
    Column all = struct(Arrays.stream(rows.columns()).map(GradedRows::column).toArray(Column[]::new));
    Column[] by = Arrays.stream(order).map(GradedRows::column).toArray(Column[]::new);
    Iterator<String> lines =
        rows.orderBy(by).select(to_json(all, WITH_NULLS)).as(Encoders.STRING()).toLocalIterator();
    output.writeLines(lines, key);
  }

  /** What was written, for the summary. */
  Dataset<Row> written(StructType schema) {
    return switch (output.format()) {
      case DELTA -> TraceTable.isName(out) ? spark.table(out) : spark.read().format("delta").load(out);
      case PARQUET -> spark.read().parquet(out);
      case JSONL -> spark.read().schema(schema).json(new Path(java.nio.file.Path.of(out).toUri()).toString());
    };
  }

  /**
   * Runs what computes and writes, and ends it when it is asked to stop.
   *
   * @return whether it was stopped; then nothing was written
   */
  boolean run(BooleanSupplier stop, Runnable body) {
    if (stop.getAsBoolean()) {
      return true;
    }
    SparkContext context = spark.sparkContext();
    String group = "winnow-" + step + "-" + UUID.randomUUID();
    CountDownLatch ended = new CountDownLatch(1);
    boolean[] stopped = {false};
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (!ended.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
                  if (stop.getAsBoolean()) {
                    synchronized (stopped) {
                      stopped[0] = true;
                    }
                    context.cancelJobGroup(group);
                  }
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "winnow-stop");
    watcher.setDaemon(true);
    context.setJobGroup(group, "winnow " + step, false);
    watcher.start();
    boolean done = false;
    try {
      body.run();
      done = true;
    } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
      synchronized (stopped) {
        if (!stopped[0]) {
          throw e;
        }
      }
    } finally {
      ended.countDown();
      context.clearJobGroup();
    }
    return !done;
  }
}
