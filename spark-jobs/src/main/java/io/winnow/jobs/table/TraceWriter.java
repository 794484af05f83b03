// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import org.apache.spark.sql.Row;

/**
 * Writes the finished traces of one task attempt into Parquet files in the table's folder, which it shares with the
 * other tasks of the executor; each complete file is offered to the driver's {@link Ledger} by a manifest. A row is
 * offered once its file is flushed, and in the table once the ledger has committed the file. For one thread.
 *
 * <pre>
 * try (TraceWriter writer = TraceWriter.open(spec, partition, attempt)) {
 *   for (…) {
 *     if (!writer.alreadyOffered(promptId, traceId)) { … }   // before decoding
 *     writer.add(row);                                       // when decoded
 *     writer.flushIfDue();                                   // in every turn of the loop
 *   }
 * }                                                          // flushes the rest, in failure too
 * </pre>
 */
public final class TraceWriter implements AutoCloseable {
  private final int partition;
  private final SharedFile shared;
  private final RowKeySet known = new RowKeySet();
  private final int promptIdAt;
  private final int traceIdAt;
  /** Files that hold rows of this writer and may not be complete. */
  private final Set<Long> files = new HashSet<>();
  private boolean closed;

  private TraceWriter(LedgerSpec spec, int partition, int attempt) throws IOException {
    this.partition = partition;
    this.shared = SharedFile.join(spec);
    this.promptIdAt = shared.schema().fieldIndex("prompt_id");
    this.traceIdAt = shared.schema().fieldIndex("trace_id");
    try {
      if (attempt > 0) {
        shared.pending().addKnown(partition, known);
      }
    } catch (IOException | RuntimeException e) {
      shared.leave();
      throw e;
    }
  }

  /**
   * Opens a writer and learns which rows other attempts of the partition have offered.
   *
   * @param partition number of the Spark partition; the same in every attempt
   * @param attempt 0 for the first attempt, which has no others to look for
   */
  public static TraceWriter open(LedgerSpec spec, int partition, int attempt) throws IOException {
    return new TraceWriter(spec, partition, attempt);
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
    return add(row, false);
  }

  /** As {@link #add}, for a row that takes the place of the failed or truncated one of its key in the table. */
  public boolean replace(Row row) throws IOException {
    return add(row, true);
  }

  private boolean add(Row row, boolean replaces) throws IOException {
    if (closed) {
      throw new IllegalStateException("the writer is closed");
    }
    shared.check(row);
    RowKey key = new RowKey(keyPart(row, promptIdAt), keyPart(row, traceIdAt));
    if (known.contains(key)) {
      return false;
    }
    files.add(shared.add(partition, key, row, replaces));
    known.add(key);
    return true;
  }

  /**
   * Flushes if the oldest row of the executor has waited long enough or the file is large enough. Cheap.
   *
   * @return true if it flushed
   * @throws IOException if a file with rows of this writer could not be completed, whoever tried: they are gone
   */
  public boolean flushIfDue() throws IOException {
    checkFiles();
    return shared.flushIfDue();
  }

  /** Completes the file of the rows so far, if there are any, and offers it. */
  public void flush() throws IOException {
    shared.flush();
    checkFiles();
    files.clear();
  }

  private void checkFiles() throws IOException {
    for (Iterator<Long> it = files.iterator(); it.hasNext(); ) {
      Exception loss = shared.lossOf(it.next());
      if (loss != null) {
        throw new IOException("a file with finished traces of this task could not be written: " + loss, loss);
      }
    }
  }

  /** Flushes what is left. */
  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      try {
        flush();
      } finally {
        shared.leave();
      }
    }
  }

  private String keyPart(Row row, int at) {
    if (row.isNullAt(at)) {
      throw TableErrors.badRow(shared.schema().fields()[at].name(), "is null, and it is part of the row's key");
    }
    return row.getString(at);
  }
}
