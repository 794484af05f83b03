// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a ledger does when others write beside it, when rows replace rows, and with its small files. */
class CommitterTest {
  private static SparkSession spark;

  @TempDir Path dir;
  private TraceTable table;

  @BeforeAll
  static void start() {
    spark = LocalDelta.session();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @BeforeEach
  void create() {
    table = TraceTable.open(spark, dir + "/t", new StructType());
  }

  private void offer(LedgerSpec spec, int partition, int attempt, String... traceIds) throws Exception {
    try (TraceWriter writer = TraceWriter.open(spec, partition, attempt)) {
      for (String id : traceIds) {
        writer.add(LocalDelta.trace(table.schema(), "p", id));
      }
    }
  }

  /** Two runs that make the same rows without knowing of each other: whoever is later leaves them out. */
  @Test
  void rowsThatSomebodyElseCommittedMeanwhileAreLeftOut() throws Exception {
    try (Ledger one = Ledger.open(spark, table, LedgerOptions.of("one", "w1", 20));
        Ledger two = Ledger.open(spark, table, LedgerOptions.of("two", "w2", 60_000))) {
      offer(two.spec(), 0, 0, "a", "b", "c");
      offer(one.spec(), 0, 0, "a", "b");
      LocalDelta.await("commit", () -> one.progress().counts().rows() == 2);
      assertFalse(one.progress().others());
      LedgerProgress end = two.finish();
      assertEquals(1, end.counts().rows());
      assertTrue(end.others());
    }
    assertEquals(List.of("p/a", "p/b", "p/c"), LocalDelta.keys(spark, table));
  }

  @Test
  void rowsThatGotInBetweenPlanningAndOpeningAreLeftOut() throws Exception {
    long planned = table.version();
    try (Ledger one = Ledger.open(spark, table, LedgerOptions.of("one", "w1", 20))) {
      offer(one.spec(), 0, 0, "a");
      one.finish();
    }
    try (Ledger two = Ledger.open(spark, table, LedgerOptions.of("two", "w2", 20).claimed(0, planned))) {
      offer(two.spec(), 0, 0, "a", "b");
      assertEquals(1, two.finish().counts().rows());
    }
    assertEquals(List.of("p/a", "p/b"), LocalDelta.keys(spark, table));
  }

  @Test
  void failedAndTruncatedRowsAreReplacedAndTheUsersColumnsStay() throws Exception {
    StructType schema = table.schema();
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20))) {
      try (TraceWriter writer = TraceWriter.open(ledger.spec(), 0, 0)) {
        Row failure = RowFactory.create("engine_fault", "m", 1, "retry");
        writer.add(LocalDelta.row(schema, Map.of("prompt_id", "p", "trace_id", "failed", "error", failure)));
        writer.add(LocalDelta.row(schema, Map.of(
            "prompt_id", "p", "trace_id", "cut", "finish_reason", "length", "completion_tokens", 3)));
        writer.add(LocalDelta.trace(schema, "p", "whole"));
      }
      ledger.finish();
    }
    spark.sql("ALTER TABLE delta.`" + table.path() + "` ADD COLUMNS (note STRING)");
    spark.sql("UPDATE delta.`" + table.path() + "` SET note = trace_id");
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("s", "w", 20))) {
      try (TraceWriter writer = TraceWriter.open(ledger.spec(), 0, 0)) {
        writer.replace(LocalDelta.trace(schema, "p", "failed"));
        Row again = RowFactory.create("engine_fault", "m", 1, "retry");
        writer.replace(LocalDelta.row(schema, Map.of("prompt_id", "p", "trace_id", "cut", "error", again)));
        writer.replace(LocalDelta.row(schema, Map.of("prompt_id", "p", "trace_id", "deleted meanwhile")));
        writer.add(LocalDelta.trace(schema, "p", "new"));
      }
      LocalDelta.await("commit", () -> ledger.progress().counts().rows() == 1);
      assertEquals(4, LocalDelta.count(spark, table));
      ledger.finish();
    }
    assertEquals(
        List.of("[cut,3,null,cut]", "[failed,5,null,failed]", "[new,5,null,null]", "[whole,5,null,whole]"),
        table.read(spark).select("trace_id", "completion_tokens", "error.class", "note").orderBy("trace_id")
            .collectAsList().stream().map(Object::toString).toList());
  }

  @Test
  void smallFilesAreMergedWithoutAChangeOfData() throws Exception {
    int files = 2 * Compaction.FILES + 3;
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 5))) {
      for (int i = 0; i < files; i++) {
        offer(ledger.spec(), i, 0, "a" + i, "b" + i);
      }
      LocalDelta.await("commits", () -> ledger.progress().counts().rows() == 2 * files);
      try (TraceWriter again = TraceWriter.open(ledger.spec(), 5, 1)) {
        assertTrue(again.alreadyOffered("p", "a5") && again.alreadyOffered("p", "b5"));
        assertFalse(again.alreadyOffered("p", "a6"));
      }
      assertFalse(ledger.finish().others());
    }
    assertEquals(2 * files, LocalDelta.count(spark, table));
    assertEquals(2 * files, LocalDelta.distinct(spark, table));
    long left = table.read(spark).inputFiles().length;
    assertTrue(left <= 8, left + " files are left of " + files);
    assertEquals(
        0,
        spark.sql("DESCRIBE HISTORY delta.`" + table.path() + "`")
            .where("operation = 'Manual Update' AND isBlindAppend").count());
    // A reader of changes sees each row once.
    assertEquals(
        2 * files,
        spark.readStream().format("delta").load(table.path()).writeStream().format("memory").queryName("changes")
                .trigger(org.apache.spark.sql.streaming.Trigger.AvailableNow()).start().awaitTermination(60_000)
            ? spark.table("changes").count() : -1);
  }

  /** A thousand executors offer a file each in one interval: one commit, and what it takes is printed. */
  @Test
  void theOffersOfAThousandExecutorsAreOneCommit() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 3_600_000))) {
      for (int i = 0; i < 1000; i++) {
        offer(ledger.spec(), i, 0, "a" + i, "b" + i);
      }
      long start = System.nanoTime();
      Thread finishing = new Thread(ledger::finish);
      finishing.start();
      LocalDelta.await("commit", () -> ledger.progress().commits() > 0);
      long committed = System.nanoTime();
      finishing.join();
      System.out.printf(
          "1000 offers: committed after %.1f s, merged after %.1f s%n",
          (committed - start) / 1e9, (System.nanoTime() - start) / 1e9);
      LedgerProgress end = ledger.finish();
      assertEquals(2000, end.counts().rows());
      assertEquals(1, end.commits());
    }
    assertEquals(2000, LocalDelta.count(spark, table));
  }
}
