// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that dies is what it leaves on the file system, so each test lays that down and recovers. */
class RecoveryTest {
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

  private LedgerSpec deadRun(String runId, String workSet) throws Exception {
    RunFile here = RunFile.here(runId, workSet, 0);
    RunFile dead = new RunFile(runId, workSet, 0, here.host(), here.pid(), here.pidStartMillis() - 1);
    pending(runId).writeRun(dead.toBytes());
    return new LedgerSpec(table.path(), runId, table.schema().json(), 1000, 1000, 1 << 30,
        new SerializableConfiguration(table.table().conf()));
  }

  private PendingFolder pending(String runId) throws Exception {
    return new PendingFolder(table.path(), runId, table.table().conf());
  }

  private void offer(LedgerSpec spec, int partition, String... ids) throws Exception {
    try (TraceWriter writer = TraceWriter.open(spec, partition, 0)) {
      for (String id : ids) {
        writer.add(LocalDelta.trace(table.schema(), "p", id));
      }
    }
  }

  private void commit(String runId, long transaction, List<String> names) throws Exception {
    List<DataFile> files = new java.util.ArrayList<>();
    for (String name : names) {
      files.add(pending(runId).readOffered(name).file());
    }
    table.table().append(Ledger.appId(runId), transaction, table.schema(), files);
  }

  private void assertRows(long rows) {
    List<String> keys = LocalDelta.keys(spark, table);
    assertEquals(rows, keys.size(), keys.toString());
    assertEquals(keys.stream().distinct().toList(), keys);
    assertFalse(Files.exists(dir.resolve("t/_winnow/pending/dead")), "the pending folder is gone");
  }

  private static RecoveryResult result(
      List<String> recovered, List<String> running, long rows, long files, long refused) {
    return new RecoveryResult(recovered, running, rows, files, refused, Map.of());
  }

  @Test
  void killedBetweenDataFileAndManifestLeavesOnlyAnOrphan() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    pending("dead").dropOffered(pending("dead").offered().get(0));
    RecoveryResult result = Ledger.recover(spark, table, "w", 0);
    assertEquals(result(List.of("dead"), List.of(), 0, 0, 0), result);
    assertRows(0);
  }

  @Test
  void killedBetweenManifestAndCommitIsAdopted() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a", "b");
    offer(spec, 1, "c");
    assertEquals(result(List.of("dead"), List.of(), 3, 2, 0), Ledger.recover(spark, table, "w", 0));
    assertRows(3);
    assertEquals(result(List.of(), List.of(), 0, 0, 0), Ledger.recover(spark, table, "w", 0));
    assertRows(3);
  }

  @Test
  void killedBeforeTheNotedCommitGotInIsAdopted() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    pending("dead").writeBatch(1, pending("dead").offered());
    assertEquals(1, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertRows(1);
  }

  @Test
  void killedBetweenCommitAndClearingIsNotDoubled() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    List<String> first = pending("dead").offered();
    pending("dead").writeBatch(1, first);
    commit("dead", 1, first);
    offer(spec, 1, "b");
    assertEquals(result(List.of("dead"), List.of(), 1, 1, 0), Ledger.recover(spark, table, "w", 0));
    assertRows(2);
  }

  @Test
  void rowsDeletedAfterTheCommitStayDeleted() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    List<String> first = pending("dead").offered();
    pending("dead").writeBatch(1, first);
    commit("dead", 1, first);
    spark.sql("DELETE FROM delta.`" + table.path() + "` WHERE trace_id = 'a'");
    assertEquals(0, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertRows(0);
  }

  @Test
  void killedInTheMiddleOfARecoveryIsNotDoubled() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    List<String> names = pending("dead").offered();
    pending("dead").writeBatch(Ledger.FIRST_TAKEOVER, names);
    commit("dead", Ledger.FIRST_TAKEOVER, names);
    assertEquals(0, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertRows(1);
  }

  @Test
  void ofFilesWithRowsThatAreInTheTableOnlyTheOthersGetIn() throws Exception {
    LedgerSpec other = deadRun("other", "w");
    offer(other, 0, "a");
    assertEquals(1, Ledger.recover(spark, table, "w", 0).adoptedRows());
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a", "b");
    offer(spec, 1, "c");
    assertEquals(result(List.of("dead"), List.of(), 2, 2, 1), Ledger.recover(spark, table, "w", 0));
    assertRows(3);
  }

  @Test
  void cutDataFilesAreRefused() throws Exception {
    LedgerSpec spec = deadRun("dead", "w");
    offer(spec, 0, "a");
    String file = pending("dead").readOffered(pending("dead").offered().get(0)).file().name();
    byte[] bytes = Files.readAllBytes(dir.resolve("t/" + file));
    Files.write(dir.resolve("t/" + file), java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertEquals(result(List.of("dead"), List.of(), 0, 0, 1), Ledger.recover(spark, table, "w", 0));
    assertRows(0);
  }

  @Test
  void aLivingRunOfTheSameWorkIsShutOut() throws Exception {
    try (Ledger older = Ledger.open(spark, table, LedgerOptions.of("older", "w", 60_000))) {
      offer(older.spec(), 0, "a");
      assertEquals(result(List.of("older"), List.of(), 1, 1, 0), Ledger.recover(spark, table, "w", 0));
      offer(older.spec(), 1, "b");
      TableException e = assertThrows(TableException.class, older::finish);
      assertEquals(TableErrors.FENCED, e.errorClass());
    }
    assertRows(1);
    // What it offered in vain is no loss: the next recovery takes it.
    assertEquals(1, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertRows(2);
  }

  @Test
  void aLivingRunOfOtherWorkIsLeftAlone() throws Exception {
    try (Ledger other = Ledger.open(spark, table, LedgerOptions.of("other", "w2", 60_000))) {
      offer(other.spec(), 0, "a");
      assertEquals(result(List.of(), List.of("other"), 0, 0, 0), Ledger.recover(spark, table, "w", 0));
      assertEquals(1, other.finish().counts().rows());
    }
    assertRows(1);
  }

  @Test
  void aDeadRunOfOtherWorkIsRecovered() throws Exception {
    offer(deadRun("dead", "w2"), 0, "a");
    assertEquals(1, Ledger.recover(spark, table, "w", 0).adoptedRows());
    assertRows(1);
  }

  @Test
  void aTaskThatOutlivedItsRunIsCleanedUp() throws Exception {
    LedgerSpec late;
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("dead", "w", 50))) {
      late = ledger.spec();
      offer(late, 0, "a");
      ledger.finish();
    }
    offer(late, 0, "a");
    RecoveryResult result = Ledger.recover(spark, table, "other work", 0);
    assertEquals(result(List.of("dead"), List.of(), 0, 0, 1), result);
    assertRows(1);
    assertTrue(result.recoveredRuns().contains("dead"));
  }

  @Test
  void aNewerRunOfTheSameWorkShutsTheOlderOneOut() throws Exception {
    RunsTable runs = RunsTable.open(table);
    long first = claim(runs, "older");
    try (Ledger older = Ledger.open(spark, table, LedgerOptions.of("older", "w", 20).claimed(first, table.version()))) {
      offer(older.spec(), 0, "a");
      LocalDelta.await("commit", () -> older.progress().counts().rows() == 1);
      long second = claim(runs, "newer");
      assertEquals(first + 1, second);
      offer(older.spec(), 1, "b");
      TableException e = assertThrows(TableException.class, older::finish);
      assertEquals(TableErrors.FENCED, e.errorClass());
      TableException late = assertThrows(TableException.class, () -> Ledger.recover(spark, table, "w", 0));
      assertEquals(TableErrors.FENCED, late.errorClass());
      assertEquals(1, Ledger.recover(spark, table, "w", second).adoptedRows());
    }
    assertRows(2);
  }

  private static long claim(RunsTable runs, String runId) {
    return runs.claim("w", Map.of("run_id", runId, "event", "start", "at", java.time.Instant.now()));
  }

  @Test
  void whatADeadRunMeantToReplaceIsReplaced() throws Exception {
    offer(deadRun("first", "w"), 0, "a", "b");
    assertEquals(2, Ledger.recover(spark, table, "w", 0).adoptedRows());
    spark.sql("UPDATE delta.`" + table.path() + "` SET finish_reason = 'length' WHERE trace_id = 'a'");
    LedgerSpec spec = deadRun("dead", "w");
    try (TraceWriter writer = TraceWriter.open(spec, 0, 0)) {
      for (String id : List.of("a", "b", "never there")) {
        writer.replace(LocalDelta.row(
            table.schema(), Map.of("prompt_id", "p", "trace_id", id, "completion_tokens", 9, "finish_reason", "stop")));
      }
    }
    Ledger.recover(spark, table, "w", 0);
    assertRows(2);
    // The truncated one goes on; the whole one stays as it is, and what is not there does not appear.
    assertEquals(
        List.of("[a,9,stop]", "[b,5,null]"),
        table.read(spark).select("trace_id", "completion_tokens", "finish_reason").orderBy("trace_id").collectAsList()
            .stream().map(Object::toString).toList());
  }
}
