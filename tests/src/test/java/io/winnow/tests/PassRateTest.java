// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.Winnow;
import io.winnow.jobs.refine.PassRateJob;
import io.winnow.jobs.table.TraceTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code pass-rate}: counts, estimates, majorities, what is kept, and the step run again. */
class PassRateTest {
  private static final ObjectMapper JSON = new ObjectMapper();

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

  private static Invocation rate(Path in, Path out, String... more) {
    List<String> words = new ArrayList<>(List.of("pass-rate", "--in", in.toString(), "--out", out.toString()));
    words.addAll(List.of(more));
    return winnow(words.toArray(String[]::new));
  }

  private static Map<String, JsonNode> byPrompt(Path file) throws IOException {
    Map<String, JsonNode> out = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode row = JSON.readTree(line);
      out.put(row.get("prompt_id").asText(), row);
    }
    return out;
  }

  private static String sample(String prompt, String verdict, String answer) {
    String text = answer == null ? "null" : "\"So \\\\boxed{" + answer + "}.\"";
    return "{\"prompt_id\": \"" + prompt + "\", \"verdict\": \"" + verdict + "\", \"text\": " + text
        + ", \"source\": \"" + (prompt.equals("b") ? "hard" : "easy") + "\", \"gold\": \"1/2\"}";
  }

  private static Path graded() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      lines.add(sample("b", i < 3 ? "correct" : "incorrect", i < 3 ? "0.5" : "7"));
      lines.add(sample("a", i < 1 ? "correct" : "incorrect", i < 1 ? "1/2" : String.valueOf(i)));
    }
    lines.add(sample("c", "correct", "1/2"));
    lines.add(sample("c", "incorrect", "3"));
    lines.add(sample("c", "correct", "0.50"));
    lines.add(sample("c", "undecided", "3.0"));
    lines.add(sample("c", "error", null));
    lines.add(sample("d", "undecided", "x"));
    lines.add("{\"verdict\": \"correct\", \"text\": \"1\"}");
    return Tables.lines(folder.resolve("graded.jsonl"), lines.toArray(String[]::new));
  }

  @Test
  void anOutputMayHaveAnyName() throws IOException {
    Path in = graded();
    Path out = folder.resolve("größe und 100%/rates.jsonl");
    assertTrue(rate(in, out, "--majority=false").expect(0).out().contains("mean over prompts"));
    assertTrue(rate(in, out, "--majority=false").expect(0).out().contains("nothing to do"));
  }

  @Test
  void countsEstimatesAndMajoritiesAreThoseOfEachPrompt() throws IOException {
    Path in = graded();
    Path out = folder.resolve("rates.jsonl");
    Invocation run = rate(in, out, "--k", "1,2,4", "--tau", "0.5,1", "--by", "source").expect(0);
    Map<String, JsonNode> rows = byPrompt(out);
    assertEquals(List.of("a", "b", "c", "d"), List.copyOf(rows.keySet()));
    JsonNode b = rows.get("b");
    List<String> names = new ArrayList<>();
    b.fieldNames().forEachRemaining(names::add);
    assertEquals(
        "prompt_id gold source samples n correct incorrect undecided errors mean avg_at_n pass_at_1 pass_at_2 pass_at_4"
            + " g_pass_at_2_tau50 g_pass_at_2_tau100 mg_pass_at_2 g_pass_at_4_tau50 g_pass_at_4_tau100 mg_pass_at_4"
            + " wilson_low wilson_high maj_answer maj_votes maj_answered maj_classes maj_margin maj_tie maj_at_n kept",
        String.join(" ", names));
    assertEquals("1/2", b.get("gold").asText());
    assertEquals("hard", b.get("source").asText());
    assertEquals(10, b.get("n").asInt());
    assertEquals(0.3, b.get("mean").asDouble());
    assertEquals(0.3, b.get("pass_at_1").asDouble(), 1e-15);
    assertEquals(1 - 21.0 / 45, b.get("pass_at_2").asDouble(), 1e-15);
    // Of C(10, 4) = 210 draws 3·21 hold two right ones, 7 three, and none four.
    assertEquals((3 * 21 + 7) / 210.0, b.get("g_pass_at_4_tau50").asDouble(), 1e-15);
    assertEquals(0, b.get("g_pass_at_4_tau100").asDouble());
    assertEquals(2 / 4.0 * 7 / 210, b.get("mg_pass_at_4").asDouble(), 1e-15);
    assertEquals("7", b.get("maj_answer").asText());
    assertEquals(4, b.get("maj_margin").asInt());
    assertEquals(0.0, b.get("maj_at_n").asDouble());
    assertTrue(b.get("kept").asBoolean());
    // One of ten is not above .1.
    assertEquals(0.1, rows.get("a").get("mean").asDouble());
    assertFalse(rows.get("a").get("kept").asBoolean());
    JsonNode c = rows.get("c");
    assertEquals("5 3 2 1 1 1", fields(c, "samples", "n", "correct", "incorrect", "undecided", "errors"));
    assertEquals(2 / 3.0, c.get("mean").asDouble());
    assertEquals(2 / 5.0, c.get("avg_at_n").asDouble());
    assertTrue(c.get("pass_at_4").isNull());
    assertEquals(0, c.get("g_pass_at_4_tau50").asDouble());
    // 1/2 with 0.50 against 3 with 3.0: of the former both are right, of the latter the one that is decided is wrong.
    assertTrue(c.get("maj_tie").asBoolean());
    assertEquals("2 4 2 0", fields(c, "maj_votes", "maj_answered", "maj_classes", "maj_margin"));
    assertEquals(0.5, c.get("maj_at_n").asDouble());
    JsonNode d = rows.get("d");
    assertEquals("0 1", fields(d, "n", "undecided"));
    assertTrue(d.get("mean").isNull() && d.get("wilson_low").isNull() && d.get("pass_at_1").isNull(), d::toString);
    assertFalse(d.get("kept").asBoolean());
    assertEquals(4, run.count("prompts"), run.out());
    assertEquals(2, run.count("kept"), run.out());
    assertEquals(26, run.count("samples"), run.out());
    assertEquals(1, run.count("left out"), run.out());
    // Means .1, .3 and 2/3: their mean, deviation / √3, and the interval of ± 1.96 of that.
    assertTrue(run.out().contains("mean                     0.3556  0.0303–0.6808            3\n"), run.out());
    assertTrue(run.out().lines().anyMatch(line -> line.startsWith("easy          3     1  0.3833")), run.out());
    assertTrue(run.out().lines().anyMatch(line -> line.startsWith("to 0.3           1 █")), run.out());
    assertEquals("nothing to do", again(in, out, "--k", "1,2,4", "--tau", "0.5,1", "--by", "source"));
  }

  private static String again(Path in, Path out, String... more) {
    return rate(in, out, more).expect(0).out().strip().substring(0, "nothing to do".length());
  }

  private static String fields(JsonNode row, String... names) {
    return String.join(" ", List.of(names).stream().map(name -> row.get(name).asText()).toList());
  }

  @Test
  void whatDoesNotCountCanBeCountedAsWrong() throws IOException {
    Path in = graded();
    Path out = folder.resolve("strict-rates");
    rate(in, out, "--undecided", "incorrect", "--errors", "incorrect", "--keep", "--majority=false").expect(0);
    List<Row> rows = spark.read().format("delta").load(out.toString()).orderBy("prompt_id").collectAsList();
    // d is 0 of 1 now, and c 2 of 5; --keep leaves out what is not between.
    assertEquals(List.of("b", "c"), rows.stream().map(row -> row.<String>getAs("prompt_id")).toList());
    assertEquals(5L, rows.get(1).<Long>getAs("n"));
    assertEquals(0.4, rows.get(1).<Double>getAs("mean"));
    assertFalse(List.of(rows.get(1).schema().fieldNames()).contains("maj_answer"));
    // Another setting replaces it, and what somebody else made stays.
    rate(in, out, "--min", "0.35").expect(0);
    assertEquals(4, spark.read().format("delta").load(out.toString()).count());
    Path other = Tables.lines(folder.resolve("other.jsonl"), "{}");
    assertTrue(rate(in, other).expect(1).err().contains("not made by winnow pass-rate"));
    assertEquals("{}", Files.readString(other).strip());
  }

  @Test
  void aRunThatIsToStopWritesNothing() throws IOException {
    Path out = folder.resolve("stopped");
    Map<String, String> options = Map.of("in", graded().toString(), "out", out.toString());
    SettingValues values = SettingValues.ofMap(PassRateSettings.ALL, options, key -> null);
    PassRateJob.Result result = PassRateJob.run(spark, values, () -> true);
    assertTrue(result.step().stopped());
    assertNull(result.summary());
    assertFalse(Files.exists(out));
  }

  /** The comparison of float32 that torch makes, for all counts up to 24. */
  @Test
  void whatIsKeptIsDecidedInFloat32() {
    Dataset<Row> samples =
        spark.sql(
            "SELECT concat(n, '/', c) AS prompt_id, i < c AS correct FROM (SELECT id + 1 AS n FROM range(24))"
                + " LATERAL VIEW explode(sequence(0, n)) AS c LATERAL VIEW explode(sequence(0, n - 1)) AS i");
    Map<String, String> options = Map.of("min", "0.2", "max", "0.7", "k", "1");
    for (Row row : Winnow.passRate(samples, options).collectAsList()) {
      float mean = (float) row.<Long>getAs("correct") / (float) row.<Long>getAs("n");
      assertEquals(0.2f < mean && mean < 0.7f, row.<Boolean>getAs("kept"), row::toString);
    }
  }

  @Test
  void gradesMayBeNumbersAndRowsInAnyOrder() {
    Dataset<Row> samples =
        spark.sql(
            "SELECT concat('p', id % 3) AS q, CASE WHEN id % 7 = 0 THEN NULL WHEN id % 11 = 0 THEN double('NaN') ELSE"
                + " (id * 37 % 101) / 100D END AS score, map('a', id % 3) AS kept_map FROM range(60)");
    Map<String, String> options =
        Map.of("groupColumn", "q", "correctColumn", "score", "keepColumns", "kept_map", "k", "2");
    List<String> one = Winnow.passRate(samples.coalesce(1), options).orderBy("prompt_id").toJSON().collectAsList();
    List<String> many =
        Winnow.passRate(samples.orderBy("score").repartition(7), options).orderBy("prompt_id").toJSON()
            .collectAsList();
    assertEquals(one, many);
    Row first = Winnow.passRate(samples, options).orderBy("prompt_id").head();
    assertEquals(Map.of("a", 0L), first.getJavaMap(first.fieldIndex("kept_map")));
    double sum = 0;
    int n = 0;
    for (int id = 0; id < 60; id += 3) {
      if (id % 7 != 0 && id % 11 != 0) {
        sum += id * 37 % 101 / 100.0;
        n++;
      }
    }
    assertEquals(n, first.<Long>getAs("n"));
    assertEquals(sum / n, first.<Double>getAs("mean"), 1e-15);
    assertEquals(sum / 20, first.<Double>getAs("avg_at_n"), 1e-15);
    assertEquals(20L - n, first.<Long>getAs("undecided"));
  }

  @Test
  void textsOfCsvAreGradesAndConditionsLeaveRowsOut() throws IOException {
    Path csv =
        Tables.lines(
            folder.resolve("graded.csv"),
            "id,ok,model", "a,true,x", "a,FALSE,x", "a,1,x", "a,,x", "a,maybe,x", "a,0,y");
    Path out = folder.resolve("csv-rates.jsonl");
    String[] words = {"--group-column", "id", "--correct-column", "ok", "--k", "1", "--where", "model = 'x'"};
    rate(csv, out, words).expect(0);
    assertEquals(
        "5 3 2 1 1 1",
        fields(byPrompt(out).get("a"), "samples", "n", "correct", "incorrect", "undecided", "errors"));
    words[7] = "modell = 'x'";
    String refused = rate(csv, out, words).expect(2).err();
    assertTrue(refused.contains("--where 'modell = 'x''") && refused.contains("UNRESOLVED_COLUMN"), refused);
    assertEquals(1, refused.strip().lines().count(), refused);
  }

  @Test
  void wrongWordsAreRefusedBeforeWork() {
    Dataset<Row> samples =
        spark.sql("SELECT 'a' AS prompt_id, array(1) AS list, 'x' AS mean, 1 AS correct");
    for (String[] each :
        new String[][] {
          {"correctColumn", "corect", "has no such column"},
          {"correctColumn", "list", "a grade is a boolean"},
          {"verifier", "math", "has no column verdicts"},
          {"k", "0", "must be different whole numbers"},
          {"tau", "1.5", "must be numbers from 0 to 1"},
          {"min", "0.9", "no mean is above"},
          {"confidence", "95", "must be a number from"},
          {"keepColumns", "mean", "rename it"},
          {"by", "source", "has no such column"},
          {"majority", "true", "--completion-column 'text'"},
        }) {
      UsageException refused =
          assertThrows(UsageException.class, () -> Winnow.passRate(samples, Map.of(each[0], each[1])), each[0]);
      assertTrue(refused.getMessage().contains(each[2]), refused.getMessage());
    }
    Dataset<Row> cased = samples.withColumnRenamed("mean", "Mean");
    UsageException both =
        assertThrows(UsageException.class, () -> Winnow.passRate(cased, Map.of("keepColumns", "Mean")));
    assertTrue(both.getMessage().contains("'Mean'") && both.getMessage().contains("'mean'"), both.getMessage());
    assertTrue(winnow("pass-rate", "--out", "x").expect(2).err().contains("give --traces"));
    UsageException none =
        assertThrows(UsageException.class, () -> Winnow.passRate(samples.drop("correct"), Map.of()));
    assertTrue(none.getMessage().contains("--correct-column"), none.getMessage());
  }

  @Test
  void tracesHaveTheirVerdictsAndLaterOnes() {
    Path table = folder.resolve("traces");
    TraceTable.open(spark, table.toString(), new StructType());
    String verdict = "named_struct('value', '%s', 'score', CAST(NULL AS DOUBLE), 'extracted', '', 'rule', '', 'detail',"
        + " '', 'params', '{}', 'version', '1', 'micros', 1L)";
    spark.sql(
            "SELECT * FROM VALUES ('p', 't1', '<think>x</think>4', true, '4.0', 'correct'),"
                + " ('p', 't2', '<think>x</think>4.0', true, '4.0', 'correct'),"
                + " ('p', 't3', '<think>y</think>5', false, '4.0', 'incorrect'),"
                + " ('p', 't4', '<think>z</think>?', NULL, '4.0', 'undecided'),"
                + " ('p', 't5', '<think>z</think>!', NULL, '4.0', 'error'), ('p', 't6', NULL, NULL, '4.0', NULL)"
                + " AS t(prompt_id, trace_id, text, correct, gold, v)")
        .selectExpr(
            "prompt_id", "trace_id", "text", "correct", "gold", "'stop' AS finish_reason",
            "IF(v IS NULL, NULL, map('math', " + verdict.replace("'%s'", "v") + ")) AS verdicts",
            "IF(v IS NULL, named_struct('class', 'prompt_empty', 'message', 'm', 'attempts', 1, 'next_action', 'skip'),"
                + " NULL) AS error")
        .write().format("delta").mode("append").save(table.toString());
    Path out = folder.resolve("traces-rates.parquet");
    String[] words = {"pass-rate", "--traces", table.toString(), "--out", out.toString(), "--k", "1"};
    winnow(words).expect(0);
    Row row = spark.read().parquet(out.toString()).head();
    assertEquals("6 3 2 1 1 2", counts(row));
    assertEquals("4.0", row.getAs("gold"));
    assertNull(row.getAs("prompt"));
    List<String> exact = new ArrayList<>(List.of(words));
    exact.addAll(List.of("--verifier", "exact"));
    String refused = winnow(exact.toArray(String[]::new)).expect(2).err();
    assertTrue(refused.contains("winnow verify --traces"), refused);
    winnow("verify", "--traces", table.toString(), "--verifier", "exact").expect(0);
    winnow(exact.toArray(String[]::new)).expect(0);
    // Written alike is t2 alone; t6 has no text to judge.
    assertEquals("6 5 1 4 0 1", counts(spark.read().parquet(out.toString()).head()));
    assertTrue(winnow(exact.toArray(String[]::new)).expect(0).out().contains("nothing to do"));
  }

  private static String counts(Row row) {
    List<String> out = new ArrayList<>();
    for (String name : List.of("samples", "n", "correct", "incorrect", "undecided", "errors")) {
      out.add(String.valueOf(row.<Object>getAs(name)));
    }
    return String.join(" ", out);
  }
}
