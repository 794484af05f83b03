// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Snapshot;
import io.delta.kernel.exceptions.ConcurrentTransactionException;
import io.delta.kernel.exceptions.ConcurrentWriteException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a ledger does in each of its turns: takes the offered files whose rows are new, and commits them in one Delta
 * transaction. A file that holds rows which are known already is written anew without them.
 *
 * <p>Each transaction is made on top of exactly the snapshot that was looked through: rows that somebody else committed
 * since the run was planned are known before, so no row can get in twice whoever writes beside. One thread.
 */
final class Committer {
  private static final Logger LOG = LoggerFactory.getLogger(Committer.class);
  /** Commits of others that may come between before a turn gives up; the next turn goes on. */
  private static final int MAX_RACES = 50;

  private final WinnowTable table;
  private final LedgerSpec spec;
  private final PendingFolder pending;
  private final Fence fence;
  private final CommitLog log;
  private final FileMerge merge;
  private final Compaction compaction;
  private final String appId;

  private final RowKeySet accepted = new RowKeySet();
  private final Set<String> leftOut = new HashSet<>();
  /** Offers that replace rows: they wait for the end of the run. */
  private final List<Manifest> held = new ArrayList<>();
  private final RowKeySet heldKeys = new RowKeySet();
  private final Set<Long> ownVersions = new HashSet<>();
  private long seenVersion;
  private long transactions;
  private Batch inFlight;
  private volatile LedgerProgress progress = LedgerProgress.NONE;

  private record Batch(long transaction, List<Manifest> manifests) {
    List<DataFile> files() {
      return manifests.stream().map(Manifest::file).toList();
    }
  }

  /** @param seenVersion newest version of the table that the run has looked through */
  Committer(WinnowTable table, LedgerSpec spec, PendingFolder pending, Fence fence, long seenVersion) {
    this.table = table;
    this.spec = spec;
    this.pending = pending;
    this.fence = fence;
    this.log = new CommitLog(table);
    this.merge = new FileMerge(table, spec.schema());
    this.compaction = new Compaction(table, merge, spec.targetFileBytes());
    this.appId = Ledger.appId(spec.runId());
    this.seenVersion = seenVersion;
  }

  LedgerProgress progress() {
    return progress;
  }

  /** Offers that wait to replace rows. */
  List<Manifest> held() {
    return held;
  }

  /**
   * Commits all that is offered.
   *
   * @throws TableException if the run may not commit any more
   * @throws IOException if it may be tried again
   */
  void commitOffered() throws IOException {
    for (int race = 0; race < MAX_RACES; race++) {
      if (inFlight == null) {
        inFlight = nextBatch();
      }
      if (inFlight == null) {
        return;
      }
      commitInFlight();
    }
  }

  /** Merges small files as long as there are enough of them, for about so long at most. */
  void compact(long millis) {
    long end = System.nanoTime() + millis * 1_000_000L;
    long version;
    do {
      version = compaction.step();
      rearranged(version);
    } while (version >= 0 && System.nanoTime() < end);
  }

  /** Merges the small files that are left when the run ends. */
  void compactRest() {
    rearranged(compaction.finish());
  }

  private void rearranged(long version) {
    if (version >= 0) {
      ownVersions.add(version);
      progress = progress.atVersion(version);
    }
  }

  private void commitInFlight() throws IOException {
    Snapshot snapshot = table.snapshot();
    OptionalLong last = table.lastTransaction(snapshot, appId);
    if (last.isPresent() && last.getAsLong() == inFlight.transaction()) {
      // An earlier try got in, though it was reported as failed.
      learn(snapshot);
      settle(snapshot.getVersion());
      return;
    }
    if (last.isPresent() && last.getAsLong() > inFlight.transaction() || !fence.isOpen()) {
      throw fenced();
    }
    if (learn(snapshot)) {
      // Somebody else's rows are among these: withdrawn, and put together anew.
      pending.dropBatches(inFlight.transaction());
      inFlight = null;
      return;
    }
    long version;
    try {
      version = table.appendTo(snapshot, appId, inFlight.transaction(), spec.schema(), inFlight.files());
    } catch (ConcurrentTransactionException e) {
      LOG.debug("Transaction {} of {} is taken; looking again", inFlight.transaction(), appId);
      return;
    } catch (ConcurrentWriteException e) {
      LOG.debug("Version {} of {} is another's; looking again", snapshot.getVersion() + 1, table.path());
      return;
    }
    seenVersion = version;
    settle(version);
  }

  private TableException fenced() throws IOException {
    // The batch did not get in: without its note the next recovery looks at its files once more.
    pending.dropBatches(inFlight.transaction());
    return TableErrors.fenced(table.path(), spec.runId());
  }

  /** Learns the rows that others have committed up to a snapshot; true if one of them is in the batch. */
  private boolean learn(Snapshot snapshot) throws IOException {
    Set<String> own = inFlight.files().stream().map(DataFile::name).collect(Collectors.toSet());
    RowKeySet foreign = new RowKeySet();
    for (long version = seenVersion + 1; version <= snapshot.getVersion(); version++) {
      if (ownVersions.remove(version)) {
        continue;
      }
      progress = progress.withOthers();
      for (String file : log.added(version)) {
        if (!own.contains(file)) {
          log.addKeys(file, foreign);
        }
      }
    }
    seenVersion = Math.max(seenVersion, snapshot.getVersion());
    boolean touched = false;
    for (Manifest m : inFlight.manifests()) {
      touched |= m.keys().stream().anyMatch(foreign::contains);
    }
    accepted.addAll(foreign);
    return touched;
  }

  /** The commit stands: counts it and clears its traces in the pending folder. */
  private void settle(long version) {
    Batch batch = inFlight;
    inFlight = null;
    transactions = batch.transaction();
    TraceCounts counts = TraceCounts.ZERO;
    for (Manifest m : batch.manifests()) {
      m.keys().forEach(accepted::add);
      counts = counts.plus(m.counts());
    }
    progress = progress.plusCommit(counts, batch.manifests().size(), version);
    compaction.committed(batch.files());
    try {
      pending.accept(batch.transaction(), batch.manifests());
      pending.dropBatches(batch.transaction());
    } catch (IOException e) {
      // They are left out when they are seen again, and recovery knows them by the note of the batch that stays.
      LOG.warn("Cannot put away the manifests of transaction {}: {}", batch.transaction(), e.toString());
      batch.manifests().forEach(m -> leftOut.add(m.name()));
    }
  }

  private Batch nextBatch() throws IOException {
    List<Manifest> taken = new ArrayList<>();
    RowKeySet inBatch = new RowKeySet();
    for (String name : pending.offered()) {
      Manifest m = leftOut.contains(name) ? null : read(name);
      if (m == null) {
        continue;
      }
      if (!isWhole(table, m.file())) {
        refuse(m, "its data file is not there at its full length");
      } else if (m.replaces()) {
        hold(m);
      } else {
        Manifest fresh =
            isNew(m, inBatch) ? m : keepNew(m, key -> !accepted.contains(key) && !inBatch.contains(key));
        if (fresh != null) {
          fresh.keys().forEach(inBatch::add);
          taken.add(fresh);
        }
      }
    }
    if (taken.isEmpty()) {
      return null;
    }
    Batch batch = new Batch(transactions + 1, taken);
    pending.writeBatch(batch.transaction(), taken.stream().map(Manifest::name).toList());
    return batch;
  }

  private Manifest read(String name) throws IOException {
    try {
      return pending.readOffered(name);
    } catch (FileNotFoundException e) {
      return null;
    } catch (IOException e) {
      LOG.warn("Leaving out the manifest {} of run {}: {}", name, spec.runId(), e.toString());
      leftOut.add(name);
      return null;
    }
  }

  private void hold(Manifest m) throws IOException {
    RowKeySet own = new RowKeySet();
    boolean fresh = m.keys().stream().allMatch(key -> !heldKeys.contains(key) && own.add(key));
    Manifest kept = fresh ? m : keepNew(m, key -> !heldKeys.contains(key));
    if (kept != null) {
      kept.keys().forEach(heldKeys::add);
      held.add(kept);
      leftOut.add(kept.name());
    }
  }

  private boolean isNew(Manifest m, RowKeySet inBatch) {
    RowKeySet own = new RowKeySet();
    for (RowKey key : m.keys()) {
      if (accepted.contains(key) || inBatch.contains(key) || !own.add(key)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Puts the rows that are wanted into a file of their own and offers it in the place of the other. The old data file
   * is left to VACUUM: a run that takes over could be about to commit it.
   *
   * @return the new offer; null if no row is wanted
   */
  private Manifest keepNew(Manifest m, Predicate<RowKey> wanted) throws IOException {
    Manifest rest = merge.keep(m, wanted);
    LOG.info("{} holds rows that are known: {} of its {} are new", m.file().name(),
        rest == null ? 0 : rest.file().rows(), m.file().rows());
    if (rest != null) {
      pending.offer(rest);
    }
    pending.dropOffered(m.name());
    return rest;
  }

  /** Drops the manifest; its rows are made again. */
  private void refuse(Manifest m, String why) throws IOException {
    RowKeySet lost = new RowKeySet();
    m.keys().stream().filter(key -> !accepted.contains(key)).forEach(lost::add);
    LOG.warn("Refused {} with {} new rows: {}", m.file().name(), lost.size(), why);
    pending.dropOffered(m.name());
    progress = progress.plusRejected(lost.size());
  }

  /** True if the data file is there at its full length: a commit of anything else would break the table. */
  static boolean isWhole(WinnowTable table, DataFile file) throws IOException {
    FileSystem fs = table.fileSystem();
    try {
      FileStatus status = fs.getFileStatus(new Path(table.path(), file.name()));
      return status.getLen() == file.sizeBytes();
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  /** All held rows are in the table. */
  void replaced(long version) throws IOException {
    TraceCounts counts = TraceCounts.ZERO;
    for (Manifest m : held) {
      counts = counts.plus(m.counts());
      pending.dropOffered(m.name());
      DataFileWriter.delete(table.path(), m.file().name(), table.conf());
    }
    progress = progress.plusCommit(counts, held.size(), version);
    held.clear();
  }
}
