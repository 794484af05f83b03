// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * Writes the finished traces of one task attempt: Parquet files straight into the table's folder, each followed by a
 * manifest that offers it to the driver's {@link Ledger}. A row is offered once its file is flushed, and in the table
 * once the ledger has committed the file. For one thread.
 *
 * <pre>
 * try (TraceWriter writer = TraceWriter.open(spec, partition, taskAttemptId)) {
 *   for (…) {
 *     if (!writer.alreadyOffered(promptId, traceId)) { … }   // before decoding
 *     writer.add(row);                                       // when decoded
 *     writer.flushIfDue();                                   // in every turn of the loop
 *   }
 * }                                                          // flushes the rest, in failure too
 * </pre>
 */
public final class TraceWriter implements AutoCloseable {
  private final LedgerSpec spec;
  private final int partition;
  private final long attempt;
  private final StructType schema;
  private final RowChecker checker;
  private final PendingFolder pending;
  private final RowKeySet known = new RowKeySet();
  private final int promptIdAt;
  private final int traceIdAt;

  private DataFileWriter file;
  private List<RowKey> keys = new ArrayList<>();
  private TraceCounts counts = TraceCounts.ZERO;
  private long firstRowNanos;
  private boolean closed;

  private TraceWriter(LedgerSpec spec, int partition, long attempt) throws IOException {
    this.spec = spec;
    this.partition = partition;
    this.attempt = attempt;
    this.schema = spec.schema();
    this.checker = new RowChecker(schema);
    this.pending = new PendingFolder(spec.tablePath(), spec.runId(), spec.conf());
    this.promptIdAt = schema.fieldIndex("prompt_id");
    this.traceIdAt = schema.fieldIndex("trace_id");
    for (Manifest m : pending.ofPartition(partition)) {
      m.keys().forEach(known::add);
    }
  }

  /**
   * Opens a writer and learns which rows other attempts of the partition have offered.
   *
   * @param partition number of the Spark partition; the same in every attempt
   * @param taskAttemptId id of the attempt, unique in the run
   */
  public static TraceWriter open(LedgerSpec spec, int partition, long taskAttemptId) throws IOException {
    return new TraceWriter(spec, partition, taskAttemptId);
  }

  /** True if this row was offered by an earlier attempt of the partition, or added to this writer. */
  public boolean alreadyOffered(String promptId, String traceId) {
    return known.contains(new RowKey(promptId, traceId));
  }

  /**
   * Adds a row with the columns of {@link LedgerSpec#schema}.
   *
   * @return false if a row of this key was offered before; it is not written again then
   * @throws TableException of class bad_row if a value does not fit its column, or a key is null; the writer can go on
   * @throws IOException if the file cannot be written; the rows since the last flush are gone then
   */
  public boolean add(Row row) throws IOException {
    if (closed) {
      throw new IllegalStateException("the writer is closed");
    }
    checker.check(row);
    RowKey key = new RowKey(keyPart(row, promptIdAt), keyPart(row, traceIdAt));
    if (known.contains(key)) {
      return false;
    }
    try {
      if (file == null) {
        file = new DataFileWriter(spec.tablePath(), partition, schema, checker, spec.conf());
        firstRowNanos = System.nanoTime();
      }
      file.write(row);
    } catch (IOException | RuntimeException e) {
      // A record may be half written: the file is of no use any more.
      dropFile(e);
      throw e;
    }
    known.add(key);
    keys.add(key);
    counts = counts.plus(countsOf(row));
    return true;
  }

  /** Flushes if the oldest row has waited long enough or the file is large enough. True if it flushed. Cheap. */
  public boolean flushIfDue() throws IOException {
    if (file == null) {
      return false;
    }
    boolean due =
        System.nanoTime() - firstRowNanos >= spec.flushMillis() * 1_000_000L
            || file.rows() >= spec.targetFileRows()
            || file.sizeBytes() >= spec.targetFileBytes();
    if (due) {
      flush();
    }
    return due;
  }

  /** Completes the file of the rows so far, if there are any, and offers it. */
  public void flush() throws IOException {
    if (file == null) {
      return;
    }
    DataFile done;
    try {
      done = file.finish();
    } catch (IOException | RuntimeException e) {
      dropFile(e);
      throw e;
    }
    Manifest manifest = new Manifest(partition, attempt, done, counts, keys);
    forgetFile();
    // If this fails the manifest may be there all the same, so the file stays: nobody's, or soon the table's.
    pending.offer(manifest);
  }

  /** Flushes what is left. */
  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      flush();
    }
  }

  /** Drops the rows that are not flushed, and closes. What was flushed stays offered. */
  public void abort() throws IOException {
    closed = true;
    if (file != null) {
      try {
        file.abort();
      } finally {
        forgetFile();
      }
    }
  }

  private void dropFile(Exception cause) {
    try {
      if (file != null) {
        file.abort();
      }
    } catch (IOException | RuntimeException e) {
      cause.addSuppressed(e);
    } finally {
      // The keys stay known: an attempt that failed to write must not go on as if it could; the next one starts anew.
      forgetFile();
    }
  }

  private void forgetFile() {
    file = null;
    keys = new ArrayList<>();
    counts = TraceCounts.ZERO;
  }

  private String keyPart(Row row, int at) {
    if (row.isNullAt(at)) {
      throw TableErrors.badRow(schema.fields()[at].name(), "is null, and it is part of the row's key");
    }
    return row.getString(at);
  }

  private TraceCounts countsOf(Row row) {
    boolean error = !row.isNullAt(schema.fieldIndex("error"));
    int correctAt = schema.fieldIndex("correct");
    boolean decided = !row.isNullAt(correctAt);
    boolean correct = decided && row.getBoolean(correctAt);
    return new TraceCounts(
        1,
        intOrZero(row, schema.fieldIndex("prompt_tokens")),
        intOrZero(row, schema.fieldIndex("completion_tokens")),
        correct ? 1 : 0,
        decided && !correct ? 1 : 0,
        !decided && !error ? 1 : 0,
        error ? 1 : 0);
  }

  private static long intOrZero(Row row, int at) {
    return row.isNullAt(at) ? 0 : row.getInt(at);
  }
}
