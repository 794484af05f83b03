// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.apache.spark.sql.functions.col;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.verify.AnswerEquality;
import io.winnow.jobs.verify.Majority;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --stop-when}: rows are those of a fixed number of samples up to where each prompt is settled, and no other. */
class AdaptiveSamplingTest {
  private static final int PROMPTS = 16;
  private static final int MOST = 8;
  private static final int[] ENDS = {2, 4, MOST};
  private static final String[] WORK = {"--id-column", "id", "--verify", "math", "--max-tokens", "64"};
  private static final String[] ADAPTIVE = {"--samples", "2", "--samples-max", String.valueOf(MOST)};
  private static final String[] BUSIEST = {"--partitions", "1", "--max-sequences", "64"};
  private static final String[] PLAINEST = {"--partitions", "3", "--max-sequences", "1", "--threads", "1"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  /** All samples of each prompt, by its id: rows and their texts. */
  private static final Map<String, List<Row>> ROWS = new LinkedHashMap<>();
  private static final Map<String, List<String>> TEXTS = new LinkedHashMap<>();

  @BeforeAll
  static void makeAFixedNumber() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, PROMPTS);
    Path table = folder.resolve("fixed");
    Invocation.generate(prompts, table, words(WORK, "--samples", String.valueOf(MOST))).expect(0);
    List<Row> rows = Tables.read(spark, table).collectAsList();
    List<String> texts = Tables.comparable(spark, table);
    for (int i = 0; i < rows.size(); i++) {
      String prompt = rows.get(i).getAs("prompt_id");
      ROWS.computeIfAbsent(prompt, id -> new ArrayList<>()).add(rows.get(i));
      TEXTS.computeIfAbsent(prompt, id -> new ArrayList<>()).add(texts.get(i));
    }
    assertEquals(PROMPTS, ROWS.size());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String[] words(String[] words, String... more) {
    return Stream.of(words, more).flatMap(Stream::of).toArray(String[]::new);
  }

  private static boolean correct(Row row) {
    return Boolean.TRUE.equals(row.getAs("correct"));
  }

  private static boolean twoAreCorrect(List<Row> rows) {
    return rows.stream().filter(AdaptiveSamplingTest::correct).count() >= 2;
  }

  private static boolean threeOfFourAgree(List<Row> rows) {
    AnswerEquality equality = AnswerEquality.byMathematics();
    List<String> answers = new ArrayList<>();
    rows.forEach(row -> answers.add(equality.extract(row.getAs("text"))));
    return Majority.of(answers, equality).share() >= 0.75;
  }

  /** The rows of the fixed number up to the first block after which a prompt has enough. */
  private static List<String> expected(Predicate<List<Row>> enough) {
    List<String> out = new ArrayList<>();
    ROWS.forEach(
        (prompt, rows) -> {
          int end = 0;
          for (int block = 0; block < ENDS.length; block++) {
            end = ENDS[block];
            if (enough.test(rows.subList(0, end))) {
              break;
            }
          }
          out.addAll(TEXTS.get(prompt).subList(0, end));
        });
    return out;
  }

  @Test
  void rowsAreThoseOfAFixedNumberUpToTheDecisionHoweverItIsRun() throws IOException {
    List<String> expected = expected(AdaptiveSamplingTest::twoAreCorrect);
    assertTrue(expected.size() > 2 * PROMPTS && expected.size() < MOST * PROMPTS, expected.size() + " rows");
    for (String[] way : List.of(BUSIEST, PLAINEST)) {
      Path table = folder.resolve("correct-" + way[1]);
      Invocation run =
          Invocation.generate(prompts, table, words(words(WORK, ADAPTIVE), words(way, "--stop-when", "correct:2")))
              .expect(0);
      assertEquals(expected, Tables.comparable(spark, table), String.join(" ", way));
      int spared = MOST * PROMPTS - expected.size();
      assertEquals(spared, run.count("spared"), run.out());
      assertEquals(
          MOST * PROMPTS + " wanted = 0 before + " + expected.size() + " now + 0 to do + " + spared + " spared",
          run.summary("accounted"));
      Row end = Tables.runs(spark, table).get(1);
      assertEquals("correct:2 spared " + spared + " of " + MOST * PROMPTS + " traces", end.getAs("detail"));
    }
    Path again = folder.resolve("correct-1");
    Invocation run =
        Invocation.generate(prompts, again, words(words(WORK, ADAPTIVE), "--stop-when", "correct:2")).expect(0);
    assertEquals("all traces were there already", run.summary("nothing to do"));
    // Another rule on the same table gets what it lacks, and a fixed number the rest.
    Invocation.generate(prompts, again, words(words(WORK, ADAPTIVE), "--stop-when", "majority:0.75")).expect(0);
    List<String> both = new ArrayList<>(expected(AdaptiveSamplingTest::threeOfFourAgree));
    expected.stream().filter(row -> !both.contains(row)).forEach(both::add);
    List<String> found = Tables.comparable(spark, again);
    assertEquals(both.stream().sorted().toList(), found.stream().sorted().toList());
    Invocation rest = Invocation.generate(prompts, again, words(WORK, "--samples", String.valueOf(MOST))).expect(0);
    assertEquals(MOST * PROMPTS - both.size(), rest.count("traces"));
    assertEquals(TEXTS.values().stream().flatMap(List::stream).toList(), Tables.comparable(spark, again));
  }

  /** Rows with the same tokens are one request, and each is decided by its own gold. */
  @Test
  void promptsOfTheSameTextAreDecidedEachAndDecodedOnce() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("twins.jsonl"),
            "{\"id\": \"a\", \"question\": \"What is 2 + 3?\", \"answer\": \"5\"}",
            "{\"id\": \"b\", \"question\": \"What is 2 + 3?\", \"answer\": \"500\"}");
    Path table = folder.resolve("twins");
    String[] rule = words(words(WORK, ADAPTIVE), "--stop-when", "correct:1");
    Invocation run = Invocation.generate(file, table, rule).expect(0);
    List<Row> wrong = Tables.read(spark, table).filter(col("prompt_id").equalTo("b")).collectAsList();
    assertEquals(MOST, wrong.size());
    long right = Tables.read(spark, table).filter(col("prompt_id").equalTo("a")).count();
    assertTrue(right < MOST, right + " rows");
    assertEquals(wrong.stream().mapToLong(row -> row.<Integer>getAs("completion_tokens")).sum(), run.count("tokens"));
    // A third one has all that it needs from the others, block by block.
    Tables.lines(file, "{\"id\": \"c\", \"question\": \"What is 2 + 3?\", \"answer\": \"501\"}");
    Invocation later = Invocation.generate(file, table, rule).expect(0);
    assertEquals("0", later.summary("tokens"));
    assertEquals(MOST, later.count("traces"));
  }

  @Test
  void aKilledRunGoesOnToTheSameRows() throws Exception {
    Path undisturbed = folder.resolve("undisturbed");
    run(undisturbed, "scripted:tokens=24", "--partitions", "1");
    List<String> expected = Tables.comparable(spark, undisturbed);
    assertTrue(expected.size() > 2 * PROMPTS && expected.size() < MOST * PROMPTS, expected.size() + " rows");
    Path table = folder.resolve("killed");
    Path log = folder.resolve("killed.log");
    List<String> slowly = scripted(table, "scripted:tokens=24,step-ms=2", "--max-sequences", "2");
    slowly.addAll(List.of("--commit-interval", "500ms"));
    Process process = ChildJvm.winnow(log, slowly);
    ChildJvm.awaitWhile(process, log, "a commit behind its first", () -> Tables.commits(table).size() > 2);
    process.destroyForcibly().waitFor();
    long kept = Tables.committedRows(table);
    assertTrue(kept > 0 && kept < expected.size(), kept + " rows were there when the process was killed");
    // The model is named otherwise, and is the same: its name is in the rows.
    run(table, "scripted:tokens=24,step-ms=2", "--partitions", "3");
    assertEquals(
        expected.stream().map(row -> row.replace("tokens=24\"", "tokens=24,step-ms=2\"")).toList(),
        Tables.comparable(spark, table));
  }

  private static void run(Path table, String model, String... more) {
    Invocation.winnow(scripted(table, model, more).toArray(String[]::new)).expect(0);
  }

  /** Answers are random numbers below ten or so: some prompts are right early, some late, some never. */
  private static List<String> scripted(Path table, String model, String... more) {
    List<String> words = new ArrayList<>(List.of("generate", "--prompts", prompts.toString(), "--model", model));
    words.addAll(List.of("--out", table.toString(), "--stop-when", "majority:0.6"));
    words.addAll(List.of(WORK));
    words.addAll(List.of(ADAPTIVE));
    words.addAll(List.of(more));
    return words;
  }

  @Test
  void whatCannotWorkIsRefusedBeforeWorkStarts() {
    Path table = folder.resolve("refused");
    refused(table, "without --verify: nothing says which samples are correct", "--stop-when", "correct:1");
    refused(table, "must be correct[:N], decided[:LOW:HIGH", "--stop-when", "right:1");
    refused(table, "Cannot use --samples-max without --stop-when", "--samples-max", "4");
    refused(table, "--sample-blocks and --samples together", "--stop-when", "majority", "--sample-blocks", "2,4",
        "--samples", "2");
    refused(table, "Cannot begin with 9 samples", "--stop-when", "majority", "--samples", "9", "--samples-max", "8");
    refused(table, "Cannot wait for 5 correct samples", "--verify", "math", "--stop-when", "correct:5",
        "--sample-blocks", "2,4");
    Invocation dry =
        Invocation.generate(prompts, table, words(ADAPTIVE, "--stop-when", "majority", "--dry-run")).expect(0);
    assertTrue(dry.out().contains("each prompt ends by majority, decided after 2, 4, 8 samples"), dry.out());
  }

  private static void refused(Path table, String why, String... words) {
    Invocation run = Invocation.generate(prompts, table, words).expect(2);
    assertTrue(run.err().contains(why), run.err());
  }
}
