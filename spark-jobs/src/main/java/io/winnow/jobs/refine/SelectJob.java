// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.countDistinct;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.SelectSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.table.TableVersion;
import io.winnow.jobs.verify.AnswerEquality;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Training sets out of judged samples: {@code select}. */
public final class SelectJob {
  private static final String STEP = "select";
  private static final String VERSION = "select/1";

  /**
   * What was done.
   *
   * @param inputRows samples of the input
   * @param inputPrompts their prompts
   * @param prompts of the output
   * @param figures of the strategy, by what they are; null where there is none
   */
  public record Result(
      StepResult step, long inputRows, long inputPrompts, long prompts, Map<String, Double> figures) {}

  private SelectJob() {}

  /**
   * Runs the job to its end.
   *
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @throws UsageException for what cannot be done as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static Result run(SparkSession spark, SettingValues values, BooleanSupplier stop) {
    long start = System.nanoTime();
    SelectSettings.validate(values);
    GradedRows input = GradedRows.open(spark, values);
    String state = input.state();
    Dataset<Row> prompts = null;
    List<String> inputs =
        new ArrayList<>(
            List.of(values.find(GradedSettings.TRACES).orElseGet(() -> values.get(GradedSettings.IN))));
    Optional<String> path = values.find(SelectSettings.RATES);
    if (path.isPresent()) {
      RowSource rates = rates(spark, path.get());
      prompts = kept(rates.table());
      state += "\nrates " + rates.state();
      inputs.add(path.get());
    }
    Selection selection = new Selection(input, values, prompts);
    Dataset<Row> rows = selection.rows();
    String out = values.get(GradedSettings.OUT);
    TableStep step =
        new TableStep(
            spark, STEP, version(values), values.affectingOutput(), state, inputs, out,
            values.get(GradedSettings.OUT_FORMAT));
    if (step.unchanged()) {
      StepResult nothing = PassRateJob.result(0, PassRateJob.since(start), out, true, false);
      return new Result(nothing, 0, 0, 0, Map.of());
    }
    Row[] counts = new Row[2];
    Map<String, Column> figures = figures(values.get(SelectSettings.STRATEGY));
    boolean stopped =
        step.run(
            stop,
            () -> {
              step.write(rows, selection.order());
              counts[0] = counted(input.rows().filter(col("prompt_id").isNotNull()), Map.of());
              counts[1] = counted(step.written(rows.schema()), figures);
            });
    if (stopped) {
      return new Result(PassRateJob.result(0, PassRateJob.since(start), out, false, true), 0, 0, 0, Map.of());
    }
    Map<String, Double> told = new LinkedHashMap<>();
    figures.keySet().forEach(name -> told.put(name, counts[1].getAs(name)));
    return new Result(
        PassRateJob.result(counts[1].getLong(0), PassRateJob.since(start), out, false, false), counts[0].getLong(0),
        counts[0].getLong(1), counts[1].getLong(1), told);
  }

  /**
   * What is selected of the rows of a DataFrame; lazy.
   *
   * @param values of {@link SelectSettings#OF_ROWS}
   * @throws UsageException for what cannot be done as asked
   */
  public static Dataset<Row> of(Dataset<Row> rows, SettingValues values) {
    SelectSettings.validateRows(values);
    Dataset<Row> prompts =
        values.find(SelectSettings.RATES).map(path -> kept(rates(rows.sparkSession(), path).table())).orElse(null);
    return new Selection(GradedRows.of(rows, values), values, prompts).rows();
  }

  private static RowSource rates(SparkSession spark, String path) {
    String option = SelectSettings.RATES.option();
    List<RowSource.Wanted> wanted =
        List.of(new RowSource.Wanted(option, "prompt_id"), new RowSource.Wanted(option, "kept"));
    try {
      return RowSource.open(spark, path, "auto", wanted, false, TableVersion.state(spark, path).orElse(null));
    } catch (UsageException e) {
      throw new UsageException(e.getMessage().replace("--in '", option + " '"), e);
    }
  }

  private static Dataset<Row> kept(Dataset<Row> rates) {
    return rates.filter(col("kept")).select(col("prompt_id").cast("string").as("prompt_id"));
  }

  private static String version(SettingValues values) {
    boolean compares = values.get(SelectSettings.STRATEGY).equals("majority");
    return VERSION + (compares ? " " + AnswerEquality.byMathematics().version() : "");
  }

  private static Row counted(Dataset<Row> rows, Map<String, Column> figures) {
    List<Column> all = new ArrayList<>(List.of(countDistinct(col("prompt_id")).as("prompts")));
    figures.forEach((name, column) -> all.add(column.as(name)));
    return rows.agg(count(lit(1)).as("rows"), all.toArray(Column[]::new)).head();
  }

  /** What is worth knowing of a strategy's rows. */
  private static Map<String, Column> figures(String strategy) {
    Map<String, Column> out = new LinkedHashMap<>();
    switch (strategy) {
      case "diverse" -> out.put("mean distance", avg(col(Selection.DISTANCE)));
      case "dpo" -> {
        out.put("tokens of chosen", avg(col("chosen_tokens")));
        out.put("of rejected", avg(col("rejected_tokens")));
      }
      case "kto" -> {
        out.put("desirable", count(when(col(Selection.LABEL), lit(1))).cast("double"));
        out.put("undesirable", count(when(col(Selection.LABEL).equalTo(false), lit(1))).cast("double"));
      }
      case "grpo" -> {
        out.put("mean reward", avg(col("reward")));
        out.put("mean size", avg(col("group_size")));
      }
      case "majority" -> out.put("mean share", avg(col("share")));
      default -> { }
    }
    return out;
  }
}
