// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.delta.kernel.Table;
import io.delta.kernel.defaults.engine.DefaultEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The table of version 1 that later code must read and append to. It was made once, by {@code -Dwinnow.golden=write},
 * and is not to be made again: what this class would write today says nothing about tables of yesterday.
 */
final class GoldenTable {
  /** In the tests' module, as relative paths: the table has them as they are given. */
  static final Path HOME = Path.of("src/test/resources/golden");
  static final Path TABLE = HOME.resolve("traces-v1");
  private static final Path PROMPT_FILE = HOME.resolve("prompts-v1.jsonl");
  private static final String[] WORK = {
    "generate", "--model", "../examples/model", "--id-column", "id", "--keep-columns", "difficulty,points",
    "--max-tokens", "24", "--verify", "math", "--logprobs", "--seed", "11",
  };
  static final int SAMPLES = 2;
  static final int PROMPTS = 3;
  /** A column of the user's own. */
  static final String USER_COLUMN = "reviewer";

  private GoldenTable() {}

  /** The words of the run that made the generated rows, with another number of samples and another table. */
  static String[] work(Path table, int samples) {
    return work(PROMPT_FILE, table, samples);
  }

  private static String[] work(Path prompts, Path table, int samples) {
    Stream<String> more =
        Stream.of("--prompts", prompts.toString(), "--samples", String.valueOf(samples), "--out", table.toString());
    return Stream.concat(Stream.of(WORK), more).toArray(String[]::new);
  }

  /** Makes the table: a run, a change of the schema, rows by hand, a checkpoint, and one more row behind it. */
  static void write(SparkSession spark) throws IOException {
    Path made = Path.of("target/golden/traces-v1");
    // Errors of a row name its file by its full path.
    Path prompts = Files.createDirectories(Path.of("/tmp/golden")).resolve("prompts-v1.jsonl");
    Files.copy(PROMPT_FILE, prompts, StandardCopyOption.REPLACE_EXISTING);
    Invocation.winnow(work(prompts, made, SAMPLES)).expect(0);
    String name = "delta.`" + made.toAbsolutePath() + "`";
    append(spark, made, full());
    spark.sql("ALTER TABLE " + name + " ADD COLUMNS (" + USER_COLUMN + " STRING COMMENT 'Who looked at it')");
    spark.sql("UPDATE " + name + " SET " + USER_COLUMN + " = 'Ada' WHERE prompt_id = 'hand-full'");
    var engine = DefaultEngine.create(spark.sparkContext().hadoopConfiguration());
    Table kernel = Table.forPath(engine, made.toString());
    kernel.checkpoint(engine, kernel.getLatestSnapshot(engine).getVersion());
    append(spark, made, failed());
    try (Stream<Path> all = Files.walk(made)) {
      for (Path file : all.filter(p -> p.toString().endsWith(".crc")).toList()) {
        Files.delete(file);
      }
    }
    Tables.copy(made, TABLE);
  }

  /** As another program adds rows. */
  private static void append(SparkSession spark, Path table, Map<String, Object> values) {
    StructType schema = spark.read().format("delta").load(table.toString()).schema();
    Object[] row = new Object[schema.length()];
    for (int i = 0; i < row.length; i++) {
      StructField field = schema.fields()[i];
      row[i] = values.get(field.name());
    }
    spark.createDataFrame(List.of(RowFactory.create(row)), schema)
        .coalesce(1).write().format("delta").mode("append").save(table.toString());
  }

  /** Each column has a value, extreme ones among them. */
  private static Map<String, Object> full() {
    Row verdict = RowFactory.create("correct", 1.0, "7", "integer", "7 = 7", "{\"a\":\"b\"}", "1", 42L);
    return Map.ofEntries(
        Map.entry("prompt_id", "hand-full"),
        Map.entry("trace_id", "000102030405060708090a0b0c0d0e0f"),
        Map.entry("sample_index", Integer.MAX_VALUE),
        Map.entry("run_id", "by-hand"),
        Map.entry("model", "Modèle Ω"),
        Map.entry("model_fingerprint", "ff".repeat(32)),
        Map.entry("correct", true),
        Map.entry("finish_reason", "length"),
        Map.entry("prompt_tokens", 3),
        Map.entry("completion_tokens", 2),
        Map.entry("seed", Long.MIN_VALUE),
        Map.entry("reward", -0.125),
        Map.entry("cost_usd", 1.5e-6),
        Map.entry("engine_ms", 1L << 40),
        Map.entry("created_at", Timestamp.from(Instant.parse("2026-01-02T03:04:05.123456Z"))),
        Map.entry(
            "messages", new Row[] {RowFactory.create("user", "Zwei\nZeilen"), RowFactory.create("assistant", "")}),
        Map.entry("gold", "7"),
        Map.entry("text", "<think>a\u0000b</think>7 \uD83D\uDE00"),
        Map.entry("think_end", 18),
        Map.entry("answer", "7 \uD83D\uDE00"),
        Map.entry("token_ids", new Integer[] {0, 151643}),
        Map.entry("logprobs", new Float[] {-0.5f, Float.NEGATIVE_INFINITY}),
        Map.entry("verdicts", CollectionConverters.asScala(Map.of("math", verdict))),
        Map.entry("extra", CollectionConverters.asScala(Map.of("replaced_bytes", "2"))),
        Map.entry("difficulty", "hard"),
        Map.entry("points", 0.1));
  }

  /** A row with an error and little else. */
  private static Map<String, Object> failed() {
    return Map.of(
        "prompt_id", "hand-failed", "trace_id", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "sample_index", 0,
        "run_id", "by-hand", "finish_reason", "error",
        "error", RowFactory.create("engine_fault", "it broke", 2, "retry"));
  }
}
