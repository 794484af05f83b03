// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.table.RunsTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rows of runs say all that is needed to know how traces were made, and what they took. */
class LineageTest {
  @TempDir static Path folder;

  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = Tables.local("local[2]");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static Map<String, String> map(Row row, String column) {
    return row.getJavaMap(row.fieldIndex(column));
  }

  @Test
  void aRunTellsWhatItReadHowItWorkedAndWhatCameOfIt() throws Exception {
    // The prompts are a Delta table at its version 2, which later commits do not change.
    Path prompts = folder.resolve("prompts");
    for (int i = 0; i < 3; i++) {
      spark.sql("SELECT 'q" + i + "' id, 'What is 8 + " + i + "?' question, '" + (8 + i) + "' answer")
          .write().format("delta").mode("append").save(prompts.toString());
    }
    String template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}<|im_start|>assistant\n";
    Path chat = Files.writeString(folder.resolve("chat.jinja"), template);
    Path prices = Files.writeString(folder.resolve("prices.json"), "{\"engine_hour\": 3600}");
    Path table = folder.resolve("traces");
    String[] work = {"--id-column", "id", "--samples", "2", "--max-tokens", "24", "--verify", "math",
      "--chat-template", chat.toString(), "--prices", prices.toString(), "--max-sequences", "4", "--seed", "7",
      "--conf", "spark.some.password=hidden"};
    Invocation.generate(prompts, table, work).expect(0);

    List<Row> runs = Tables.runs(spark, table);
    assertEquals(List.of("start", "end"), runs.stream().map(row -> row.getAs("event")).toList());
    for (Row row : runs) {
      assertEquals("generate", row.getAs("command"));
      String version = row.getAs("version");
      assertTrue(version.matches("\\d+\\.\\d+\\.\\d+(\\+[0-9a-f]{40}(-dirty)?)?"), version);
      assertEquals(2L, row.<Long>getAs("input_version"));
      assertEquals(prompts.toString(), row.getAs("input_path"));
      assertEquals(table.toString(), row.getAs("output_path"));
      assertEquals(0L, row.<Long>getAs("output_version_before"));
      assertEquals(sha256(template.getBytes(StandardCharsets.UTF_8)), row.getAs("template_fingerprint"));
      assertEquals("bf16", row.getAs("weight_format"));
      assertEquals(true, row.getAs("reproducible"));
      assertFalse(row.<String>getAs("host").isBlank());
      assertFalse(row.<String>getAs("instruction_set").isBlank());
      assertEquals("7", map(row, "settings").get("seed"));
      assertEquals(chat.toString(), map(row, "settings").get("chat-template"));
      String hash = sha256(Files.readAllBytes(chat));
      assertEquals(hash, map(row, "settings").get("chat-template.sha256"));
      assertEquals("sha256:" + hash, map(row, "output_settings").get("chat-template"));
      assertEquals(sha256(Files.readAllBytes(prices)), map(row, "settings").get("prices.sha256"));
      assertFalse(map(row, "output_settings").containsKey("prices"));
      assertFalse(row.json().contains("hidden"), row::json);
    }
    Row end = runs.get(1);
    Row sums =
        Tables.read(spark, table)
            .selectExpr(
                "count(*)", "sum(prompt_tokens)", "sum(completion_tokens)", "sum(engine_ms)", "sum(cost_usd)",
                "count_if(correct)", "count_if(not correct)", "count_if(correct is null)", "max(run_id)")
            .head();
    assertEquals(6, sums.getLong(0));
    assertEquals(3L, end.<Long>getAs("prompts"));
    assertEquals(6L, end.<Long>getAs("traces_planned"));
    assertEquals(0L, end.<Long>getAs("traces_existing"));
    assertEquals(6L, end.<Long>getAs("traces_written"));
    assertEquals(0L, end.<Long>getAs("traces_failed"));
    assertEquals(sums.getLong(1), end.<Long>getAs("prompt_tokens"));
    assertEquals(sums.getLong(2), end.<Long>getAs("completion_tokens"));
    assertEquals(sums.getLong(3) / 1e3, end.<Double>getAs("engine_seconds"), 1e-9);
    // 3,600 USD an hour, four to an engine: a trace costs 0.25 USD a second.
    assertEquals(sums.getLong(3) / 4e3, end.<Double>getAs("cost_usd"), 1e-9);
    assertEquals(sums.getDouble(4), end.<Double>getAs("cost_usd"), 1e-9);
    assertEquals(sums.getLong(5), end.<Long>getAs("correct"));
    assertEquals(sums.getLong(6), end.<Long>getAs("incorrect"));
    assertEquals(sums.getLong(7), end.<Long>getAs("undecided"));
    assertEquals(sums.getString(8), end.getAs("run_id"));
    assertTrue(end.<Double>getAs("wall_seconds") > 0);
    assertEquals(Tables.commits(table).size() - 1L, end.<Long>getAs("output_version_after"));
    assertEquals("done", end.getAs("exit_state"));
    assertNull(end.getAs("detail"));
    assertEquals(List.of(), unset(end, "detail"));
  }

  private static List<String> unset(Row row, String... butFor) {
    TreeSet<String> out = new TreeSet<>(List.of(RunsTable.schema().fieldNames()));
    out.removeAll(List.of(butFor));
    out.removeIf(name -> row.getAs(name) != null);
    return List.copyOf(out);
  }

  @Test
  void aRunWithNothingToDoHasItsRowsAsWell() throws IOException {
    Path prompts = Tables.firstPrompts(folder, 2);
    Path table = folder.resolve("nothing");
    String[] work = {"--id-column", "id", "--samples", "1", "--max-tokens", "8"};
    Invocation.generate(prompts, table, work).expect(0);
    Invocation.generate(prompts, table, work).expect(0);
    Row end = Tables.runs(spark, table).get(3);
    assertEquals("nothing_to_do", end.getAs("exit_state"));
    assertEquals(2L, end.<Long>getAs("traces_existing"));
    assertEquals(0L, end.<Long>getAs("traces_written"));
    assertEquals(0.0, end.<Double>getAs("engine_seconds"));
    assertNull(end.getAs("cost_usd"));
    assertNull(end.getAs("input_version"));
    assertNull(end.getAs("output_version_after"));
  }
}
