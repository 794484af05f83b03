// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.reward.Advantages;
import io.winnow.jobs.reward.Reward;
import io.winnow.jobs.reward.Rewards;
import io.winnow.jobs.reward.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code score --reward} over data sets: groups, sums, advantages, reports and rows that cannot be used. */
class RewardJobTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String GOOD = "<think>\\nadd\\n</think>\\n<answer>\\n\\\\boxed{42}\\n</answer>";

  private static SparkSession spark;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = StepSession.start();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static SettingValues values(Path in, Path out, String... more) {
    Map<String, List<String>> options = new TreeMap<>();
    options.put("in", List.of(in.toString()));
    options.put("out", List.of(out.toString()));
    for (int i = 0; i < more.length; i += 2) {
      List<String> before = options.getOrDefault(more[i], List.of());
      List<String> all = new ArrayList<>(before);
      all.add(more[i + 1]);
      options.put(more[i], all);
    }
    SettingValues values = SettingValues.resolve(ScoreSettings.ALL, options, key -> null);
    ScoreSettings.validate(values);
    return values;
  }

  private static RewardJob.Result run(Path in, Path out, String... more) {
    return RewardJob.run(spark, values(in, out, more), () -> false, (d, t, f, c, x, n, e) -> {});
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

  private static List<Double> column(List<JsonNode> rows, String name) {
    return rows.stream().map(row -> row.get(name).isNull() ? null : row.get(name).doubleValue()).toList();
  }

  @Test
  void rowsGetTheirRewardsSumAndAdvantage() throws IOException {
    Path in =
        file(
            "in.jsonl",
            "{\"id\": 1, \"prompt_id\": \"a\", \"gold\": 42.0, \"answer\": \"" + GOOD + "\", \"x\": null}",
            "{\"id\": 2, \"prompt_id\": \"b\", \"gold\": \"$42$\", \"answer\": \"\\\\boxed{42}\"}",
            "{\"id\": 3, \"prompt_id\": \"a\", \"gold\": \"$42$\", \"answer\":"
                + " [{\"role\": \"assistant\", \"content\": \"x\"}]}",
            "{\"id\": 4, \"prompt_id\": \"a\", \"gold\": \"$42$\", \"answer\": null}");
    Path out = dir.resolve("out.jsonl");
    String[] asked = {
      "reward", "accuracy", "reward", "format:weight=0.5", "reward", "length:as=short,weight=0", "advantage", "unbiased"
    };
    RewardJob.Result result = run(in, out, asked);
    assertEquals(4, result.step().rows());
    assertEquals(0, result.step().failedRows());
    assertEquals(Map.of("accuracy", 1L, "format", 1L, "short", 1L), result.without());
    List<JsonNode> rows = lines(out);
    assertEquals(
        List.of("id", "prompt_id", "gold", "answer", "x", "accuracy", "format", "short", "total", "advantage",
            "score_error"),
        iterated(rows.get(0)));
    assertEquals(Arrays.asList(1.0, 1.0, 0.0, null), column(rows, "accuracy"));
    assertEquals(Arrays.asList(1.0, 0.0, 0.0, null), column(rows, "format"));
    // A gold without LaTeX makes any answer right for length.
    assertEquals(Arrays.asList(-0.5, 0.0, 0.0, null), column(rows, "short"));
    assertEquals(Arrays.asList(1.5, 1.0, 0.0, null), column(rows, "total"));
    assertEquals(Arrays.asList(0.75, 0.0, -0.75, null), column(rows, "advantage"));
    assertTrue(run(in, out, asked).step().unchanged());
    assertFalse(run(in, out, "reward", "format").step().unchanged());
    assertEquals(
        List.of("id", "prompt_id", "gold", "answer", "x", "format", "score_error"), iterated(lines(out).get(0)));
  }

  private static List<String> iterated(JsonNode row) {
    List<String> names = new ArrayList<>();
    row.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** Whatever the order and the partitions, a group's rewards are those of its rows together. */
  @Test
  void groupsAreTogetherInEveryFormat() throws IOException {
    long seed = Long.getLong("winnow.seed", new Random().nextInt(1 << 30));
    Random random = new Random(seed);
    List<String> in = new ArrayList<>();
    Map<Integer, List<Sample>> groups = new HashMap<>();
    Map<Integer, List<Integer>> ids = new HashMap<>();
    for (int i = 0; i < 300; i++) {
      int group = random.nextInt(40);
      String text = "a".repeat(random.nextInt(30)) + "\\boxed{" + random.nextInt(2) + "}";
      groups.computeIfAbsent(group, g -> new ArrayList<>()).add(Sample.of(text, "$1$"));
      ids.computeIfAbsent(group, g -> new ArrayList<>()).add(i);
      ObjectNode row = JSON.createObjectNode().put("id", i).put("g", group).put("text", text).put("right", "$1$");
      in.add(row.toString());
    }
    Reward length = Rewards.byName("length", Map.of());
    Map<Integer, List<Double>> expected = new TreeMap<>();
    groups.forEach(
        (group, samples) -> {
          List<Double> rewards = length.of(samples);
          List<Double> advantages = Advantages.of(rewards, Advantages.Scale.GRPO, 1e-4);
          for (int k = 0; k < samples.size(); k++) {
            expected.put(ids.get(group).get(k), List.of(rewards.get(k), advantages.get(k)));
          }
        });
    Path source = file("in.jsonl", in.toArray(String[]::new));
    for (String partitions : List.of("1", "7")) {
      for (String ending : List.of("/delta", ".parquet", ".jsonl")) {
        Path out = Path.of(dir.resolve("out" + partitions) + ending);
        run(source, out, "reward", "length", "advantage", "grpo", "partitions", partitions, "completion-column", "text",
            "gold-column", "right", "group-column", "g");
        Dataset<Row> rows =
            ending.equals(".jsonl")
                ? spark.read().json(out.toString())
                : spark.read().format(ending.substring(1)).load(out.toString());
        Map<Integer, List<Double>> got = new TreeMap<>();
        for (Row row : rows.selectExpr("cast(id as int)", "length", "advantage").collectAsList()) {
          got.put(row.getInt(0), List.of(row.getDouble(1), row.getDouble(2)));
        }
        assertEquals(expected, got, () -> out + ", seed " + seed);
      }
    }
  }

  @Test
  void aTableMayHoldMessagesAndTokenIds() throws IOException {
    Path table = dir.resolve("table.parquet");
    spark.sql(
            "select array(named_struct('role', 'user', 'content', 'q'), named_struct('role', 'assistant', 'content',"
                + " '<think>\\n')) as answer, array(5, 6, 7) as ids, cast(null as string) as lang, 'a' as total"
                + " union all select null, null, 'c', 'b'")
        .coalesce(1).write().parquet(table.toString());
    Path out = dir.resolve("out.jsonl");
    RewardJob.Result result =
        run(table, out, "reward", "tag_count", "reward",
            "soft_overlong_punishment:max_completion_len=4,soft_punish_cache=2", "tokens-column", "ids", "prefix", "r_", "language-column", "lang", "reward", "code_format");
    assertEquals(0, result.step().failedRows());
    List<JsonNode> rows = lines(out);
    assertEquals(Arrays.asList(0.25, null), column(rows, "r_tag_count"));
    assertEquals(Arrays.asList(-0.5, null), column(rows, "r_soft_overlong_punishment"));
    assertEquals(Arrays.asList(-0.25, null), column(rows, "r_total"));
    assertEquals("a", rows.get(0).get("total").asText());
  }

  @Test
  void rowsThatCannotBeUsedSayWhyAndLeaveTheOthersAlone() throws IOException {
    Path in =
        file(
            "in.jsonl",
            "{\"prompt_id\": 1, \"answer\": \"\\\\boxed{1} .\", \"gold\": \"$1$\", \"completion_tokens\": 5}",
            "broken",
            "{\"prompt_id\": 1, \"answer\": {\"content\": \"x\"}, \"gold\": \"1\", \"completion_tokens\": 5}",
            "{\"prompt_id\": 1, \"answer\": [\"x\"], \"gold\": \"1\", \"completion_tokens\": 5}",
            "{\"prompt_id\": 1, \"answer\": \"x\", \"gold\": [\"1\"], \"completion_tokens\": 5}",
            "{\"prompt_id\": 1, \"answer\": \"x\", \"gold\": \"1\", \"completion_tokens\": -1}",
            "{\"prompt_id\": 1, \"answer\": \"\\\\boxed{2}\", \"gold\": \"$1$\", \"completion_tokens\": \"7\"}");
    Path out = dir.resolve("out.jsonl");
    RewardJob.Result result = run(in, out, "reward", "length", "reward", "soft_overlong_punishment");
    assertEquals(7, result.step().rows());
    assertEquals(5, result.step().failedRows());
    List<JsonNode> rows = lines(out);
    List<String> classes = rows.stream().map(row -> row.at("/score_error/class").asText(null)).toList();
    assertEquals(
        Arrays.asList(
            null, "broken_line", "completion_invalid", "completion_invalid", "gold_invalid", "tokens_invalid", null),
        classes);
    assertEquals(Arrays.asList(-0.5, null, null, null, null, null, 0.0), column(rows, "length"));
    String why = rows.get(5).at("/score_error/message").asText();
    assertTrue(why.contains("line 6 of ") && why.contains("--tokens-column holds '-1'"), why);
  }

  @Test
  void theReportCountsWhatStrictSiblingsChange() throws IOException {
    Path in =
        file(
            "in.jsonl",
            "{\"answer\": \"" + GOOD + "\", \"gold\": \"$42$\"}",
            "{\"answer\": \"" + GOOD + "\\nmore\", \"gold\": \"$42$\"}",
            "{\"answer\": \"1. a\\n2. b\", \"gold\": \"\"}",
            "{\"answer\": null, \"gold\": \"$42$\"}");
    RewardJob.Result result =
        run(in, dir.resolve("out.jsonl"), "reward", "format", "reward", "reasoning_steps", "reward", "cosine", "reward",
            "repetition_penalty", "reward", "format:strict=true", "report", "strict");
    assertEquals(
        List.of(
            new RewardJob.Changes("format", 1, 0, 0), new RewardJob.Changes("reasoning_steps", 0, 1, 0),
            new RewardJob.Changes("cosine", 0, 0, 1)),
        result.changes());
  }

  /** What docs/REWARDS.md shows. */
  @Test
  void theShippedCompletionsAreScored() throws IOException {
    Path out = dir.resolve("out.jsonl");
    RewardJob.Result result =
        run(Path.of("../examples/completions.jsonl"), out, "completion-column", "completion", "reward", "accuracy",
            "reward", "format", "reward", "reasoning_steps:weight=0.5", "reward", "length", "advantage", "grpo",
            "report", "strict");
    assertEquals(10, result.step().rows());
    assertEquals(2, result.without().get("accuracy"));
    List<Double> accuracy = Arrays.asList(1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, null, null);
    assertEquals(accuracy, column(lines(out), "accuracy"));
    assertEquals(new RewardJob.Changes("format", 1, 0, 0), result.changes().get(1));
    assertEquals(new RewardJob.Changes("reasoning_steps", 0, 1, 0), result.changes().get(2));
  }

  @Test
  void whatCannotBeIsRefusedBeforeWork() throws IOException {
    Path in = file("in.jsonl", "{\"answer\": \"x\", \"gold\": \"1\", \"format\": 1}");
    Path out = dir.resolve("out.jsonl");
    refused("Cannot add the columns format: ", in, out, "reward", "format");
    refused("prompt_id", in, out, "reward", "length");
    refused("prompt_id", in, out, "reward", "tag_count", "advantage", "grpo");
    refused("Cannot add the column tag_count twice", in, out, "reward", "tag_count", "reward", "tag_count");
    refused("Cannot add the column total twice", in, out, "reward", "tag_count:as=total");
    refused("completion_tokens", in, out, "reward", "soft_overlong_punishment");
    refused("Cannot use --reward and --likelihood together", in, out, "reward", "format", "likelihood", "true");
    refused("Nothing is asked for", in, out);
    refused("Cannot use --cases and --in together", in, out, "cases", "x.jsonl");
    assertFalse(Files.exists(out));
    // A reward that needs no group does not ask for its column.
    assertEquals(1, run(in, out, "reward", "tag_count").step().rows());
  }

  private static void refused(String message, Path in, Path out, String... more) {
    String said = assertThrows(UsageException.class, () -> run(in, out, more)).getMessage();
    assertTrue(said.contains(message), said);
  }
}
