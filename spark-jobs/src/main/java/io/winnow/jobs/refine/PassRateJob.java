// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.col;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.verify.AnswerEquality;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;

/** Pass rates of prompts: {@code pass-rate}. */
public final class PassRateJob {
  private static final String STEP = "pass-rate";
  private static final String VERSION = "pass-rate/1";

  /**
   * What was done.
   *
   * @param step whose failed rows are those without a prompt's id, which are left out
   * @param summary of all prompts; null where nothing was computed
   */
  public record Result(StepResult step, PassRateSummary summary) {}

  private PassRateJob() {}

  /**
   * Runs the job to its end.
   *
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @throws UsageException for what cannot be done as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static Result run(SparkSession spark, SettingValues values, BooleanSupplier stop) {
    long start = System.nanoTime();
    PassRateSettings.validate(values);
    GradedRows input = GradedRows.open(spark, values);
    PassRates rates = new PassRates(input, values);
    Dataset<Row> all = rates.all();
    String out = values.get(GradedSettings.OUT);
    String source = values.find(GradedSettings.TRACES).orElseGet(() -> values.get(GradedSettings.IN));
    TableStep step =
        new TableStep(
            spark, STEP, version(rates), values.affectingOutput(), input.state(), List.of(source), out,
            values.get(GradedSettings.OUT_FORMAT));
    boolean kept = values.get(PassRateSettings.KEEP);
    if (step.unchanged()) {
      PassRateSummary summary = kept ? null : PassRateSummary.of(step.written(all.schema()), values, rates.majority());
      return new Result(result(0, since(start), out, true, false), summary);
    }
    PassRateSummary[] summary = new PassRateSummary[1];
    long[] rows = new long[2];
    boolean stopped =
        step.run(
            stop,
            () -> {
              // What is not kept is not written, and the summary tells of it as well.
              Dataset<Row> table = kept ? all.persist(StorageLevel.MEMORY_AND_DISK()) : all;
              try {
                step.write(PassRates.written(table, values), "prompt_id");
                Dataset<Row> written = kept ? table : step.written(all.schema());
                summary[0] = PassRateSummary.of(written, values, rates.majority());
                rows[0] = kept ? summary[0].kept() : summary[0].prompts();
                rows[1] = input.rows().filter(col("prompt_id").isNull()).count();
              } finally {
                if (kept) {
                  table.unpersist(false);
                }
              }
            });
    double seconds = since(start);
    StepResult done =
        new StepResult(stopped ? 0 : rows[0], rows[1], Map.of(), seconds, seconds, out, false, stopped);
    return new Result(done, stopped ? null : summary[0]);
  }

  /**
   * A row a prompt of the rows of a DataFrame; lazy.
   *
   * @param values of {@link PassRateSettings#OF_ROWS}
   * @throws UsageException for what cannot be done as asked
   */
  public static Dataset<Row> of(Dataset<Row> rows, SettingValues values) {
    PassRateSettings.validateRows(values);
    return PassRates.written(new PassRates(GradedRows.of(rows, values), values).all(), values);
  }

  private static String version(PassRates rates) {
    return VERSION + (rates.majority() ? " " + AnswerEquality.byMathematics().version() : "");
  }

  static StepResult result(long rows, double seconds, String out, boolean unchanged, boolean stopped) {
    return new StepResult(stopped ? 0 : rows, 0, Map.of(), seconds, seconds, out, unchanged, stopped);
  }

  static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }
}
