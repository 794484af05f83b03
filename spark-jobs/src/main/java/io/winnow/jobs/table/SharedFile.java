// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.util.ShutdownHookManager;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data file that all tasks of this JVM write to for one ledger: one file an executor and interval, however many
 * tasks it runs. Rows that are new and rows that replace others go to separate files. A process-wide registry, because
 * Spark gives the tasks of an executor nothing else in common; bound: a ledger leaves it with the last of its tasks.
 *
 * <p>Each file has a number. A file that could not be completed takes rows of several tasks with it; each of them
 * learns it by the number. Thread-safe.
 */
final class SharedFile {
  private static final Logger LOG = LoggerFactory.getLogger(SharedFile.class);
  private static final Map<String, SharedFile> OPEN = new HashMap<>();
  /** Before Spark's own hook (50) and Hadoop's (10), which close what is needed here. */
  private static final int HOOK_PRIORITY = 90;
  private static boolean hooked;

  private final String id;
  private final LedgerSpec spec;
  private final StructType schema;
  private final RowChecker checker;
  private final RowCounter counter;
  private final PendingFolder pending;
  private final Part added = new Part(false);
  private final Part replacing = new Part(true);
  private final Map<Long, Exception> lost = new HashMap<>();
  private long files;
  private int tasks;

  /** The file that is open; none while {@code file} is null. */
  private static final class Part {
    final boolean replaces;
    DataFileWriter file;
    long number;
    SortedMap<Integer, List<RowKey>> keys;
    TraceCounts counts;
    long firstRowNanos;

    Part(boolean replaces) {
      this.replaces = replaces;
    }
  }

  private SharedFile(String id, LedgerSpec spec) throws IOException {
    this.id = id;
    this.spec = spec;
    this.schema = spec.schema();
    this.checker = new RowChecker(schema);
    this.counter = new RowCounter(schema);
    this.pending = new PendingFolder(spec.tablePath(), spec.runId(), spec.conf());
  }

  /** Joins the file of a ledger; {@link #leave} must follow. */
  static SharedFile join(LedgerSpec spec) throws IOException {
    String id = spec.tablePath() + "\n" + spec.runId();
    synchronized (OPEN) {
      SharedFile file = OPEN.get(id);
      if (file == null) {
        file = new SharedFile(id, spec);
        OPEN.put(id, file);
      }
      file.tasks++;
      if (!hooked) {
        hooked = true;
        ShutdownHookManager.get().addShutdownHook(SharedFile::offerAll, HOOK_PRIORITY);
      }
      return file;
    }
  }

  /** Offers all that is finished: an executor that is told to go (spot machine, decommission) has seconds for it. */
  static void offerAll() {
    List<SharedFile> open;
    synchronized (OPEN) {
      open = List.copyOf(OPEN.values());
    }
    for (SharedFile file : open) {
      try {
        file.flush();
      } catch (IOException | RuntimeException e) {
        LOG.warn("Finished traces are lost with this process: {}", e.toString());
      }
    }
  }

  /** To be called once, after the last {@link #flush}. */
  void leave() {
    synchronized (OPEN) {
      if (--tasks == 0) {
        OPEN.remove(id);
      }
    }
  }

  StructType schema() {
    return schema;
  }

  PendingFolder pending() {
    return pending;
  }

  /** Throws a {@link TableException} of class bad_row if a value does not fit its column. */
  void check(Row row) {
    checker.check(row);
  }

  /**
   * Adds a checked row.
   *
   * @return number of the file that holds it
   * @throws IOException if the file cannot be written; all its rows are lost then
   */
  synchronized long add(int partition, RowKey key, Row row, boolean replaces) throws IOException {
    Part part = replaces ? replacing : added;
    try {
      if (part.file == null) {
        open(part, partition);
      }
      part.counts = part.counts.plus(counter.counts(part.file.write(row)));
    } catch (IOException | RuntimeException e) {
      // A record may be half written: the file is of no use any more.
      drop(part, e);
      throw e;
    }
    part.keys.computeIfAbsent(partition, p -> new ArrayList<>()).add(key);
    return part.number;
  }

  private void open(Part part, int partition) throws IOException {
    part.number = ++files;
    part.keys = new TreeMap<>();
    part.counts = TraceCounts.ZERO;
    part.firstRowNanos = System.nanoTime();
    part.file = new DataFileWriter(spec.tablePath(), partition, schema, checker, spec.conf());
  }

  /** Completes and offers a file whose oldest row has waited long enough, or that is large enough. True if one was. */
  synchronized boolean flushIfDue() throws IOException {
    boolean flushed = false;
    for (Part part : List.of(added, replacing)) {
      if (part.file != null && isDue(part)) {
        flush(part);
        flushed = true;
      }
    }
    return flushed;
  }

  private boolean isDue(Part part) {
    return System.nanoTime() - part.firstRowNanos >= spec.flushMillis() * 1_000_000L
        || part.file.rows() >= spec.targetFileRows()
        || part.file.sizeBytes() >= spec.targetFileBytes();
  }

  /** Completes and offers what there is. */
  synchronized void flush() throws IOException {
    flush(added);
    flush(replacing);
  }

  private void flush(Part part) throws IOException {
    if (part.file == null) {
      return;
    }
    DataFile done;
    try {
      done = part.file.finish();
    } catch (IOException | RuntimeException e) {
      drop(part, e);
      throw e;
    }
    Manifest manifest = new Manifest(part.replaces, done, part.counts, part.keys);
    part.file = null;
    try {
      pending.offer(manifest);
    } catch (IOException | RuntimeException e) {
      // The manifest may be there all the same, so the data file stays: nobody's, or soon the table's.
      lost.put(part.number, e);
      throw e;
    }
  }

  private void drop(Part part, Exception cause) {
    lost.put(part.number, cause);
    try {
      if (part.file != null) {
        part.file.abort();
      }
    } catch (IOException | RuntimeException e) {
      cause.addSuppressed(e);
    } finally {
      part.file = null;
    }
  }

  /** Why a file was lost; null if it was not. */
  synchronized Exception lossOf(long number) {
    return lost.get(number);
  }
}
