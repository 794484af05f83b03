// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that ends in the middle, however it does, costs what it had in hand and nothing else. */
class ResumeTest {
  private static final int PROMPTS = 24;
  private static final int SAMPLES = 4;
  private static final String[] WORK =
      {"--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES), "--max-tokens", "96",
        "--commit-interval", "1"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  private static List<String> undisturbed;

  @BeforeAll
  static void runUndisturbed() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, PROMPTS);
    Path table = folder.resolve("undisturbed");
    Invocation.generate(prompts, table, WORK).expect(0);
    undisturbed = Tables.comparable(spark, table);
    assertEquals(PROMPTS * SAMPLES, undisturbed.size());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** One trace at a time, so that rows come one by one and there is a middle. */
  private static Process start(Path log, Path table) throws IOException {
    List<String> words = new ArrayList<>(Invocation.words(prompts, table, WORK));
    words.addAll(List.of("--max-sequences", "1", "--threads", "1"));
    return ChildJvm.winnow(log, words);
  }

  @Test
  void aKilledRunGoesOnWhereItWas() throws Exception {
    Path table = folder.resolve("killed");
    Path log = folder.resolve("killed.log");
    Process process = start(log, table);
    ChildJvm.awaitWhile(process, log, "its second commit", () -> Tables.commits(table).size() > 2);
    process.destroyForcibly().waitFor();
    long kept = Tables.committedRows(table);
    assertTrue(kept > 0 && kept < PROMPTS * SAMPLES, kept + " rows were there when the process was killed");

    Invocation resumed = Invocation.generate(prompts, table, WORK).expect(0);
    assertTrue(resumed.summary("traces").contains("from earlier runs"), resumed.out());
    assertEquals(undisturbed, Tables.comparable(spark, table));
    List<Row> runs = Tables.runs(spark, table);
    assertEquals(List.of("start", "start", "end"), runs.stream().map(row -> row.getAs("event")).toList());
    assertTrue(runs.get(2).<Long>getAs("traces_existing") >= kept, runs.get(2)::json);
    assertEquals(List.of(), Tables.files(table.resolve("_winnow/pending")));
  }

  @Test
  void aTerminatedRunKeepsWhatItHasDecoded() throws Exception {
    Path table = folder.resolve("terminated");
    Path log = folder.resolve("terminated.log");
    Process process = start(log, table);
    ChildJvm.awaitWhile(process, log, "its first commit", () -> Tables.committedRows(table) > 0);
    process.destroy();
    assertEquals(4, ChildJvm.await(process, 120), () -> read(log));
    String said = read(log);
    Invocation ended = new Invocation(4, said, "");
    assertTrue(ended.summary("stopped").contains("the same command goes on"), said);
    long kept = Tables.committedRows(table);
    assertTrue(kept > 0 && kept < PROMPTS * SAMPLES, kept + " rows were there when the process ended\n" + said);
    assertEquals(kept, ended.count("traces"), said);
    // What was decoded is what was counted on the way: all of it is in the table when the process is gone.
    assertEquals(
        Tables.read(spark, table).selectExpr("sum(completion_tokens)").head().getLong(0), ended.count("tokens"), said);
    assertEquals(List.of(), Tables.files(table.resolve("_winnow/pending")));
    List<Row> runs = Tables.runs(spark, table);
    assertEquals("stopped", runs.get(1).getAs("exit_state"));

    Invocation resumed = Invocation.generate(prompts, table, WORK).expect(0);
    assertEquals(PROMPTS * SAMPLES - kept + " (and " + kept + " from earlier runs)", resumed.summary("traces"));
    assertEquals(undisturbed, Tables.comparable(spark, table));
  }

  /** What is lost between a task and the ledger is made again in the same run, not left out. */
  @Test
  void anOfferThatCannotBeReadIsMadeAgain() throws Exception {
    Path table = folder.resolve("damaged-offer");
    CompletableFuture<Path> damaged = CompletableFuture.supplyAsync(() -> damageOneOffer(table));
    String[] few = Stream.concat(Stream.of(WORK), Stream.of("--limit", "6")).toArray(String[]::new);
    few[List.of(few).indexOf("--commit-interval") + 1] = "4"; // an offer waits up to half of it, long enough to be seen
    Invocation run = Invocation.generate(prompts, table, few).expect(0);
    assertTrue(damaged.isDone() && damaged.get() != null, "no offer was damaged while the run went on");
    assertEquals(String.valueOf(6 * SAMPLES), run.summary("traces"), run.out());
    assertEquals(undisturbed.subList(0, 6 * SAMPLES), Tables.comparable(spark, table));
  }

  /** Overwrites the first offer that a run makes; null if there is none in time. */
  private static Path damageOneOffer(Path table) {
    Path pending = table.resolve("_winnow/pending");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (System.nanoTime() < end) {
      for (String name : filesOrNone(pending)) {
        if (name.contains("/offered/") && name.endsWith(".json") && !name.contains("/.") && !name.contains("/_")) {
          try {
            return Files.writeString(pending.resolve(name), "{\"format\": 1, ", StandardOpenOption.TRUNCATE_EXISTING);
          } catch (IOException e) {
            // It was gone: the next one.
          }
        }
      }
      Thread.onSpinWait();
    }
    return null;
  }

  /** The folder changes while it is listed. */
  private static List<String> filesOrNone(Path folder) {
    try {
      return Tables.files(folder);
    } catch (UncheckedIOException e) {
      return List.of();
    }
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
