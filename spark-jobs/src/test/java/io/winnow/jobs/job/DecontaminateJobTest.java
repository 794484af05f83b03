// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.DecontaminateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.curate.Wording;
import io.winnow.jobs.table.TableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code decontaminate} over data sets: every way of joining gives the same rows. */
class DecontaminateJobTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> JOINS = List.of("index", "broadcast", "shuffle");

  /** A bench of four rows; the third is null. */
  private static final String[] BENCH = {
    "{\"q\": \"Tom has one red apple and two green pears in his bag. How many fruits?\", \"n:m\": \"one two three\"}",
    "{\"q\": \"What is 2 + 2?\", \"n:m\": null}",
    "",
    "{\"q\": null, \"n:m\": \"alpha beta gamma delta epsilon\"}",
    "{\"q\": \"in his bag. how many fruits? asked Ann of her friend in the shop\"}"
  };

  /** Documents: contaminated, clean, null, empty, without the column, with blanks of all kinds. */
  private static final String[] DOCS = {
    "{\"id\": 1.50, \"t\": \"So: TOM  has one\\tred\\u00a0apple and two green pears, he said\", \"a\": \"no\"}",
    "{\"id\": 2, \"t\": \"tom has one red apple and two brown pears\", \"a\": \"alpha beta gamma\"}",
    "{\"id\": 3, \"t\": null, \"a\": null}",
    "{\"id\": 4, \"t\": \"\", \"a\": [\"x\", \"beta  gamma DELTA epsilon\"]}",
    "{\"id\": 5, \"other\": \"\\u00e9\"}",
    "{\"id\": 6, \"t\": \"green pears in his bag. how many fruits? asked ann of her friend\", \"a\": 7}",
    "{\"id\": 7, \"t\": \"what is 2 + 2 ?\", \"a\": [{\"role\": \"user\", \"content\": \"one two three\"}]}"
  };

  private static SparkSession spark;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = StepSession.startInterpreted();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static SettingValues values(String... options) {
    Map<String, List<String>> all = new TreeMap<>();
    for (int i = 0; i < options.length; i += 2) {
      all.computeIfAbsent(options[i], key -> new ArrayList<>()).add(options[i + 1]);
    }
    return SettingValues.resolve(DecontaminateSettings.ALL, all, key -> null);
  }

  private static DecontaminateJob.Result run(String... options) {
    return DecontaminateJob.run(spark, values(options), () -> false, (d, t, f, c, x, n, e) -> {});
  }

  private static String[] with(String[] options, String... more) {
    List<String> all = new ArrayList<>(List.of(options));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  private Path file(String name, String... lines) throws IOException {
    return Files.write(dir.resolve(name), List.of(lines));
  }

  private static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> out = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      out.add(JSON.readTree(line));
    }
    return out;
  }

  @Test
  void rowsSayWhatTheyShareWithWhichRow() throws IOException {
    Path docs = file("docs.jsonl", DOCS);
    String bench = file("bench.jsonl", BENCH).toString();
    for (String join : JOINS) {
      Path out = dir.resolve(join + ".jsonl");
      String[] asked = {
        "in", docs.toString(), "column", "t", "against", "fruits=" + bench + ":q", "join", join, "out", out.toString()
      };
      DecontaminateJob.Result result = run(asked);
      assertEquals(7, result.step().rows(), join);
      assertEquals(2, result.contaminated(), join);
      assertEquals(Map.of("fruits", 2L), result.hits(), join);
      assertFalse(result.examples().isEmpty(), join);
      String no = ",\"contaminated\":false,\"evidence\":[]}";
      List<String> expected = new ArrayList<>();
      for (String line : DOCS) {
        expected.add(line.substring(0, line.length() - 1) + no);
      }
      expected.set(
          0,
          DOCS[0].replace(
              "}",
              ",\"contaminated\":true,\"evidence\":[{\"benchmark\":\"fruits\",\"row\":0,\"span\":\"tom has one"
                  + " red apple and two green\",\"method\":\"8-gram\"}]}"));
      expected.set(
          5,
          DOCS[5].replace(
              "}",
              ",\"contaminated\":true,\"evidence\":[{\"benchmark\":\"fruits\",\"row\":0,\"span\":\"green pears in"
                  + " his bag. how many fruits?\",\"method\":\"8-gram\"},{\"benchmark\":\"fruits\",\"row\":3,\"span\":"
                  + "\"in his bag. how many fruits? asked ann of her friend\",\"method\":\"8-gram\"}]}"));
      assertEquals(expected, Files.readAllLines(out), join);
      assertTrue(run(asked).step().unchanged(), join);
      DecontaminateJob.Result clean = run(with(asked, "cleanup", "true"));
      assertFalse(clean.step().unchanged(), join);
      assertEquals(2, clean.contaminated(), join);
      expected.remove(5);
      expected.remove(0);
      assertEquals(expected, Files.readAllLines(out), join);
    }
  }

  @Test
  void severalColumnsBenchmarksAndStrictWords() throws IOException {
    Path docs = file("docs.jsonl", DOCS);
    String odd = file("a:b=c.jsonl", BENCH).toString();
    String first = null;
    for (String join : List.of("index", "broadcast")) {
      Path out = dir.resolve(join + ".jsonl");
      run(
          "in", docs.toString(), "column", "t", "column", "a", "against", "one=" + odd + ":n:m", "against",
          "two=" + odd + ":q", "mode", "strict", "ngram", "4", "join", join, "prefix", "x_", "out", out.toString());
      List<JsonNode> rows = lines(out);
      assertEquals("[{\"benchmark\":\"two\",\"row\":0,\"span\":\"tom has one red apple and two green pears\","
          + "\"method\":\"4-gram\",\"column\":\"t\"}]", rows.get(0).get("x_evidence").toString(), join);
      assertEquals("[{\"benchmark\":\"one\",\"row\":2,\"span\":\"beta gamma delta epsilon\",\"method\":\"4-gram\","
          + "\"column\":\"a\"}]", rows.get(3).get("x_evidence").toString(), join);
      assertEquals("[{\"benchmark\":\"two\",\"row\":1,\"span\":\"what is 2 2\",\"method\":\"exact\",\"column\":\"t\"},"
          + "{\"benchmark\":\"one\",\"row\":0,\"span\":\"one two three\",\"method\":\"exact\",\"column\":\"a\"}]",
          rows.get(6).get("x_evidence").toString(), join);
      assertFalse(rows.get(2).get("x_contaminated").booleanValue(), join);
      String all = Files.readString(out);
      first = first == null ? all : first;
      assertEquals(first, all, join);
    }
  }

  @Test
  void tablesTracesAndConversationsAreTakenAsTheyAre() throws IOException {
    String bench = file("bench.jsonl", BENCH).toString();
    Dataset<Row> docs =
        spark.sql(
            "select 1 id, 'nothing' prompt, 'TOM has one red apple and two green pears' text,"
                + " array(named_struct('role', 'user', 'content', cast(null as string)), named_struct('role', 'x',"
                + " 'content', 'alpha beta gamma delta')) m, array('a', null) l, 2.50 d"
                + " union all select 2, null, null, null, null, null");
    String table = dir.resolve("docs.parquet").toString();
    docs.coalesce(1).write().parquet(table);
    String benches = dir.resolve("bench.parquet").toString();
    spark.read().json(bench).coalesce(1).write().parquet(benches);
    String[] asked = {"against", "b=" + benches + ":q", "against", "c=" + bench + ":n:m", "ngram", "4"};
    for (String join : List.of("index", "shuffle")) {
      Path out = dir.resolve(join);
      DecontaminateJob.Result result =
          run(with(asked, "traces", table, "join", join, "out", out.toString()));
      assertEquals(1, result.contaminated(), join);
      List<Row> rows = spark.read().format("delta").load(out.toString()).orderBy("id").collectAsList();
      assertEquals(List.of(true, false), rows.stream().map(row -> row.<Boolean>getAs("contaminated")).toList(), join);
      assertEquals(
          "[b,0,tom has one red apple and two green pears,4-gram,text]",
          rows.get(0).getList(7).get(0).toString(), join);
      Path parquet = dir.resolve(join + ".parquet");
      run(with(asked, "in", table, "column", "m", "column", "l", "column", "d", "join", join, "cleanup", "true", "out",
          parquet.toString()));
      assertEquals(1, spark.read().parquet(parquet.toString()).count(), join);
      Dataset<Row> lazy =
          DecontaminateJob.added(
              docs,
              SettingValues.resolve(
                  DecontaminateSettings.OF_ROWS,
                  Map.of(
                      "column", List.of("m"), "against", List.of("c=" + bench + ":n:m"), "ngram", List.of("4"), "join",
                      List.of(join)),
                  key -> null));
      assertEquals(
          "[[c,2,alpha beta gamma delta,4-gram]]",
          lazy.filter("contaminated").select("evidence").head().getList(0).toString(), join);
    }
  }

  @Test
  void brokenLinesStayAndEarlierColumnsGiveWay() throws IOException {
    String bench = file("bench.jsonl", BENCH).toString();
    Path docs =
        file(
            "docs.jsonl",
            "{\"contaminated\": \"yes\", \"t\": \"alpha beta gamma\", \"evidence\": [1.0], \"z\": 1.0}",
            "{broken",
            "{\"t\": \"nothing\"}");
    for (String join : List.of("index", "broadcast")) {
      Path out = dir.resolve(join + ".jsonl");
      DecontaminateJob.Result result =
          run("in", docs.toString(), "column", "t", "against", "b=" + bench + ":n:m", "ngram", "3", "join", join,
              "cleanup", "false", "out", out.toString());
      assertEquals(1, result.step().failedRows(), join);
      assertEquals(
          List.of(
              "{\"t\": \"alpha beta gamma\", \"z\": 1.0,\"contaminated\":true,\"evidence\":[{\"benchmark\":\"b\","
                  + "\"row\":2,\"span\":\"alpha beta gamma\",\"method\":\"3-gram\"}]}",
              "{\"contaminated\":null,\"evidence\":null}",
              "{\"t\": \"nothing\",\"contaminated\":false,\"evidence\":[]}"),
          Files.readAllLines(out), join);
    }
    Path mine = file("mine.jsonl", "{\"t\": \"x\", \"evidence\": \"mine\"}");
    String clash =
        assertThrows(
                UsageException.class,
                () -> run("in", mine.toString(), "column", "t", "against", "b=" + bench + ":q", "out", "o.jsonl"))
            .getMessage();
    assertTrue(clash.contains("evidence") && clash.contains("--prefix"), clash);
    assertThrows(
        TableException.class,
        () -> run("in", docs.toString(), "column", "t", "against", "b=" + bench + ":q", "out", mine.toString()));
  }

  @Test
  void anotherBenchmarkOrOneThatChangedIsAnotherRun() throws IOException {
    Path docs = file("docs.jsonl", "{\"t\": \"alpha beta gamma\"}");
    Path bench = file("bench.jsonl", "{\"q\": \"alpha beta\"}");
    Path out = dir.resolve("out.jsonl");
    String[] asked = {
      "in", docs.toString(), "column", "t", "against", "b=" + bench + ":q", "ngram", "3", "out", out.toString()
    };
    assertEquals(0, run(asked).contaminated());
    assertTrue(run(asked).step().unchanged());
    assertTrue(run(with(asked, "join", "broadcast")).step().unchanged());
    file("bench.jsonl", "{\"q\": \"alpha beta gamma\"}");
    assertEquals(1, run(asked).contaminated());
  }

  /** Spark reads the largest of several files first. */
  @Test
  void rowsOfSeveralFilesAreCountedInTheOrderOfTheirNames() throws IOException {
    Path bench = Files.createDirectories(dir.resolve("bench"));
    for (String name : List.of("a", "b")) {
      Path made = dir.resolve(name);
      int rows = name.equals("a") ? 1 : 500;
      spark.range(rows).selectExpr("concat_ws(' ', '" + name + "', id, sha2(cast(id as string), 512)) AS q").coalesce(1)
          .write().parquet(made.toString());
      try (Stream<Path> files = Files.list(made)) {
        Files.move(files.filter(f -> f.toString().endsWith(".parquet")).findFirst().orElseThrow(),
            bench.resolve(name + ".parquet"));
      }
    }
    Path docs = file("docs.jsonl", "{\"t\": \"a 0\"}", "{\"t\": \"b 0\"}");
    Path out = dir.resolve("out.jsonl");
    run("in", docs.toString(), "column", "t", "against", "x=" + bench + ":q", "ngram", "2", "out", out.toString());
    assertEquals(0, lines(out).get(0).get("evidence").get(0).get("row").asInt());
    assertEquals(1, lines(out).get(1).get("evidence").get(0).get("row").asInt());
  }

  @Test
  void refusesWhatItCannotUseBeforeAnyWork() throws IOException {
    Path docs = file("docs.jsonl", "{\"t\": \"alpha beta gamma\"}");
    String[] asked = {"in", docs.toString(), "column", "t", "out", dir.resolve("o.jsonl").toString()};
    String which = "Cannot use the benchmark 'b': ";
    Map<String, String> wrong =
        Map.of(
            "b=" + docs + ":q", which + "Cannot use --against 'q': " + docs + " has no such column",
            "b=" + dir + "/none.jsonl:q", which + "Cannot read --against '" + dir + "/none.jsonl'");
    wrong.forEach(
        (against, message) -> {
          String told =
              assertThrows(UsageException.class, () -> run(with(asked, "against", against))).getMessage();
          assertTrue(told.startsWith(message), told);
        });
    assertThrows(UsageException.class, () -> run(asked));
    assertThrows(UsageException.class, () -> run(with(asked, "against", "b=" + docs + ":t", "traces", "x")));
    assertThrows(UsageException.class, () -> values("ngram", "0"));
    assertFalse(Files.exists(dir.resolve("o.jsonl")));
  }

  /** Every character that Java 17 knows, between others, and capital sigmas at random places. */
  @Test
  void expressionsReadWordsAsJavaDoes() {
    long seed = Long.getLong("winnow.seed", new Random().nextLong());
    Random random = new Random(seed);
    List<String> texts = new ArrayList<>();
    StringBuilder chunk = new StringBuilder();
    for (int c = 1; c <= Character.MAX_CODE_POINT; c++) {
      int type = Character.getType(c);
      if (type != Character.UNASSIGNED && type != Character.SURROGATE && type != Character.PRIVATE_USE) {
        chunk.appendCodePoint(c).append(random.nextInt(3) == 0 ? " " : "");
        chunk.append(random.nextInt(5) == 0 ? "\u03a3" : "").append(random.nextInt(9) == 0 ? "10, 2" : "");
        if (random.nextInt(50) == 0) {
          texts.add(chunk.toString());
          chunk.setLength(0);
        }
      }
    }
    Dataset<Row> rows = spark.createDataset(texts, Encoders.STRING()).toDF("text");
    for (Wording wording : Wording.values()) {
      Column words = OverlapExpressions.words(wording, col("text"));
      List<Row> read =
          rows.select(col("text"), words.as("words"), OverlapExpressions.masked(wording, words).as("masked"))
              .collectAsList();
      for (Row row : read) {
        String expected = wording.words(row.getString(0));
        assertEquals(expected, row.getString(1), wording + " REPRO -Dwinnow.seed=" + seed);
        assertEquals(wording.masked(expected), row.getString(2), wording + " REPRO -Dwinnow.seed=" + seed);
      }
    }
  }

  @Test
  void largeBenchmarksAreShuffledByThemselves() throws IOException {
    Path docs = file("docs.jsonl", DOCS);
    Path bench = file("bench.jsonl", BENCH);
    Path out = dir.resolve("out.jsonl");
    DecontaminateJob.Result result =
        run(
            "in", docs.toString(), "column", "t", "against", "b=" + bench + ":q", "index-max", "3", "out",
            out.toString());
    assertEquals(2, result.contaminated());
    // What an index finds tells where it stands; what a join finds tells nothing of lines.
    assertFalse(result.examples().get(0).contains("docs.jsonl"), result.examples().toString());
  }

  @Test
  void agreesWithTheOracle() throws IOException {
    String oracle = System.getProperty("winnow.oracle", "");
    String data = System.getProperty("winnow.data", "");
    assumeTrue(!oracle.isEmpty() && !data.isEmpty(), "no -Dwinnow.oracle=DIR and -Dwinnow.data=DIR");
    Path cases = Path.of(oracle, "decontamination", "dev.jsonl");
    Path out = dir.resolve("out.jsonl");
    run("in", cases.toString(), "column", "text", "against", "gsm8k=" + data + "/gsm8k/test.jsonl:question", "out",
        out.toString());
    List<JsonNode> expected = lines(cases);
    List<JsonNode> rows = lines(out);
    assertEquals(expected.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) {
      JsonNode wanted = expected.get(i);
      assertEquals(wanted.get("id"), rows.get(i).get("id"));
      assertEquals(wanted.get("contaminated"), rows.get(i).get("contaminated"), wanted.toString());
      List<Integer> matched = new ArrayList<>();
      rows.get(i).get("evidence").forEach(each -> matched.add(each.get("row").intValue()));
      List<Integer> matches = new ArrayList<>();
      wanted.get("matches").forEach(each -> matches.add(each.intValue()));
      assertEquals(matches, matched, wanted.toString());
    }
  }

  /** A known fact of that data set. */
  @Test
  void seventyOfItsTrainingQuestionsShareEightWordsWithItsTest() {
    String data = System.getProperty("winnow.data", "");
    assumeTrue(!data.isEmpty(), "no -Dwinnow.data=DIR");
    DecontaminateJob.Result result =
        run("in", data + "/gsm8k/train.jsonl", "column", "question", "against",
            "gsm8k=" + data + "/gsm8k/test.jsonl:question", "out", dir.resolve("train.jsonl").toString());
    assertEquals(7473, result.step().rows());
    assertEquals(70, result.contaminated());
  }

  @Test
  void theOutputTakesNoBenchmarkAway() throws IOException {
    String docs = file("docs.jsonl", DOCS).toString();
    Path held = Files.createDirectory(dir.resolve("held"));
    Path bench = Files.write(held.resolve("bench.jsonl"), List.of(BENCH));
    for (Path out : List.of(bench, held)) {
      UsageException refused =
          assertThrows(
              UsageException.class,
              () -> run("in", docs, "column", "t", "against", "b=" + bench + ":q", "out", out.toString()));
      assertTrue(refused.getMessage().contains("--against 'b'"), refused.getMessage());
    }
    assertEquals(List.of(BENCH), Files.readAllLines(bench));
  }
}
