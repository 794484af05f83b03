// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of one run: commits what the run's {@link TraceWriter}s offer, all new files of an interval in one
 * Delta transaction, while the Spark job goes on. Every row it accepts is in the table exactly once:
 *
 * <ul>
 *   <li>Of a file with keys that were accepted before, because another attempt of the task or another run was first,
 *       only the others get in. Rows lost with a damaged file are counted; the caller plans again until nothing is
 *       missing.
 *   <li>Transactions of a run are numbered 1, 2, … under the application id {@code winnow/<runId>}, and each is tried
 *       with the same files until it is known to be in or the run fails, so that no retry can double it.
 *   <li>Rows that replace others wait for the end of the run and go in together ({@link Replacement}).
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

  private final SparkSession spark;
  private final WinnowTable table;
  private final LedgerSpec spec;
  private final PendingFolder pending;
  private final Fence fence;
  private final Committer committer;
  private final long tickMillis;
  private final int maxAttempts;
  private final CountDownLatch stop = new CountDownLatch(1);
  private final Thread thread;
  private long lastHeartbeatNanos = System.nanoTime();

  private volatile TableException failure;
  private boolean closed;

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
    this.spark = spark;
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
    this.fence =
        options.epoch() > 0
            ? Fence.of(RunsTable.open(table), options.workSet(), options.epoch())
            : Fence.none();
    long seen = options.plannedVersion() >= 0 ? options.plannedVersion() : commits.snapshot().getVersion();
    this.committer = new Committer(commits, spec, pending, fence, seen);
    pending.writeRun(RunFile.here(options.runId(), options.workSet(), options.epoch()).toBytes());
    this.thread = new Thread(this::commitUntilStopped, "winnow-ledger-" + options.runId());
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Takes over what earlier runs of the work set, or dead ones of any, have finished but not committed: files are
   * committed but for rows that are in the table. To be called before work is planned. Harmless to repeat.
   *
   * @param epoch what {@link RunsTable#claim} gave for the work set; 0 without a claim
   * @throws TableException of class fenced if a newer run has claimed the work set
   */
  public static RecoveryResult recover(SparkSession spark, TraceTable table, String workSet, long epoch) {
    try {
      return new Recovery(spark, table, workSet, epoch).run();
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

  /**
   * Tells all tasks that come which prompts were in an engine whose process died.
   *
   * @param suspects as {@link #suspects} or {@link RecoveryResult#suspects} give them
   */
  public void warnOf(Map<String, Integer> suspects) {
    try {
      InFlight.leave(pending, suspects);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write to " + pending.root() + ": " + e.getMessage(), e);
    }
  }

  /** Prompts that were in an engine whose process died, with the processes that died with them alone. */
  public Map<String, Integer> suspects() {
    try {
      return InFlight.collect(pending);
    } catch (IOException e) {
      LOG.warn("Cannot read the notes in {}: {}", pending.root(), e.toString());
      return Map.of();
    }
  }

  /** Shows where the run stands to {@code winnow status}; nothing once the ledger has ended. */
  public synchronized void show(RunProgress standing) {
    // A file written now would bring back the folder that the end of the run has taken away.
    if (closed) {
      return;
    }
    try {
      pending.writeProgress(standing.toBytes());
    } catch (IOException e) {
      LOG.debug("Cannot write the progress of {}: {}", spec.runId(), e.toString());
    }
  }

  /** What has been committed so far. */
  public LedgerProgress progress() {
    return committer.progress();
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
      replaceHeld();
      if (failure == null) {
        committer.compactRest();
        deletePending();
      }
    }
    if (failure != null) {
      throw failure;
    }
    return committer.progress();
  }

  /** Ends the ledger if {@link #finish} did not: commits what it can, and leaves what it cannot to {@link #recover}. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    end();
    replaceHeld();
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
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        // The last commit is worth the wait: it is bounded by the attempts.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The rows that take the place of others go in at the end, in one transaction, when Spark has slots for it. */
  private void replaceHeld() {
    if (failure != null || committer.held().isEmpty()) {
      return;
    }
    try {
      if (!fence.isOpen()) {
        throw TableErrors.fenced(table.path(), spec.runId());
      }
      committer.replaced(Replacement.apply(spark, table, committer.held()));
    } catch (TableException e) {
      failure = e;
    } catch (Exception e) { // Spark throws checked exceptions that it does not declare
      failure = TableErrors.commitFailed(table.path(), spec.runId(), 1, e);
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
        beat();
        committer.commitOffered();
        committer.compact(tickMillis / 2);
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

  private void beat() {
    if (System.nanoTime() - lastHeartbeatNanos < HEARTBEAT_MILLIS * 1_000_000L) {
      return;
    }
    try {
      pending.beat();
      lastHeartbeatNanos = System.nanoTime();
      if (!fence.isOpen()) {
        throw TableErrors.fenced(table.path(), spec.runId());
      }
    } catch (IOException e) {
      LOG.warn("Cannot show that run {} is alive: {}", spec.runId(), e.toString());
    }
  }
}
