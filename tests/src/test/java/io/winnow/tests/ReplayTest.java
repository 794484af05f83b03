// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.KernelsLadder;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code replay}: traces made again from their rows, and what it says when they do not come out the same. */
class ReplayTest {
  private static final int PROMPTS = 6;
  private static final int SAMPLES = 2;
  /** Two runs of different settings, and a prompt that cannot be used, which has no trace. */
  private static final int TRACES = PROMPTS * SAMPLES + PROMPTS;

  @TempDir static Path folder;

  private static SparkSession spark;
  /** Not to be written to. */
  private static Path original;
  private static Path template;

  @BeforeAll
  static void run() throws IOException {
    spark = Tables.local("local[2]");
    List<String> lines = new ArrayList<>(Files.readAllLines(Tables.firstPrompts(folder, PROMPTS)));
    lines.add("{\"id\": \"empty\", \"question\": \"\", \"answer\": \"1\"}");
    Path prompts = Tables.lines(folder.resolve("prompts.jsonl"), lines.toArray(String[]::new));
    original = folder.resolve("original");
    template = folder.resolve("template.jinja");
    Files.writeString(
        template, "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ mark }}assistant:");
    Invocation.generate(
            prompts, original, "--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES),
            "--max-tokens", "40", "--partitions", "1", "--max-sequences", "1", "--threads", "1", "--seed", "7",
            "--system-prompt", "Answer\nbriefly.")
        .expect(0);
    Invocation.generate(
            prompts, original, "--id-column", "id", "--verify", "math", "--samples", "1", "--max-tokens", "24",
            "--logprobs", "--kv-cache-type", "int8",
            "--top-k", "20", "--stop", "\n\n", "--stop", "So", "--chat-template", template.toString(),
            "--template-arg", "mark=>")
        .expect(0);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Path copy(String name) throws IOException {
    Path table = folder.resolve(name);
    Tables.copy(original, table);
    return table;
  }

  private static Invocation replay(Path table, String... more) {
    List<String> words = new ArrayList<>(List.of("replay", "--traces", table.toString(), "--sample", "100%"));
    words.addAll(List.of(more));
    return winnow(words.toArray(String[]::new));
  }

  private static void sql(Path table, String set) {
    spark.sql("UPDATE delta.`" + table + "` SET " + set);
  }

  private static Row row(Path table, String filter) {
    return Tables.read(spark, table).filter(filter).head();
  }

  private static String name(Row row) {
    return "  " + row.getAs("prompt_id") + " / " + row.getAs("trace_id") + ": ";
  }

  private static String lineOf(Invocation run, Row row) {
    return run.out().lines().filter(line -> line.startsWith(name(row))).findFirst()
        .orElseThrow(() -> new AssertionError("nothing on " + name(row) + " in\n" + run.out()));
  }

  @Test
  void aTableComesOutTheSameOnAnotherEngine() {
    List<String> before = Tables.files(original);
    Invocation run = replay(original, "--threads", "2", "--max-sequences", "16", "--partitions", "3", "--strict");
    run.expect(0);
    assertEquals(TRACES + " of " + TRACES + " traces", run.summary("sample"));
    assertEquals(TRACES, run.count("same"), run.out());
    assertEquals("0", run.summary("different"));
    assertEquals("0", run.summary("not replayed"));
    assertEquals(TRACES + " judged again, 0 different", run.summary("verdicts"));
    long tokens =
        Tables.read(spark, original).filter("error is null").selectExpr("sum(completion_tokens)").head().getLong(0);
    assertEquals(tokens, run.count("tokens"), run.out());
    assertTrue(
        Tables.read(spark, original).filter("finish_reason = 'length'").count() > 0
            && Tables.read(spark, original).filter("finish_reason = 'stop'").count() > 0,
        "both ends are among the traces");
    assertEquals(before, Tables.files(original));
  }

  @Test
  void aTamperedTokenIsFoundAtItsPlace() throws IOException {
    Path table = copy("token");
    Row plain = row(table, "error is null and logprobs is null and prompt_id = 'p002' and sample_index = 1");
    Row logged = row(table, "logprobs is not null and prompt_id = 'p003'");
    for (Row row : List.of(plain, logged)) {
      sql(
          table,
          "token_ids = transform(token_ids, (x, i) -> if(i = 5, if(x = 17, 18, 17), x)) WHERE trace_id = '"
              + row.getAs("trace_id") + "' and prompt_id = '" + row.getAs("prompt_id") + "'");
    }
    Invocation run = replay(table).expect(1);
    assertEquals("2", run.summary("different"));
    assertEquals(TRACES - 2, run.count("same"), run.out());
    for (Row row : List.of(plain, logged)) {
      int token = row.<Integer>getList(row.fieldIndex("token_ids")).get(5);
      String start =
          name(row) + "first difference at token 5 of " + row.getAs("completion_tokens") + ": recorded "
              + (token == 17 ? 18 : 17) + " (";
      assertTrue(lineOf(run, row).startsWith(start), run.out());
      assertTrue(lineOf(run, row).contains(", now " + token + " (-"), run.out());
      assertFalse(lineOf(run, row).contains("n/a"), run.out());
    }
    String logprob =
        String.format(Locale.ROOT, "%.6f", logged.<Float>getList(logged.fieldIndex("logprobs")).get(5));
    assertTrue(lineOf(run, logged).endsWith("(" + logprob + "), log-probability gap 0.000000"), run.out());
  }

  @Test
  void otherDifferencesAreToldApart() throws IOException {
    Path table = copy("others");
    Row shorter = row(table, "finish_reason = 'length' and logprobs is null");
    Row reason = row(table, "finish_reason = 'stop' and logprobs is null");
    Row logprob = row(table, "logprobs is not null and prompt_id = 'p001'");
    Row text = row(table, "logprobs is not null and prompt_id = 'p002'");
    sql(
        table,
        "token_ids = slice(token_ids, 1, 9), finish_reason = 'stop' WHERE trace_id = '" + shorter.getAs("trace_id")
            + "'");
    sql(table, "finish_reason = 'length' WHERE trace_id = '" + reason.getAs("trace_id") + "'");
    sql(
        table,
        "logprobs = transform(logprobs, (x, i) -> if(i = 3, float(x - 0.001), x)) WHERE trace_id = '"
            + logprob.getAs("trace_id") + "'");
    sql(
        table,
        "token_ids = null, logprobs = null, text = concat(substr(text, 1, 7), '#') WHERE trace_id = '"
            + text.getAs("trace_id") + "'");
    Invocation run = replay(table, "--verdicts=false").expect(1);
    assertEquals("4", run.summary("different"));
    assertTrue(lineOf(run, shorter).contains("token 9 of 9: recorded the end, now "), run.out());
    assertTrue(lineOf(run, reason).contains("ended by length, now by stop"), run.out());
    assertTrue(lineOf(run, logprob).contains("log-probability of token 3 was -"), run.out());
    assertTrue(lineOf(run, text).contains("text differs from character 7 of 8 on: recorded '#', now '"), run.out());
    assertEquals("0 judged again, 0 different", run.summary("verdicts"));
  }

  @Test
  void tamperedVerdictsAreFound() throws IOException {
    Path table = copy("verdict");
    winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    Row inTrace = row(table, "error is null and prompt_id = 'p004' and logprobs is null");
    Row beside = row(table, "error is null and prompt_id = 'p005' and logprobs is null");
    Row other = row(table, "error is null and prompt_id = 'p006' and logprobs is null");
    sql(
        table,
        "verdicts = transform_values(verdicts, (k, v) -> named_struct('value', v.value, 'score', v.score, 'extracted',"
            + " 'tampered', 'rule', v.rule, 'detail', v.detail, 'params', v.params, 'version', v.version, 'micros',"
            + " v.micros)) WHERE trace_id = '" + inTrace.getAs("trace_id") + "'");
    sql(
        table,
        "verdicts = transform_values(verdicts, (k, v) -> named_struct('value', 'error', 'score', v.score, 'extracted',"
            + " v.extracted, 'rule', v.rule, 'detail', v.detail, 'params', v.params, 'version', 'math/0', 'micros',"
            + " v.micros)) WHERE trace_id = '" + other.getAs("trace_id") + "'");
    spark.sql(
        "UPDATE delta.`" + table.resolve("_winnow/verdicts") + "` SET detail = 'tampered' WHERE trace_id = '"
            + beside.getAs("trace_id") + "'");
    Invocation run = replay(table).expect(1);
    assertEquals("0", run.summary("different"));
    assertEquals(
        2 * TRACES - 1 + " judged again, 2 different; 1 of other verifiers or versions left out",
        run.summary("verdicts"));
    assertTrue(lineOf(run, inTrace).contains(": math, extracted: recorded tampered, now "), run.out());
    assertTrue(lineOf(run, beside).contains(": math, detail: recorded tampered, now "), run.out());
  }

  @Test
  void whatCannotBeMadeAgainIsNoDifference() throws IOException {
    Path table = copy("impossible");
    sql(table, "prompt = concat(prompt, ' please') WHERE prompt_id = 'p001' and logprobs is null");
    Invocation key = replay(table).expect(0);
    assertEquals(String.valueOf(SAMPLES), key.summary("not replayed"));
    assertTrue(key.out().contains(SAMPLES + ": its key cannot be made from its row"), key.out());
    assertEquals(3, replay(table, "--strict").exitCode());

    String recorded = Files.readString(template);
    Files.writeString(template, recorded + " ");
    try {
      Invocation changed = replay(original).expect(0);
      assertEquals(PROMPTS, changed.count("not replayed"), changed.out());
      assertTrue(changed.out().contains("the chat template " + template + " is not what it was"), changed.out());
      Files.delete(template);
      assertTrue(replay(original).expect(0).out().contains("there is no such file"), changed.out());
    } finally {
      Files.writeString(template, recorded);
    }

    Path runs = table.resolve("_winnow/runs");
    spark.sql(
        "UPDATE delta.`" + runs + "` SET settings ="
            + " transform_values(settings, (k, v) -> if(k = 'numerics', 'native', v)) WHERE settings['seed'] = '7'");
    String tiles = replay(table).expect(0).out();
    String why = KernelsLadder.nativeRefusal();
    String reason = why == null ? "its key" : "made with --numerics native. Cannot";
    assertTrue(tiles.contains(PROMPTS * SAMPLES + ": " + reason), tiles);
    assertTrue(why == null || tiles.contains(why), tiles);
    spark.sql("UPDATE delta.`" + runs + "` SET reproducible = false WHERE settings['seed'] = '7'");
    spark.sql("DELETE FROM delta.`" + runs + "` WHERE settings['seed'] = '0'");
    Invocation none = replay(table).expect(0);
    assertEquals("0", none.summary("same"));
    assertTrue(none.out().contains(PROMPTS * SAMPLES + ": made by an endpoint"), none.out());
    assertTrue(none.out().contains(PROMPTS + ": its run is not in _winnow/runs"), none.out());
    assertEquals(TRACES + " judged again, 0 different", none.summary("verdicts"));
  }

  @Test
  void theModelMustBeTheSame() throws IOException {
    Path other = folder.resolve("other-model");
    Tables.copy(Invocation.MODEL, other);
    try (RandomAccessFile weights = new RandomAccessFile(other.resolve("model.safetensors").toFile(), "rw")) {
      weights.seek(weights.length() - 1);
      int last = weights.read();
      weights.seek(weights.length() - 1);
      weights.write(last ^ 1);
    }
    Invocation refused = replay(original, "--model", other.toString()).expect(2);
    assertTrue(refused.err().contains("Give the model that made them"), refused.err());
    Path same = folder.resolve("same-model");
    Tables.copy(Invocation.MODEL, same);
    assertEquals(TRACES, replay(original, "--model", same.toString()).expect(0).count("same"));

    Path table = folder.resolve("moved");
    winnow(
            "generate", "--prompts", Tables.firstPrompts(folder, 2).toString(), "--model", same.toString(), "--out",
            table.toString(), "--samples", "1", "--max-tokens", "8")
        .expect(0);
    Tables.delete(same);
    Invocation gone = replay(table).expect(2);
    assertTrue(gone.err().contains("Say by --model where the model lies now"), gone.err());
    assertEquals(2, replay(table, "--model", Invocation.MODEL.toString()).expect(0).count("same"));
  }

  @Test
  void theSampleIsTheSameEveryTimeAndGrows() throws IOException {
    Path table = copy("sample");
    sql(table, "finish_reason = 'stop', text = '', token_ids = array(3) WHERE error is null");
    List<String> three = keys(table, "--sample", "3");
    assertEquals(3, three.size());
    assertEquals(three, keys(table, "--sample", "3"));
    List<String> six = keys(table, "--sample", "6");
    assertEquals(6, six.size());
    assertTrue(six.containsAll(three), six + " and " + three);
    assertNotEquals(three, keys(table, "--sample", "3", "--seed", "1"));
    assertEquals(1, keys(table, "--sample", "0.000001%").size());
    assertEquals(TRACES, keys(table, "--sample", "1000").size());
    List<String> half = keys(table, "--sample", "50%");
    assertTrue(half.size() < TRACES && half.containsAll(three.subList(0, 1)) || half.size() < 3, half.toString());
  }

  private static List<String> keys(Path table, String... sample) {
    List<String> words = new ArrayList<>(List.of("replay", "--traces", table.toString(), "--verdicts=false"));
    words.addAll(List.of(sample));
    Invocation run = winnow(words.toArray(String[]::new)).expect(1);
    return run.out().lines().filter(line -> line.contains(" / ")).map(line -> line.split(": ")[0].strip()).toList();
  }

  @Test
  void refusesWhatItCannotDo() {
    assertEquals(1, replay(folder.resolve("none")).exitCode());
    for (String sample : List.of("0%", "101%", "0", "-1", "x", "5 %%")) {
      Invocation run = winnow("replay", "--traces", original.toString(), "--sample", sample).expect(2);
      assertTrue(run.err().contains("a share above 0%"), run.err());
    }
    assertEquals(2, winnow("replay").exitCode());
  }
}
