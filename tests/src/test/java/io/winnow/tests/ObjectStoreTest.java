// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.table.ObjectStoreFileSystem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A whole run on a file system with the manners of an object store, where a process that is killed loses its uploads:
 * killed, gone on with, and equal to a run on a local disk. Only Spark's Delta is configured, as a user would.
 */
class ObjectStoreTest {
  private static final int PROMPTS = 24;
  private static final int SAMPLES = 8;
  private static final String[] WORK =
      {"--id-column", "id", "--verify", "math", "--samples", String.valueOf(SAMPLES), "--max-tokens", "96",
        "--commit-interval", "1"};
  private static final String[] CONF =
      {"spark.hadoop.fs.objstore.impl=" + ObjectStoreFileSystem.class.getName(),
        "spark.delta.logStore.objstore.impl=io.delta.storage.S3SingleDriverLogStore"};

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    System.setProperty("winnow.log.spark", "error");
    SparkSession.Builder builder = Tables.builder("local[2]");
    for (String pair : CONF) {
      builder.config(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
    }
    spark = builder.getOrCreate();
    prompts = Tables.firstPrompts(folder, PROMPTS);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static List<String> words(String out, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("generate", "--prompts", prompts.toString(), "--model", Invocation.MODEL.toString(), "--out", out));
    words.addAll(List.of(WORK));
    words.addAll(List.of(more));
    return words;
  }

  private static Invocation run(String out) {
    return Invocation.winnow(words(out).toArray(String[]::new)).expect(0);
  }

  @Test
  void aKilledRunGoesOnAndEqualsOneOnADisk() throws Exception {
    Path onDisk = folder.resolve("disk");
    run(onDisk.toString());
    List<String> undisturbed = Tables.comparable(spark, onDisk);
    assertEquals(PROMPTS * SAMPLES, undisturbed.size());

    Path place = folder.resolve("bucket");
    String table = ObjectStoreFileSystem.address(place);
    Path log = folder.resolve("killed.log");
    Process process =
        ChildJvm.winnow(
            log, words(table, "--max-sequences", "1", "--threads", "1", "--conf", CONF[0], "--conf", CONF[1]));
    ChildJvm.awaitWhile(process, log, "its second commit", () -> Tables.commits(place).size() > 2);
    process.destroyForcibly().waitFor();
    long kept = Tables.committedRows(place);
    assertTrue(kept > 0 && kept < PROMPTS * SAMPLES, kept + " rows were there when the process was killed");

    Invocation resumed = run(table);
    assertTrue(resumed.summary("traces").contains("from earlier runs"), resumed.out());
    // The same files, by a plain reader of the disk and by one of the store.
    assertEquals(undisturbed, Tables.comparable(spark, place));
    Dataset<Row> keys = spark.read().format("delta").load(table).select("prompt_id", "trace_id");
    assertEquals(PROMPTS * SAMPLES, keys.distinct().count());
    assertEquals(List.of(), Tables.files(place.resolve("_winnow/pending")));
    List<Row> runs = Tables.runs(spark, place);
    assertEquals(List.of("start", "start", "end"), runs.stream().map(row -> row.getAs("event")).toList());
    Invocation again = run(table);
    assertEquals("0 (and " + PROMPTS * SAMPLES + " from earlier runs)", again.summary("traces"));
  }
}
