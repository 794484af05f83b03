// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Snapshot;
import io.delta.kernel.exceptions.ConcurrentTransactionException;
import io.delta.kernel.exceptions.ConcurrentWriteException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.fs.Path;
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
  private final long epoch;
  private final List<String> recovered = new ArrayList<>();
  private final List<String> running = new ArrayList<>();
  private final Map<String, Integer> suspects = new HashMap<>();
  private long rows;
  private long files;
  private long refused;

  Recovery(SparkSession spark, TraceTable traces, String workSet, long epoch) {
    this.spark = spark;
    this.traces = traces;
    this.table = traces.table();
    this.workSet = workSet;
    this.epoch = epoch;
  }

  RecoveryResult run() throws IOException {
    for (String runId : PendingFolder.runs(table.path(), table.conf())) {
      PendingFolder pending = new PendingFolder(table.path(), runId, table.conf());
      if (mayTakeOver(pending)) {
        takeOver(runId, pending);
        InFlight.collect(pending).forEach((id, deaths) -> suspects.merge(id, deaths, Integer::sum));
        pending.delete();
        recovered.add(runId);
      } else {
        running.add(runId);
      }
    }
    return new RecoveryResult(recovered, running, rows, files, refused, suspects);
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
    if (run.workSet().equals(workSet) && run.epoch() > epoch) {
      throw TableErrors.fenced(table.path(), "that is starting");
    }
    return run.workSet().equals(workSet)
        || run.isSurelyDead()
        || System.currentTimeMillis() - pending.heartbeatMillis() > SILENT_MILLIS;
  }

  private void takeOver(String runId, PendingFolder pending) throws IOException {
    String appId = Ledger.appId(runId);
    for (int attempt = 1; ; attempt++) {
      Snapshot snapshot = table.snapshot();
      long last = table.lastTransaction(snapshot, appId).orElse(0);
      List<String> names = new ArrayList<>();
      List<Manifest> replacing = new ArrayList<>();
      List<Manifest> manifests = uncommitted(pending, last, names, replacing);
      long refusedNow = keepNew(manifests, snapshot.getVersion());
      long transaction = Math.max(last + 1, Ledger.FIRST_TAKEOVER);
      pending.writeBatch(transaction, names);
      try {
        table.appendTo(
            snapshot, appId, transaction, TraceTable.keySchema(), manifests.stream().map(Manifest::file).toList());
      } catch (ConcurrentTransactionException e) {
        // The run has just committed, or a third one takes over as well: look again at what is left.
        LOG.info("Run {} moved while it was taken over", runId);
        pending.dropBatches(transaction);
        retryOrThrow(attempt, e);
        continue;
      } catch (ConcurrentWriteException e) {
        pending.dropBatches(transaction);
        retryOrThrow(attempt, e);
        continue;
      }
      replace(runId, replacing);
      files += manifests.size() + replacing.size();
      refused += refusedNow;
      for (Manifest m : manifests) {
        rows += m.file().rows();
      }
      return;
    }
  }

  /** What the run meant to put in the place of other rows; harmless where it had done so. */
  private void replace(String runId, List<Manifest> replacing) throws IOException {
    replacing.removeIf(
        m -> {
          try {
            return !Committer.isWhole(table, m.file());
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    if (replacing.isEmpty()) {
      return;
    }
    try {
      Replacement.apply(spark, table, replacing);
    } catch (Exception e) { // Spark throws checked exceptions that it does not declare
      throw TableErrors.commitFailed(table.path(), runId, 1, e);
    }
    for (Manifest m : replacing) {
      rows += m.file().rows();
      DataFileWriter.delete(table.path(), m.file().name(), table.conf());
    }
  }

  private static void retryOrThrow(int attempt, ConcurrentWriteException e) {
    if (attempt >= MAX_ATTEMPTS) {
      throw e;
    }
  }

  /** @param names gets those of the manifests that bring new rows */
  private static List<Manifest> uncommitted(
      PendingFolder pending, long lastTransaction, List<String> names, List<Manifest> replacing) throws IOException {
    Set<String> committed = new HashSet<>(pending.batchedUpTo(lastTransaction));
    List<Manifest> out = new ArrayList<>();
    for (String name : pending.offered()) {
      if (committed.contains(name)) {
        continue;
      }
      try {
        Manifest m = pending.readOffered(name);
        if (m.replaces()) {
          replacing.add(m);
        } else {
          out.add(m);
          names.add(name);
        }
      } catch (FileNotFoundException e) {
        // Its run has just put it away.
      } catch (IOException e) {
        LOG.warn("Leaving out the manifest {}: {}", name, e.toString());
      }
    }
    return out;
  }

  /** Removes what must not be committed; returns how many files that touched. */
  private long keepNew(List<Manifest> manifests, long version) throws IOException {
    if (manifests.isEmpty()) {
      return 0;
    }
    RowKeySet seen = keysInTable(manifests, version);
    long touched = 0;
    for (int i = 0; i < manifests.size(); ) {
      Manifest m = manifests.get(i);
      Manifest kept = null;
      if (Committer.isWhole(table, m.file())) {
        RowKeySet own = new RowKeySet();
        boolean whole = m.keys().stream().allMatch(key -> !seen.contains(key) && own.add(key));
        kept = whole ? m : new FileMerge(table, columns(m)).keep(m, key -> !seen.contains(key));
      }
      touched += kept == m ? 0 : 1;
      if (kept == null) {
        manifests.remove(i);
      } else {
        kept.keys().forEach(seen::add);
        manifests.set(i++, kept);
      }
    }
    return touched;
  }

  private StructType columns(Manifest m) {
    return spark.read().parquet(new Path(table.path(), m.file().name()).toString()).schema();
  }

  private RowKeySet keysInTable(List<Manifest> manifests, long version) {
    List<Row> keys = new ArrayList<>();
    for (Manifest m : manifests) {
      for (RowKey key : m.keys()) {
        keys.add(RowFactory.create(key.promptId(), key.traceId()));
      }
    }
    Dataset<Row> offered = functions.broadcast(spark.createDataFrame(keys, TraceTable.keySchema()));
    RowKeySet out = new RowKeySet();
    Dataset<Row> there = traces.read(spark, version).select("prompt_id", "trace_id");
    for (Row row : there.join(offered, new String[] {"prompt_id", "trace_id"}, "left_semi").collectAsList()) {
      out.add(new RowKey(row.getString(0), row.getString(1)));
    }
    return out;
  }
}
