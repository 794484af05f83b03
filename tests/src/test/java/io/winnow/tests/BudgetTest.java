// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A budget that is used up ends a run as SIGTERM does: kept, committed, said, and gone on with later. */
class BudgetTest {
  private static final int PROMPTS = 16;
  /** So many that a budget is seen to be reached long before the end. */
  private static final int SAMPLES = 24;
  private static final double PROMPT_PRICE = 2.0 / 1e6;
  private static final double COMPLETION_PRICE = 10.0 / 1e6;
  /** One trace at a time on one thread: there is a middle to stop in. */
  private static final String[] SLOWLY =
      {"--max-sequences", "1", "--threads", "1", "--partitions", "1", "--commit-interval", "200ms"};
  private static final String[] WORK =
      {"--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES), "--max-tokens", "96"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  private static Path prices;
  private static List<String> undisturbed;

  @BeforeAll
  static void runUndisturbed() throws IOException {
    System.setProperty("winnow.log.spark", "error");
    spark = Tables.builder("local[2]").config("spark.executor.heartbeatInterval", "500ms").getOrCreate();
    prompts = Tables.firstPrompts(folder, PROMPTS);
    prices =
        Files.writeString(
            folder.resolve("prices.json"),
            "{\"models\": {\"model\": {\"prompt_per_million\": 2, \"completion_per_million\": 10}}}");
    Path table = folder.resolve("undisturbed");
    Invocation run = Invocation.generate(prompts, table, WORK).expect(0);
    assertTrue(!run.out().contains("cost "), run.out());
    assertEquals(0, Tables.read(spark, table).where("cost_usd is not null").count());
    assertNull(Tables.runs(spark, table).get(1).getAs("cost_usd"));
    undisturbed = Tables.comparable(spark, table);
    assertEquals(PROMPTS * SAMPLES, undisturbed.size());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Runs into the budget, checks what is left behind, and goes on to the end. Returns the rows of runs. */
  private static List<Row> stopAndGoOn(String name, String reason, String... budget) {
    Path table = folder.resolve(name);
    List<String> words = new ArrayList<>(List.of(WORK));
    words.addAll(List.of(SLOWLY));
    words.addAll(List.of(budget));
    Invocation stopped = Invocation.generate(prompts, table, words.toArray(String[]::new)).expect(4);
    assertTrue(stopped.summary("stopped").startsWith(reason), stopped.out());
    assertTrue(stopped.summary("stopped").endsWith("the same command goes on from here"), stopped.out());
    long kept = stopped.count("traces");
    assertTrue(kept > 0 && kept < PROMPTS * SAMPLES, stopped.out());
    Row sums =
        Tables.read(spark, table)
            .selectExpr("count(*)", "sum(completion_tokens)", "sum(cost_usd)", "sum(engine_ms)").head();
    assertEquals(kept, sums.getLong(0));
    assertEquals(sums.getLong(1), stopped.count("tokens"));
    Row end = Tables.runs(spark, table).get(1);
    assertEquals("stopped", end.getAs("exit_state"));
    assertTrue(end.<String>getAs("detail").startsWith(reason), end::json);
    assertEquals(sums.getLong(3) / 1e3, end.<Double>getAs("engine_seconds"), 1e-9);
    if (!sums.isNullAt(2)) {
      assertEquals(sums.getDouble(2), end.<Double>getAs("cost_usd"), 1e-12);
    }

    Invocation resumed = Invocation.generate(prompts, table, WORK).expect(0);
    assertEquals(PROMPTS * SAMPLES - kept + " (and " + kept + " from earlier runs)", resumed.summary("traces"));
    assertEquals(undisturbed, Tables.comparable(spark, table));
    assertEquals(List.of(), Tables.files(table.resolve("_winnow/pending")));
    return Tables.runs(spark, table);
  }

  @Test
  void tokensInTotal() {
    stopAndGoOn("tokens", "--max-tokens-total 300 reached (", "--max-tokens-total", "300");
  }

  @Test
  void duration() {
    // Starting and planning take longer than this, so the run ends as soon as it looks at its first traces.
    Path table = folder.resolve("no-time");
    Invocation none = Invocation.generate(prompts, table, with(WORK, "--max-duration", "1ms")).expect(4);
    assertEquals("0", none.summary("traces"));
    assertTrue(none.summary("stopped").startsWith("--max-duration 0.001 s reached ("), none.out());
    Row end = Tables.runs(spark, table).get(1);
    assertEquals("stopped", end.getAs("exit_state"));
    assertTrue(end.<String>getAs("detail").startsWith("--max-duration"), end::json);
    Invocation.generate(prompts, table, WORK).expect(0);
    assertEquals(undisturbed, Tables.comparable(spark, table));
  }

  @Test
  void cost() {
    List<Row> runs =
        stopAndGoOn("cost", "--max-cost 0.003 reached (", "--max-cost", "0.003", "--prices", prices.toString());
    assertTrue(runs.get(1).<Double>getAs("cost_usd") > 0, runs.get(1)::json);
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void whatIsEnoughStopsNothing() {
    Path table = folder.resolve("enough");
    Invocation run =
        Invocation.generate(
            prompts, table,
            with(WORK, "--max-duration", "1h", "--max-tokens-total", "1000000000", "--max-cost", "1000", "--prices",
                prices.toString()));
    run.expect(0);
    assertEquals(undisturbed, Tables.comparable(spark, table));
    Row end = Tables.runs(spark, table).get(1);
    assertEquals("done", end.getAs("exit_state"));
    assertNull(end.getAs("detail"));
  }

  /** The same text under two ids is decoded once and paid once; what a later run copies costs nothing. */
  @Test
  void eachTraceHasItsPriceAndSharedWorkIsPaidOnce() throws IOException {
    String question = "{\"id\": \"%s\", \"question\": \"What is 8 + 1?\", \"answer\": \"9\"}";
    Path twins = Tables.lines(folder.resolve("twins.jsonl"), question.formatted("a"), question.formatted("b"));
    Path table = folder.resolve("twins");
    String[] work = {"--id-column", "id", "--samples", "3", "--max-tokens", "32", "--prices", prices.toString()};
    Invocation first = Invocation.generate(twins, table, work).expect(0);
    double expected = 0;
    int paid = 0;
    for (Row row : Tables.read(spark, table).collectAsList()) {
      int prompt = row.getAs("prompt_tokens");
      int completion = row.getAs("completion_tokens");
      double own = prompt * PROMPT_PRICE + completion * COMPLETION_PRICE;
      double cost = row.getAs("cost_usd");
      assertTrue(cost == 0 || Math.abs(cost - own) < 1e-12, row::json);
      paid += cost > 0 ? 1 : 0;
      expected += cost;
    }
    assertEquals(3, paid);
    assertEquals(String.format("%.6f USD by the price table", expected), first.summary("cost"));
    assertEquals(expected, Tables.runs(spark, table).get(1).<Double>getAs("cost_usd"), 1e-12);

    Path third =
        Tables.lines(folder.resolve("third.jsonl"), question.formatted("c"), "{\"id\": \"d\", \"question\": \"\"}");
    Invocation.generate(third, table, work).expect(0);
    assertEquals(0.0, Tables.runs(spark, table).get(3).<Double>getAs("cost_usd"));
  }

  @Test
  void pricesOfOtherModelsAreRefusedBeforeWork() throws IOException {
    Path other =
        Files.writeString(
            folder.resolve("other.json"),
            "{\"models\": {\"gpt\": {\"prompt_per_million\": 2, \"completion_per_million\": 10}}}");
    Path table = folder.resolve("other");
    Invocation run = Invocation.generate(prompts, table, with(WORK, "--prices", other.toString())).expect(2);
    assertTrue(run.err().contains("no price of the model"), run.err());
    Invocation without = Invocation.generate(prompts, table, with(WORK, "--max-cost", "1")).expect(2);
    assertTrue(without.err().contains("Cannot use --max-cost without --prices"), without.err());
    assertTrue(Files.notExists(table));
  }
}
