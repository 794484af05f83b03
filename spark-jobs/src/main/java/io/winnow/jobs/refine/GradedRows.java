// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.exists;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.isnan;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.lower;
import static org.apache.spark.sql.functions.map_values;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.sha2;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.trim;
import static org.apache.spark.sql.functions.when;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.TableVersion;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.table.VerdictsTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * Samples of prompts, under the names that traces have, each with what was said of it.
 *
 * @param rows the input's columns under those names, {@link #FAILED}, {@link #STATE} and {@link #GRADE}
 * @param columns the input's columns, in order
 * @param graded whether something says what is right
 * @param fractions whether grades may be others than 1 and 0
 * @param state tells the input from what it was or will be
 * @param name of the input, for messages
 */
record GradedRows(
    Dataset<Row> rows, List<String> columns, boolean graded, boolean fractions, String state, String name) {
  /** correct, incorrect, undecided or error; never null. */
  static final String STATE = "winnow_state";
  /** 1 for right, 0 for wrong, or the number given; null where {@link #STATE} is undecided or error. */
  static final String GRADE = "winnow_grade";

  /** Whether the row says that there is no trace; never null. */
  static final String FAILED = "winnow_failed";

  private static final String THERE_PROMPT = "winnow_there_prompt";
  private static final String THERE_TRACE = "winnow_there_trace";
  private static final String THERE = "winnow_there";
  private static final String VERDICT = "verdict";
  private static final String CORRECT = "correct";
  private static final String VERDICTS = "verdicts";

  /** Who names a column of the input, and what it is called here. */
  private static final Map<Setting<String>, String> NAMES = new LinkedHashMap<>();

  static {
    NAMES.put(GradedSettings.GROUP_COLUMN, "prompt_id");
    NAMES.put(GradedSettings.TRACE_COLUMN, "trace_id");
    NAMES.put(GradedSettings.COMPLETION_COLUMN, "text");
    NAMES.put(GradedSettings.PROMPT_COLUMN, "prompt");
    NAMES.put(GradedSettings.MESSAGES_COLUMN, "messages");
    NAMES.put(GradedSettings.GOLD_COLUMN, "gold");
    NAMES.put(GradedSettings.TOKENS_COLUMN, "completion_tokens");
  }

  /**
   * Opens what {@code --traces} or {@code --in} names, as it is now.
   *
   * @throws UsageException when the input or a column cannot be used as asked
   * @throws io.winnow.jobs.table.TableException when there is no table of traces
   */
  static GradedRows open(SparkSession spark, SettingValues values) {
    Optional<String> table = values.find(GradedSettings.TRACES);
    if (table.isEmpty()) {
      String path = values.get(GradedSettings.IN);
      String version = TableVersion.state(spark, path).orElse(null);
      List<RowSource.Wanted> wanted =
          List.of(
              new RowSource.Wanted(GradedSettings.GROUP_COLUMN.option(), values.get(GradedSettings.GROUP_COLUMN)));
      RowSource source =
          RowSource.open(spark, path, values.get(GradedSettings.FORMAT), wanted, false, version);
      return of(source.table(), values, path, source.state());
    }
    TraceTable traces = TraceTable.existing(spark, table.get());
    String state = "traces " + traces.path() + " " + TableVersion.state(spark, traces.path()).orElse("");
    long version = traces.version();
    Dataset<Row> rows = traces.read(spark, version);
    Optional<String> verifier = values.find(GradedSettings.VERIFIER);
    if (verifier.isEmpty()) {
      return of(rows, values, table.get(), state);
    }
    Optional<VerdictsTable> later = VerdictsTable.find(traces);
    if (later.isPresent()) {
      state += " " + later.get().version();
      rows = withLater(rows, newest(later.get().read(spark), verifier.get()));
    }
    Column any = col(VERDICTS).getItem(verifier.get()).isNotNull();
    if (rows.filter(later.isPresent() ? any.or(col(THERE).isNotNull()) : any).isEmpty()) {
      throw new UsageException(
          "Cannot use --verifier '" + verifier.get() + "': no trace of " + table.get() + " has its verdict. Judge them"
              + " by winnow verify --traces " + table.get() + " --verifier " + verifier.get() + ".");
    }
    return of(rows, values, table.get(), state);
  }

  /**
   * The rows of a DataFrame.
   *
   * @throws UsageException when a column cannot be used as asked
   */
  static GradedRows of(Dataset<Row> rows, SettingValues values) {
    return of(rows, values, "the DataFrame", "");
  }

  /** The last verdict of each trace. */
  private static Dataset<Row> newest(Dataset<Row> verdicts, String verifier) {
    Column all = struct(col("created_at"), col("version"), col("params"), col("value"));
    return verdicts
        .filter(col("verifier").equalTo(verifier))
        .groupBy(col("prompt_id").as(THERE_PROMPT), col("trace_id").as(THERE_TRACE))
        .agg(max(all).as(THERE));
  }

  /** Adds {@link #THERE}; a trace that was continued since it was judged is another text, and has none. */
  private static Dataset<Row> withLater(Dataset<Row> rows, Dataset<Row> verdicts) {
    Column same = col("prompt_id").equalTo(col(THERE_PROMPT)).and(col("trace_id").equalTo(col(THERE_TRACE)));
    Column fresh = col("created_at").isNull().or(col(THERE).getField("created_at").geq(col("created_at")));
    return rows.join(verdicts, same, "left").drop(THERE_PROMPT, THERE_TRACE)
        .withColumn(THERE, when(fresh, col(THERE)));
  }

  private static GradedRows of(Dataset<Row> all, SettingValues values, String name, String state) {
    Dataset<Row> input = where(all, values, name);
    List<String> given = Arrays.stream(input.columns()).filter(column -> !column.equals(THERE)).toList();
    Map<String, String> renamed = renamed(given, values, name);
    List<String> columns = new ArrayList<>();
    List<Column> selected = new ArrayList<>();
    for (String column : given) {
      String known = renamed.getOrDefault(column, column);
      columns.add(known);
      selected.add(value(known, column(column), input.schema().apply(column).dataType(), values, name).as(known));
    }
    if (!columns.contains("trace_id")) {
      Column whole = struct(given.stream().map(GradedRows::column).toArray(Column[]::new));
      columns.add(1, "trace_id");
      selected.add(1, sha2(to_json(whole, Map.of("ignoreNullFields", "false")), 256).as("trace_id"));
    }
    Grading grading = Grading.of(input, given, values, name);
    selected.add(Grading.failed(input.schema(), given).as(FAILED));
    selected.add(grading.state().as(STATE));
    selected.add(grading.grade().as(GRADE));
    return new GradedRows(
        input.select(selected.toArray(Column[]::new)), List.copyOf(columns), grading.graded(), grading.fractions(),
        state, name);
  }

  private static Dataset<Row> where(Dataset<Row> rows, SettingValues values, String name) {
    Optional<String> condition = values.find(GradedSettings.WHERE);
    if (condition.isEmpty()) {
      return rows;
    }
    try {
      return rows.filter(condition.get());
    } catch (Exception e) { // AnalysisException is checked and not declared
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("").strip();
      throw new UsageException(
          "Cannot use --where '" + condition.get() + "' on " + name + ": " + why + " Give a condition of Spark SQL over"
              + " its columns.",
          e);
    }
  }

  /** What columns are called here, by their names in the input. */
  private static Map<String, String> renamed(List<String> given, SettingValues values, String name) {
    Map<String, String> renamed = new LinkedHashMap<>();
    NAMES.forEach(
        (setting, known) -> {
          String column = values.get(setting);
          if (!given.contains(column)) {
            if (values.isGiven(setting) || setting == GradedSettings.GROUP_COLUMN) {
              throw unknown(setting.option(), column, name, given);
            }
          } else if (!column.equals(known) && given.stream().anyMatch(known::equalsIgnoreCase)) {
            throw new UsageException(
                "Cannot use " + setting + " '" + column + "': it would come out as " + known + ", and " + name
                    + " has such a column already. Rename or drop that one.");
          } else if (renamed.put(column, known) != null) {
            throw new UsageException(
                "Cannot use " + setting + " '" + column + "': another option names it as well. Give each its own.");
          }
        });
    return renamed;
  }

  private static Column value(String known, Column column, DataType type, SettingValues values, String name) {
    boolean nested = type instanceof StructType || type instanceof MapType || type instanceof ArrayType;
    if (known.equals("text") && type instanceof ArrayType array && array.elementType() instanceof StructType message
        && isText(message, "role") && isText(message, "content")) {
      Column own = filter(column, each -> each.getField("role").equalTo("assistant"));
      return when(size(own).gt(0), element_at(own, -1).getField("content"));
    }
    if (known.equals("completion_tokens") && type instanceof ArrayType) {
      return size(column);
    }
    if (known.equals("completion_tokens") && !(type instanceof NumericType)) {
      return column.try_cast(DataTypes.IntegerType);
    }
    if (!List.of("prompt_id", "trace_id", "text").contains(known)) {
      return column;
    }
    if (nested) {
      throw new UsageException(
          "Cannot use the column " + known + " of " + name + ": it holds " + type.simpleString() + ", and a text or a"
              + " number is needed.");
    }
    return column.cast(DataTypes.StringType);
  }

  private static boolean isText(StructType struct, String field) {
    return List.of(struct.fieldNames()).contains(field) && struct.apply(field).dataType() instanceof StringType;
  }

  static UsageException unknown(String option, String column, String name, List<String> columns) {
    return new UsageException(
        "Cannot use " + option + " '" + column + "': " + name + " has no such column. Columns there: "
            + String.join(", ", columns) + "." + NearestName.hint(column, columns));
  }

  /** A column by its name, whatever characters that has. */
  static Column column(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  boolean has(String column) {
    return columns.contains(column);
  }

  /**
   * The columns of a prompt that a row about it carries.
   *
   * @param asked further ones, by an option of that name
   * @throws UsageException when one is not there
   */
  List<String> carried(Map<String, List<String>> asked) {
    List<String> out = new ArrayList<>();
    for (String each : List.of("prompt", "messages", "gold")) {
      if (has(each)) {
        out.add(each);
      }
    }
    asked.forEach(
        (option, names) -> {
          for (String each : names) {
            if (!has(each)) {
              throw unknown(option, each, name, columns);
            }
            if (!out.contains(each) && !each.equals("prompt_id")) {
              out.add(each);
            }
          }
        });
    return out;
  }

  /**
   * Checks that columns that are carried come out beside those that are made.
   *
   * @throws UsageException for one whose name, case aside, another has
   */
  void checkCarried(List<String> carried, List<String> made) {
    List<String> before = new ArrayList<>(made);
    for (String each : carried) {
      for (String other : before) {
        if (other.equalsIgnoreCase(each)) {
          throw new UsageException(
              "Cannot carry the column '" + each + "': the output has '" + other + "', and names are compared without"
                  + " case. Leave it out of --keep-columns and --by, or rename it in " + name + ".");
        }
      }
      before.add(each);
    }
  }

  /** How samples are graded. */
  private record Grading(Column state, Column grade, boolean graded, boolean fractions) {
    static Grading of(Dataset<Row> input, List<String> columns, SettingValues values, String name) {
      StructType schema = input.schema();
      boolean judged = columns.contains(VERDICTS) && schema.apply(VERDICTS).dataType() instanceof MapType;
      Optional<String> verifier = values.find(GradedSettings.VERIFIER);
      if (verifier.isPresent()) {
        if (!judged) {
          throw new UsageException(
              "Cannot use --verifier: " + name + " has no column verdicts, a map as traces have it. Name the column of"
                  + " the grade by --correct-column.");
        }
        Column stored = col(VERDICTS).getItem(verifier.get()).getField("value");
        boolean later = List.of(input.columns()).contains(THERE);
        return byWord(later ? coalesce(col(THERE).getField("value"), stored) : stored, failed(schema, columns));
      }
      String byItself = !judged && columns.contains(VERDICT) ? VERDICT : CORRECT;
      String from = values.find(GradedSettings.CORRECT_COLUMN).orElse(byItself);
      if (!columns.contains(from)) {
        if (values.isGiven(GradedSettings.CORRECT_COLUMN)) {
          throw unknown(GradedSettings.CORRECT_COLUMN.option(), from, name, columns);
        }
        return new Grading(lit("undecided"), lit(null).cast(DataTypes.DoubleType), false, false);
      }
      DataType type = schema.apply(from).dataType();
      Column value = column(from);
      if (type instanceof BooleanType) {
        Column word = when(value, "correct").when(not(value), "incorrect");
        if (judged && schema.apply(VERDICTS).dataType() instanceof MapType map
            && map.valueType() instanceof StructType) {
          // correct is null for both; the verdicts tell them apart.
          Column error = exists(map_values(col(VERDICTS)), v -> v.getField("value").equalTo("error"));
          word = word.when(error, "error");
        }
        return byWord(word, failed(schema, columns));
      }
      if (type instanceof NumericType) {
        Column number = value.cast(DataTypes.DoubleType);
        Column none = number.isNull().or(isnan(number));
        Column error = failed(schema, columns);
        Column state = when(error, "error").when(none, "undecided").when(number.equalTo(1), "correct")
            .otherwise("incorrect");
        return new Grading(state, when(not(error.or(none)), number), true, true);
      }
      if (type instanceof StringType) {
        // CSV has no booleans and no numbers.
        Column word = lower(trim(value));
        Column read =
            when(word.isin("true", "1", "1.0"), "correct").when(word.isin("false", "0", "0.0"), "incorrect")
                .when(word.notEqual(""), word);
        return byWord(read, failed(schema, columns));
      }
      throw new UsageException(
          "Cannot use --correct-column '" + from + "': it holds " + type.simpleString() + ", and a grade is a boolean,"
              + " a number or a text (correct, incorrect, undecided, error).");
    }

    /** Whether the row says that there is no trace. */
    private static Column failed(StructType schema, List<String> columns) {
      boolean told = columns.contains("error") && schema.apply("error").dataType() instanceof StructType;
      return told ? col("error").isNotNull() : lit(false);
    }

    /** A word that is none of the four is an error: it cannot be taken for a grade. */
    private static Grading byWord(Column word, Column error) {
      Column state =
          when(error.or(word.isNotNull().and(not(word.isin("correct", "incorrect", "undecided")))), "error")
              .otherwise(coalesce(word, lit("undecided")));
      Column correct = when(not(error), when(word.equalTo("correct"), 1.0).when(word.equalTo("incorrect"), 0.0));
      return new Grading(state, correct, true, false);
    }
  }
}
