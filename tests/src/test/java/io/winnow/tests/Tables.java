// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.transform_values;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Reads tables of traces as any Delta reader does. */
final class Tables {
  private static final Pattern RECORDS = Pattern.compile("numRecords\\\\*\":(\\d+)");

  private Tables() {}

  static SparkSession local(String master) {
    // Read by the log4j2.properties of the jar, as for the command line.
    System.setProperty("winnow.log.spark", "error");
    return builder(master).getOrCreate();
  }

  static SparkSession.Builder builder(String master) {
    return SparkSession.builder()
        .master(master)
        .appName("winnow-tests")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", System.getProperty("java.io.tmpdir") + "/warehouse")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.ui.enabled", "false");
  }

  static Dataset<Row> read(SparkSession spark, Path table) {
    return spark.read().format("delta").load(table.toString()).orderBy("prompt_id", "sample_index", "trace_id");
  }

  static List<Row> runs(SparkSession spark, Path table) {
    return spark.read().format("delta").load(table.resolve("_winnow/runs").toString()).orderBy("at").collectAsList();
  }

  /** All of the rows as text, in the order of their keys. */
  static List<String> whole(Dataset<Row> rows) {
    return rows.toJSON().collectAsList();
  }

  /** The rows as text, without the columns in which two equal runs may differ. */
  static List<String> comparable(SparkSession spark, Path table) {
    return whole(
        read(spark, table)
            .drop("run_id", "cost_usd", "created_at", "engine_ms")
            .withColumn(
                "verdicts",
                transform_values(col("verdicts"), (name, verdict) -> verdict.withField("micros", lit(0L)))));
  }

  /** Names of the traces' columns by docs/TABLES.md. */
  static List<String> documentedColumns() throws IOException {
    String page = Files.readString(Invocation.ROOT.resolve("docs/TABLES.md"), StandardCharsets.UTF_8);
    String part = page.substring(page.indexOf("<!-- columns of traces -->"), page.indexOf("<!-- end of traces -->"));
    return part.lines()
        .filter(line -> line.startsWith("| ") && !line.startsWith("| column "))
        .map(line -> line.split("\\|")[1].strip())
        .toList();
  }

  /** Rows in the table by the statistics of its log; for a table that is only added to, and cheap enough to poll. */
  static long committedRows(Path table) {
    long rows = 0;
    for (Path commit : commits(table)) {
      try {
        Matcher records = RECORDS.matcher(Files.readString(commit, StandardCharsets.UTF_8));
        while (records.find()) {
          rows += Long.parseLong(records.group(1));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return rows;
  }

  /** The files of the table's log, oldest first. */
  static List<Path> commits(Path table) {
    Path log = table.resolve("_delta_log");
    if (!Files.isDirectory(log)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(log)) {
      return files.filter(file -> file.getFileName().toString().matches("\\d{20}\\.json")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything below a folder, as paths relative to it; empty if there is none. */
  static List<String> files(Path folder) {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).map(file -> folder.relativize(file).toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path source : all.toList()) {
        Path target = to.resolve(from.relativize(source).toString());
        if (Files.isDirectory(source)) {
          Files.createDirectories(target);
        } else {
          Files.copy(source, target);
        }
      }
    }
  }

  /** The first lines of the shipped prompts, in a file of their own. */
  static Path firstPrompts(Path folder, int count) throws IOException {
    List<String> lines = Files.readAllLines(Invocation.PROMPTS, StandardCharsets.UTF_8);
    return lines(folder.resolve("prompts-" + count + ".jsonl"), lines.subList(0, count).toArray(String[]::new));
  }

  static Path lines(Path file, String... lines) throws IOException {
    return Files.write(file, new ArrayList<>(List.of(lines)), StandardCharsets.UTF_8);
  }

  /** Content of a file, or why there is none. */
  static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
