// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.aggregate;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.min_by;
import static org.apache.spark.sql.functions.sort_array;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** A row a prompt with its pass rates: one aggregation, and what is computed of its counts. docs/PASS_RATE.md. */
final class PassRates {
  private static final String CARRIED = "winnow_carried";
  private static final String ANSWER = "winnow_answer";
  private static final String ANSWERS = "winnow_answers";
  private static final String SUM = "winnow_sum";
  private static final String MAJORITY = "winnow_majority_of";

  private final GradedRows input;
  private final SettingValues values;
  private final boolean majority;

  /**
   * Rates of samples.
   *
   * @throws UsageException when the samples cannot be rated as asked
   */
  PassRates(GradedRows input, SettingValues values) {
    this.input = input;
    this.values = values;
    if (!input.graded()) {
      throw new UsageException(
          "Cannot tell what is right: " + input.name() + " has neither a column verdict nor correct. Name it by"
              + " --correct-column, or judge the completions by winnow verify.");
    }
    majority = values.get(PassRateSettings.MAJORITY) && input.has("text");
    if (!input.has("text") && values.isGiven(PassRateSettings.MAJORITY) && values.get(PassRateSettings.MAJORITY)) {
      throw GradedRows.unknown(
          GradedSettings.COMPLETION_COLUMN.option(), values.get(GradedSettings.COMPLETION_COLUMN), input.name(),
          input.columns());
    }
  }

  /** The values of {@code --k}. */
  static List<Integer> ks(SettingValues values) {
    return values.get(PassRateSettings.K).stream().map(Integer::valueOf).toList();
  }

  /** Names of the columns of G-Pass@k, by τ. */
  static Map<String, Double> gPass(SettingValues values, int k) {
    Map<String, Double> names = new LinkedHashMap<>();
    for (String tau : values.get(PassRateSettings.TAU)) {
      BigDecimal percent = new BigDecimal(tau).movePointRight(2).stripTrailingZeros();
      String shown = percent.signum() == 0 ? "0" : percent.toPlainString().replace('.', '_');
      names.put("g_pass_at_" + k + "_tau" + shown, Double.valueOf(tau));
    }
    return names;
  }

  boolean majority() {
    return majority;
  }

  /** The table, without the filter of {@code --keep}. */
  Dataset<Row> all() {
    List<String> carried =
        input.carried(
            Map.of("--by", values.get(PassRateSettings.BY), "--keep-columns", values.get(GradedSettings.KEEP_COLUMNS)));
    Dataset<Row> rows = input.rows().filter(col("prompt_id").isNotNull());
    Dataset<Row> counted = counted(rows, carried);
    List<Column> computed = new ArrayList<>(List.of(col("prompt_id")));
    if (!carried.isEmpty()) {
      computed.add(col(CARRIED));
    }
    computed.addAll(estimates());
    List<Column> columns = new ArrayList<>(List.of(col("prompt_id")));
    for (String each : carried) {
      columns.add(col(CARRIED).getField(each).as(each));
    }
    if (majority) {
      Column answers = col(ANSWERS).getField("answer");
      Column grades = col(ANSWERS).getField("grade");
      computed.add(PromptFunctions.majority(answers, grades).as(MAJORITY));
    }
    Dataset<Row> estimated = counted.select(computed.toArray(Column[]::new));
    for (String each : estimated.columns()) {
      if (!List.of("prompt_id", CARRIED, MAJORITY).contains(each)) {
        columns.add(col(each));
      }
    }
    columns.addAll(votes());
    Dataset<Row> out = estimated.select(columns.toArray(Column[]::new));
    List<String> made = new ArrayList<>(List.of(out.columns()));
    carried.forEach(made::remove); // the first of that name; one that the rates have as well stays
    made.add("kept");
    input.checkCarried(carried, made);
    return out.withColumn("kept", kept());
  }

  /** What is written. */
  static Dataset<Row> written(Dataset<Row> all, SettingValues values) {
    return values.get(PassRateSettings.KEEP) ? all.filter(col("kept")) : all;
  }

  private Dataset<Row> counted(Dataset<Row> rows, List<String> carried) {
    Column grade =
        when(col(GradedRows.STATE).isin("correct", "incorrect"), col(GradedRows.GRADE))
            .when(col(GradedRows.STATE).equalTo("undecided"), excluded(PassRateSettings.UNDECIDED))
            .otherwise(excluded(PassRateSettings.ERRORS));
    Dataset<Row> read =
        majority ? rows.withColumn(ANSWER, PromptFunctions.answer(col("text"))) : rows;
    List<Column> sums = new ArrayList<>();
    sums.add(count(lit(1)).as("samples"));
    sums.add(count(grade).as("n"));
    for (String state : List.of("correct", "incorrect", "undecided", "error")) {
      sums.add(count(when(col(GradedRows.STATE).equalTo(state), lit(1))).as(state.equals("error") ? "errors" : state));
    }
    // Ones and zeros have one sum in any order; fractions are added in ascending order.
    sums.add(
        (input.fractions()
                ? aggregate(sort_array(collect_list(grade)), lit(0.0), (a, x) -> a.plus(x))
                : coalesce(sum(grade), lit(0.0)))
            .as(SUM));
    if (!carried.isEmpty()) {
      sums.add(carried(rows.schema(), carried).as(CARRIED));
    }
    if (majority) {
      Column sample = struct(col(ANSWER).as("answer"), grade.as("grade"));
      sums.add(collect_list(when(col("text").isNotNull(), sample)).as(ANSWERS));
    }
    return read.groupBy("prompt_id").agg(sums.get(0), sums.subList(1, sums.size()).toArray(Column[]::new));
  }

  /** What a sample counts that is undecided, or an error. */
  private Column excluded(io.winnow.inference.conf.Setting<String> setting) {
    return values.get(setting).equals("incorrect") ? lit(0.0) : lit(null).cast(DataTypes.DoubleType);
  }

  /** Of a prompt's rows, which carry the same, any; where they differ, the same one whatever their order. */
  static Column carried(StructType schema, List<String> columns) {
    Column[] all = columns.stream().map(GradedRows::column).toArray(Column[]::new);
    boolean hashable = columns.stream().noneMatch(name -> holdsMap(schema.apply(name).dataType()));
    Column key = hashable ? xxhash64(all) : xxhash64(to_json(struct(all)));
    return min_by(struct(all), key);
  }

  private static boolean holdsMap(DataType type) {
    if (type instanceof ArrayType array) {
      return holdsMap(array.elementType());
    }
    if (type instanceof StructType struct) {
      for (StructField field : struct.fields()) {
        if (holdsMap(field.dataType())) {
          return true;
        }
      }
    }
    return type instanceof MapType;
  }

  private List<Column> estimates() {
    List<Column> out = new ArrayList<>();
    for (String each : List.of("samples", "n", "correct", "incorrect", "undecided", "errors")) {
      out.add(col(each));
    }
    Column n = col("n");
    Column c = col("correct");
    out.add(when(n.gt(0), col(SUM).divide(n)).as("mean"));
    out.add(col(SUM).divide(col("samples")).as("avg_at_n"));
    for (int k : ks(values)) {
      out.add(PromptFunctions.passAtK(n, c, k).as("pass_at_" + k));
    }
    for (int k : ks(values)) {
      if (k > 1) {
        gPass(values, k).forEach(
            (name, tau) -> out.add(PromptFunctions.gPassAtK(n, c, k, tau).as(name)));
        out.add(PromptFunctions.mgPassAtK(n, c, k).as("mg_pass_at_" + k));
      }
    }
    double confidence = values.get(PassRateSettings.CONFIDENCE);
    out.add(PromptFunctions.wilson(n, c, confidence, false).as("wilson_low"));
    out.add(PromptFunctions.wilson(n, c, confidence, true).as("wilson_high"));
    return out;
  }

  private List<Column> votes() {
    List<Column> out = new ArrayList<>();
    if (majority) {
      Map<String, String> fields = new LinkedHashMap<>();
      fields.put("answer", "maj_answer");
      fields.put("votes", "maj_votes");
      fields.put("answered", "maj_answered");
      fields.put("classes", "maj_classes");
      fields.put("margin", "maj_margin");
      fields.put("tie", "maj_tie");
      fields.put("grade", "maj_at_n");
      fields.forEach((field, name) -> out.add(col(MAJORITY).getField(field).as(name)));
    }
    return out;
  }

  /** min &lt; mean &lt; max in 32-bit floats, as a comparison of torch's float32 with Python's numbers is made. */
  private Column kept() {
    Column mean = col("mean").cast(DataTypes.FloatType);
    Column above = mean.gt(lit(values.get(PassRateSettings.MIN).floatValue()));
    Column below = mean.lt(lit(values.get(PassRateSettings.MAX).floatValue()));
    return coalesce(above.and(below), lit(false));
  }
}
