// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.Winnow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code verify --in}: rows of any data set with their verdicts, majorities and suspicious golds. */
class VerifyRowsTest {
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

  private static Invocation verify(Path in, Path out, String... more) {
    List<String> words = new ArrayList<>(List.of("verify", "--in", in.toString(), "--out", out.toString()));
    words.addAll(List.of(more));
    return winnow(words.toArray(String[]::new));
  }

  private static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> out = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      out.add(JSON.readTree(line));
    }
    return out;
  }

  private static List<String> texts(List<JsonNode> rows, String column) {
    return rows.stream().map(row -> row.get(column).isNull() ? null : row.get(column).asText()).toList();
  }

  private static Path file(String name, String... lines) throws IOException {
    return Tables.lines(folder.resolve(name), lines);
  }

  @Test
  void eachRowHasItsVerdictWithTheEvidence() throws IOException {
    Path in =
        file(
            "forms.jsonl",
            "{\"id\": 1, \"gold\": \"1/2\", \"answer\": \"So \\\\boxed{0.5}.\", \"k\": null}",
            "{\"id\": 2, \"gold\": 12.50, \"answer\": \"The answer is 12.5\"}",
            "{\"id\": 3, \"gold\": [\"7\", 8], \"answer\": \"\\\\boxed{8}\"}",
            "{\"id\": 4, \"gold\": [\"7\", null], \"answer\": \"\\\\boxed{8}\"}",
            "{\"id\": 5, \"gold\": null, \"answer\": \"\\\\boxed{8}\"}",
            "{\"id\": 6, \"gold\": \"3\", \"answer\": [{\"role\": \"user\", \"content\": \"9\"},"
                + " {\"role\": \"assistant\", \"content\": \"\\\\boxed{3}\"}, {\"role\": \"user\", \"content\":"
                + " \"4\"}]}",
            "{\"id\": 7, \"gold\": \"3\", \"answer\": [{\"role\": \"assistant\", \"content\": [{\"type\": \"text\","
                + " \"text\": \"\\\\boxed{4}\"}]}]}",
            "{\"id\": 8, \"gold\": \"3\"}",
            "{\"id\": 9, \"gold\": {\"a\": 1}, \"answer\": \"3\"}",
            "{\"id\": 10, \"gold\": \"3\", \"answer\": [\"3\"]}",
            "broken",
            "{\"id\": 12, \"gold\": \"3\", \"answer\": \"\"}");
    Path out = folder.resolve("forms-out.jsonl");
    Invocation run = verify(in, out, "--verifier", "math", "--strict").expect(3);
    List<JsonNode> rows = lines(out);
    List<String> expected = new ArrayList<>(List.of("correct", "correct", "correct", "incorrect", "undecided"));
    expected.addAll(List.of("correct", "incorrect", "error", "error", "error", "error", "incorrect"));
    assertEquals(expected, texts(rows, "verdict"));
    assertEquals(4, run.count("correct"), run.out());
    assertEquals(4, run.count("error"), run.out());
    assertEquals("0.5", rows.get(0).get("extracted").asText());
    assertTrue(Files.readAllLines(out).get(0).startsWith("{\"id\": 1, \"gold\": \"1/2\", \"answer\""), rows::toString);
    JsonNode by = rows.get(0).get("verified_by");
    assertEquals("math", by.get("verifier").asText());
    assertTrue(by.get("version").asText().startsWith("math/"), by::toString);
    assertTrue(by.get("rule").asText().startsWith("boxed"), by::toString);
    assertTrue(by.get("micros").asLong() >= 0);
    for (int i : new int[] {7, 8, 9, 10}) {
      String detail = rows.get(i).get("detail").asText();
      assertTrue(detail.startsWith("Cannot ") && detail.contains("line " + (i + 1) + " of "), detail);
      assertTrue(rows.get(i).get("verified_by").isNull());
    }
    // The same from a table, any of three formats, with the same verdicts.
    Path parquet = folder.resolve("plain.parquet");
    spark.sql("SELECT '1/2' AS gold, '\\\\boxed{0.5}' AS answer, array(1, NULL) AS g").write()
        .parquet(parquet.toString());
    for (String name : List.of("out-delta", "out.parquet")) {
      verify(parquet, folder.resolve(name), "--verifier", "math").expect(0);
      String format = name.endsWith("parquet") ? "parquet" : "delta";
      Row row = spark.read().format(format).load(folder.resolve(name).toString()).head();
      assertEquals("correct", row.getAs("verdict"));
      assertEquals("[1, null]", row.getList(row.fieldIndex("g")).toString());
    }
    Invocation again = verify(parquet, folder.resolve("out-delta"), "--verifier", "math").expect(0);
    assertTrue(again.out().contains("nothing to do"), again.out());
    verify(parquet, folder.resolve("out-delta"), "--verifier", "exact").expect(0);
    Invocation clash = verify(folder.resolve("out-delta"), folder.resolve("never"), "--verifier", "math").expect(2);
    String refusal = "winnow: Cannot add the columns verdict, extracted, detail, verified_by:";
    assertTrue(clash.err().startsWith(refusal), clash.err());
    assertFalse(Files.exists(folder.resolve("never")));
  }

  @Test
  void aVerifierAndItsParametersMayBeTheRowsOwn() throws IOException {
    Path in =
        file(
            "own.jsonl",
            "{\"gold\": \"B\", \"answer\": \"(B)\", \"v\": \"choice\"}",
            "{\"gold\": \"1\", \"answer\": \"1.05\", \"v\": \"numeric\", \"p\": {\"abs\": 0.1, \"rel\": null}}",
            "{\"gold\": \"1\", \"answer\": \"1.05\", \"v\": \"numeric\", \"p\": \"{\\\"abs\\\": \\\"0.01\\\"}\"}",
            "{\"gold\": \"1\", \"answer\": \"1.05\", \"v\": \"numeric:abs=0.1\"}",
            "{\"gold\": \"1\", \"answer\": \"1.0\"}",
            "{\"gold\": \"1\", \"answer\": \"1.0\", \"v\": \"maths\"}",
            "{\"gold\": \"1\", \"answer\": \"1.0\", \"v\": \"numeric\", \"p\": {\"abs\": \"x\"}}",
            "{\"gold\": \"1\", \"answer\": \"1.0\", \"v\": \"numeric\", \"p\": \"no\"}",
            "{\"gold\": \"1\", \"answer\": \"1.0\", \"v\": 5}");
    Path out = folder.resolve("own-out.jsonl");
    String[] columns = {"--verifier-column", "v", "--verifier-params-column", "p"};
    verify(in, out, columns[0], columns[1], columns[2], columns[3], "--verifier", "math").expect(0);
    List<JsonNode> rows = lines(out);
    assertEquals(
        List.of("correct", "correct", "incorrect", "correct", "correct", "error", "error", "error", "error"),
        texts(rows, "verdict"));
    assertEquals("math", rows.get(4).get("verified_by").get("verifier").asText());
    assertEquals("{\"abs\":\"0.1\"}", rows.get(1).get("verified_by").get("params").asText());
    String unknown = rows.get(5).get("detail").asText();
    assertTrue(unknown.contains("Known verifiers: choice, exact, math"), unknown);
    verify(in, out, columns).expect(0);
    assertEquals("error", lines(out).get(4).get("verdict").asText());
  }

  @Test
  void whatMostAnswersMeanIsTheMajority() throws IOException {
    String[][] samples = {
      {"p", "4", "\\\\boxed{0.5}"}, {"q", "1", "\\\\boxed{1}"}, {"p", "4", "\\\\boxed{4}"},
      {"p", "4", "\\\\boxed{1/2}"},
      {"q", "1", "\\\\boxed{2}"}, {"p", "4", "<think>no end"}, {"p", "4", "\\\\boxed{\\\\frac12}"},
    };
    List<String> in = new ArrayList<>();
    for (String[] s : samples) {
      in.add("{\"pid\": \"" + s[0] + "\", \"gold\": \"" + s[1] + "\", \"answer\": \"" + s[2] + "\"}");
    }
    in.add("{\"pid\": null, \"gold\": \"1\", \"answer\": \"1\"}");
    Path data = file("samples.jsonl", in.toArray(String[]::new));
    Path out = folder.resolve("majority.jsonl");
    Invocation run = verify(data, out, "--verifier", "math", "--majority", "--group-column", "pid").expect(0);
    assertEquals(2, run.count("prompts"));
    assertEquals(1, run.count("ties"));
    List<JsonNode> rows = lines(out);
    for (int i : new int[] {0, 2, 3, 5, 6}) {
      JsonNode row = rows.get(i);
      assertEquals("0.5", row.get("majority_answer").asText());
      assertEquals(3, row.get("majority_votes").asInt());
      assertEquals(5, row.get("majority_samples").asInt());
      assertEquals(0.6, row.get("majority_share").asDouble());
      assertEquals(2, row.get("majority_margin").asInt());
      assertFalse(row.get("majority_tie").asBoolean());
      assertEquals(i != 2 && i != 5, row.get("majority_agrees").asBoolean());
      assertEquals("incorrect", row.get("majority_verdict").asText());
    }
    assertEquals("correct", rows.get(2).get("verdict").asText());
    assertTrue(rows.get(1).get("majority_tie").asBoolean());
    assertTrue(rows.get(7).get("majority_answer").isNull());
    assertEquals("correct", rows.get(7).get("verdict").asText());
    // Without golds there are majorities all the same.
    Path unlabelled = folder.resolve("unlabelled.parquet");
    spark.read().json(data.toString()).drop("gold").write().parquet(unlabelled.toString());
    Path labelled = folder.resolve("labels.jsonl");
    verify(unlabelled, labelled, "--verifier", "math", "--majority", "--group-column", "pid").expect(0);
    List<JsonNode> labels = lines(labelled);
    assertEquals(samples.length + 1, labels.size());
    for (JsonNode row : labels) {
      assertTrue(row.get("verdict").isNull() && row.get("majority_verdict").isNull(), row::toString);
      assertEquals("p".equals(row.path("pid").asText()), "0.5".equals(row.get("majority_answer").asText()));
    }
  }

  @Test
  void goldsThatAreProbablyWrongAreListed() throws IOException {
    Path data =
        file(
            "golds.jsonl",
            "{\"pid\": 1, \"gold\": \"5\", \"answer\": \"\\\\boxed{6}\"}",
            "{\"pid\": 1, \"gold\": \"5\", \"answer\": \"\\\\boxed{6.0}\"}",
            "{\"pid\": 2, \"gold\": \"5\", \"answer\": \"\\\\boxed{6}\"}",
            "{\"pid\": 2, \"gold\": \"5\", \"answer\": \"\\\\boxed{7}\"}",
            "{\"pid\": 3, \"gold\": \"5\", \"answer\": \"\\\\boxed{6}\"}",
            "{\"pid\": 4, \"gold\": \"\", \"answer\": \"\\\\boxed{6}\"}",
            "{\"pid\": 5, \"gold\": \"5\", \"answer\": \"\\\\boxed{6}\"}",
            "{\"pid\": 5, \"gold\": \"8\", \"answer\": \"\\\\boxed{8}\"}",
            "{\"pid\": 6, \"gold\": \"0.5\", \"answer\": \"\\\\boxed{1/2}\"}",
            "{\"pid\": 6, \"gold\": \"1/2\", \"answer\": \"\\\\boxed{0.5}\"}");
    Path out = folder.resolve("golds-out.jsonl");
    String[] words = {"--verifier", "math", "--report", "golds", "--group-column", "pid"};
    Invocation run = verify(data, out, words).expect(0);
    assertEquals(6, run.count("golds"), run.out());
    List<JsonNode> rows = lines(out);
    assertEquals(List.of("1", "4", "5"), texts(rows, "pid"));
    assertEquals(List.of("contradicted", "unreadable", "inconsistent"), texts(rows, "gold_suspicion"));
    assertEquals("6", rows.get(0).get("majority_answer").asText());
    assertEquals(2, rows.get(0).get("majority_votes").asInt());
    Invocation shown =
        winnow("verify", "--in", data.toString(), "--verifier", "math", "--report", "golds", "--group-column", "pid")
            .expect(0);
    assertEquals("3 golds", shown.summary("suspicious"));
    assertEquals(1, shown.count("contradicted"));
    assertTrue(shown.out().contains("all 2 answers are 6, the gold is 5"), shown.out());
    // A table of traces has the columns by itself.
    Path traces = folder.resolve("traces");
    spark.read().json(data.toString()).selectExpr("pid AS prompt_id", "gold", "answer AS text").write().format("delta")
        .save(traces.toString());
    Invocation ofTraces =
        winnow("verify", "--traces", traces.toString(), "--verifier", "math", "--report", "golds").expect(0);
    assertEquals("3 golds", ofTraces.summary("suspicious"));
  }

  @Test
  void aDataFrameGetsTheSameColumns() {
    Dataset<Row> rows =
        spark.sql(
            "SELECT * FROM VALUES (1, '1/2', 'so 0.5'), (2, '3', '\\\\boxed{4}'), (3, '3', NULL) AS t(id, gold, text)");
    Dataset<Row> judged = Winnow.verify(rows, Map.of("verifier", "math", "completionColumn", "text"));
    assertEquals("id gold text verdict extracted detail verified_by", String.join(" ", judged.columns()));
    assertEquals(
        "[[1,correct], [2,incorrect], [3,error]]",
        judged.select("id", "verdict").orderBy("id").collectAsList().toString());
    Dataset<Row> scored = Winnow.score(rows.filter("id < 3"), Map.of("reward", "format", "completion-column", "text"));
    assertEquals("[[0.0], [0.0]]", scored.select("format").collectAsList().toString());
    for (Map<String, String> wrong :
        List.of(
            Map.of("verifier", "math"), Map.of("completionColumn", "text"), Map.of("verifier", "math", "in", "x"),
            Map.of("verifier", "maths", "completionColumn", "text"))) {
      assertThrows(UsageException.class, () -> Winnow.verify(rows, wrong), wrong.toString());
    }
  }

  @Test
  void promptsMayComeFromADataFrame() throws Exception {
    Dataset<Row> prompts = spark.read().json(Tables.firstPrompts(folder, 2).toString());
    Path out = folder.resolve("from-frame");
    Map<String, String> options =
        Map.of("model", Invocation.MODEL.toString(), "out", out.toString(), "samples", "2", "maxTokens", "8");
    Dataset<Row> traces = Winnow.generate(prompts, options);
    assertEquals(4, traces.count());
    assertThrows(UsageException.class, () -> Winnow.generate(prompts, Map.of("prompts", "x", "out", "y")));
    assertEquals(0, spark.catalog().listTables().filter("name LIKE 'winnow_prompts%'").count());
  }

  @Test
  void wrongSettingsAreRefusedInOneLine() throws IOException {
    String in = file("two.jsonl", "{\"gold\": 1, \"answer\": \"1\"}").toString();
    Path out = folder.resolve("refused");
    String[][] wrong = {
      {"--in", in, "--verifier", "math"},
      {"--in", in, "--out", out.toString()},
      {"--out", out.toString(), "--verifier", "math"},
      {"--in", in, "--traces", in, "--out", out.toString(), "--verifier", "math"},
      {"--in", in, "--out", out.toString(), "--verifier", "maths"},
      {"--in", in, "--out", out.toString(), "--verifier", "math", "--verifier", "exact"},
      {"--in", in, "--out", out.toString(), "--verifier", "exact", "--config", "winnow"},
      {"--in", in, "--out", out.toString(), "--verifier", "math", "--config", "mine"},
      {"--in", in, "--out", out.toString(), "--verifier", "math", "--gold-column", "nope"},
      {"--in", in, "--out", out.toString(), "--verifier", "math", "--majority"},
      {"--in", in, "--out", out.toString(), "--verifier", "math", "--group-column", "gold"},
      {"--in", in + ".gone", "--out", out.toString(), "--verifier", "math"},
      {"--in", in, "--out", in, "--verifier", "math"},
      {"--traces", in, "--out", out.toString(), "--verifier", "math"},
    };
    for (String[] words : wrong) {
      List<String> all = new ArrayList<>(List.of("verify"));
      all.addAll(List.of(words));
      Invocation run = winnow(all.toArray(String[]::new)).expect(2);
      assertEquals(1, run.err().lines().count(), run.err());
      assertFalse(run.err().contains("--prompts") || run.err().contains("--keep-columns"), run.err());
      assertFalse(Files.exists(out));
    }
  }
}
