// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two executors in JVMs of their own, one of which dies. */
@Tag("cluster")
class ClusterTest {
  private static final int PROMPTS = 20;
  private static final int SAMPLES = 4;
  private static final String[] WORK =
      {"--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES), "--max-tokens", "96",
        "--commit-interval", "1"};

  @TempDir static Path folder;

  private SparkSession spark;

  @AfterEach
  void stop() {
    if (spark != null) {
      spark.stop();
    }
  }

  /** SPARK_HOME and SPARK_SCALA_VERSION, by which Spark starts executors, are set in the module's pom.xml. */
  private static SparkSession cluster() {
    System.setProperty("winnow.log.spark", "error");
    return Tables.builder("local-cluster[2,1,1024]")
        .config("spark.executor.memory", "768m")
        .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .config("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -Dwinnow.log.spark=error")
        .config("spark.task.maxFailures", "4")
        // As in ChildJvm: there must be a middle in which an executor can die.
        .config("spark.executorEnv.WINNOW_ISA", "reference")
        .getOrCreate();
  }

  private static List<ProcessHandle> executors() {
    // By their command alone: the system hides command lines as long as these. No other test leaves a child behind.
    return ProcessHandle.current().children()
        .filter(process -> process.info().command().orElse("").endsWith("java"))
        .toList();
  }

  @Test
  void twoExecutorsGiveTheRowsOfOneEvenIfOneOfThemDies() throws Exception {
    Path prompts = Tables.firstPrompts(folder, PROMPTS);
    Path alone = folder.resolve("alone");
    spark = Tables.local("local[2]");
    Invocation.generate(prompts, alone, WORK).expect(0);
    List<String> expected = Tables.comparable(spark, alone);
    assertEquals(PROMPTS * SAMPLES, expected.size());
    spark.stop();

    spark = cluster();
    Path quiet = folder.resolve("quiet");
    String[] few = with("--limit", "6");
    Invocation.generate(prompts, quiet, few).expect(0);
    assertEquals(expected.subList(0, 6 * SAMPLES), Tables.comparable(spark, quiet));

    Path table = folder.resolve("one-died");
    List<ProcessHandle> before = executors();
    assertEquals(2, before.size());
    // One trace at a time, so that there is a middle in which an executor can die.
    String[] slowly = with("--max-sequences", "1", "--threads", "1");
    CompletableFuture<Invocation> run =
        CompletableFuture.supplyAsync(() -> Invocation.generate(prompts, table, slowly));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (Tables.committedRows(table) == 0) {
      assertTrue(!run.isDone() && System.nanoTime() < end, "no row was committed while the run went on");
      Thread.sleep(20);
    }
    assertTrue(before.get(0).destroyForcibly());
    assertTrue(Tables.committedRows(table) < PROMPTS * SAMPLES, "the executor died too late");
    run.get(300, TimeUnit.SECONDS).expect(0);
    assertTrue(!before.get(0).isAlive());
    assertEquals(expected, Tables.comparable(spark, table));
  }

  /** The prompt costs executors their lives until it is found; all others get their traces in the same run. */
  @Test
  void aPromptThatEndsItsExecutorIsSetAside() throws Exception {
    spark = cluster();
    String[] lines = new String[40];
    for (int i = 0; i < lines.length; i++) {
      String question = i == 17 ? "What is killer?" : "How much is " + i + "?";
      lines[i] = "{\"id\": \"p" + i + "\", \"question\": \"" + question + "\", \"answer\": \"" + i + "\"}";
    }
    Path prompts = Tables.lines(folder.resolve("killer.jsonl"), lines);
    Path table = folder.resolve("killer");
    Invocation run =
        Invocation.winnow(
            "generate", "--prompts", prompts.toString(), "--model", "scripted:crash=killer,step-ms=2", "--id-column",
            "id", "--samples", "2", "--out", table.toString(), "--commit-interval", "1", "--strict");
    run.expect(3);
    assertEquals("2 (engine_crash 2)", run.summary("failed"));
    assertEquals("80 wanted = 0 before + 80 now + 0 to do", run.summary("accounted"));
    assertEquals(2, Tables.read(spark, table).filter("error is not null and prompt_id = 'p17'").count());
    assertEquals(78, Tables.read(spark, table).filter("error is null and completion_tokens > 0").count());
  }

  private static String[] with(String... more) {
    return Stream.of(WORK, more).flatMap(Stream::of).toArray(String[]::new);
  }
}
