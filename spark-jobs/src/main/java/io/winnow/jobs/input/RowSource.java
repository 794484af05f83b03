// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
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
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * A data set for a step that adds columns: every row of it, broken lines too, and of each row what the step asks for.
 *
 * @param rows columns for {@link RowReader}, and the row itself: {@code line}, JSON as it stands (null for a line that
 *     cannot be read), or {@code row}, a struct of its columns
 * @param fields the source's columns; those of files have types only where rows are wanted as structs
 * @param reader reads the columns asked for
 * @param state what tells the source from what it was or will be: files by length and time, a table by its version
 *     and the time of that
 */
public record RowSource(Dataset<Row> rows, List<StructField> fields, RowReader reader, String state) {
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");

  /**
   * A column that a step reads.
   *
   * @param option that names it, for messages
   * @param optional whether the source may lack it; then no row has a value
   */
  public record Wanted(String option, String column, boolean optional) {
    public Wanted(String option, String column) {
      this(option, column, false);
    }
  }

  /**
   * Finds a source and checks its columns.
   *
   * @param path a file, folder, glob or table, as the option {@code --in} gives it
   * @param format auto, delta, parquet, jsonl, csv or table
   * @param wanted what {@link RowReader} gives of each row, in this order
   * @param asLines whether rows are wanted as JSON
   * @param version what tells the newest version of the Delta table that the source is; null for others
   * @throws UsageException when the source or a column cannot be used as asked
   */
  public static RowSource open(
      SparkSession spark, String path, String format, List<Wanted> wanted, boolean asLines, String version) {
    try {
      Configuration conf = spark.sessionState().newHadoopConf();
      SourceFiles source = SourceFiles.find(spark, conf, path, format);
      boolean lines = source.format().equals("jsonl") || source.format().equals("csv");
      String state = source.format() + " " + version + " " + state(conf, source, version);
      return lines
          ? ofFiles(spark, conf, path, source, wanted, asLines, state)
          : ofTable(table(spark, path, source, asLines), path, source, wanted, asLines, state);
    } catch (IOException e) {
      throw asIn(InputErrors.unreadable(path, e));
    } catch (UsageException e) {
      throw asIn(e);
    }
  }

  /**
   * A DataFrame as a source; rows are structs.
   *
   * @throws UsageException when a column is not there
   */
  public static RowSource of(Dataset<Row> table, List<Wanted> wanted) {
    return ofTable(table, "the DataFrame", null, wanted, false, "");
  }

  /** The parts that look for files and columns speak of the option that they were made for. */
  private static UsageException asIn(UsageException e) {
    String message = e.getMessage().replace("--prompts", "--in").replace("--keep-columns *", "its columns");
    return new UsageException(message, e);
  }

  private static String state(Configuration conf, SourceFiles source, String version) throws IOException {
    if (source.format().equals("table") && version == null) {
      // Nothing tells whether a table of another kind, or a view, has changed.
      return UUID.randomUUID().toString();
    }
    StringBuilder out = new StringBuilder();
    for (String file : source.files()) {
      Path path = new Path(file);
      FileStatus status = path.getFileSystem(conf).getFileStatus(path);
      out.append(file).append(' ').append(status.getLen()).append(' ').append(status.getModificationTime());
      out.append('\n');
    }
    return out.toString();
  }

  private static long bytes(Configuration conf, SourceFiles source) throws IOException {
    long bytes = 0;
    for (String file : source.files()) {
      Path path = new Path(file);
      bytes += path.getFileSystem(conf).getFileStatus(path).getLen();
    }
    return bytes;
  }

  private static void check(String path, List<Wanted> wanted, List<String> columns) {
    for (Wanted each : wanted) {
      if (!each.optional() && !columns.contains(each.column())) {
        throw InputErrors.unknownColumn(each.option(), each.column(), path, columns);
      }
    }
  }

  private static List<String> names(List<Wanted> wanted) {
    return wanted.stream().map(Wanted::column).toList();
  }

  private static RowSource ofFiles(
      SparkSession spark, Configuration conf, String path, SourceFiles source, List<Wanted> wanted, boolean asLines,
      String state)
      throws IOException {
    InputOptions options = new InputOptions(path, null, null, null, null, null, List.of("*"), null, null, 0);
    FileDatasets files = new FileDatasets(spark, conf, source);
    List<String> columns = files.columns(options);
    if (columns.isEmpty() && bytes(conf, source) == 0 && wanted.stream().anyMatch(each -> !each.optional())) {
      throw InputErrors.empty(path);
    }
    check(path, wanted, columns);
    Dataset<Row> read = files.rows(options);
    Dataset<Row> rows = read.select(col("place"), col("error_class"), col("error_message"), col("row").as("line"));
    List<StructField> fields = new ArrayList<>();
    if (asLines) {
      columns.forEach(name -> fields.add(DataTypes.createStructField(name, DataTypes.NullType, true)));
    } else {
      StructType schema = files.keptSchema(read, columns);
      fields.addAll(Arrays.asList(schema.fields()));
      rows = rows.withColumn("row", from_json(col("line"), schema));
    }
    return new RowSource(rows, List.copyOf(fields), new RowReader(names(wanted), true), state);
  }

  private static Dataset<Row> table(SparkSession spark, String path, SourceFiles source, boolean inOrder) {
    boolean glob = path.matches(".*[*?\\[{].*");
    return switch (source.format()) {
      case "table" -> spark.table(path);
      case "delta" -> spark.read().format("delta").load(path);
      default -> {
        // A folder goes to Spark as it is, so that its partition folders become columns.
        Dataset<Row> rows =
            spark.read().parquet(
                source.single() || glob ? source.files().toArray(String[]::new) : new String[] {path});
        // Spark reads large files first, and how they are cut is a matter of the cores.
        yield inOrder && source.files().size() > 1
            ? rows.orderBy(col("_metadata.file_path"), col("_metadata.row_index")) : rows;
      }
    };
  }

  private static RowSource ofTable(
      Dataset<Row> table, String path, SourceFiles source, List<Wanted> wanted, boolean asLines, String state) {
    List<String> columns = List.of(table.columns());
    check(path, wanted, columns);
    boolean ordered = source != null && source.single() && source.format().equals("parquet");
    Column place =
        ordered
            ? concat(lit("row "), col("_metadata.row_index").plus(1), lit(" of " + SourceFiles.shown(path)))
            : lit("a row of " + SourceFiles.shown(path));
    Column[] cells = wanted.stream().map(each -> cell(table.schema(), each.column())).toArray(Column[]::new);
    Column all = struct(columns.stream().map(TableRows::column).toArray(Column[]::new));
    Column none = lit(null).cast(DataTypes.StringType);
    Dataset<Row> rows =
        table.select(
            place.as("place"), none.as("error_class"), none.as("error_message"), array(cells).as("cells"),
            asLines ? to_json(all, WITH_NULLS).as("line") : all.as("row"));
    return new RowSource(rows, List.of(table.schema().fields()), new RowReader(names(wanted), false), state);
  }

  private static Column cell(StructType schema, String name) {
    if (!List.of(schema.fieldNames()).contains(name)) {
      return struct(lit(0).as("kind"), lit(null).cast(DataTypes.StringType).as("text"));
    }
    DataType type = schema.apply(name).dataType();
    Cell.Kind kind =
        type instanceof NumericType
            ? Cell.Kind.NUMBER
            : type instanceof BooleanType
                ? Cell.Kind.BOOLEAN
                : type instanceof ArrayType
                    ? Cell.Kind.ARRAY
                    : type instanceof StructType || type instanceof MapType ? Cell.Kind.OBJECT : Cell.Kind.TEXT;
    boolean plain = kind != Cell.Kind.ARRAY && kind != Cell.Kind.OBJECT;
    Column text = plain ? TableRows.asText(schema, name) : to_json(TableRows.column(name), WITH_NULLS);
    return struct(lit(kind.ordinal()).as("kind"), text.as("text"));
  }

  /** The source's columns as a DataFrame; only where rows are structs. */
  public Dataset<Row> table() {
    return rows.select("row.*");
  }

  /** Names of the source's columns. */
  public List<String> columns() {
    return fields.stream().map(StructField::name).toList();
  }

  /** The names in the order given that the source has as well, case aside. */
  public List<String> clashes(List<String> names) {
    return names.stream().filter(name -> columns().stream().anyMatch(name::equalsIgnoreCase)).toList();
  }
}
