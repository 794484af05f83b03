// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.exceptions.ConcurrentTransactionException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of one run: commits what the run's {@link TraceWriter}s offer, all new files of an interval in one
 * Delta transaction, while the Spark job goes on. Every row it accepts is in the table exactly once:
 *
 * <ul>
 *   <li>A file is taken whole if none of its keys was accepted before, else refused whole, because another attempt of
 *       the task was first. Rows lost by a refusal are counted; the caller plans again until nothing is missing.
 *   <li>Transactions of a run are numbered 1, 2, … under the application id {@code winnow/<runId>}, and each is tried
 *       with the same files until it is known to be in or the run fails, so that no retry can double it.
 *   <li>{@link #recover} takes a dead run's files over in a transaction of the same application id with a number above
 *       all that the run itself could use: the run, should it live, cannot commit any more.
 * </ul>
 *
 * Thread-safe. A daemon thread does the work; its failure shows in {@link #failure} and {@link #finish}.
 */
public final class Ledger implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Ledger.class);

  /** Transactions from here on are take-overs: no run lives to commit as often. */
  static final long FIRST_TAKEOVER = 1L << 40;

  private static final long HEARTBEAT_MILLIS = 20_000;
  private static final long MAX_BACKOFF_MILLIS = 5_000;
  static final int DEFAULT_ATTEMPTS = 8;

  private final WinnowTable table;
  private final LedgerSpec spec;
  private final PendingFolder pending;
  private final long tickMillis;
  private final int maxAttempts;
  private final CountDownLatch stop = new CountDownLatch(1);
  private final Thread committer;

  // Written by the committer thread (by the finishing thread once that one has ended).
  private final RowKeySet accepted = new RowKeySet();
  private final Set<String> unreadable = new HashSet<>();
  private long transactions;
  private Batch inFlight;
  private long lastHeartbeatNanos = System.nanoTime();

  private volatile LedgerProgress progress = new LedgerProgress(TraceCounts.ZERO, 0, 0, 0, -1);
  private volatile TableException failure;
  private boolean closed;

  private record Batch(long transaction, List<String> names, List<Manifest> manifests) {}

  /** Opens a ledger with the default file sizes. */
  public static Ledger open(SparkSession spark, TraceTable table, LedgerOptions options) {
    return open(spark, table, options, table.table(), DEFAULT_ATTEMPTS);
  }

  static Ledger open(
      SparkSession spark, TraceTable table, LedgerOptions options, WinnowTable commits, int maxAttempts) {
    try {
      return new Ledger(spark, table, options, commits, maxAttempts);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write to " + table.path() + ": " + e.getMessage(), e);
    }
  }

  private Ledger(SparkSession spark, TraceTable table, LedgerOptions options, WinnowTable commits, int maxAttempts)
      throws IOException {
    this.table = commits;
    // Half the interval for the task to flush and half for the driver to commit keep the promise of the whole.
    this.tickMillis = Math.max(1, options.commitIntervalMillis() / 2);
    this.maxAttempts = maxAttempts;
    this.spec =
        new LedgerSpec(
            table.path(),
            options.runId(),
            table.schema().json(),
            tickMillis,
            options.targetFileRows(),
            options.targetFileBytes(),
            new SerializableConfiguration(spark.sparkContext().hadoopConfiguration()));
    this.pending = new PendingFolder(table.path(), options.runId(), commits.conf());
    if (pending.exists() || commits.lastTransaction(appId(options.runId())).isPresent()) {
      throw TableErrors.badRunId(options.runId(), "a run of that id has been at work on " + table.path());
    }
    pending.writeRun(RunFile.here(options.runId(), options.workSet()).toBytes());
    this.committer = new Thread(this::commitUntilStopped, "winnow-ledger-" + options.runId());
    committer.setDaemon(true);
    committer.start();
  }

  /**
   * Takes over what earlier runs of the work set, or dead ones of any, have finished but not committed: files are
   * committed if none of their rows is in the table. To be called before work is planned. Harmless to repeat.
   */
  public static RecoveryResult recover(SparkSession spark, TraceTable table, String workSet) {
    try {
      return new Recovery(spark, table, workSet).run();
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot look after earlier runs of " + table.path() + ": " + e.getMessage(), e);
    }
  }

  static String appId(String runId) {
    return "winnow/" + runId;
  }

  /** What the tasks need. */
  public LedgerSpec spec() {
    return spec;
  }

  /** What has been committed so far. */
  public LedgerProgress progress() {
    return progress;
  }

  /** Why the ledger gave up, if it did: the job should be cancelled then. */
  public Optional<TableException> failure() {
    return Optional.ofNullable(failure);
  }

  /**
   * Commits all that is offered and ends the ledger. To be called when all tasks have ended.
   *
   * @return what the run has committed
   * @throws TableException if a commit failed for good; what is offered waits for {@link #recover} then
   */
  public synchronized LedgerProgress finish() {
    if (!closed) {
      end();
      if (failure == null) {
        deletePending();
      }
    }
    if (failure != null) {
      throw failure;
    }
    return progress;
  }

  /** Ends the ledger if {@link #finish} did not: commits what it can, and leaves what it cannot to {@link #recover}. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    end();
    if (failure != null) {
      LOG.error("{}", failure.getMessage());
    } else {
      deletePending();
    }
  }

  private void end() {
    closed = true;
    stop.countDown();
    boolean interrupted = false;
    while (committer.isAlive()) {
      try {
        committer.join();
      } catch (InterruptedException e) {
        // The last commit is worth the wait: it is bounded by the attempts.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void deletePending() {
    try {
      pending.delete();
    } catch (IOException e) {
      LOG.warn("Cannot delete {}: {}; the next run does", pending.root(), e.toString());
    }
  }

  private void commitUntilStopped() {
    int attempts = 0;
    while (true) {
      // What was offered before the stop is seen by the turn that follows it.
      boolean last;
      if (attempts == 0) {
        last = stopped(tickMillis);
      } else {
        pause(Math.min(MAX_BACKOFF_MILLIS, 50L << Math.min(attempts, 10)));
        last = stopped(0);
      }
      try {
        commitOffered();
        attempts = 0;
        if (last) {
          return;
        }
      } catch (TableException e) {
        failure = e;
        return;
      } catch (IOException | RuntimeException e) {
        if (++attempts >= maxAttempts) {
          failure = TableErrors.commitFailed(table.path(), spec.runId(), attempts, e);
          return;
        }
        LOG.warn("Cannot commit to {} (attempt {} of {}): {}", table.path(), attempts, maxAttempts, e.toString());
      } catch (Error e) {
        failure = TableErrors.commitFailed(table.path(), spec.runId(), attempts + 1, e);
        throw e;
      }
    }
  }

  /** Waits for the stop, at most so long; true if the ledger is to end. */
  private boolean stopped(long millis) {
    try {
      return stop.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      return true;
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      // Only the spacing of the tries suffers.
    }
  }

  private void commitOffered() throws IOException {
    beat();
    if (inFlight != null) {
      commitInFlight();
    }
    inFlight = nextBatch();
    if (inFlight != null) {
      commitInFlight();
    }
  }

  private void commitInFlight() throws IOException {
    List<DataFile> files = inFlight.manifests().stream().map(Manifest::file).toList();
    long version;
    try {
      version = table.append(appId(spec.runId()), inFlight.transaction(), spec.schema(), files);
    } catch (ConcurrentTransactionException e) {
      OptionalLong last = table.lastTransaction(appId(spec.runId()));
      if (last.isEmpty() || last.getAsLong() != inFlight.transaction()) {
        // The batch did not get in: without its note the next recovery looks at its files once more.
        pending.dropBatches(inFlight.transaction());
        throw TableErrors.fenced(table.path(), spec.runId());
      }
      // An earlier try of this transaction got in, though it was reported as failed.
      version = table.snapshot().getVersion();
    }
    settle(inFlight, version);
    inFlight = null;
  }

  /** The commit stands: counts it and clears its traces in the pending folder. */
  private void settle(Batch batch, long version) {
    transactions = batch.transaction();
    TraceCounts counts = progress.counts();
    for (Manifest m : batch.manifests()) {
      m.keys().forEach(accepted::add);
      counts = counts.plus(m.counts());
    }
    progress =
        new LedgerProgress(
            counts,
            progress.files() + batch.manifests().size(),
            progress.commits() + 1,
            progress.rejectedRows(),
            version);
    try {
      for (String name : batch.names()) {
        pending.accept(name);
      }
      pending.dropBatches(batch.transaction());
    } catch (IOException e) {
      // They are refused as known when they are seen again, and recovery knows them by the batch that stays.
      LOG.warn("Cannot put away the manifests of transaction {}: {}", batch.transaction(), e.toString());
      unreadable.addAll(batch.names());
    }
  }

  private Batch nextBatch() throws IOException {
    List<String> names = new ArrayList<>();
    List<Manifest> taken = new ArrayList<>();
    RowKeySet inBatch = new RowKeySet();
    for (String name : pending.offered()) {
      if (unreadable.contains(name)) {
        continue;
      }
      Manifest m;
      try {
        m = pending.readOffered(name);
      } catch (FileNotFoundException e) {
        continue;
      } catch (IOException e) {
        LOG.warn("Leaving out the manifest {} of run {}: {}", name, spec.runId(), e.toString());
        unreadable.add(name);
        continue;
      }
      if (isNew(m, inBatch) && isWhole(table, m.file())) {
        m.keys().forEach(inBatch::add);
        names.add(name);
        taken.add(m);
      } else {
        refuse(name, m, inBatch);
      }
    }
    if (taken.isEmpty()) {
      return null;
    }
    Batch batch = new Batch(transactions + 1, names, taken);
    pending.writeBatch(batch.transaction(), names);
    return batch;
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

  /** Drops the manifest. The data file is left to VACUUM: a run that takes over could be about to commit it. */
  private void refuse(String name, Manifest m, RowKeySet inBatch) throws IOException {
    RowKeySet lost = new RowKeySet();
    for (RowKey key : m.keys()) {
      if (!accepted.contains(key) && !inBatch.contains(key)) {
        lost.add(key);
      }
    }
    LOG.info("Refused {} of partition {}: {} of its {} rows are new", m.file().name(), m.partition(), lost.size(),
        m.file().rows());
    pending.dropOffered(name);
    LedgerProgress p = progress;
    progress = new LedgerProgress(p.counts(), p.files(), p.commits(), p.rejectedRows() + lost.size(), p.tableVersion());
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

  private void beat() {
    if (System.nanoTime() - lastHeartbeatNanos < HEARTBEAT_MILLIS * 1_000_000L) {
      return;
    }
    try {
      pending.beat();
      lastHeartbeatNanos = System.nanoTime();
    } catch (IOException e) {
      LOG.warn("Cannot show that run {} is alive: {}", spec.runId(), e.toString());
    }
  }
}
