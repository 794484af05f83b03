// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.UsageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import org.apache.spark.util.TaskCompletionListener;

/** Files of JSON lines or CSV as datasets: one task a file, so that lines keep their numbers. */
final class FileDatasets {
  /** Columns are looked for in this many lines before all files are read for them. */
  private static final int HEAD_LINES = 1000;

  private final SparkSession spark;
  private final Configuration conf;
  private final SerializableConfiguration sharedConf;
  private final SourceFiles source;

  FileDatasets(SparkSession spark, Configuration conf, SourceFiles source) {
    this.spark = spark;
    this.conf = conf;
    this.sharedConf = new SerializableConfiguration(conf);
    this.source = source;
  }

  /** Column names in the order in which they first occur; for JSON lines at least those asked for that are anywhere. */
  List<String> columns(InputOptions asked) throws IOException {
    if (source.format().equals("csv")) {
      return csvColumns();
    }
    Set<String> columns = new LinkedHashSet<>();
    long lines = asked.limit() > 0 && source.single() ? Math.min(asked.limit(), HEAD_LINES) : HEAD_LINES;
    boolean whole = addColumns(conf, source.files().get(0), columns, lines) && source.files().size() == 1;
    boolean limited = source.single() && asked.limit() > 0 && asked.limit() <= HEAD_LINES;
    boolean all = asked.keepsAll() || asked.template() != null || !asked.allIn(columns);
    if (!whole && !limited && all) {
      SerializableConfiguration shared = sharedConf;
      long limit = source.single() && asked.limit() > 0 ? asked.limit() : Long.MAX_VALUE;
      FlatMapFunction<String, String> names =
          file -> {
            Set<String> found = new LinkedHashSet<>();
            addColumns(shared.value(), file, found, limit);
            return found.iterator();
          };
      List<String> rest = new ArrayList<>(perFile().flatMap(names).distinct().collect());
      Collections.sort(rest);
      columns.addAll(rest);
    }
    return List.copyOf(columns);
  }

  private List<String> csvColumns() throws IOException {
    Set<String> columns = new LinkedHashSet<>();
    for (String file : source.files()) {
      try (CsvReader csv = new CsvReader(new LineReader(SourceFiles.open(conf, file)), SourceFiles.separator(file))) {
        columns.addAll(FileRows.header(csv, SourceFiles.shown(file)));
      }
    }
    return List.copyOf(columns);
  }

  /** Returns whether the file ended within so many lines. */
  private static boolean addColumns(Configuration conf, String file, Set<String> columns, long maxLines)
      throws IOException {
    try (LineReader lines = new LineReader(SourceFiles.open(conf, file))) {
      LineReader.Line line = lines.next();
      for (long n = 0; line != null && n < maxLines; n++) {
        try {
          String text = Utf8.decode(line.bytes(), 0, line.bytes().length).text();
          columns.addAll(JsonLine.names(text));
        } catch (JsonLine.NotAnObject e) {
          // becomes an error row when rows are read
        }
        line = lines.next();
      }
      return line == null;
    }
  }

  /** Rows in the shape {@link FileRows#SCHEMA}. */
  Dataset<Row> rows(InputOptions options) {
    InputOptions perFile = source.single() ? options : withoutLimit(options);
    SerializableConfiguration shared = sharedConf;
    String format = source.format();
    FlatMapFunction<String, Row> read =
        file -> {
          FileRows rows = new FileRows(shared.value(), perFile, format, file);
          TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> closeQuietly(rows));
          return rows;
        };
    return spark.createDataFrame(perFile().flatMap(read), FileRows.SCHEMA);
  }

  private static void closeQuietly(FileRows rows) {
    try {
      rows.close();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot close an input file: " + e.getMessage(), e);
    }
  }

  private static InputOptions withoutLimit(InputOptions o) {
    return new InputOptions(
        o.path(), o.prompt(), o.messages(), o.gold(), o.goldRegex(), o.id(), o.keep(), o.systemPrompt(),
        o.template(), 0);
  }

  /** Types of the kept columns: texts for CSV, what Spark infers over all rows for JSON lines. */
  StructType keptSchema(Dataset<Row> rows, List<String> keep) {
    StructType schema = new StructType();
    if (source.format().equals("csv")) {
      for (String column : keep) {
        schema = schema.add(column, DataTypes.StringType);
      }
      return schema;
    }
    Set<String> kept = new HashSet<>(keep);
    Dataset<String> json =
        rows.select("row")
            .filter("row is not null")
            .map((MapFunction<Row, String>) row -> only(row.getString(0), kept), Encoders.STRING());
    Map<String, StructField> inferred = new HashMap<>();
    for (StructField field : inferred(json, keep).fields()) {
      inferred.put(field.name(), field);
    }
    for (String column : keep) {
      StructField field = inferred.get(column);
      schema = field == null ? schema.add(column, DataTypes.StringType) : schema.add(field); // null in every row
    }
    return schema;
  }

  private StructType inferred(Dataset<String> json, List<String> keep) {
    try {
      return spark.read().json(json).schema();
    } catch (RuntimeException e) {
      String why = InputErrors.oneLine(String.valueOf(e.getMessage()));
      throw new UsageException("Cannot use --keep-columns " + String.join(",", keep) + ": " + why + ".", e);
    }
  }

  private static String only(String line, Set<String> kept) {
    try {
      var tree = JsonLine.JSON.readTree(line);
      return ((ObjectNode) tree).retain(kept).toString();
    } catch (IOException e) {
      throw new UncheckedIOException("A line that was JSON before is none now.", e);
    }
  }

  private JavaRDD<String> perFile() {
    return JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(source.files(), source.files().size());
  }
}
