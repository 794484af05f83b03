// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.delta.kernel.Snapshot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
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

  /** The address of the folder for tables. */
  String place() {
    return dir.toString();
  }

  @BeforeEach
  void create() {
    table = TraceTable.open(spark, place() + "/t", new StructType());
  }

  SparkSession spark() {
    return spark;
  }

  TraceTable table() {
    return table;
  }

  void offer(LedgerSpec spec, int partition, long attempt, String... traceIds) throws Exception {
    try (TraceWriter writer = TraceWriter.open(spec, partition, 1)) {
      for (String id : traceIds) {
        writer.add(LocalDelta.trace(table.schema(), "p", id));
      }
    }
  }

  /** A file of an attempt that did not look at what others had offered, as a speculative one. */
  private void offerBlindly(LedgerSpec spec, int partition, long attempt, String... traceIds) throws Exception {
    LedgerSpec aside = new LedgerSpec(spec.tablePath(), "aside-" + attempt, spec.schemaJson(), spec.flushMillis(),
        spec.targetFileRows(), spec.targetFileBytes(), spec.hadoop());
    offer(aside, partition, attempt, traceIds);
    PendingFolder from = new PendingFolder(spec.tablePath(), aside.runId(), table.table().conf());
    PendingFolder to = new PendingFolder(spec.tablePath(), spec.runId(), table.table().conf());
    for (String name : from.offered()) {
      to.offer(from.readOffered(name));
    }
    from.delete();
  }

  @Test
  void rowsAppearWhileTheJobRuns() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 100))) {
      offer(ledger.spec(), 0, 1, "a", "b");
      LocalDelta.await("first commit", () -> LocalDelta.count(spark, table) == 2);
      offer(ledger.spec(), 1, 2, "c");
      LocalDelta.await("second commit", () -> ledger.progress().counts().rows() == 3);
      assertEquals(2, ledger.progress().commits());
      offer(ledger.spec(), 2, 3, "d");
      LedgerProgress end = ledger.finish();
      assertEquals(new TraceCounts(4, 12, 20, 4, 0, 0, 0), end.counts());
      assertEquals(end.tableVersion(), table.version());
      assertEquals(end, ledger.finish());
    }
    assertEquals(4, LocalDelta.distinct(spark, table));
    assertFalse(Files.exists(dir.resolve("t/_winnow/pending/r")));
  }

  @Test
  void twoAttemptsOfTheSameRowsGiveEachRowOnce() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 60_000))) {
      offer(ledger.spec(), 0, 1, "a", "b");
      offerBlindly(ledger.spec(), 0, 2, "b", "c");
      offerBlindly(ledger.spec(), 0, 3, "a", "b");
      LedgerProgress end = ledger.finish();
      assertEquals(3, end.counts().rows());
      assertEquals(0, end.rejectedRows());
    }
    assertEquals(3, LocalDelta.count(spark, table));
    assertEquals(3, LocalDelta.distinct(spark, table));
  }

  @Test
  void anAttemptAfterTheCommitSkipsItsRowsAndABlindOneIsRefused() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50))) {
      offer(ledger.spec(), 0, 1, "a", "b");
      LocalDelta.await("commit", () -> ledger.progress().counts().rows() == 2);
      try (TraceWriter retry = TraceWriter.open(ledger.spec(), 0, 2)) {
        assertTrue(retry.alreadyOffered("p", "a"));
        assertFalse(retry.add(LocalDelta.trace(table.schema(), "p", "b")));
      }
      offerBlindly(ledger.spec(), 0, 3, "b");
      ledger.finish();
    }
    assertEquals(2, LocalDelta.count(spark, table));
  }

  @Test
  void aSparkJobWhoseTasksFailAndRunAgainWritesEachRowOnce() throws Exception {
    SparkSession session = spark;
    StructType schema = table.schema();
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50))) {
      LedgerSpec spec = ledger.spec();
      // Stage attempts stand for task attempts: local mode does not run a failed task again.
      for (int attempt = 0; attempt < 2; attempt++) {
        int a = attempt;
        ForeachPartitionFunction<Long> work =
            ids -> {
              TaskContext task = TaskContext.get();
              try (TraceWriter writer =
                  TraceWriter.open(spec, task.partitionId(), a)) {
                int done = 0;
                while (ids.hasNext()) {
                  String id = "t" + ids.next();
                  if (writer.alreadyOffered("p", id)) {
                    continue;
                  }
                  writer.add(LocalDelta.trace(schema, "p", id));
                  writer.flushIfDue();
                  if (a == 0 && ++done == 30) {
                    writer.flush();
                    throw new IllegalStateException("this attempt dies");
                  }
                }
              }
            };
        try {
          session.range(0, 200, 1, 3).as(org.apache.spark.sql.Encoders.LONG()).foreachPartition(work);
          assertEquals(1, a);
        } catch (Exception e) {
          assertEquals(0, a, e.toString());
        }
      }
      assertEquals(200, ledger.finish().counts().rows());
    }
    assertEquals(200, LocalDelta.count(spark, table));
    assertEquals(200, LocalDelta.distinct(spark, table));
  }

  /** Delta with faults: fails the first so many commits, before or after they got in. */
  private static final class Faulty extends WinnowTable {
    final AtomicInteger faults;
    final boolean afterwards;
    final AtomicInteger calls = new AtomicInteger();

    Faulty(WinnowTable table, int faults, boolean afterwards) {
      super(table.path(), table.conf());
      this.faults = new AtomicInteger(faults);
      this.afterwards = afterwards;
    }

    @Override
    long appendTo(
        Snapshot snapshot, String appId, long transaction, StructType columns, List<DataFile> files) {
      calls.incrementAndGet();
      boolean fail = faults.getAndDecrement() > 0;
      if (fail && !afterwards) {
        throw new java.io.UncheckedIOException(new java.io.IOException("injected"));
      }
      long version = super.appendTo(snapshot, appId, transaction, columns, files);
      if (fail) {
        throw new java.io.UncheckedIOException(new java.io.IOException("injected: the answer got lost"));
      }
      return version;
    }
  }

  @Test
  void commitsThatFailForAWhileAreTriedAgain() throws Exception {
    Faulty faulty = new Faulty(table.table(), 3, false);
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50), faulty, 8)) {
      offer(ledger.spec(), 0, 1, "a");
      offer(ledger.spec(), 1, 2, "b");
      ledger.finish();
    }
    assertEquals(2, LocalDelta.count(spark, table));
    assertTrue(faulty.calls.get() >= 4);
  }

  @Test
  void aCommitThatGotInButSeemedToFailIsNotDoubled() throws Exception {
    Faulty faulty = new Faulty(table.table(), 2, true);
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50), faulty, 8)) {
      offer(ledger.spec(), 0, 1, "a");
      LocalDelta.await("commit", () -> ledger.progress().counts().rows() == 1);
      offer(ledger.spec(), 1, 2, "b");
      assertEquals(2, ledger.finish().counts().rows());
    }
    assertEquals(2, LocalDelta.count(spark, table));
    assertEquals(2, table.version());
  }

  @Test
  void aCommitterThatCannotGoOnFailsTheRunAndKeepsWhatIsPending() throws Exception {
    Faulty faulty = new Faulty(table.table(), Integer.MAX_VALUE, false);
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20), faulty, 3)) {
      offer(ledger.spec(), 0, 1, "a");
      LocalDelta.await("failure", () -> ledger.failure().isPresent());
      TableException e = assertThrows(TableException.class, ledger::finish);
      assertEquals(TableErrors.COMMIT_FAILED, e.errorClass());
      assertTrue(e.getMessage().contains("3 attempts"), e.getMessage());
    }
    assertEquals(0, LocalDelta.count(spark, table));
    assertEquals(1, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertEquals(1, LocalDelta.count(spark, table));
  }

  @Test
  void twoRunsOfDifferentWorkGoOnBesideEachOther() throws Exception {
    try (Ledger one = Ledger.open(spark, table, LedgerOptions.of("one", "w1", 20));
        Ledger two = Ledger.open(spark, table, LedgerOptions.of("two", "w2", 20))) {
      List<Thread> threads = new ArrayList<>();
      List<Throwable> errors = java.util.Collections.synchronizedList(new ArrayList<>());
      for (Ledger ledger : List.of(one, two)) {
        Thread t =
            new Thread(
                () -> {
                  try {
                    for (int i = 0; i < 12; i++) {
                      offer(ledger.spec(), i, i, ledger.spec().runId() + i);
                      Thread.sleep(15);
                    }
                  } catch (Throwable e) {
                    errors.add(e);
                  }
                });
        threads.add(t);
        t.start();
      }
      for (Thread t : threads) {
        t.join();
      }
      assertEquals(List.of(), errors);
      assertEquals(12, one.finish().counts().rows());
      assertEquals(12, two.finish().counts().rows());
    }
    assertEquals(24, LocalDelta.count(spark, table));
    assertEquals(24, LocalDelta.distinct(spark, table));
  }

  @Test
  void optimizeAndDeleteBesideARunAreAllowed() throws Exception {
    String name = "delta.`" + table.path() + "`";
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20))) {
      for (int i = 0; i < 3; i++) {
        offer(ledger.spec(), i, i, "a" + i);
        int rows = i + 1;
        LocalDelta.await("commit " + i, () -> ledger.progress().counts().rows() == rows);
      }
      Thread beside =
          new Thread(
              () -> {
                spark.sql("OPTIMIZE " + name);
                deleteUntilDone(name);
              });
      beside.start();
      for (int i = 3; i < 20; i++) {
        offer(ledger.spec(), i, i, "b" + i);
        Thread.sleep(50);
      }
      beside.join();
      assertEquals(20, ledger.finish().counts().rows());
    }
    assertEquals(19, LocalDelta.count(spark, table));
    assertEquals(19, LocalDelta.distinct(spark, table));
    assertEquals(0, table.read(spark).where("trace_id = 'a1'").count());
  }

  /** Delta refuses a DELETE that lost a race with an append, as it must; whoever deletes tries again. */
  private void deleteUntilDone(String name) {
    while (true) {
      try {
        spark.sql("DELETE FROM " + name + " WHERE trace_id = 'a1'");
        return;
      } catch (Exception e) {
        if (!e.getClass().getSimpleName().contains("ConcurrentAppend")) {
          throw e;
        }
      }
    }
  }

  @Test
  void checkpointsAreWrittenOnTheWay() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 2))) {
      for (int i = 0; i < 11; i++) {
        offer(ledger.spec(), i, i, "a" + i);
        int rows = i + 1;
        LocalDelta.await("commit " + i, () -> ledger.progress().counts().rows() == rows);
      }
      ledger.finish();
    }
    assertTrue(Files.exists(dir.resolve("t/_delta_log/00000000000000000010.checkpoint.parquet")));
    assertEquals(11, LocalDelta.count(spark, table));
  }

  @Test
  void vacuumLeavesTheSideFolderAlone() throws Exception {
    spark.conf().set("spark.databricks.delta.retentionDurationCheck.enabled", "false");
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50))) {
      RunsTable.open(table).append(java.util.Map.of("run_id", "r", "event", "start", "at", java.time.Instant.now()));
      offer(ledger.spec(), 0, 1, "a");
      Path accepted = dir.resolve("t/_winnow/pending/r/accepted");
      LocalDelta.await(
          "commit", () -> Files.exists(accepted) && side().stream().noneMatch(f -> f.contains("/batches/")));
      // An orphan, as a killed task leaves it, is what VACUUM is for.
      Files.copy(firstParquet(), dir.resolve("t/part-00009-orphan.zstd.parquet"));
      List<String> before = side();
      spark.sql("VACUUM delta.`" + table.path() + "` RETAIN 0 HOURS");
      assertEquals(before, side());
      assertFalse(Files.exists(dir.resolve("t/part-00009-orphan.zstd.parquet")));
      ledger.finish();
    } finally {
      spark.conf().unset("spark.databricks.delta.retentionDurationCheck.enabled");
    }
    assertEquals(1, LocalDelta.count(spark, table));
    assertEquals(1, RunsTable.open(table).read(spark).count());
  }

  private Path firstParquet() throws Exception {
    try (var files = Files.list(dir.resolve("t"))) {
      return files.filter(p -> p.toString().endsWith(".parquet")).findFirst().orElseThrow();
    }
  }

  private List<String> side() throws Exception {
    try (var files = Files.walk(dir.resolve("t/_winnow"))) {
      return files.map(Path::toString).filter(p -> p.endsWith(".parquet") || p.endsWith(".json")).sorted().toList();
    }
  }

  @Test
  void aDataFileThatVanishedIsNotCommitted() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 60_000))) {
      offer(ledger.spec(), 0, 1, "a");
      Files.delete(firstParquet());
      offer(ledger.spec(), 1, 2, "b");
      LedgerProgress end = ledger.finish();
      assertEquals(1, end.counts().rows());
      assertEquals(1, end.rejectedRows());
    }
    assertEquals(1, LocalDelta.count(spark, table));
  }

  @Test
  void aBrokenManifestIsLeftOut() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 60_000))) {
      offer(ledger.spec(), 0, 1, "a");
      Path offered = dir.resolve("t/_winnow/pending/r/offered");
      Files.writeString(offered.resolve("p00001-1-x.json"), "{\"format\":1,\"file\":\"../../etc/passwd\"");
      Files.writeString(offered.resolve("p00002-1-x.json"), "{\"format\":1,\"file\":\"../x\",\"rows\":0,\"keys\":[]}");
      assertEquals(1, ledger.finish().counts().rows());
    }
    assertEquals(1, LocalDelta.count(spark, table));
  }

  @Test
  void aRunIdServesOnce() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 50))) {
      assertThrows(TableException.class, () -> Ledger.open(spark, table, LedgerOptions.of("r", "w", 50)));
      offer(ledger.spec(), 0, 1, "a");
      ledger.finish();
    }
    assertThrows(TableException.class, () -> Ledger.open(spark, table, LedgerOptions.of("r", "w", 50)));
    for (String bad : List.of("", "a/b", "..", "a b")) {
      assertThrows(TableException.class, () -> LedgerOptions.of(bad, "w", 50), bad);
    }
  }

  @Test
  void columnsThatComeDuringTheRunDoNotStopIt() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20))) {
      offer(ledger.spec(), 0, 1, "a");
      LocalDelta.await("commit", () -> ledger.progress().counts().rows() == 1);
      spark.sql("ALTER TABLE delta.`" + table.path() + "` ADD COLUMNS (note STRING)");
      offer(ledger.spec(), 1, 2, "b");
      assertEquals(2, ledger.finish().counts().rows());
    }
    assertEquals(2, table.read(spark).where("note is null").count());
  }

  @Test
  void aProtocolRaisedDuringTheRunStopsIt() throws Exception {
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20))) {
      spark.sql("ALTER TABLE delta.`" + table.path() + "` SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')");
      offer(ledger.spec(), 0, 1, "a");
      TableException e = assertThrows(TableException.class, ledger::finish);
      assertEquals(TableErrors.PROTOCOL_RAISED, e.errorClass());
    }
  }

  @Test
  void progressThatComesLateLeavesNothingBehind() throws Exception {
    Path pending = dir.resolve("t/_winnow/pending/r");
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 20))) {
      ledger.show(RunProgress.start("r", "w", 1, 0));
      assertTrue(Files.exists(pending.resolve("progress.json")));
      ledger.finish();
      ledger.show(RunProgress.start("r", "w", 1, 0));
      assertFalse(Files.exists(pending));
    }
  }

  @Test
  void keySetTellsMillionsApart() {
    RowKeySet set = new RowKeySet();
    IntStream.range(0, 300_000).forEach(i -> assertTrue(set.add(new RowKey("p" + i / 8, "t" + i % 8))));
    IntStream.range(0, 300_000).forEach(i -> assertFalse(set.add(new RowKey("p" + i / 8, "t" + i % 8))));
    assertEquals(300_000, set.size());
    assertFalse(set.contains(new RowKey("p", "0t0")));
  }
}
