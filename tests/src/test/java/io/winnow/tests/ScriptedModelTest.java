// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.Winnow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate} with a made-up model: what tests of failure stand on. */
class ScriptedModelTest {
  private static final int PROMPTS = 30;
  private static final String[] WORK =
      {"--id-column", "id", "--verify", "math", "--samples", "3", "--max-tokens", "200", "--logprobs"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    prompts = prompts("prompts.jsonl", "");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Ids count from p00; the tenth prompt has the word. */
  private static Path prompts(String name, String word) throws IOException {
    return Tables.lines(
        folder.resolve(name),
        IntStream.range(0, PROMPTS)
            .mapToObj(
                i ->
                    String.format(
                        "{\"id\": \"p%02d\", \"question\": \"What is %d + 1?%s\", \"answer\": \"%d\"}",
                        i, i, i == 9 ? word : "", i % 20))
            .toArray(String[]::new));
  }

  private static List<String> words(Path from, Path table, String model, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("generate", "--prompts", from.toString(), "--model", model, "--out", table.toString()));
    Stream.of(WORK, more).flatMap(Stream::of).forEach(words::add);
    return words;
  }

  private static Invocation run(Path from, Path table, String model, String... more) {
    return Invocation.winnow(words(from, table, model, more).toArray(String[]::new));
  }

  @Test
  void aRunResumesToTheTableOfOneThatWasNot() throws IOException {
    Path whole = folder.resolve("whole");
    run(prompts, whole, "scripted:tokens=24", "--partitions", "1", "--max-sequences", "1").expect(0);
    List<String> expected = Tables.comparable(spark, whole);
    assertEquals(3 * PROMPTS, expected.size());
    Path parts = folder.resolve("parts");
    run(prompts, parts, "scripted:tokens=24", "--limit", "7").expect(0);
    Invocation rest =
        run(prompts, parts, "scripted:tokens=24", "--partitions", "3", "--kv-cache-tokens", "512").expect(0);
    assertEquals(3 * (PROMPTS - 7) + " (and " + 3 * 7 + " from earlier runs)", rest.summary("traces"));
    assertEquals(expected, Tables.comparable(spark, parts));

    List<Row> rows = Tables.read(spark, whole).collectAsList();
    for (Row row : rows) {
      boolean ended = row.getAs("finish_reason").equals("stop");
      assertEquals(ended, row.<String>getAs("text").matches("[a-z ]* \\\\boxed\\{\\d+}"), row::json);
      Row verdict = row.<String, Row>getJavaMap(row.fieldIndex("verdicts")).get("math");
      assertFalse(ended && verdict.getAs("value").equals("undecided"), row::json);
    }
    assertTrue(rows.stream().anyMatch(row -> row.getAs("finish_reason").equals("length")), "none is long");
    assertTrue(rows.stream().anyMatch(row -> Boolean.TRUE.equals(row.getAs("correct"))), "none is right");
  }

  @Test
  void aCrashEndsTheProcessAndARunWithoutItGoesOn() throws Exception {
    Path crashing = prompts("crashing.jsonl", " BOOM");
    Path table = folder.resolve("crashed");
    Path log = folder.resolve("crashed.log");
    Process process =
        ChildJvm.winnow(
            log, words(crashing, table, "scripted:crash=BOOM,step-ms=1", "--max-sequences", "2"));
    assertEquals(134, ChildJvm.await(process, 120), () -> read(log));
    run(crashing, table, "scripted:").expect(0);
    Path whole = folder.resolve("not-crashed");
    run(crashing, whole, "scripted:").expect(0);
    // The model is kept as it was named.
    assertEquals(
        Tables.whole(Tables.read(spark, whole).select("prompt_id", "trace_id", "text", "correct")),
        Tables.whole(Tables.read(spark, table).select("prompt_id", "trace_id", "text", "correct")));
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void logitsThatAreNotFiniteAreTheErrorOfTheirOwnRows() throws IOException {
    Path bad = prompts("bad.jsonl", " BOOM");
    Path table = folder.resolve("bad");
    Invocation run = run(bad, table, "scripted:nan=BOOM").expect(0);
    assertEquals("3 (non_finite_logits 3)", run.summary("failed"));
    List<Row> failed = Tables.read(spark, table).filter("error is not null").collectAsList();
    assertEquals(List.of("p09", "p09", "p09"), failed.stream().map(row -> row.getAs("prompt_id")).toList());
  }

  @Test
  void parametersAreCheckedBeforeWorkStarts() {
    Path table = folder.resolve("refused");
    Invocation refused = run(prompts, table, "scripted:tail=2").expect(2);
    assertTrue(refused.err().contains("tail is '2' and not a number from 0 to 1"), refused.err());
    assertFalse(Files.exists(table));
  }

  @Test
  void itIsAModelForTheJavaEntryAndDryRunsToo() throws Exception {
    Path table = folder.resolve("java");
    Map<String, String> options =
        Map.of(
            "prompts", prompts.toString(), "model", "scripted:tokens=20", "out", table.toString(), "samples", "1");
    assertEquals(PROMPTS, Winnow.generate(spark, options).orElseThrow().traces());
    Invocation dry = run(prompts, table, "scripted:", "--dry-run").expect(0);
    assertTrue(dry.out().contains("scripted: (scripted, 0 parameters, context 4,096)"), dry.out());
    assertTrue(dry.out().contains("up to 256 sequences together"), dry.out());
    Invocation small = run(prompts, table, "scripted:", "--dry-run", "--kv-cache-tokens", "40000").expect(0);
    assertTrue(small.out().contains("up to 128 sequences together"), small.out());
  }
}
