// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Several models in one run: who answers what by each rule, and that the table is that of single runs. The made-up
 * models give a prompt the same boxed number, but the long-winded one is cut before it more often.
 */
class TeachersTest {
  private static final int PROMPTS = 30;
  private static final int SAMPLES = 3;
  private static final String LONG = "scripted:tokens=190,tail=0";
  private static final String SHORT = "scripted:tokens=24,tail=0";
  private static final String[] WORK = {
    "--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES), "--max-tokens", "200"
  };

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  /** Both models on all prompts, not to be written to. */
  private static Path both;

  @BeforeAll
  static void runAlone() throws IOException {
    spark = Tables.local("local[2]");
    prompts =
        Tables.lines(
            folder.resolve("prompts.jsonl"),
            IntStream.range(0, PROMPTS)
                .mapToObj(
                    i ->
                        String.format(
                            "{\"id\": \"p%02d\", \"question\": \"What is %d + 1?\", \"answer\": \"%d\", \"who\": %s,"
                                + " \"level\": %s}",
                            i, i, i % 20, i == 7 ? "null" : i % 4 == 0 ? "\"" + SHORT + "\"" : "\"" + LONG + "\"",
                            i == 9 ? "null" : String.valueOf(i / 40.0)))
                .toArray(String[]::new));
    both = folder.resolve("both");
    Invocation run = run(both, "--model", LONG, "--model", SHORT).expect(0);
    assertEquals(String.valueOf(2 * PROMPTS * SAMPLES), run.summary("traces"));
    String told = "teacher 2 of 2, " + SHORT + ": " + PROMPTS + " of " + PROMPTS + " prompts";
    assertTrue(run.err().contains(told) && !run.err().contains("take turns"), run.err());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Invocation run(Path table, String... more) {
    List<String> words =
        new ArrayList<>(List.of("generate", "--prompts", prompts.toString(), "--out", table.toString()));
    words.addAll(List.of(WORK));
    words.addAll(List.of(more));
    return Invocation.winnow(words.toArray(String[]::new));
  }

  private static Dataset<Row> of(Path table, String model) {
    return Tables.read(spark, table).filter("model = '" + model + "'");
  }

  private static Set<String> prompts(Dataset<Row> rows) {
    return new TreeSet<>(rows.select("prompt_id").as(org.apache.spark.sql.Encoders.STRING()).collectAsList());
  }

  private static Set<String> all() {
    return ids(0, PROMPTS);
  }

  private static Set<String> ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> String.format("p%02d", i))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The model's rows that belong to these prompts. */
  private static List<String> expected(String model, Set<String> ids) {
    String in = ids.stream().map(id -> "'" + id + "'").collect(Collectors.joining(","));
    return Tables.comparable(of(both, model).filter("prompt_id in (" + (ids.isEmpty() ? "''" : in) + ")"));
  }

  private static Set<String> solved(String model) {
    return prompts(of(both, model).filter("correct"));
  }

  private static Set<String> minus(Set<String> all, Set<String> some) {
    Set<String> out = new TreeSet<>(all);
    out.removeAll(some);
    return out;
  }

  private static void assertShares(Path table, Set<String> ofLong, Set<String> ofShort) {
    assertEquals(expected(LONG, ofLong), Tables.comparable(of(table, LONG)));
    assertEquals(expected(SHORT, ofShort), Tables.comparable(of(table, SHORT)));
    assertEquals((ofLong.size() + ofShort.size()) * SAMPLES, Tables.read(spark, table).count());
  }

  @Test
  void eachTeachersTracesAreThoseOfARunOfItsOwnAndReplayFindsEachModel() {
    Path alone = folder.resolve("alone");
    run(alone, "--model", SHORT).expect(0);
    assertEquals(Tables.comparable(spark, alone), Tables.comparable(of(both, SHORT)));
    assertEquals(PROMPTS * SAMPLES, of(both, LONG).count());
    List<Row> runs = Tables.runs(spark, both);
    TreeMap<String, String> models = new TreeMap<>();
    runs.forEach(r -> models.put(r.getAs("run_id"), r.getAs("model")));
    assertEquals(4, runs.size());
    String first = models.firstKey();
    assertTrue(first.endsWith(".1"), first);
    assertEquals(new TreeMap<>(Map.of(first, LONG, first.replaceAll("1$", "2"), SHORT)), models);
    assertEquals(
        "[\"" + LONG + "\",\"" + SHORT + "\"]",
        runs.get(0).<String, String>getJavaMap(runs.get(0).fieldIndex("settings")).get("teachers"));
    Invocation replay = Invocation.winnow("replay", "--traces", both.toString(), "--sample", "100%").expect(0);
    assertTrue(replay.out().contains(String.valueOf(2 * PROMPTS * SAMPLES)), replay.out());
  }

  @Test
  void aColumnNamesTheTeacherAndTheFirstGetsTheRest() {
    Path table = folder.resolve("column");
    // On one thread no two engines fit side by side.
    Invocation run = run(table, "--model", LONG, "--model", SHORT, "--route", "column:who", "--threads", "1").expect(0);
    assertTrue(run.err().contains("2 embedded models take turns"), run.err());
    Set<String> ofShort =
        IntStream.range(0, PROMPTS).filter(i -> i % 4 == 0).mapToObj(i -> String.format("p%02d", i))
            .collect(Collectors.toSet());
    assertShares(table, minus(all(), ofShort), ofShort);
    assertFalse(List.of(Tables.read(spark, table).columns()).contains("who"));

    Path refused = folder.resolve("refused");
    Invocation wrong =
        run(refused, "--model", LONG, "--model", "scripted:tokens=50", "--route", "column:who").expect(2);
    assertTrue(
        wrong.err().contains(
            "so for 8 prompts, for example '" + SHORT + "' of prompt p00, '" + SHORT + "' of prompt p04"),
        wrong.err());
    assertTrue(Files.notExists(refused));
  }

  @Test
  void aDifficultyChoosesTheTeacher() {
    Path table = folder.resolve("difficulty");
    Invocation dry =
        run(table, "--model", SHORT, "--model", LONG, "--route", "difficulty:level:0.25", "--dry-run").expect(0);
    // Below the bound 0.25 = 10 / 40, and the one that has no level.
    assertTrue(dry.out().contains("1. " + SHORT + ": 10 prompts"), dry.out());
    assertTrue(dry.out().contains("2. " + LONG + ": " + (PROMPTS - 10) + " prompts"), dry.out());
  }

  @Test
  void whatIsNotSolvedGoesUpAlsoAfterAStop() {
    Set<String> up = minus(all(), solved(LONG));
    assertTrue(up.size() < PROMPTS && minus(up, solved(SHORT)).size() < up.size(), "nobody solves anything");
    Path parts = folder.resolve("up-in-parts");
    String[] slowly = {
      "--model", LONG.replace("scripted:", "scripted:step-ms=2,"), "--model", SHORT, "--route", "escalate",
      "--max-sequences", "4", "--partitions", "1", "--max-tokens-total", "1500", "--commit-interval", "100ms"
    };
    Invocation stopped = run(parts, slowly).expect(4);
    assertTrue(stopped.summary("stopped").startsWith("--max-tokens-total 1,500 reached"), stopped.out());
    assertEquals(Set.of(), prompts(of(parts, SHORT)));
    Invocation rest = run(parts, "--model", LONG, "--model", SHORT, "--route", "escalate").expect(0);
    assertTrue(rest.err().contains("teacher 2 of 2, " + SHORT + ": " + up.size() + " of " + PROMPTS), rest.err());
    String[] shown = {"prompt_id", "trace_id", "text", "correct", "finish_reason"};
    assertEquals(
        Tables.whole(of(both, LONG).selectExpr(shown)),
        Tables.whole(Tables.read(spark, parts).filter("model != '" + SHORT + "'").selectExpr(shown)));
    assertEquals(expected(SHORT, up), Tables.comparable(of(parts, SHORT)));
  }

  @Test
  void theCheapestIsAskedFirstAndTheBudgetIsOneForAll() throws IOException {
    Path prices =
        Files.writeString(
            folder.resolve("prices.yaml"),
            "models:\n"
                + "  \"" + LONG + "\": {prompt_per_million: 5, completion_per_million: 50}\n"
                + "  \"" + SHORT + "\": {prompt_per_million: 1, completion_per_million: 2}\n");
    Path table = folder.resolve("cheapest");
    List<String> words =
        new ArrayList<>(
            List.of("--model", LONG, "--model", SHORT, "--route", "cheapest", "--prices", prices.toString()));
    Row tokens = of(both, SHORT).selectExpr("sum(prompt_tokens)", "sum(completion_tokens)").head();
    double cheap = 1e-6 * tokens.getLong(0) + 2e-6 * tokens.getLong(1);
    words.addAll(List.of("--max-cost", String.valueOf(0.999 * cheap)));
    Invocation stopped = run(table, words.toArray(String[]::new)).expect(4);
    assertTrue(stopped.summary("stopped").startsWith("--max-cost"), stopped.out());
    assertEquals(0, of(table, LONG).count());

    run(table, words.subList(0, 8).toArray(String[]::new)).expect(0);
    assertShares(table, minus(all(), solved(SHORT)), all());
    for (Row row : Tables.read(spark, table).collectAsList()) {
      boolean dear = row.getAs("model").equals(LONG);
      double expected =
          row.<Integer>getAs("prompt_tokens") * (dear ? 5e-6 : 1e-6)
              + row.<Integer>getAs("completion_tokens") * (dear ? 50e-6 : 2e-6);
      assertEquals(expected, row.<Double>getAs("cost_usd"), 1e-12, row::json);
    }
  }

  @Test
  void theMatrixTellsWhoHasSolvedWhat() throws IOException {
    Path out = folder.resolve("matrix.jsonl");
    String[] words = {"teachers", "--traces", both.toString(), "--out", out.toString(), "--json"};
    Invocation report = Invocation.winnow(words).expect(0);
    Set<String> onlyLong = minus(solved(LONG), solved(SHORT));
    Set<String> onlyShort = minus(solved(SHORT), solved(LONG));
    var json = new com.fasterxml.jackson.databind.ObjectMapper().readTree(report.out());
    TreeMap<String, Long> alone = new TreeMap<>();
    json.get("teachers").forEach(t -> alone.put(t.get("teacher").asText(), t.get("solved_alone").asLong()));
    assertEquals(new TreeMap<>(Map.of(LONG, (long) onlyLong.size(), SHORT, (long) onlyShort.size())), alone);
    var pair = json.get("pairs").get(0);
    boolean straight = pair.get("first").asText().equals(LONG);
    assertEquals(onlyLong.size(), pair.get(straight ? "only_first" : "only_second").asInt());
    assertEquals(onlyShort.size(), pair.get(straight ? "only_second" : "only_first").asInt());
    assertEquals(
        minus(minus(all(), solved(LONG)), solved(SHORT)).size(), pair.get("neither").asInt());
    assertEquals(2 * PROMPTS, Files.readAllLines(out).size());
    assertTrue(Invocation.winnow("teachers", "--traces", both.toString()).expect(0).out().contains("only first"));
  }

  @Test
  void whatDoesNotGoTogetherIsRefusedBeforeWork() {
    Path table = folder.resolve("never");
    String[][] wrong = {
      {"--model", SHORT, "--route", "escalate"},
      {"--model", SHORT, "--model", SHORT},
      {"--model", SHORT, "--model", LONG, "--route", "difficulty:level:0.1,0.5"},
      {"--model", SHORT, "--model", LONG, "--route", "difficulty:level:0.5,0.1"},
      {"--model", SHORT, "--model", LONG, "--route", "cheapest"},
      {"--model", SHORT, "--model", LONG, "--route", "column:nowhere"},
      {"--model", SHORT, "--model", LONG, "--teacher-option", "nobody:temperature=1"},
      {"--model", SHORT, "--model", LONG, "--teacher-option", SHORT + ":out=x"},
    };
    for (String[] words : wrong) {
      Invocation refused = run(table, words).expect(2);
      assertEquals(1, refused.err().lines().count(), refused.err());
      String named = words[words.length - 2];
      assertTrue(refused.err().contains(named), refused.err());
    }
    assertTrue(Files.notExists(table));
  }
}
