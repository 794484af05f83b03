// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --estimate}: what it predicts of a run, what it leaves behind, and that a run goes on from what it keeps. */
class EstimateTest {
  private static final int PROMPTS = 60;
  private static final String MODEL = "scripted:tokens=24,tail=0";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  private static Path prices;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    prompts =
        Tables.lines(
            folder.resolve("prompts.jsonl"),
            IntStream.range(0, PROMPTS)
                .mapToObj(i -> String.format("{\"id\": \"p%02d\", \"question\": \"What is %d + 1?\"}", i, i))
                .toArray(String[]::new));
    prices =
        Files.writeString(
            folder.resolve("prices.json"),
            "{\"models\": {\"" + MODEL + "\": {\"prompt_per_million\": 1, \"completion_per_million\": 2}}}");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Invocation run(Path table, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "generate", "--prompts", prompts.toString(), "--model", MODEL, "--out", table.toString(),
                "--id-column", "id", "--samples", "2", "--prices", prices.toString()));
    words.addAll(List.of(more));
    return Invocation.winnow(words.toArray(String[]::new));
  }

  private static void assertWithin(double truth, JsonNode quantity) {
    assertTrue(
        quantity.get("low").asDouble() <= truth && truth <= quantity.get("high").asDouble(), truth + " in " + quantity);
  }

  @Test
  void predictsTheRunAndLeavesNothingUnlessAsked() throws IOException {
    Path table = folder.resolve("traces");
    List<String> before = Tables.files(folder);
    Invocation estimate = run(table, "--estimate", "--estimate-rows", "20", "--json").expect(0);
    assertEquals(before, Tables.files(folder));
    JsonNode json = new ObjectMapper().readTree(estimate.out());
    assertEquals(json.get("sample_prompts").asInt(), 20);
    assertTrue(json.get("kept").isNull());

    Invocation kept = run(table, "--estimate", "--estimate-rows", "20", "--estimate-keep").expect(0);
    assertTrue(kept.summary("kept").endsWith(table.toString()), kept.out());
    List<Row> first = Tables.read(spark, table).collectAsList();
    assertEquals(2 * 20, first.size());
    Invocation whole = run(table).expect(0);
    assertEquals(2 * (PROMPTS - 20) + " (and " + 2 * 20 + " from earlier runs)", whole.summary("traces"));

    Row truth =
        Tables.read(spark, table).selectExpr("sum(prompt_tokens)", "sum(completion_tokens)", "sum(cost_usd)").head();
    assertEquals(2 * PROMPTS, json.at("/traces/estimate").asDouble(), 1e-9);
    assertWithin(truth.getLong(0), json.get("prompt_tokens"));
    assertWithin(truth.getLong(1), json.get("completion_tokens"));
    assertWithin(truth.getDouble(2), json.get("cost_usd"));
    assertTrue(json.at("/seconds/estimate").asDouble() > 0);
    // The sum over the sample is what the estimate itself has cost.
    double spent = first.stream().mapToDouble(row -> row.<Double>getAs("cost_usd")).sum();
    assertEquals(spent, json.at("/spent/cost_usd").asDouble(), 1e-12);
    assertEquals(spent * PROMPTS / 20, json.at("/cost_usd/estimate").asDouble(), 1e-12);

    Invocation nothing = run(table, "--estimate", "--estimate-rows", "4").expect(0);
    assertEquals("0.0 % of the traces; the table has the others", nothing.summary("to do"));
  }

  @Test
  void whatBelongsToAnEstimateIsRefusedWithoutOne() {
    for (String[] words : new String[][] {{"--estimate-rows", "5"}, {"--estimate-keep", "true"}, {"--json"}}) {
      assertTrue(run(folder.resolve("never"), words).expect(2).err().contains("without --estimate"));
    }
  }
}
