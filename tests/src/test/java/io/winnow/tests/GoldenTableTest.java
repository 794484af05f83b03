// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables of version 1, written once and kept, are read, gone on with and appended to by today's code. */
class GoldenTableTest {
  private static final int ROWS = GoldenTable.PROMPTS * GoldenTable.SAMPLES + 2;
  private static SparkSession spark;

  @TempDir Path folder;
  private Path table;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    if ("write".equals(System.getProperty("winnow.golden"))) {
      GoldenTable.write(spark);
    }
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @BeforeEach
  void copy() throws IOException {
    table = folder.resolve("traces");
    Tables.copy(GoldenTable.TABLE, table);
  }

  private List<Row> rows(String where) {
    return Tables.read(spark, table).where(where).collectAsList();
  }

  private Row row(String promptId) {
    List<Row> found = rows("prompt_id = '" + promptId + "'");
    assertEquals(1, found.size());
    return found.get(0);
  }

  @Test
  void plainSparkReadsTheDocumentedColumnsAndAllRows() throws IOException {
    List<String> columns = new ArrayList<>(Tables.documentedColumns());
    columns.addAll(List.of("difficulty", "points", GoldenTable.USER_COLUMN));
    assertEquals(columns, List.of(Tables.read(spark, table).columns()));
    assertEquals(ROWS, rows("true").size());
    assertTrue(Tables.files(table.resolve("_delta_log")).stream().anyMatch(f -> f.contains(".checkpoint.")));
    Map<String, String> properties =
        spark.sql("DESCRIBE DETAIL delta.`" + table + "`").head().getJavaMap(
            spark.sql("DESCRIBE DETAIL delta.`" + table + "`").schema().fieldIndex("properties"));
    assertEquals("1", properties.get("winnow.schemaVersion"));
    assertEquals("traces", properties.get("winnow.table"));
  }

  @Test
  void everyValueOfARowIsWhatWasWritten() {
    Row row = row("hand-full");
    assertEquals("000102030405060708090a0b0c0d0e0f", row.getAs("trace_id"));
    assertEquals(2147483647, row.<Integer>getAs("sample_index"));
    assertEquals("by-hand", row.getAs("run_id"));
    assertEquals("Mod\u00e8le \u03a9", row.getAs("model"));
    assertEquals("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", row.getAs("model_fingerprint"));
    assertEquals(true, row.getAs("correct"));
    assertEquals("length", row.getAs("finish_reason"));
    assertEquals(3, row.<Integer>getAs("prompt_tokens"));
    assertEquals(2, row.<Integer>getAs("completion_tokens"));
    assertEquals(-9223372036854775808L, row.<Long>getAs("seed"));
    assertEquals(-0.125, row.<Double>getAs("reward"));
    assertEquals(0.0000015, row.<Double>getAs("cost_usd"));
    assertEquals(1099511627776L, row.<Long>getAs("engine_ms"));
    assertEquals(Instant.ofEpochSecond(1767323045, 123456000), row.<Timestamp>getAs("created_at").toInstant());
    assertNull(row.getAs("error"));
    assertNull(row.getAs("prompt"));
    List<Row> messages = row.getList(row.fieldIndex("messages"));
    assertEquals(List.of("user", "assistant"), messages.stream().map(m -> m.getAs("role")).toList());
    assertEquals(List.of("Zwei\nZeilen", ""), messages.stream().map(m -> m.getAs("content")).toList());
    assertEquals("7", row.getAs("gold"));
    assertEquals("<think>a\0b</think>7 \ud83d\ude00", row.getAs("text"));
    assertEquals(18, row.<Integer>getAs("think_end"));
    assertEquals("7 \ud83d\ude00", row.getAs("answer"));
    assertEquals(List.of(0, 151643), row.getList(row.fieldIndex("token_ids")));
    assertEquals(List.of(-0.5f, Float.NEGATIVE_INFINITY), row.getList(row.fieldIndex("logprobs")));
    Row verdict = row.<String, Row>getJavaMap(row.fieldIndex("verdicts")).get("math");
    assertEquals("correct", verdict.getAs("value"));
    assertEquals(1.0, verdict.<Double>getAs("score"));
    assertEquals("7", verdict.getAs("extracted"));
    assertEquals("integer", verdict.getAs("rule"));
    assertEquals("7 = 7", verdict.getAs("detail"));
    assertEquals("{\"a\":\"b\"}", verdict.getAs("params"));
    assertEquals("1", verdict.getAs("version"));
    assertEquals(42L, verdict.<Long>getAs("micros"));
    assertEquals(Map.of("replaced_bytes", "2"), row.getJavaMap(row.fieldIndex("extra")));
    assertEquals("hard", row.getAs("difficulty"));
    assertEquals(0.1, row.<Double>getAs("points"));
    assertEquals("Ada", row.getAs(GoldenTable.USER_COLUMN));
  }

  @Test
  void rowsWithErrorsAreReadToo() {
    Row byHand = row("hand-failed").getAs("error");
    assertEquals("engine_fault", byHand.getAs("class"));
    assertEquals("it broke", byHand.getAs("message"));
    assertEquals(2, byHand.<Integer>getAs("attempts"));
    assertEquals("retry", byHand.getAs("next_action"));
    List<Row> empty = rows("prompt_id = 'g3'");
    assertEquals(GoldenTable.SAMPLES, empty.size());
    for (Row row : empty) {
      Row error = row.getAs("error");
      assertEquals("prompt_empty", error.getAs("class"));
      assertEquals(1, error.<Integer>getAs("attempts"));
      assertEquals("skip", error.getAs("next_action"));
      assertEquals("error", row.getAs("finish_reason"));
      assertNull(row.getAs("text"));
    }
  }

  @Test
  void generatedRowsAreReadToo() {
    List<Row> generated = rows("prompt_id in ('g1', 'g2')");
    assertEquals(2 * GoldenTable.SAMPLES, generated.size());
    for (Row row : generated) {
      boolean first = row.getAs("prompt_id").equals("g1");
      assertEquals(first ? "What is 8 + 1?" : "What is 12 - 5?", row.getAs("prompt"));
      assertEquals(first ? "9" : "7", row.getAs("gold"));
      assertEquals(first ? "easy" : "medium", row.getAs("difficulty"));
      assertEquals(first ? 1.5 : 2.5, row.<Double>getAs("points"));
      assertEquals(11L, row.<Long>getAs("seed"));
      int tokens = row.getAs("completion_tokens");
      assertTrue(tokens > 0 && tokens <= 24, row::json);
      assertEquals(tokens, row.getList(row.fieldIndex("token_ids")).size());
      assertEquals(tokens, row.getList(row.fieldIndex("logprobs")).size());
      assertEquals(1, row.getJavaMap(row.fieldIndex("verdicts")).size());
      assertNull(row.getAs(GoldenTable.USER_COLUMN));
    }
  }

  @Test
  void theRunsAreReadAndTellWhatMadeTheRows() {
    List<Row> runs = Tables.runs(spark, table);
    assertEquals(List.of("start", "end"), runs.stream().map(run -> run.getAs("event")).toList());
    Row end = runs.get(1);
    assertEquals("done", end.getAs("exit_state"));
    assertEquals(3L, end.<Long>getAs("prompts"));
    assertEquals(6L, end.<Long>getAs("traces_written"));
    assertEquals(2L, end.<Long>getAs("traces_failed"));
    assertEquals("24", end.getJavaMap(end.fieldIndex("settings")).get("max-tokens"));
    assertEquals("11", end.getJavaMap(end.fieldIndex("output_settings")).get("seed"));
    assertEquals(4, rows("run_id = '" + end.getAs("run_id") + "' and error is null").size());
  }

  /** The same work on the same model is done; more of it is added beside the old rows and the user's column. */
  @Test
  void todaysCodeGoesOnWithIt() {
    List<String> before = Tables.whole(Tables.read(spark, table));
    Invocation dry = Invocation.winnow(with(GoldenTable.work(table, 1), "--dry-run")).expect(0);
    String fingerprint = rows("prompt_id = 'g1'").get(0).getAs("model_fingerprint");
    assumeTrue(dry.out().contains(fingerprint), "the shipped model is no longer that of the golden table");

    Invocation same = Invocation.winnow(GoldenTable.work(table, GoldenTable.SAMPLES)).expect(0);
    assertEquals("0 (and 6 from earlier runs)", same.summary("traces"));
    assertEquals(before, Tables.whole(Tables.read(spark, table)));

    Invocation more = Invocation.winnow(GoldenTable.work(table, GoldenTable.SAMPLES + 1)).expect(0);
    assertEquals("3 (and 6 from earlier runs)", more.summary("traces"));
    assertEquals(
        before, Tables.whole(Tables.read(spark, table).where("sample_index != 2")),
        "the rows that were there stay as they are");
    List<Row> added = rows("sample_index = 2");
    assertEquals(List.of("g1", "g2", "g3"), added.stream().map(row -> row.getAs("prompt_id")).toList());
    for (Row row : added) {
      assertNull(row.getAs(GoldenTable.USER_COLUMN), row::json);
    }
    assertEquals("easy", added.get(0).getAs("difficulty"));
    assertEquals(6, Tables.runs(spark, table).size());
  }

  /** Whatever the model: rows of today lie beside those of version 1, and a new kept column comes behind the user's. */
  @Test
  void todaysCodeAppendsToIt() throws IOException {
    Path prompts =
        Tables.lines(
            folder.resolve("more.jsonl"), "{\"id\": \"new\", \"question\": \"What is 3 + 3?\", \"answer\": \"6\","
                + " \"source\": \"me\"}");
    Invocation.generate(
            prompts, table, "--id-column", "id", "--samples", "1", "--max-tokens", "4", "--keep-columns", "source")
        .expect(0);
    String[] columns = Tables.read(spark, table).columns();
    assertEquals("source", columns[columns.length - 1]);
    assertEquals(GoldenTable.USER_COLUMN, columns[columns.length - 2]);
    assertEquals(ROWS + 1, rows("true").size());
    Row added = row("new");
    assertEquals("me", added.getAs("source"));
    assertNull(added.getAs(GoldenTable.USER_COLUMN));
    assertNull(added.getAs("difficulty"));
    Row old = row("hand-full");
    assertEquals("Ada", old.getAs(GoldenTable.USER_COLUMN));
    assertNull(old.getAs("source"));
  }

  @Test
  void itSaysNothingOfTheMachineItWasMadeOn() throws IOException {
    for (String file : Tables.files(GoldenTable.TABLE)) {
      String bytes = Files.readString(GoldenTable.TABLE.resolve(file), java.nio.charset.StandardCharsets.ISO_8859_1);
      assertFalse(Pattern.compile("/(home|root|work|Users)/").matcher(bytes).find(), file);
    }
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }
}
