// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.lit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code verify --traces}: later verdicts, each once. */
class VerifyTest {
  private static final int PROMPTS = 6;
  private static final int SAMPLES = 2;

  @TempDir static Path folder;

  private static SparkSession spark;
  /** Verified traces, and two prompts that cannot be used; not to be written to. */
  private static Path original;

  @BeforeAll
  static void run() throws IOException {
    spark = Tables.local("local[2]");
    List<String> lines = new ArrayList<>(Files.readAllLines(Tables.firstPrompts(folder, PROMPTS)));
    lines.add("{\"id\": \"empty\", \"question\": \"\", \"answer\": \"1\"}");
    Path prompts = Tables.lines(folder.resolve("prompts.jsonl"), lines.toArray(String[]::new));
    original = folder.resolve("original");
    Invocation.generate(
            prompts, original, "--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES),
            "--max-tokens", "40")
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

  private static Dataset<Row> verdicts(Path table) {
    return spark.read().format("delta").load(table.resolve("_winnow/verdicts").toString());
  }

  private static long rows(Path table) {
    return verdicts(table).count();
  }

  private static long keys(Path table) {
    return verdicts(table).select("prompt_id", "trace_id", "verifier", "version", "params").distinct().count();
  }

  @Test
  void givesEachTraceTheVerdictThatGenerateGave() throws IOException {
    Path table = copy("again");
    List<String> before = Tables.whole(Tables.read(spark, table));
    Invocation run = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    assertEquals(PROMPTS * SAMPLES, run.count("judged"), run.out());
    assertEquals(PROMPTS * SAMPLES + " of " + PROMPTS * SAMPLES + " as in the traces", run.summary("agreement"));
    assertEquals(SAMPLES, run.count("left out"), run.out());
    assertEquals(before, Tables.whole(Tables.read(spark, table)));

    List<String> stored =
        Tables.whole(
            Tables.read(spark, table).filter("error is null")
                .select(col("prompt_id"), col("trace_id"), col("verdicts").getItem("math").as("v"))
                .selectExpr(
                    "prompt_id", "trace_id", "v.value", "v.score", "v.extracted", "v.rule", "v.detail", "v.params",
                    "v.version")
                .orderBy("prompt_id", "trace_id"));
    assertEquals(
        stored,
        Tables.whole(
            verdicts(table)
                .select(
                    "prompt_id", "trace_id", "value", "score", "extracted", "rule", "detail", "params", "version")
                .orderBy("prompt_id", "trace_id")));
    assertTrue(stored.stream().anyMatch(row -> row.contains("\"detail\":\"truncated\"")), "some trace was cut");

    List<Row> runs = Tables.runs(spark, table).subList(2, 4);
    assertEquals(List.of("start", "end"), runs.stream().map(row -> row.getAs("event")).toList());
    assertEquals(List.of("verify", "verify"), runs.stream().map(row -> row.getAs("command")).toList());
    Row end = runs.get(1);
    assertEquals("done", end.getAs("exit_state"));
    assertEquals((long) PROMPTS * SAMPLES, end.<Long>getAs("traces_written"), end::json);
    assertEquals((long) PROMPTS * SAMPLES, end.<Long>getAs("traces_planned"), end::json);
    assertEquals(0L, end.<Long>getAs("traces_existing"), end::json);
    assertEquals(1L, end.<Long>getAs("output_version_after"), end::json);
    assertEquals(runs.get(0).<String>getAs("run_id"), verdicts(table).select("run_id").distinct().head().getString(0));
  }

  @Test
  void judgesOnlyWhatIsMissing() throws IOException {
    Path table = copy("missing");
    winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    Invocation again = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    assertEquals("all traces have their verdicts already", again.summary("nothing to do"));
    assertEquals(PROMPTS * SAMPLES, rows(table));
    assertEquals("nothing_to_do", Tables.runs(spark, table).get(5).getAs("exit_state"));

    // One verdict is taken away, one trace is new, and other parameters are another kind of verdict.
    Row gone = verdicts(table).orderBy("prompt_id", "trace_id").head();
    spark.sql(
        "DELETE FROM delta.`" + table.resolve("_winnow/verdicts") + "` WHERE prompt_id = '" + gone.getAs("prompt_id")
            + "' AND trace_id = '" + gone.getAs("trace_id") + "'");
    Tables.read(spark, table).filter("error is null").limit(1).withColumn("trace_id", lit("new"))
        .write().format("delta").mode("append").save(table.toString());
    Invocation rest = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    assertEquals("2 (and " + (PROMPTS * SAMPLES - 1) + " from earlier runs)", rest.summary("judged"));
    winnow("verify", "--traces", table.toString(), "--verifier", "math:config=winnow").expect(0);
    assertEquals(2 * (PROMPTS * SAMPLES + 1), rows(table));
    assertEquals(rows(table), keys(table));
    assertEquals(
        List.of("{\"config\":\"winnow\"}", "{}"),
        verdicts(table).select("params").distinct().orderBy("params").as(org.apache.spark.sql.Encoders.STRING())
            .collectAsList());
  }

  @Test
  void saysWhichVerdictsChanged() throws IOException {
    Path table = copy("changed");
    long correct = Tables.read(spark, table).filter("correct").count();
    assertTrue(correct > 0, "the model answers some of the prompts in 40 tokens");
    spark.sql("UPDATE delta.`" + table + "` SET gold = '-123456789' WHERE correct");
    Invocation run = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    long all = PROMPTS * SAMPLES;
    assertEquals(
        all - correct + " of " + all + " as in the traces; correct → incorrect " + correct, run.summary("agreement"));
    assertTrue(run.out().contains("WHERE v.verifier = 'math' AND t.verdicts['math'].value <> v.value"), run.out());
    String sql =
        run.out().lines().dropWhile(line -> !line.startsWith("  SQL")).limit(5)
            .map(line -> line.replace("  SQL      ", "")).reduce("", (a, b) -> a + "\n" + b);
    assertFalse(spark.sql(sql).isEmpty(), sql);
  }

  /** A continued trace is another text under the same key. */
  @Test
  void aContinuedTraceIsJudgedAgain() throws IOException {
    Path table = copy("continued");
    winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    Row cut = Tables.read(spark, table).filter("finish_reason = 'length'").head();
    spark.sql(
        "UPDATE delta.`" + table + "` SET finish_reason = 'stop', text = concat('#### ', gold), created_at = now()"
            + " WHERE prompt_id = '" + cut.getAs("prompt_id") + "' AND trace_id = '" + cut.getAs("trace_id") + "'");
    Invocation again = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    assertEquals("1 (and " + (PROMPTS * SAMPLES - 1) + " from earlier runs)", again.summary("judged"));
    assertEquals(
        List.of("incorrect", "correct"),
        verdicts(table).filter("trace_id = '" + cut.getAs("trace_id") + "'").orderBy("created_at").select("value")
            .as(org.apache.spark.sql.Encoders.STRING()).collectAsList());
    Invocation once = winnow("verify", "--traces", table.toString(), "--verifier", "math").expect(0);
    assertEquals(0, once.count("judged"), once.out());
  }

  @Test
  void twoAtOnceDoNotDouble() throws Exception {
    Path table = copy("two");
    multiply(table, 2000);
    long all = Tables.read(spark, table).filter("error is null").count();
    List<CompletableFuture<Invocation>> both = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      both.add(
          CompletableFuture.supplyAsync(
              () ->
                  winnow(
                      "verify", "--traces", table.toString(), "--verifier", "math", "--partitions", "8",
                      "--commit-interval", "10ms")));
    }
    long judged = 0;
    for (CompletableFuture<Invocation> one : both) {
      judged += one.get().expect(0).count("judged");
    }
    assertEquals(all, judged);
    assertEquals(all, rows(table));
    assertEquals(all, keys(table));
  }

  @Test
  void aKilledRunGoesOnWhereItWas() throws Exception {
    Path table = copy("killed");
    multiply(table, 60_000);
    Path log = folder.resolve("killed.log");
    List<String> words =
        List.of(
            "verify", "--traces", table.toString(), "--verifier", "math", "--partitions", "60", "--commit-interval",
            "10ms");
    Process process = ChildJvm.winnow(log, words);
    Path side = table.resolve("_winnow/verdicts");
    ChildJvm.awaitWhile(process, log, "its second commit", () -> Tables.commits(side).size() > 2);
    process.destroyForcibly().waitFor();
    long all = Tables.read(spark, table).filter("error is null").count();
    long kept = rows(table);
    assertTrue(kept > 0 && kept < all, kept + " of " + all + " verdicts were there when the process was killed");

    Invocation resumed = winnow(words.toArray(String[]::new)).expect(0);
    assertTrue(resumed.summary("judged").contains("from earlier runs"), resumed.out());
    assertEquals(all - kept, resumed.count("judged"));
    assertEquals(all, rows(table));
    assertEquals(all, keys(table));
  }

  @Test
  void aStoppedRunKeepsWhatItHasJudged() throws Exception {
    Path table = copy("stopped");
    multiply(table, 60_000);
    Path log = folder.resolve("stopped.log");
    List<String> words =
        List.of("verify", "--traces", table.toString(), "--verifier", "math", "--partitions", "60");
    Process process = ChildJvm.winnow(log, words);
    Path side = table.resolve("_winnow/verdicts");
    ChildJvm.awaitWhile(process, log, "its first file", () -> Tables.files(side).stream().anyMatch(VerifyTest::isData));
    process.destroy();
    assertEquals(4, ChildJvm.await(process, 120), () -> log.toString());
    Invocation ended = new Invocation(4, Files.readString(log), "");
    assertTrue(ended.summary("stopped").contains("the same command goes on"), ended.out());
    long all = Tables.read(spark, table).filter("error is null").count();
    long kept = rows(table);
    assertTrue(kept < all, kept + " of " + all);
    assertEquals(kept, ended.count("judged"), ended.out());
    List<Row> runs = Tables.runs(spark, table);
    assertEquals("stopped", runs.get(runs.size() - 1).getAs("exit_state"));
    winnow(words.toArray(String[]::new)).expect(0);
    assertEquals(all, rows(table));
    assertEquals(all, keys(table));
  }

  private static boolean isData(String file) {
    return file.startsWith("part-") && file.endsWith(".parquet");
  }

  /** Adds so many copies of the first good trace under keys of their own. */
  private static void multiply(Path table, int copies) {
    Dataset<Row> one = Tables.read(spark, table).filter("error is null").limit(1);
    one.crossJoin(spark.range(copies))
        .withColumn("trace_id", concat(lit("copy-"), col("id")))
        .drop("id")
        .write().format("delta").mode("append").save(table.toString());
  }

  @Test
  void refusesWhatItCannotDo() {
    String traces = original.toString();
    Invocation unknown = winnow("verify", "--traces", traces, "--verifier", "moth").expect(2);
    assertTrue(unknown.err().contains("Known verifiers: "), unknown.err());
    Invocation value = winnow("verify", "--traces", traces, "--verifier", "math:config=odd").expect(2);
    assertTrue(value.err().contains("config"), value.err());
    Invocation twice = winnow("verify", "--traces", traces, "--verifier", "math", "--verifier", "math").expect(2);
    assertTrue(twice.err().contains("twice"), twice.err());
    Invocation none = winnow("verify", "--traces", folder.resolve("none").toString(), "--verifier", "math").expect(1);
    assertTrue(none.err().contains("there is no Delta table"), none.err());
    Invocation runs = winnow("verify", "--traces", traces + "/_winnow/runs", "--verifier", "math").expect(1);
    assertTrue(runs.err().contains("it is the table of runs"), runs.err());
    Invocation in = winnow("verify", "--in", "a.jsonl", "--verifier", "math").expect(2);
    assertTrue(in.err().contains("--out is missing"), in.err());
    assertTrue(winnow("verify", "--traces", traces).expect(2).err().contains("--verifier is missing"));
    assertFalse(Files.exists(original.resolve("_winnow/verdicts")));
  }
}
