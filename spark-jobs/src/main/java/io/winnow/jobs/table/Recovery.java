// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.exceptions.ConcurrentTransactionException;
import io.delta.kernel.exceptions.ConcurrentWriteException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over the pending files of earlier runs. The take-over is one Delta transaction under the earlier run's own
 * application id, which adds the files and shuts the run out in the same step; which manifests the run had committed
 * itself is known from the batches it noted.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);
  private static final int MAX_ATTEMPTS = 10;

  /** A run of other work without a heartbeat for so long counts as dead. It cannot do harm if it is not. */
  static final long SILENT_MILLIS = 5 * 60_000;

  private final SparkSession spark;
  private final TraceTable traces;
  private final WinnowTable table;
  private final String workSet;
  private final List<String> recovered = new ArrayList<>();
  private final List<String> running = new ArrayList<>();
  private long rows;
  private long files;
  private long refused;

  Recovery(SparkSession spark, TraceTable traces, String workSet) {
    this.spark = spark;
    this.traces = traces;
    this.table = traces.table();
    this.workSet = workSet;
  }

  RecoveryResult run() throws IOException {
    for (String runId : PendingFolder.runs(table.path(), table.conf())) {
      PendingFolder pending = new PendingFolder(table.path(), runId, table.conf());
      if (mayTakeOver(pending)) {
        takeOver(runId, pending);
        pending.delete();
        recovered.add(runId);
      } else {
        running.add(runId);
      }
    }
    return new RecoveryResult(recovered, running, rows, files, refused);
  }

  private boolean mayTakeOver(PendingFolder pending) throws IOException {
    byte[] json = pending.readRun();
    if (json == null) {
      // Left by a task that outlived its finished run, or the driver died before its first line.
      return true;
    }
    RunFile run;
    try {
      run = RunFile.parse(json);
    } catch (IOException e) {
      return true;
    }
    return run.workSet().equals(workSet)
        || run.isSurelyDead()
        || System.currentTimeMillis() - pending.heartbeatMillis() > SILENT_MILLIS;
  }

  private void takeOver(String runId, PendingFolder pending) throws IOException {
    String appId = Ledger.appId(runId);
    for (int attempt = 1; ; attempt++) {
      long last = table.lastTransaction(appId).orElse(0);
      List<String> names = new ArrayList<>();
      List<Manifest> manifests = uncommitted(pending, last, names);
      long refusedNow = keepNew(manifests, names);
      long transaction = Math.max(last + 1, Ledger.FIRST_TAKEOVER);
      pending.writeBatch(transaction, names);
      try {
        table.append(appId, transaction, traces.schema(), manifests.stream().map(Manifest::file).toList());
      } catch (ConcurrentTransactionException e) {
        // The run has just committed, or a third one takes over as well: look again at what is left.
        LOG.info("Run {} moved while it was taken over", runId);
        pending.dropBatches(transaction);
        retryOrThrow(attempt, e);
        continue;
      } catch (ConcurrentWriteException e) {
        retryOrThrow(attempt, e);
        continue;
      }
      files += manifests.size();
      refused += refusedNow;
      for (Manifest m : manifests) {
        rows += m.file().rows();
      }
      return;
    }
  }

  private static void retryOrThrow(int attempt, ConcurrentWriteException e) {
    if (attempt >= MAX_ATTEMPTS) {
      throw e;
    }
  }

  private static List<Manifest> uncommitted(PendingFolder pending, long lastTransaction, List<String> names)
      throws IOException {
    Set<String> committed = new HashSet<>(pending.batchedUpTo(lastTransaction));
    List<Manifest> out = new ArrayList<>();
    for (String name : pending.offered()) {
      if (committed.contains(name)) {
        continue;
      }
      try {
        out.add(pending.readOffered(name));
        names.add(name);
      } catch (FileNotFoundException e) {
        // Its run has just put it away.
      } catch (IOException e) {
        LOG.warn("Leaving out the manifest {}: {}", name, e.toString());
      }
    }
    return out;
  }

  /** Removes what must not be committed; returns how many files that were. */
  private long keepNew(List<Manifest> manifests, List<String> names) throws IOException {
    if (manifests.isEmpty()) {
      return 0;
    }
    RowKeySet seen = keysInTable(manifests);
    long before = manifests.size();
    for (int i = 0; i < manifests.size(); ) {
      Manifest m = manifests.get(i);
      if (isNew(m, seen) && Ledger.isWhole(table, m.file())) {
        m.keys().forEach(seen::add);
        i++;
      } else {
        manifests.remove(i);
        names.remove(i);
      }
    }
    return before - manifests.size();
  }

  private static boolean isNew(Manifest m, RowKeySet seen) {
    RowKeySet own = new RowKeySet();
    for (RowKey key : m.keys()) {
      if (seen.contains(key) || !own.add(key)) {
        return false;
      }
    }
    return true;
  }

  private RowKeySet keysInTable(List<Manifest> manifests) {
    StructType keySchema = new StructType().add("prompt_id", "string").add("trace_id", "string");
    List<Row> keys = new ArrayList<>();
    for (Manifest m : manifests) {
      for (RowKey key : m.keys()) {
        keys.add(RowFactory.create(key.promptId(), key.traceId()));
      }
    }
    Dataset<Row> offered = functions.broadcast(spark.createDataFrame(keys, keySchema));
    RowKeySet out = new RowKeySet();
    for (Row row :
        traces.keys(spark).join(offered, new String[] {"prompt_id", "trace_id"}, "left_semi").collectAsList()) {
      out.add(new RowKey(row.getString(0), row.getString(1)));
    }
    return out;
  }
}
