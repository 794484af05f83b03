// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Penalties, biases, ends of traces and the model's own defaults, from the command line to the table and back. */
class TokenRulesTest {
  private static final int PROMPTS = 4;
  /** End-of-sequence tokens of the shipped model. */
  private static final Set<Integer> EOS = Set.of(1021, 1019);
  private static final String[] PENALISED = {
    "--presence-penalty", "0.4", "--frequency-penalty", "0.3", "--logit-bias", "300:2.5,301:-inf", "--min-tokens", "12",
    "--stop-token-ids", "305,306", "--stop", "So"
  };

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, PROMPTS);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static List<Row> rows(Path table) {
    return Tables.read(spark, table).collectAsList();
  }

  private static Path generate(String name, String... more) {
    Path table = folder.resolve(name);
    Invocation.generate(prompts, table, more).expect(0);
    return table;
  }

  private static String[] with(String[] words, String... more) {
    String[] all = Arrays.copyOf(words, words.length + more.length);
    System.arraycopy(more, 0, all, words.length, more.length);
    return all;
  }

  @Test
  void tracesGoOnAndAreMadeAgainUnderAnyOfThem() {
    Path whole = generate("whole", with(PENALISED, "--samples", "3", "--max-tokens", "60", "--max-sequences", "3"));
    Path cut = generate("cut", with(PENALISED, "--samples", "3", "--max-tokens", "17", "--threads", "1"));
    assertTrue(rows(cut).stream().anyMatch(r -> r.getAs("finish_reason").equals("length")), "something is cut");
    generate("cut", with(PENALISED, "--samples", "3", "--max-tokens", "60"));
    assertEquals(Tables.comparable(spark, whole), Tables.comparable(spark, cut));
    for (Row row : rows(whole)) {
      List<Integer> tokens = row.getList(row.fieldIndex("token_ids"));
      assertFalse(tokens.contains(301), "a forbidden token");
      assertTrue(tokens.size() > 12, "min-tokens and the one that ends");
      assertTrue(tokens.subList(0, 12).stream().noneMatch(id -> EOS.contains(id) || id == 305 || id == 306));
    }
    Invocation replay = winnow("replay", "--traces", cut.toString(), "--sample", "100%", "--strict");
    replay.expect(0);
    assertEquals(3 * PROMPTS, replay.count("same"), replay.out());
  }

  @Test
  void endsOfSequenceAreIgnoredAndStopTokensAreNot() {
    Path ignoring = generate("ignoring", "--samples", "1", "--ignore-eos", "--max-tokens", "200");
    assertTrue(rows(ignoring).stream().allMatch(r -> r.<Integer>getAs("completion_tokens") == 200));
    assertTrue(
        rows(ignoring).stream().anyMatch(r -> r.<Integer>getList(r.fieldIndex("token_ids")).contains(1021)),
        "an end of sequence is among them");
    Path stopped =
        generate("stopped", "--samples", "1", "--logit-bias", "300:100", "--stop-token-ids", "300", "--min-tokens", "3");
    for (Row row : rows(stopped)) {
      assertEquals(4, row.<Integer>getAs("completion_tokens"));
      assertEquals("stop", row.getAs("finish_reason"));
    }
  }

  @Test
  void otherRulesAreOtherTracesInTheSameTable() {
    Path table = generate("both", "--samples", "1", "--max-tokens", "20");
    List<String> before = Tables.comparable(spark, table);
    generate("both", "--samples", "1", "--max-tokens", "20", "--presence-penalty", "1.5");
    assertEquals(2 * PROMPTS, rows(table).size());
    assertTrue(Tables.comparable(spark, table).containsAll(before));
    // What does nothing is the same trace.
    Invocation again =
        Invocation.generate(
            prompts, table, "--samples", "1", "--max-tokens", "20", "--presence-penalty", "0", "--logit-bias", "5:0");
    assertTrue(again.expect(0).out().contains("nothing to do"), again.out());
  }

  @Test
  void theModelsOwnDefaultsAreTakenOnRequestAndSaidAndReplayed() throws IOException {
    Path model = Files.createDirectories(folder.resolve("model"));
    for (String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
      Files.copy(Invocation.MODEL.resolve(file), model.resolve(file));
    }
    Files.writeString(
        model.resolve("generation_config.json"), "{\"temperature\": 1.1, \"top_k\": 30, \"eos_token_id\": [1021, 1019]}");
    Path plain = folder.resolve("plain");
    Path auto = folder.resolve("auto");
    String[] words = {
      "generate", "--prompts", prompts.toString(), "--model", model.toString(), "--samples", "1", "--max-tokens", "30"
    };
    Invocation none = winnow(with(words, "--out", plain.toString())).expect(0);
    assertFalse(none.err().contains("generation_config"), none.err());
    Invocation run = winnow(with(words, "--out", auto.toString(), "--generation-config", "auto")).expect(0);
    assertTrue(run.err().contains("winnow: temperature 1.1, top-k 30 from " + model), run.err());
    assertNotEquals(Tables.comparable(spark, plain), Tables.comparable(spark, auto));
    Row event = Tables.runs(spark, auto).get(0);
    Map<String, String> settings = event.getJavaMap(event.fieldIndex("settings"));
    assertEquals("1.1", settings.get("temperature"));
    assertEquals("generation_config.json", settings.get("temperature.from"));
    // The same settings by hand are the same traces.
    Invocation byHand =
        winnow(with(words, "--out", auto.toString(), "--temperature", "1.1", "--top-k", "30")).expect(0);
    assertTrue(byHand.out().contains("nothing to do"), byHand.out());
    Invocation replay = winnow("replay", "--traces", auto.toString(), "--sample", "100%", "--strict").expect(0);
    assertEquals(PROMPTS, replay.count("same"), replay.out());
    Invocation dry = winnow(with(words, "--dry-run", "--generation-config", "auto", "--top-k", "3")).expect(0);
    assertTrue(dry.out().contains("Defaults     temperature 1.1 from " + model), dry.out());
  }

  @Test
  void whatTheModelDoesNotKnowIsRefusedBeforeThereIsATable() {
    for (String[] wrong : List.of(new String[] {"--stop-token-ids", "5,999999"}, new String[] {"--logit-bias", "999999:1"})) {
      Path table = folder.resolve("refused");
      Invocation run = Invocation.generate(prompts, table, wrong).expect(2);
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().startsWith("winnow: Cannot use the token id 999999 of " + wrong[0]), run.err());
      assertFalse(Files.exists(table));
    }
  }
}
