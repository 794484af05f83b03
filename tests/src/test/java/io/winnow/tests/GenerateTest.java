// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.generate;
import static io.winnow.tests.Invocation.winnow;
import static org.apache.spark.sql.functions.col;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.Winnow;
import io.winnow.jobs.cli.RunSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate} from its command line to its table, on one small model. */
class GenerateTest {
  private static final int PROMPTS = 6;
  /** One prompt at a time on one thread: what all other ways to run have to equal. */
  private static final String[] PLAINEST =
      {"--id-column", "id", "--keep-columns", "*", "--verify", "math", "--seed", "7", "--max-tokens", "48",
        "--partitions", "1", "--max-sequences", "1", "--threads", "1"};
  private static final String[] BUSIEST =
      {"--id-column", "id", "--keep-columns", "*", "--verify", "math", "--seed", "7", "--max-tokens", "48",
        "--partitions", "3", "--max-sequences", "16", "--threads", "2"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  /** Two samples of each prompt; not to be written to. */
  private static Path twoSamples;
  private static Invocation firstRun;

  @BeforeAll
  static void run() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, PROMPTS);
    twoSamples = folder.resolve("two");
    firstRun =
        generate(
                prompts, twoSamples,
                with(PLAINEST, "--samples", "2", "--conf", "spark.hadoop.fs.example.secret.key=do-not-write"))
            .expect(0);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  private static List<Row> rows(Path table) {
    return Tables.read(spark, table).collectAsList();
  }

  private static <T> List<T> column(List<Row> rows, String name) {
    List<T> values = new ArrayList<>();
    rows.forEach(row -> values.add(row.getAs(name)));
    return values;
  }

  private static Row verdict(Row row) {
    return row.<String, Row>getJavaMap(row.fieldIndex("verdicts")).get("math");
  }

  @Test
  void everyPromptHasItsTracesInATableThatPlainDeltaReads() throws IOException {
    List<String> columns = new ArrayList<>(Tables.documentedColumns());
    columns.add("difficulty");
    assertEquals(columns, List.of(Tables.read(spark, twoSamples).columns()));
    List<Row> rows = rows(twoSamples);
    assertEquals(
        IntStream.rangeClosed(1, PROMPTS).boxed().flatMap(i -> List.of("p00" + i + "/0", "p00" + i + "/1").stream())
            .toList(),
        rows.stream().map(row -> row.getAs("prompt_id") + "/" + row.getAs("sample_index")).toList());
    assertEquals(2 * PROMPTS, rows.stream().map(row -> row.getAs("prompt_id") + "/" + row.getAs("trace_id")).distinct()
        .count());
    for (Row row : rows) {
      assertTrue(List.of("stop", "length").contains(row.<String>getAs("finish_reason")), row::json);
      assertEquals(
          row.<Integer>getAs("completion_tokens"), row.getList(row.fieldIndex("token_ids")).size(), row::json);
      assertTrue(row.<Integer>getAs("completion_tokens") <= 48, row::json);
      assertFalse(row.<String>getAs("gold").isEmpty(), row::json);
      assertTrue(List.of("correct", "incorrect", "undecided").contains(verdict(row).<String>getAs("value")), row::json);
      assertNull(row.getAs("error"), row::json);
      assertNull(row.getAs("logprobs"), row::json);
    }
    long texts = rows.stream().map(row -> row.<String>getAs("text")).distinct().count();
    assertTrue(texts > PROMPTS, "the samples of a prompt have random numbers of their own: " + texts + " texts");
    assertEquals("6", firstRun.summary("prompts"));
    assertEquals("12", firstRun.summary("traces"));
    assertEquals("0", firstRun.summary("failed"));
    assertEquals(
        rows.stream().mapToLong(row -> row.<Integer>getAs("completion_tokens")).sum(), firstRun.count("tokens"));
    assertEquals(twoSamples.toString(), firstRun.summary("table"));
  }

  @Test
  void theRunsTableTellsOfStartAndEnd() {
    List<Row> runs = Tables.runs(spark, twoSamples);
    assertEquals(List.of("start", "end"), column(runs, "event"));
    assertEquals(1, column(runs, "run_id").stream().distinct().count());
    assertEquals(column(rows(twoSamples), "run_id").get(0), runs.get(0).<String>getAs("run_id"));
    Row end = runs.get(1);
    assertEquals("done", end.getAs("exit_state"));
    assertEquals(12L, end.<Long>getAs("traces_planned"));
    assertEquals(0L, end.<Long>getAs("traces_existing"));
    assertEquals(12L, end.<Long>getAs("traces_written"));
    assertEquals(0L, end.<Long>getAs("traces_failed"));
    assertEquals("2", end.getJavaMap(end.fieldIndex("settings")).get("samples"));
    assertEquals(firstRun.count("tokens"), end.<Long>getAs("completion_tokens"));
    runs.forEach(run -> assertFalse(run.json().contains("do-not-write"), "the session's configuration may be secret"));
  }

  @Test
  void moreSamplesKeepTheFirstOnesAndAnotherRunDoesNothing() throws IOException {
    Path table = folder.resolve("four");
    Tables.copy(twoSamples, table);
    List<String> before = Tables.whole(Tables.read(spark, table));
    Invocation more = generate(prompts, table, with(PLAINEST, "--samples", "4")).expect(0);
    assertEquals("12 (and 12 from earlier runs)", more.summary("traces"));
    assertEquals(before, Tables.whole(Tables.read(spark, table).filter("sample_index < 2")));
    List<Row> added = Tables.read(spark, table).filter("sample_index >= 2").collectAsList();
    assertEquals(
        added.stream().mapToLong(row -> row.<Integer>getAs("completion_tokens")).sum(), more.count("tokens"),
        "only what is missing is decoded");

    List<String> files = Tables.files(table).stream().filter(file -> !file.startsWith("_winnow")).toList();
    Invocation again = generate(prompts, table, with(PLAINEST, "--samples", "4")).expect(0);
    assertEquals("all traces were there already", again.summary("nothing to do"));
    assertEquals("0 (and 24 from earlier runs)", again.summary("traces"));
    assertEquals("0", again.summary("tokens"));
    assertEquals(files, Tables.files(table).stream().filter(file -> !file.startsWith("_winnow")).toList());
    List<Row> runs = Tables.runs(spark, table);
    assertEquals(6, runs.size());
    assertEquals("nothing_to_do", runs.get(5).getAs("exit_state"));

    Path fresh = folder.resolve("four-at-once");
    generate(prompts, fresh, with(BUSIEST, "--samples", "4")).expect(0);
    assertEquals(Tables.comparable(spark, fresh), Tables.comparable(spark, table));
  }

  @Test
  void partitionsBatchesAndThreadsChangeNoByte() throws IOException {
    List<String> expected = Tables.comparable(spark, twoSamples);
    String[][] ways = {
      {"--partitions", "3", "--max-sequences", "1", "--threads", "1"},
      {"--partitions", "1", "--max-sequences", "16", "--threads", "1"},
      {"--partitions", "1", "--max-sequences", "1", "--threads", "2"},
      {"--partitions", "2", "--max-sequences", "5", "--threads", "2", "--kv-cache-tokens", "512"},
    };
    for (String[] way : ways) {
      Path table = Files.createTempDirectory(folder, "way");
      String[] words = with(PLAINEST, "--samples", "2");
      for (int i = 0; i < way.length; i += 2) {
        int at = List.of(words).indexOf(way[i]);
        if (at < 0) {
          words = with(words, way[i], way[i + 1]);
        } else {
          words[at + 1] = way[i + 1];
        }
      }
      generate(prompts, table, words).expect(0);
      assertEquals(expected, Tables.comparable(spark, table), String.join(" ", way));
    }
  }

  @Test
  void anotherSeedGivesOtherTracesBesideTheFirst() throws IOException {
    Path table = folder.resolve("seeds");
    generate(prompts, table, "--limit", "2", "--samples", "1", "--max-tokens", "24", "--seed", "1").expect(0);
    Invocation other =
        generate(prompts, table, "--limit", "2", "--samples", "1", "--max-tokens", "24", "--seed", "2").expect(0);
    assertEquals("2", other.summary("traces"));
    List<Row> rows = rows(table);
    assertEquals(4, column(rows, "trace_id").stream().distinct().count());
    assertEquals(2, column(rows, "prompt_id").stream().distinct().count());
  }

  @Test
  void limitTakesTheFirstLines() {
    Path table = folder.resolve("limit");
    generate(prompts, table, "--id-column", "id", "--limit", "2", "--samples", "1", "--max-tokens", "2").expect(0);
    assertEquals(List.of("p001", "p002"), column(rows(table), "prompt_id"));
    assertEquals(List.of(2, 2), column(rows(table), "completion_tokens"));
    assertEquals(List.of("length", "length"), column(rows(table), "finish_reason"));
  }

  @Test
  void dryRunShowsPromptAndTokensAndWritesNothing() {
    Path table = folder.resolve("dry");
    Invocation dry = generate(prompts, table, "--id-column", "id", "--samples", "4", "--dry-run").expect(0);
    assertTrue(dry.out().contains("<|im_start|>user\nA book has 39 pages."), dry.out());
    assertTrue(dry.out().contains("24 = 6 prompts x 4 samples"), dry.out());
    int tokens = rows(twoSamples).get(0).getAs("prompt_tokens");
    assertTrue(dry.out().contains("--- " + tokens + " tokens ---"), dry.out());
    assertTrue(dry.out().endsWith("Nothing was written.\n"), dry.out());
    assertEquals("", dry.err());
    assertFalse(Files.exists(table));
  }

  @Test
  void promptsOfTheSameTextAreDecodedOnceAndJudgedEach() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("twins.jsonl"),
            "{\"id\": \"a\", \"question\": \"What is 2 + 3?\", \"answer\": \"5\"}",
            "{\"id\": \"b\", \"question\": \"What is 2 + 3?\", \"answer\": \"500 apples\"}",
            "{\"id\": \"c\", \"question\": \"What is 4 + 3?\", \"answer\": \"7\"}");
    Path table = folder.resolve("twins");
    String[] words = {"--id-column", "id", "--verify", "math", "--samples", "3", "--max-tokens", "40"};
    Invocation both = generate(file, table, words).expect(0);
    assertEquals("9", both.summary("traces"));
    assertTwins(table, "a", "b");
    assertEquals(
        tokens(Tables.read(spark, table).filter("prompt_id in ('a', 'c')").collectAsList()), both.count("tokens"));

    Tables.lines(file, "{\"id\": \"d\", \"question\": \"What is 2 + 3?\", \"answer\": \"-5\"}");
    Invocation later = generate(file, table, words).expect(0);
    assertEquals("3", later.summary("traces"));
    assertEquals("0", later.summary("tokens"));
    assertTwins(table, "a", "d");
  }

  private static void assertTwins(Path table, String one, String other) {
    List<Row> first = Tables.read(spark, table).filter(col("prompt_id").equalTo(one)).collectAsList();
    List<Row> second = Tables.read(spark, table).filter(col("prompt_id").equalTo(other)).collectAsList();
    assertEquals(3, first.size());
    for (String same : List.of("trace_id", "text", "token_ids", "finish_reason", "completion_tokens", "answer")) {
      assertEquals(column(first, same), column(second, same), same);
    }
    assertNotEquals(column(first, "gold"), column(second, "gold"));
    assertTrue(second.stream().allMatch(row -> verdict(row) != null));
  }

  private static long tokens(List<Row> rows) {
    return rows.stream().mapToLong(row -> row.<Integer>getAs("completion_tokens")).sum();
  }

  /** What a row shares with another prompt's must be what its own run would have made. */
  @Test
  void aTwinThatLacksWhatIsAskedForIsNotCopied() throws IOException {
    Path one = Tables.lines(folder.resolve("one.jsonl"), "{\"id\": \"a\", \"question\": \"What is 6 + 3?\"}");
    Path other = Tables.lines(folder.resolve("other.jsonl"), "{\"id\": \"b\", \"question\": \"What is 6 + 3?\"}");
    Path table = folder.resolve("poor-twin");
    String[] words = {"--id-column", "id", "--samples", "2", "--temperature", "1.5"};
    generate(one, table, with(words, "--token-ids", "false", "--max-tokens", "3")).expect(0);
    generate(other, table, with(words, "--logprobs", "--max-tokens", "24")).expect(0);
    Path alone = folder.resolve("without-twin");
    generate(other, alone, with(words, "--logprobs", "--max-tokens", "24")).expect(0);
    List<String> made = Tables.comparable(spark, table);
    assertEquals(4, made.size());
    assertEquals(Tables.comparable(spark, alone), made.subList(2, 4));
  }

  /** A twin that has nothing yet goes on from what the other one has, its log-probabilities too. */
  @Test
  void aTwinHasTheLogprobsOfWhatItGoesOnFrom() throws IOException {
    Path one = Tables.lines(folder.resolve("first.jsonl"), "{\"id\": \"a\", \"question\": \"What is 7 + 3?\"}");
    Path both =
        Tables.lines(
            folder.resolve("both.jsonl"), "{\"id\": \"a\", \"question\": \"What is 7 + 3?\"}",
            "{\"id\": \"b\", \"question\": \"What is 7 + 3?\"}");
    Path table = folder.resolve("longer-twin");
    String[] words = {"--id-column", "id", "--samples", "2", "--temperature", "1.5", "--logprobs"};
    generate(one, table, with(words, "--max-tokens", "3")).expect(0);
    generate(both, table, with(words, "--max-tokens", "24")).expect(0);
    Path atOnce = folder.resolve("twins-at-once");
    generate(both, atOnce, with(words, "--max-tokens", "24")).expect(0);
    assertEquals(Tables.comparable(spark, atOnce), Tables.comparable(spark, table));
  }

  @Test
  void conversationsAndLogprobsAreKept() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("chats.jsonl"),
            "{\"turns\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"Yes?\"},"
                + " {\"role\": \"user\", \"content\": \"What is 1 + 1?\"}]}",
            "{\"turns\": \"no conversation\"}");
    Path table = folder.resolve("chats");
    Invocation run =
        generate(file, table, "--messages-column", "turns", "--logprobs", "--samples", "2", "--max-tokens", "16")
            .expect(0);
    assertEquals("2 (messages_invalid 2)", run.summary("failed"));
    List<Row> rows = Tables.read(spark, table).filter("error is null").collectAsList();
    assertEquals(2, rows.size());
    for (Row row : rows) {
      assertNull(row.getAs("prompt"));
      List<Row> turns = row.getList(row.fieldIndex("messages"));
      assertEquals(List.of("Hi", "Yes?", "What is 1 + 1?"), column(turns, "content"));
      assertEquals(List.of("user", "assistant", "user"), column(turns, "role"));
      List<Float> logprobs = row.getList(row.fieldIndex("logprobs"));
      assertEquals(row.<Integer>getAs("completion_tokens"), logprobs.size());
      assertTrue(logprobs.stream().allMatch(p -> p <= 0 && Float.isFinite(p)), logprobs::toString);
    }
  }

  @Test
  void keptColumnsHaveTheirTypesAndTokenIdsCanBeLeftOut() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("kept.jsonl"),
            "{\"question\": \"What is 1 + 4?\", \"level\": 3, \"share\": 0.5, \"tags\": [\"x\", \"y\"],"
                + " \"from\": {\"book\": \"b\", \"page\": 12}, \"hard\": true, \"unused\": 1}");
    Path table = folder.resolve("kept");
    generate(
            file, table, "--keep-columns", "level,share,tags,from,hard", "--token-ids", "false", "--samples", "1",
            "--max-tokens", "8")
        .expect(0);
    Row row = rows(table).get(0);
    assertEquals(List.of("level", "share", "tags", "from", "hard"),
        List.of(row.schema().fieldNames()).subList(row.size() - 5, row.size()));
    assertEquals(DataTypes.LongType, row.schema().apply("level").dataType());
    assertEquals(DataTypes.DoubleType, row.schema().apply("share").dataType());
    assertEquals(DataTypes.BooleanType, row.schema().apply("hard").dataType());
    assertEquals(3L, row.<Long>getAs("level"));
    assertEquals(0.5, row.<Double>getAs("share"));
    assertEquals(List.of("x", "y"), row.getList(row.fieldIndex("tags")));
    assertEquals(12L, row.getStruct(row.fieldIndex("from")).<Long>getAs("page"));
    assertNull(row.getAs("token_ids"));
    assertFalse(row.<String>getAs("text").isEmpty());
  }

  @Test
  void theFormatOfThePromptsChangesNothing() throws IOException {
    List<String> expected = Tables.comparable(spark, twoSamples);
    Path delta = folder.resolve("prompts-delta");
    spark.read().json(prompts.toString()).write().format("delta").save(delta.toString());
    List<String> csv = new ArrayList<>(List.of("id,question,answer,difficulty"));
    for (Row row : spark.read().json(prompts.toString()).orderBy("id").collectAsList()) {
      csv.add(
          row.<String>getAs("id") + ",\"" + row.<String>getAs("question") + "\"," + row.<String>getAs("answer") + ","
              + row.<String>getAs("difficulty"));
    }
    Path file = Tables.lines(folder.resolve("prompts.csv"), csv.toArray(String[]::new));
    for (Path source : List.of(delta, file)) {
      Path table = Files.createTempDirectory(folder, "format");
      generate(source, table, with(BUSIEST, "--samples", "2")).expect(0);
      assertEquals(expected, Tables.comparable(spark, table), source.toString());
    }
  }

  @Test
  void templateSystemPromptAndGoldRegexMakeThePrompt() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("template.jsonl"),
            "{\"stem\": \"What is 3 x 3?\", \"options\": [\"6\", \"9\"],"
                + " \"answer\": \"three threes\\n#### 9\"}");
    Invocation dry =
        generate(
                file, folder.resolve("template"), "--prompt-template",
                "{{ stem }} Choose:{% for o in options %} ({{ o }}){% endfor %}", "--system-prompt", "Be brief.",
                "--gold-regex", "#### (.*)", "--dry-run")
            .expect(0);
    assertTrue(
        dry.out()
            .contains(
                "<|im_start|>system\nBe brief.<|im_end|>\n"
                    + "<|im_start|>user\nWhat is 3 x 3? Choose: (6) (9)<|im_end|>"),
        dry.out());
    assertTrue(dry.out().contains("gold 9\n"), dry.out());
  }

  @Test
  void theSameWordsWorkFromJava() throws Exception {
    Path table = folder.resolve("java");
    Map<String, String> options =
        Map.of(
            "prompts", prompts.toString(), "model", Invocation.MODEL.toString(), "out", table.toString(),
            "samples", "2", "maxTokens", "4", "limit", "3");
    RunSummary summary = Winnow.generate(spark, options).orElseThrow();
    assertEquals(3, summary.prompts());
    assertEquals(6, summary.traces());
    assertEquals(6, rows(table).size());
    assertEquals(6, Winnow.generate(spark, options).orElseThrow().alreadyThere());
    assertEquals(0, winnow("--version").expect(0).err().length());
  }
}
