// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * A data set of completions, every row of it, in its order.
 *
 * @param rows columns {@code src} and {@code holder} for {@link CompletionReader}, and the row itself: {@code line}, JSON
 *     as it stands (null for a line that cannot be read), or {@code row}, a struct of its columns
 * @param columns names of the source's columns
 * @param reader what makes prompts and completions of {@code rows}
 * @param lists whether the completions are lists
 * @param state what tells the source from what it was or will be: files by length and time, a table by its version
 *     and the time of that
 */
public record CompletionSource(
    Dataset<Row> rows, List<String> columns, CompletionReader reader, boolean lists, String state) {
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");

  /**
   * Finds the source and checks its columns.
   *
   * @param asLines whether rows are wanted as JSON
   * @param version what tells the newest version of the Delta table that the source is; null for others
   * @throws UsageException when the source or a column cannot be used as asked
   */
  public static CompletionSource open(SparkSession spark, SettingValues values, boolean asLines, String version) {
    try {
      return opened(spark, values, asLines, version);
    } catch (UsageException e) {
      // The parts that look for files and columns speak of the option that they were made for.
      throw new UsageException(
          e.getMessage().replace("--prompts", ScoreSettings.IN.option()).replace("--keep-columns *", "its columns"), e);
    }
  }

  private static CompletionSource opened(SparkSession spark, SettingValues values, boolean asLines, String version) {
    Configuration conf = spark.sessionState().newHadoopConf();
    String path = values.get(ScoreSettings.IN);
    SourceFiles source = SourceFiles.find(spark, conf, path, values.get(GenerateSettings.FORMAT));
    String template = values.find(GenerateSettings.PROMPT_TEMPLATE).orElse(null);
    String completion = values.get(ScoreSettings.COMPLETION_COLUMN);
    InputOptions options =
        new InputOptions(
            path, template == null ? values.find(ScoreSettings.PROMPT_COLUMN).orElse(null) : null,
            values.find(GenerateSettings.MESSAGES_COLUMN).orElse(null), completion, null, null, List.of("*"),
            values.find(GenerateSettings.SYSTEM_PROMPT).orElse(null), template, 0);
    CompletionReader.Form form =
        !ScoreSettings.hasPrompt(values)
            ? CompletionReader.Form.NONE
            : values.get(ScoreSettings.PLAIN) ? CompletionReader.Form.TEXT : CompletionReader.Form.CONVERSATION;
    boolean lines = source.format().equals("jsonl") || source.format().equals("csv");
    try {
      String state = source.format() + " " + version + " " + state(conf, source);
      return lines
          ? ofFiles(spark, conf, source, options, form, asLines, state)
          : ofTable(spark, source, options, form, asLines, state);
    } catch (IOException e) {
      throw InputErrors.unreadable(path, e);
    }
  }

  private static String state(Configuration conf, SourceFiles source) throws IOException {
    StringBuilder out = new StringBuilder();
    for (String file : source.files()) {
      Path path = new Path(file);
      FileStatus status = path.getFileSystem(conf).getFileStatus(path);
      out.append(file).append(' ').append(status.getLen()).append(' ').append(status.getModificationTime()).append('\n');
    }
    return out.toString();
  }

  private static void check(InputOptions o, List<String> columns) {
    require("--completion-column", o.gold(), o, columns);
    require("--prompt-column", o.prompt(), o, columns);
    require("--messages-column", o.messages(), o, columns);
  }

  private static void require(String option, String column, InputOptions o, List<String> columns) {
    if (column != null && !columns.contains(column)) {
      throw InputErrors.unknownColumn(option, column, o.path(), columns);
    }
  }

  private static CompletionSource ofFiles(
      SparkSession spark, Configuration conf, SourceFiles source, InputOptions options, CompletionReader.Form form,
      boolean asLines, String state)
      throws IOException {
    FileDatasets files = new FileDatasets(spark, conf, source);
    List<String> columns = files.columns(options);
    check(options, columns);
    Dataset<Row> rows = files.rows(options);
    boolean lists = firstIsList(rows, options.gold());
    Dataset<Row> out = rows.select(struct("*").as("src")).withColumn("holder", col("src.row"));
    if (asLines) {
      out = out.withColumn("line", col("src.row"));
    } else {
      StructType schema = files.keptSchema(rows, columns);
      out = out.withColumn("row", from_json(col("src.row"), schema));
    }
    return new CompletionSource(
        out, columns, new CompletionReader(options, columns, form, options.gold(), lists), lists, state);
  }

  /** Whether the first row that has a completion has a list. */
  private static boolean firstIsList(Dataset<Row> rows, String column) {
    FilterFunction<Row> has = row -> kind(row, column) != null;
    List<Row> first = rows.filter("row is not null").select("row").filter(has).takeAsList(1);
    return !first.isEmpty() && kind(first.get(0), column) == JsonLine.Kind.ARRAY;
  }

  private static JsonLine.Kind kind(Row row, String column) {
    try {
      JsonLine.Value value = JsonLine.parse(row.getAs("row"), Set.of(column)).get(column);
      return value == null ? null : value.kind();
    } catch (JsonLine.NotAnObject e) {
      return null;
    }
  }

  private static CompletionSource ofTable(
      SparkSession spark, SourceFiles source, InputOptions options, CompletionReader.Form form, boolean asLines,
      String state) {
    Dataset<Row> table =
        switch (source.format()) {
          case "table" -> spark.table(options.path());
          case "delta" -> spark.read().format("delta").load(options.path());
          default -> spark.read().parquet(parquetPaths(options, source));
        };
    List<String> columns = List.of(table.columns());
    check(options, columns);
    DataType type = table.schema().apply(options.gold()).dataType();
    boolean lists = type instanceof ArrayType items && items.elementType() instanceof StringType;
    if (!lists && !(type instanceof StringType)) {
      throw InputErrors.complexCompletion(options.gold(), type.simpleString());
    }
    Column all = struct(columns.stream().map(TableRows::column).toArray(Column[]::new));
    Column completion = to_json(struct(TableRows.column(options.gold())), WITH_NULLS);
    Dataset<Row> rows =
        TableRows.of(table, options, lit(null).cast(DataTypes.LongType))
            .select(
                col("src"), completion.as("holder"),
                asLines ? to_json(all, WITH_NULLS).as("line") : all.as("row"));
    return new CompletionSource(
        rows, columns, new CompletionReader(options, columns, form, options.gold(), lists), lists, state);
  }

  private static String[] parquetPaths(InputOptions options, SourceFiles source) {
    boolean glob = options.path().matches(".*[*?\\[{].*");
    return source.single() || glob ? source.files().toArray(String[]::new) : new String[] {options.path()};
  }

  /** The columns in the order given that the source has as well, case aside. */
  public List<String> clashes(List<String> names) {
    return names.stream().filter(name -> columns.stream().anyMatch(name::equalsIgnoreCase)).toList();
  }

  /** Names of the struct {@code row}, none where rows are lines. */
  public List<String> rowColumns() {
    return Arrays.asList(rows.columns()).contains("row")
        ? List.of(((StructType) rows.schema().apply("row").dataType()).fieldNames())
        : List.of();
  }
}
