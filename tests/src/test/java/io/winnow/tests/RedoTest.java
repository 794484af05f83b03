// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows that a later run makes anew: those that failed, those that were cut off, and prompts that end the process. */
class RedoTest {
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

  private static List<String> scripted(String model, Path prompts, Path table, String... more) {
    List<String> words = new ArrayList<>(List.of("generate", "--prompts", prompts.toString(), "--model", model));
    words.addAll(List.of("--out", table.toString(), "--id-column", "id", "--samples", "2", "--verify", "math"));
    words.addAll(List.of("--commit-interval", "1"));
    words.addAll(List.of(more));
    return words;
  }

  private static Invocation run(List<String> words) {
    return Invocation.winnow(words.toArray(String[]::new));
  }

  private static Path prompts(String name, int count, String... special) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add("{\"id\": \"p" + i + "\", \"question\": \"How much is " + i + "?\", \"answer\": \"" + i + "\"}");
    }
    for (String word : special) {
      lines.add("{\"id\": \"" + word + "\", \"question\": \"What is " + word + "?\", \"answer\": \"1\"}");
    }
    return Tables.lines(folder.resolve(name), lines.toArray(String[]::new));
  }

  /** A raised limit computes the new tokens alone, and gives what a run with that limit gives from the start. */
  @Test
  void truncatedTracesGoOnFromTheirTokens() throws IOException {
    Path prompts = Tables.firstPrompts(folder, 12);
    String[] work = {"--id-column", "id", "--verify", "math", "--samples", "2", "--logprobs"};
    Path whole = folder.resolve("whole");
    Invocation atOnce = Invocation.generate(prompts, whole, with(work, "--max-tokens", "160")).expect(0);
    Path table = folder.resolve("continued");
    Invocation cut = Invocation.generate(prompts, table, with(work, "--max-tokens", "30")).expect(0);
    long truncated = Tables.read(spark, table).filter("finish_reason = 'length'").count();
    assertTrue(truncated > 3, truncated + " traces were cut off");
    // A column of the user's own is not ours to change.
    spark.sql("ALTER TABLE delta.`" + table + "` ADD COLUMNS (note STRING)");
    spark.sql("UPDATE delta.`" + table + "` SET note = concat('mine ', sample_index)");

    Invocation more = Invocation.generate(prompts, table, with(work, "--max-tokens", "160")).expect(0);
    assertEquals(truncated, more.count("traces"));
    assertEquals(atOnce.count("tokens"), cut.count("tokens") + more.count("tokens"));
    assertEquals("24 wanted = " + (24 - truncated) + " before + " + truncated + " now + 0 to do",
        more.summary("accounted"));
    assertEquals(24, Tables.read(spark, table).filter("note = concat('mine ', sample_index)").count());
    assertEquals(
        Tables.comparable(spark, whole),
        Tables.comparable(spark, table).stream().map(row -> row.replaceAll(",\"note\":\"[^\"]*\"", "")).toList());
    assertEquals(0, Invocation.generate(prompts, table, with(work, "--max-tokens", "160")).expect(0).count("traces"));
  }

  private static String[] with(String[] words, String... more) {
    return Stream.of(words, more).flatMap(Stream::of).toArray(String[]::new);
  }

  @Test
  void failedRowsAreTriedAgainWhenAskedFor() throws IOException {
    Path prompts = prompts("faults.jsonl", 10, "boom");
    Path table = folder.resolve("faults");
    String breaking = "scripted:fault=boom";
    Invocation first = run(scripted(breaking, prompts, table)).expect(0);
    assertEquals("2 (engine_fault 2)", first.summary("failed"));
    assertEquals(3, run(scripted(breaking, prompts, table, "--retry-failed", "engine_fault", "--strict")).exitCode());
    for (Row row : Tables.read(spark, table).filter("error is not null").collectAsList()) {
      Row error = row.getAs("error");
      assertEquals("boom", row.getAs("prompt_id"));
      assertEquals(2, error.<Integer>getAs("attempts"));
      assertEquals("retry", error.getAs("next_action"));
    }
    assertEquals(22, Tables.read(spark, table).count());
    assertEquals(
        "0 (and 22 from earlier runs)",
        run(scripted(breaking, prompts, table, "--retry-failed", "prompt_empty")).expect(0).summary("traces"));
    assertEquals("0 (and 22 from earlier runs)", run(scripted(breaking, prompts, table)).expect(0).summary("traces"));
  }

  /** The engine is in this process' child, which dies with the prompt; the others get their traces. */
  @Test
  void aPromptThatEndsTheProcessIsQuarantined() throws Exception {
    Path prompts = prompts("killer.jsonl", 60, "killer");
    Path table = folder.resolve("killer");
    String model = "scripted:crash=killer,step-ms=2";
    int deaths = 0;
    int code = -1;
    for (; code != 0 && deaths < 6; deaths += code == 0 ? 0 : 1) {
      Path log = folder.resolve("killer-" + deaths + ".log");
      code = ChildJvm.await(ChildJvm.winnow(log, scripted(model, prompts, table)), 180);
      assertTrue(code == 0 || code == 134, () -> "ended otherwise: " + Tables.text(log));
    }
    assertEquals(0, code);
    assertEquals(3, deaths);
    List<Row> failed = Tables.read(spark, table).filter("error is not null").collectAsList();
    assertEquals(2, failed.size());
    for (Row row : failed) {
      assertEquals("killer", row.getAs("prompt_id"));
      assertEquals("engine_crash", row.<Row>getAs("error").getAs("class"));
      assertEquals("quarantine", row.<Row>getAs("error").getAs("next_action"));
    }
    Path other = folder.resolve("without-killer");
    run(scripted("scripted:step-ms=0", prompts("others.jsonl", 60), other)).expect(0);
    assertEquals(
        Tables.comparable(spark, other).size(),
        Tables.read(spark, table).filter("error is null").count());
  }
}
