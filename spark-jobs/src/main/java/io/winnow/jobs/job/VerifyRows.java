// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;

import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.conf.VerifySettings;
import io.winnow.jobs.input.RowSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;

/** Judges the rows of a data set or a DataFrame, which come out again with their verdicts. */
public final class VerifyRows {
  private static final String STEP = "verify";
  private static final String REPORT_STEP = "verify --report golds";

  private VerifyRows() {}

  /**
   * Runs {@code verify --in}, or {@code --report golds}, to its end.
   *
   * @param values settings of {@code verify}
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @param progress told the rows that are judged
   * @throws UsageException for what cannot be judged as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static StepResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    VerifySettings.validate(values);
    VerifyOptions options = VerifyOptions.of(values);
    boolean report = values.isGiven(VerifySettings.REPORT);
    RowStep.Spec spec =
        new RowStep.Spec(
            report ? REPORT_STEP : STEP, source(values), values.get(VerifySettings.FORMAT),
            values.get(VerifySettings.OUT), values.get(VerifySettings.OUT_FORMAT), VerifyOptions.wanted(values),
            options.group(), values.get(VerifySettings.PREFIX), values.affectingOutput(), values.get(VerifySettings.PARTITIONS));
    return RowStep.run(spark, spec, function(values, options), stop, progress);
  }

  /** The data set that is read. */
  private static String source(SettingValues values) {
    return values.find(VerifySettings.IN).orElseGet(() -> values.get(VerifySettings.TRACES));
  }

  private static RowFunction function(SettingValues values, VerifyOptions options) {
    return values.isGiven(VerifySettings.REPORT) ? new GoldReportFunction(options) : new VerifyFunction(options);
  }

  /**
   * Suspicious golds, for the screen.
   *
   * @param counts how many there are of each kind
   * @param rows the first of them, as {@code --report golds --out} would hold them
   */
  public record Golds(Map<String, Long> counts, List<Row> rows) {}

  /**
   * Runs {@code --report golds} without writing.
   *
   * @param most rows to give
   * @throws UsageException for what cannot be judged as asked
   */
  public static Golds golds(SparkSession spark, SettingValues values, int most) {
    VerifySettings.validate(values);
    Dataset<Row> source =
        RowSource.open(
                spark, source(values), values.get(VerifySettings.FORMAT), VerifyOptions.wanted(values), false, null)
            .table();
    Dataset<Row> found = added(source, values).persist(StorageLevel.MEMORY_AND_DISK());
    try {
      String suspicion = values.get(VerifySettings.PREFIX) + "gold_suspicion";
      Map<String, Long> counts = new LinkedHashMap<>();
      for (Row row : found.groupBy(col(suspicion)).count().orderBy(col(suspicion)).collectAsList()) {
        counts.put(row.getString(0), row.getLong(1));
      }
      return new Golds(counts, found.limit(most).collectAsList());
    } finally {
      found.unpersist(false);
    }
  }

  /**
   * A DataFrame with the columns that {@code verify} adds; lazy.
   *
   * @param values of {@link VerifySettings#OF_ROWS}
   * @throws UsageException for what cannot be judged as asked
   */
  public static Dataset<Row> added(Dataset<Row> rows, SettingValues values) {
    VerifySettings.validateRows(values);
    VerifyOptions options = VerifyOptions.of(values);
    return RowStep.added(
        rows, VerifyOptions.wanted(values), options.group(), values.get(VerifySettings.PREFIX),
        values.get(VerifySettings.PARTITIONS), function(values, options));
  }
}
