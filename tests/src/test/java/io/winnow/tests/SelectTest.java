// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.Winnow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code select}: every strategy and filter on a handful of traces, the same whatever their order. */
class SelectTest {
  private static final String TRACES =
      "SELECT prompt_id, trace_id, text, correct, tokens AS completion_tokens, reward, finish_reason, gold,"
          + " map('from', trace_id) AS extra FROM VALUES"
          + " ('p1', 't1', '<think>one two three</think>It is  \\\\boxed{4}', true, 10, 0.9D, 'stop', '4'),"
          + " ('p1', 't2', '<think>four five six</think>It is \\\\boxed{4}', true, 20, 0.5D, 'stop', '4'),"
          + " ('p1', 't3', '<think>seven</think>\\\\boxed{5}', false, 12, 0.1D, 'stop', '4'),"
          + " ('p1', 't4', '<think>eight', false, 40, NULL, 'length', '4'),"
          + " ('p1', 't5', '\\\\boxed{7}', NULL, 5, 0.2D, 'stop', '4'),"
          + " ('p2', 'u1', '<think>a</think>\\\\boxed{1}', false, 8, 0.3D, 'stop', NULL),"
          + " ('p2', 'u2', '<think>b</think>\\\\boxed{2}', false, 9, 0.4D, 'stop', NULL),"
          + " ('p3', 'v1', '<think>a b c d</think>\\\\boxed{8}', true, 30, double('NaN'), 'stop', ' '),"
          + " ('p3', 'v2', '<think>a b c e</think>\\\\boxed{8.0}', true, 30, 0.0D, 'stop', ' '),"
          + " ('p3', 'v3', '<think>q r s t</think>\\\\boxed{16/2}', true, 31, -1.0D, 'stop', ' '),"
          + " ('p4', 'w1', NULL, NULL, NULL, NULL, 'error', '1')"
          + " AS t(prompt_id, trace_id, text, correct, tokens, reward, finish_reason, gold)";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Dataset<Row> traces;

  @BeforeAll
  static void start() {
    spark = Tables.local("local[2]");
    traces = spark.sql(TRACES);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Map<String, String> options(String strategy, String... more) {
    Map<String, String> options = new HashMap<>(Map.of("strategy", strategy));
    for (int i = 0; i < more.length; i += 2) {
      options.put(more[i], more[i + 1]);
    }
    return options;
  }

  private static List<Row> select(String strategy, String... more) {
    return Winnow.select(traces, options(strategy, more)).collectAsList();
  }

  private static String ids(String strategy, String... more) {
    return String.join(
        " ", select(strategy, more).stream().map(row -> row.<String>getAs("trace_id")).sorted().toList());
  }

  @Test
  void rightOnesAndTheBestOfThem() {
    assertEquals("t1 t2 v1 v2 v3", ids("correct"));
    assertEquals("t1", ids("best", "maxTokens", "20"));
    assertEquals("t2 v3", ids("best", "rankBy", "longest"));
    assertEquals("t1 t2 v1 v2", ids("best", "perPrompt", "2"));
    // By a reward all are looked at, and NaN comes last.
    assertEquals("t1 u2 v2", ids("best", "rankBy", "reward"));
    assertEquals("t1 v2", ids("best", "rankBy", "reward", "pool", "correct"));
    assertEquals("t4 u2 v3", ids("best", "rankBy", "completion_tokens"));
    Row row = select("best", "rankBy", "longest", "maxTokens", "20").get(0);
    assertEquals(List.of(traces.columns()), List.of(row.schema().fieldNames()).subList(0, traces.columns().length));
    assertEquals(1, row.<Integer>getAs("selected_rank"));
    assertEquals("t2", row.getJavaMap(row.fieldIndex("extra")).get("from"));
    // v1 and v2 are as short: the seed decides, and each has its turn.
    Set<String> firsts = new HashSet<>();
    for (int seed = 0; seed < 12; seed++) {
      firsts.add(ids("best", "minTokens", "30", "seed", String.valueOf(seed)));
    }
    assertEquals(Set.of("v1", "v2"), firsts);
  }

  /** As files of two runs are, whose samples have the same numbers. */
  @Test
  void tracesOfOneIdAreTakenInOneOrder() {
    Set<String> taken = new HashSet<>();
    for (String order : List.of("text", "text DESC")) {
      Dataset<Row> twice =
          spark.sql("SELECT 'p' AS prompt_id, '0' AS trace_id, true AS correct, text FROM VALUES ('a'), ('b'), ('c')"
              + " AS t(text) ORDER BY " + order);
      taken.add(Winnow.select(twice, options("best", "rankBy", "random")).head().<String>getAs("text"));
    }
    assertEquals(1, taken.size(), taken.toString());
  }

  @Test
  void filtersLeaveTracesOut() {
    assertEquals("t1 t2 t3 t4 u1 u2 v1 v2 v3", ids("kto"));
    assertEquals("t1 t2 t3 u1 u2 v1 v2 v3", ids("kto", "finishReason", "stop"));
    assertEquals("t1 t2 t3 u1 u2 v1 v2 v3", ids("kto", "requireThinking", "true"));
    assertEquals("t2 t3 v1 v2", ids("kto", "minTokens", "10", "maxTokens", "30").replace("t1 ", ""));
    assertEquals("v1 v2 v3", ids("correct", "dedup", "answer").replaceAll("t[12] ", ""));
    assertEquals(4, select("correct", "dedup", "answer").size());
    assertEquals(5, select("correct", "dedup", "text").size());
    Path rates = folder.resolve("kept.parquet");
    spark.sql("SELECT * FROM VALUES ('p1', true), ('p3', false) AS t(prompt_id, kept)").write()
        .parquet(rates.toString());
    assertEquals("t1 t2", ids("correct", "rates", rates.toString()));
  }

  @Test
  void diverseOnesDifferInTheirWords() {
    List<Row> rows = select("diverse", "perPrompt", "2", "ngram", "1", "rankBy", "longest");
    Map<String, Double> distances = new HashMap<>();
    rows.forEach(row -> distances.put(row.getAs("trace_id"), row.getAs("selected_distance")));
    // p3: v3 is the longest; v1 and v2 share no word with it.
    assertEquals(4, rows.size());
    assertTrue(distances.containsKey("v3") && distances.get("v3") == null, distances::toString);
    assertEquals(1.0, distances.getOrDefault("v1", distances.get("v2")));
    assertNull(distances.get("t2"));
    // {<think>four five six</think>it is \boxed{4}} and its sibling share two of eight words.
    assertEquals(1 - 2.0 / 8, distances.get("t1"));
    for (Row row : rows) {
      assertEquals(row.<String>getAs("trace_id"), row.getJavaMap(row.fieldIndex("extra")).get("from"));
    }
  }

  private static String pairs(String... more) {
    return String.join(
        " ",
        select("dpo", more).stream()
            .map(row -> row.getAs("chosen_trace_id") + "-" + row.getAs("rejected_trace_id")).sorted().toList());
  }

  @Test
  void pairsAreOfRightAndWrong() {
    assertEquals("t1-t3", pairs());
    assertEquals("t1-t3 t2-t4", pairs("perPrompt", "5"));
    assertEquals("t1-t3", pairs("perPrompt", "5", "maxLengthRatio", "1.9"));
    assertEquals("t1-t3 t2-t4", pairs("perPrompt", "5", "match", "reward"));
    assertEquals(2, select("dpo", "perPrompt", "5", "match", "random").size());
    Row pair = select("dpo", "rewardColumn", "reward").get(0);
    assertEquals(
        List.of(
            "prompt_id", "gold", "chosen_trace_id", "rejected_trace_id", "chosen", "rejected", "chosen_think_end",
            "rejected_think_end", "chosen_tokens", "rejected_tokens", "chosen_reward", "rejected_reward", "pair_rank"),
        List.of(pair.schema().fieldNames()));
    assertEquals("<think>one two three</think>It is  \\boxed{4}", pair.getAs("chosen"));
    assertEquals("4", pair.getAs("gold"));
    assertEquals(10, pair.<Integer>getAs("chosen_tokens"));
    assertEquals(12, pair.<Integer>getAs("rejected_tokens"));
    assertEquals(0.1, pair.<Double>getAs("rejected_reward"));
  }

  @Test
  void labelsSayWhatIsDesirable() {
    List<Row> rows = select("kto", "perPrompt", "1");
    assertEquals(4, rows.size());
    for (Row row : rows) {
      assertEquals(row.<Boolean>getAs("correct"), row.<Boolean>getAs("label"));
    }
  }

  @Test
  void groupsHaveAdvantages() {
    Map<String, Row> rows = new HashMap<>();
    select("grpo").forEach(row -> rows.put(row.getAs("trace_id"), row));
    assertEquals(Set.of("t1", "t2", "t3", "t4", "u1", "u2", "v1", "v2", "v3"), rows.keySet());
    // 1, 1, 0, 0: mean .5, and the sample's variance is 1/3.
    double advantage = 0.5 / (Math.sqrt(1.0 / 3) + 1e-4);
    assertEquals(advantage, rows.get("t1").<Double>getAs("advantage"), 1e-15);
    assertEquals(-advantage, rows.get("t4").<Double>getAs("advantage"), 1e-15);
    assertEquals(1.0, rows.get("t2").<Double>getAs("reward"));
    assertEquals(4, rows.get("t1").<Integer>getAs("group_size"));
    assertEquals(0.0, rows.get("v1").<Double>getAs("advantage"));
    assertEquals("t1 t2 t3 t4", ids("grpo", "zeroVariance", "drop"));
    assertEquals(6, select("grpo", "perPrompt", "3").size());
    Row unbiased =
        select("grpo", "rewardColumn", "reward", "advantage", "unbiased", "maxTokens", "9").stream()
            .filter(row -> row.getAs("trace_id").equals("u2")).findFirst().orElseThrow();
    assertEquals(0.4 - (0.3 + 0.4) / 2, unbiased.<Double>getAs("advantage"));
    // t5 is alone with so few tokens: no group.
    assertEquals("u1 u2", ids("grpo", "rewardColumn", "reward", "maxTokens", "9"));
  }

  @Test
  void majoritiesBecomeGolds() {
    List<Row> missing = select("majority");
    assertEquals(1, missing.size());
    Row p3 = missing.get(0);
    assertEquals(
        "[prompt_id, gold, gold_source, share, margin, votes, n, classes]",
        Arrays.toString(p3.schema().fieldNames()));
    assertEquals("[p3,8,majority,1.0,3,3,3,1]", p3.toString());
    // Two of five say 4, the others what nobody else says, or nothing.
    Set<String> any = new HashSet<>();
    select("majority", "golds", "any", "minShare", "0.4").forEach(row -> any.add(row.toString()));
    assertEquals(Set.of(p3.toString(), "[p1,4,majority,0.4,1,2,5,3]"), any);
    assertEquals(1, select("majority", "golds", "any", "minShare", "0.4", "minMargin", "2").size());
  }

  /** Rows come in any order and any number of partitions. */
  @Test
  void nothingDependsOnTheOrderOfRows() {
    for (Map<String, String> options :
        List.of(
            options("correct", "perPrompt", "1"), options("best", "dedup", "answer"),
            options("diverse", "perPrompt", "2"), options("dpo", "perPrompt", "2", "match", "random"),
            options("kto", "perPrompt", "1"), options("grpo", "rewardColumn", "reward"),
            options("majority", "golds", "any"))) {
      List<String> one = sorted(Winnow.select(traces.coalesce(1), options));
      List<String> many = sorted(Winnow.select(traces.orderBy("text").repartition(5), options));
      assertFalse(one.isEmpty(), options::toString);
      assertEquals(one, many, options::toString);
    }
  }

  private static List<String> sorted(Dataset<Row> rows) {
    return rows.toJSON().collectAsList().stream().sorted().toList();
  }

  @Test
  void isAStepThatWritesOnce() throws IOException {
    Path in = folder.resolve("traces.parquet");
    traces.write().parquet(in.toString());
    Path out = folder.resolve("pairs.jsonl");
    String[] words =
        {"select", "--in", in.toString(), "--strategy", "dpo", "--per-prompt", "2", "--out", out.toString()};
    Invocation run = winnow(words).expect(0);
    assertEquals(2, run.count("pairs"), run.out());
    assertEquals("1 of 4 with 11 samples", run.summary("of prompts"));
    List<String> lines = Files.readAllLines(out);
    String first = "{\"prompt_id\":\"p1\",\"gold\":\"4\",\"chosen_trace_id\":\"t1\"";
    assertTrue(lines.get(0).startsWith(first), lines.get(0));
    assertTrue(winnow(words).expect(0).out().contains("nothing to do"));
    words[6] = "1";
    winnow(words).expect(0);
    assertEquals(lines.subList(0, 1), Files.readAllLines(out));
    String[] other = {"select", "--in", in.toString(), "--strategy", "kto", "--out", in.toString()};
    assertTrue(winnow(other).expect(2).err().contains("it is the input"));
  }

  @Test
  void columnsGetTheNamesOfTraces() {
    Dataset<Row> other =
        spark.sql(
            "SELECT 1 AS id, array(named_struct('role', 'user', 'content', 'q'), named_struct('role', 'assistant',"
                + " 'content', 'a')) AS chat, 'correct' AS verdict, 'q' AS question, array(7, 8, 9) AS ids");
    Map<String, String> options = options("correct", "groupColumn", "id", "completionColumn", "chat", "promptColumn",
        "question");
    Row row = Winnow.select(other, options).head();
    assertEquals("[prompt_id, trace_id, text, verdict, prompt, ids, selected_rank]",
        Arrays.toString(row.schema().fieldNames()));
    assertEquals("1", row.getAs("prompt_id"));
    assertEquals("a", row.getAs("text"));
    assertEquals(64, row.<String>getAs("trace_id").length());
    options.put("tokensColumn", "ids");
    options.put("maxTokens", "3");
    assertEquals(3, Winnow.select(other, options).head().<Integer>getAs("completion_tokens"));
    options.put("maxTokens", "2");
    assertTrue(Winnow.select(other, options).isEmpty());
    options.keySet().removeAll(Set.of("tokensColumn", "maxTokens"));
    for (String[] each :
        new String[][] {
          {"kto", "maxTokens", "3", "--tokens-column 'completion_tokens'"},
          {"best", "rankBy", "score", "--rank-by 'score'"},
          {"best", "rankBy", "verdict", "a number is needed"},
          {"dpo", "rankBy", "longest", "it is for correct"},
          {"kto", "ngram", "3", "it is for diverse"},
          {"grpo", "perPrompt", "1", "groups of one"},
          {"dpo", "match", "reward", "--reward-column 'reward'"},
        }) {
      Map<String, String> wrong = new HashMap<>(options);
      wrong.put("strategy", each[0]);
      wrong.put(each[1], each[2]);
      UsageException refused = assertThrows(UsageException.class, () -> Winnow.select(other, wrong), each[1]);
      assertTrue(refused.getMessage().contains(each[3]), refused.getMessage());
    }
  }

  @Test
  void aCarriedColumnThatTheOutputHasIsRefused() throws IOException {
    for (String[] each :
        new String[][] {
          {"dpo", "chosen", "chosen"}, {"dpo", "Pair_Rank", "pair_rank"}, {"majority", "share", "share"},
          {"majority", "Gold_Source", "gold_source"},
        }) {
      Dataset<Row> more = traces.withColumn(each[1], traces.col("text"));
      UsageException refused =
          assertThrows(
              UsageException.class, () -> Winnow.select(more, options(each[0], "keepColumns", each[1])), each[1]);
      assertTrue(refused.getMessage().contains("the column '" + each[1] + "'"), refused.getMessage());
      assertTrue(refused.getMessage().contains("has '" + each[2] + "'"), refused.getMessage());
    }
    Path empty = Files.createFile(folder.resolve("empty-rates.jsonl"));
    UsageException nothing =
        assertThrows(UsageException.class, () -> select("correct", "rates", empty.toString()));
    assertTrue(nothing.getMessage().contains("--rates") && nothing.getMessage().contains("is empty"),
        nothing.getMessage());
  }
}
