// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code score --likelihood} on the shipped model, and {@code generate --prompt-logprobs} beside it. */
class ScoreTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPTS = 6;

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

  private static Invocation score(Path in, Path out, String... more) {
    List<String> words = new ArrayList<>(List.of("score", "--likelihood", "--logprobs"));
    words.addAll(List.of("--model", Invocation.MODEL.toString(), "--in", in.toString(), "--out", out.toString()));
    words.addAll(List.of(more));
    return winnow(words.toArray(String[]::new));
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  private static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> out = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      out.add(JSON.readTree(line));
    }
    return out;
  }

  private static List<JsonNode> scored(String name, Path in, String... more) throws IOException {
    Path out = folder.resolve(name + ".jsonl");
    score(in, out, more).expect(0);
    return lines(out);
  }

  private static List<Integer> bits(JsonNode floats) {
    List<Integer> out = new ArrayList<>();
    floats.forEach(f -> out.add(Float.floatToRawIntBits(Float.parseFloat(f.asText()))));
    return out;
  }

  private static String row(Object... pairs) {
    ObjectNode row = JSON.createObjectNode();
    for (int i = 0; i < pairs.length; i += 2) {
      row.set((String) pairs[i], JSON.valueToTree(pairs[i + 1]));
    }
    return row.toString();
  }

  private static Path file(String name, String... lines) throws IOException {
    return Tables.lines(folder.resolve(name), lines);
  }

  @Test
  void whatWasGeneratedIsAsLikelyAsWhenItWasDrawn() throws IOException {
    Path table = folder.resolve("traces");
    Invocation.generate(
            Tables.firstPrompts(folder, PROMPTS), table, "--samples", "3", "--max-tokens", "70", "--logprobs",
            "--prompt-logprobs")
        .expect(0);
    List<Row> traces = Tables.read(spark, table).collectAsList();
    List<String> asked = new ArrayList<>();
    for (Row trace : traces) {
      asked.add(row("question", trace.getAs("prompt"), "answer", trace.getAs("text")));
    }
    Path in = file("generated.jsonl", asked.toArray(String[]::new));
    // One at a time and many together, on one thread and two.
    List<JsonNode> together = scored("together", in, "--prompt-column", "question");
    List<JsonNode> alone = scored("alone", in, "--prompt-column", "question", "--max-sequences", "1", "--threads", "1");
    assertEquals(together, alone);
    int same = 0;
    for (int i = 0; i < traces.size(); i++) {
      Row trace = traces.get(i);
      List<Float> drawn = trace.getList(trace.fieldIndex("logprobs"));
      // An end of sequence is a token of the trace and no part of its text.
      int tokens = drawn.size() - (trace.getAs("finish_reason").equals("stop") ? 1 : 0);
      JsonNode score = together.get(i);
      if (score.get("completion_tokens").asInt() != tokens) {
        continue; // the text has another way of being cut into tokens
      }
      same++;
      double sum = 0;
      List<Integer> expected = new ArrayList<>();
      for (Float logprob : drawn.subList(0, tokens)) {
        sum += logprob;
        expected.add(Float.floatToRawIntBits(logprob));
      }
      assertEquals(expected, bits(score.get("token_logprobs")));
      assertEquals(sum, score.get("loglikelihood").asDouble());
      assertEquals(Math.exp(-sum / tokens), score.get("perplexity").asDouble());
    }
    assertTrue(same > traces.size() / 2, same + " of " + traces.size() + " texts have the tokens of their traces");
    promptsAreScoredOnTheWay(traces);
  }

  /** Of a prompt the first token has none, and all samples have the same. */
  private static void promptsAreScoredOnTheWay(List<Row> traces) {
    Map<String, List<Float>> byPrompt = new TreeMap<>();
    for (Row trace : traces) {
      List<Float> logprobs = trace.getList(trace.fieldIndex("prompt_logprobs"));
      assertEquals(trace.<Integer>getAs("prompt_tokens"), logprobs.size());
      assertEquals(null, logprobs.get(0));
      assertTrue(logprobs.subList(1, logprobs.size()).stream().allMatch(l -> l <= 0 && Float.isFinite(l)));
      List<Float> before = byPrompt.putIfAbsent(trace.getAs("prompt_id"), logprobs);
      assertEquals(before == null ? logprobs : before, logprobs);
    }
    assertEquals(PROMPTS, byPrompt.size());
    assertEquals(PROMPTS, byPrompt.values().stream().distinct().count());
  }

  @Test
  void promptLogprobsChangeNoTraceAndAreNullWhereNobodyAsks() throws IOException {
    Path prompts = Tables.firstPrompts(folder, 3);
    Path with = folder.resolve("with");
    Path without = folder.resolve("without");
    String[] words = {"--id-column", "id", "--samples", "2", "--max-tokens", "20"};
    Invocation.generate(prompts, with, with(words, "--prompt-logprobs")).expect(0);
    Invocation.generate(prompts, without, words).expect(0);
    assertEquals(Tables.documentedColumns(), List.of(Tables.read(spark, without).columns()));
    documented(Tables.read(spark, with).schema().apply("prompt_logprobs"));
    assertEquals(
        Tables.comparable(spark, without),
        Tables.comparable(Tables.read(spark, with).drop("prompt_logprobs")));
    // The same traces, so there is nothing to do; a prompt of the same text takes them over.
    Invocation again = Invocation.generate(prompts, without, with(words, "--prompt-logprobs"));
    assertTrue(again.expect(0).out().contains("nothing to do"), again.out());
    assertTrue(Tables.read(spark, without).filter("prompt_logprobs is not null").isEmpty());
    List<String> twice = new ArrayList<>(Files.readAllLines(prompts));
    twice.add(((ObjectNode) JSON.readTree(twice.get(0))).put("id", "twin").toString());
    Path twins = file("twins.jsonl", twice.toArray(String[]::new));
    Invocation.generate(twins, with, with(words, "--prompt-logprobs")).expect(0);
    List<Row> first = Tables.read(spark, with).filter("prompt_id in ('p001', 'twin')").collectAsList();
    assertEquals(4, first.size());
    assertEquals(1, first.stream().map(r -> r.getList(r.fieldIndex("prompt_logprobs"))).distinct().count());
  }

  /** The column is there as docs/TABLES.md says. */
  private static void documented(StructField column) throws IOException {
    String page = Files.readString(Invocation.ROOT.resolve("docs/TABLES.md"));
    String type = column.dataType().sql().toLowerCase(Locale.ROOT);
    String line = "| " + column.name() + " | " + type + " | " + column.getComment().get() + " |";
    assertTrue(page.lines().anyMatch(line::equals), line);
  }

  @Test
  void aDocumentIsItsBeginningAndThenTheRest() throws IOException {
    String context = "Ben is 53 years old.";
    String rest = " Gita is 43 years older. How old is Gita?";
    Path in = file("documents.jsonl", row("a", context, "b", rest, "c", context + rest, "d", context + " "));
    List<Integer> whole = bits(scored("whole", in, "--completion-column", "c").get(0).get("token_logprobs"));
    List<Integer> parts = bits(scored("begin", in, "--completion-column", "a").get(0).get("token_logprobs"));
    JsonNode behind = scored("rest", in, "--plain", "--prompt-column", "a", "--completion-column", "b").get(0);
    parts.addAll(bits(behind.get("token_logprobs")));
    assertEquals(whole, parts);
    // A blank at the end of the context belongs to the completion.
    Path moved = file("moved.jsonl", row("question", context + " ", "answer", rest.strip()));
    JsonNode same = scored("moved-out", moved, "--plain", "--prompt-column", "question").get(0);
    assertEquals(behind.get("token_logprobs"), same.get("token_logprobs"));
    // With the chat template it is another text.
    JsonNode chat = scored("chat", in, "--prompt-column", "a", "--completion-column", "b").get(0);
    assertFalse(chat.get("token_logprobs").equals(behind.get("token_logprobs")));
  }

  @Test
  void amongSeveralAnswersTheLikeliestIsTheBest() throws IOException {
    List<String> answers = List.of("<think>\n53", "banana", "<think>\n53+43=96.", "<think>\nTen");
    List<String> lists = new ArrayList<>();
    List<String> singles = new ArrayList<>();
    List<String> questions = List.of("Ben is 53 years old. Gita is 43 years older. How old is Gita?", "What is 5 + 5?");
    for (String question : questions) {
      lists.add(row("question", question, "answer", answers));
      answers.forEach(answer -> singles.add(row("question", question, "answer", answer)));
    }
    lists.add(row("question", "How many?", "answer", List.of("one")));
    List<JsonNode> several =
        scored("several", file("lists.jsonl", lists.toArray(String[]::new)), "--prompt-column", "question");
    List<JsonNode> single =
        scored("single", file("singles.jsonl", singles.toArray(String[]::new)), "--prompt-column", "question");
    for (int q = 0; q < questions.size(); q++) {
      int best = 0;
      for (int a = 0; a < answers.size(); a++) {
        JsonNode one = single.get(q * answers.size() + a);
        for (String column : List.of("loglikelihood", "completion_tokens", "perplexity", "token_logprobs")) {
          assertEquals(one.get(column), several.get(q).get(column).get(a), column);
        }
        double likelihood = one.get("loglikelihood").asDouble();
        best = likelihood > single.get(q * answers.size() + best).get("loglikelihood").asDouble() ? a : best;
      }
      assertEquals(best, several.get(q).get("best").asInt());
    }
    assertEquals(0, several.get(2).get("best").asInt());
    assertEquals(1, several.get(2).get("loglikelihood").size());
  }

  @Test
  void aRowThatCannotBeScoredKeepsItsPlaceWithTheReason() throws IOException {
    String question = "How many?";
    Path in =
        file(
            "bad.jsonl",
            row("question", question, "answer", "4", "k", null, "n", 1.50),
            "{\"question\": broken",
            row("question", question),
            row("question", question, "answer", ""),
            row("question", question, "answer", List.of("4")),
            row("question", question, "answer", Map.of("a", 1)),
            row("question", " ", "answer", "4"),
            row("question", "long ".repeat(3000), "answer", "4"),
            row("question", question, "answer", "x".repeat(9000)),
            "{ }",
            "{\"question\": \"How many?\", \"answer\": 4, \"n\": 1.50 }");
    Path out = folder.resolve("bad-out.jsonl");
    Invocation run = score(in, out, "--prompt-column", "question", "--strict").expect(3);
    assertEquals("9", run.summary("failed"));
    List<JsonNode> got = lines(out);
    List<String> classes = got.stream().map(r -> r.path("score_error").path("class").asText("fine")).toList();
    assertEquals(
        List.of(
            "fine", "broken_line", "completion_empty", "completion_empty", "completion_invalid", "completion_invalid",
            "prompt_empty", "prompt_too_long", "prompt_too_long", "prompt_empty", "fine"),
        classes);
    for (JsonNode row : got) {
      boolean fine = row.get("score_error").isNull();
      assertEquals(fine, row.get("loglikelihood").isNumber());
      assertTrue(fine || row.get("score_error").get("message").asText().length() > 20, row::toString);
    }
    // What stood there stands there still; a number is a text as it is written.
    List<String> texts = Files.readAllLines(out);
    String first = "{\"question\":\"How many?\",\"answer\":\"4\",\"k\":null,\"n\":1.5,\"logl";
    assertTrue(texts.get(0).startsWith(first), texts.get(0));
    String last = "{\"question\": \"How many?\", \"answer\": 4, \"n\": 1.50,\"logl";
    assertTrue(texts.get(10).startsWith(last), texts.get(10));
    assertEquals(got.get(0).get("token_logprobs"), got.get(10).get("token_logprobs"));
    score(in, folder.resolve("bad-again.jsonl"), "--prompt-column", "question").expect(0);
  }

  @Test
  void theOrderOfTheInputStaysAndDoesNotCount() throws IOException {
    List<String> rows = Files.readAllLines(Invocation.PROMPTS);
    Path in = file("ordered.jsonl", rows.toArray(String[]::new));
    List<JsonNode> got = scored("ordered-out", in, "--prompt-column", "question", "--partitions", "5");
    assertEquals(rows.size(), got.size());
    Map<String, JsonNode> byId = new TreeMap<>();
    for (int i = 0; i < rows.size(); i++) {
      assertEquals(JSON.readTree(rows.get(i)).get("id"), got.get(i).get("id"));
      byId.put(got.get(i).get("id").asText(), got.get(i));
    }
    Collections.shuffle(rows, new Random(7));
    Path shuffled = file("shuffled.jsonl", rows.subList(0, 50).toArray(String[]::new));
    for (JsonNode row : scored("shuffled-out", shuffled, "--prompt-column", "question", "--max-sequences", "3")) {
      assertEquals(byId.get(row.get("id").asText()), row);
    }
  }

  @Test
  void tablesHoldTheSameAndAreLeftAsTheyAreUntilSomethingChanges() throws IOException {
    Path in = Tables.firstPrompts(folder, PROMPTS);
    List<JsonNode> expected = scored("same", in, "--prompt-column", "question");
    for (String name : List.of("delta", "files.parquet", "again.jsonl")) {
      Path out = folder.resolve(name);
      score(in, out, "--prompt-column", "question").expect(0);
      assertEquals(expected, rows(out), name);
      List<String> files = Tables.files(out);
      Invocation again = score(in, out, "--prompt-column", "question", "--threads", "1").expect(0);
      assertTrue(again.out().contains("nothing to do"), again.out());
      assertEquals(files, Tables.files(out));
      score(in, out, "--prompt-column", "question", "--system-prompt", "Be brief.").expect(0);
      assertEquals(PROMPTS, rows(out).size());
      assertFalse(expected.equals(rows(out)), name);
    }
    // What was scored can be scored on: from a table, with names of their own.
    Path from = folder.resolve("files.parquet");
    Invocation clash = score(from, folder.resolve("more"), "--prompt-column", "question").expect(2);
    assertTrue(
        clash.err().startsWith("winnow: Cannot add the columns loglikelihood, completion_tokens, perplexity,"),
        clash.err());
    assertEquals(1, clash.err().lines().count(), clash.err());
    score(from, folder.resolve("more"), "--prompt-column", "question", "--prefix", "lm_").expect(0);
    Row first = spark.read().format("delta").load(folder.resolve("more").toString()).orderBy("id").head();
    assertEquals(expected.get(0).get("loglikelihood").asDouble(), first.<Double>getAs("lm_loglikelihood"));
  }

  /** Rows of an output as JSON, nulls included, in the order of the input, columns in that of the JSON lines. */
  private static List<JsonNode> rows(Path out) throws IOException {
    if (out.toString().endsWith(".jsonl")) {
      return lines(out);
    }
    String format = out.toString().endsWith(".parquet") ? "parquet" : "delta";
    List<JsonNode> rows = new ArrayList<>();
    for (Row row : spark.read().format(format).load(out.toString()).orderBy("id").collectAsList()) {
      ObjectNode node = JSON.createObjectNode();
      for (String column : List.of("id", "question", "answer", "difficulty")) {
        node.put(column, row.<String>getAs(column));
      }
      node.put("loglikelihood", row.<Double>getAs("loglikelihood"));
      node.put("completion_tokens", row.<Integer>getAs("completion_tokens"));
      node.put("perplexity", row.<Double>getAs("perplexity"));
      ArrayNode logprobs = node.putArray("token_logprobs");
      row.<Float>getList(row.fieldIndex("token_logprobs")).forEach(l -> logprobs.add(Double.parseDouble("" + l)));
      node.set("score_error", null);
      assertTrue(row.isNullAt(row.fieldIndex("score_error")));
      rows.add(node);
    }
    return rows;
  }

  @Test
  void whatIsSomebodyElsesIsLeftAlone() throws IOException {
    Path in = Tables.firstPrompts(folder, PROMPTS);
    Path text = file("mine.jsonl", "{\"mine\": true}");
    Path delta = folder.resolve("mine-delta");
    Path parquet = folder.resolve("mine.parquet");
    Path files = Files.createDirectories(folder.resolve("mine-files"));
    Files.writeString(files.resolve("notes.txt"), "mine");
    spark.range(3).write().format("delta").save(delta.toString());
    spark.range(3).write().parquet(parquet.toString());
    for (Path out : List.of(text, delta, parquet, files)) {
      List<String> before = Tables.files(out);
      Invocation refused = score(in, out, "--prompt-column", "question").expect(1);
      assertTrue(refused.err().contains("was not made by winnow score"), refused.err());
      assertEquals(before, Tables.files(out));
    }
    assertEquals("{\"mine\": true}", Files.readString(text).strip());
    Path scores = folder.resolve("changed.jsonl");
    score(in, scores, "--prompt-column", "question").expect(0);
    Files.writeString(scores, "and a line of mine\n", java.nio.file.StandardOpenOption.APPEND);
    score(in, scores, "--prompt-column", "question", "--plain").expect(1);
  }

  @Test
  void wrongSettingsAreRefusedInOneLine() throws IOException {
    Path in = Tables.firstPrompts(folder, 2);
    Path out = folder.resolve("refused");
    String[] good = {
      "score", "--likelihood", "--model", Invocation.MODEL.toString(), "--in", in.toString(), "--out", out.toString()
    };
    String[][] wrong = {
      {"score", "--model", Invocation.MODEL.toString(), "--in", in.toString(), "--out", out.toString()},
      {"score", "--likelihood", "--in", in.toString(), "--out", out.toString()},
      {"score", "--likelihood", "--model", Invocation.MODEL.toString(), "--in", in + ".gone", "--out", out.toString()},
      with(good, "--prompt-column", "nope"),
      with(good, "--completion-column", "nope"),
      with(good, "--system-prompt", "no prompt"),
      with(good, "--prefix", "a-b"),
    };
    for (String[] words : wrong) {
      Invocation run = winnow(words).expect(2);
      assertEquals(1, run.err().lines().count(), run.err());
      assertFalse(run.err().contains("--prompts") || run.err().contains("--keep-columns"), run.err());
      assertFalse(Files.exists(out));
    }
    assertTrue(winnow("score", "--help").expect(0).out().contains("--likelihood"));
  }
}
