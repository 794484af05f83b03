// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Scan;
import io.delta.kernel.ScanBuilder;
import io.delta.kernel.Snapshot;
import io.delta.kernel.data.ColumnarBatch;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.engine.FileReadResult;
import io.delta.kernel.expressions.Column;
import io.delta.kernel.expressions.Literal;
import io.delta.kernel.expressions.Predicate;
import io.delta.kernel.internal.InternalScanFileUtils;
import io.delta.kernel.internal.data.ScanStateRow;
import io.delta.kernel.types.StructType;
import io.delta.kernel.utils.CloseableIterator;
import io.delta.kernel.utils.FileStatus;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;

/**
 * Reads a few columns of a Delta table in this thread, by Delta Kernel and without a Spark session. For small tables,
 * and for few rows of large ones. Uses those parts of Kernel's internals that its own examples use.
 */
final class TableScan {
  private static final Pattern RECORDS = Pattern.compile("\"numRecords\"\\s*:\\s*(\\d+)");

  private final Engine engine;
  private final Snapshot snapshot;

  TableScan(Snapshot snapshot, Configuration conf) {
    this.engine = DefaultEngine.create(conf);
    this.snapshot = snapshot;
  }

  /** Rows of the table by the statistics of its files; empty if a file has none. */
  Optional<Long> records() throws IOException {
    long total = 0;
    Scan scan = snapshot.getScanBuilder().build();
    try (CloseableIterator<FilteredColumnarBatch> files = scan.getScanFiles(engine, true)) {
      while (files.hasNext()) {
        try (CloseableIterator<Row> rows = files.next().getRows()) {
          while (rows.hasNext()) {
            Row add = rows.next().getStruct(InternalScanFileUtils.ADD_FILE_ORDINAL);
            int stats = InternalScanFileUtils.ADD_FILE_STATS_ORDINAL;
            Matcher records = RECORDS.matcher(add.isNullAt(stats) ? "" : add.getString(stats));
            if (!records.find()) {
              return Optional.empty();
            }
            total += Long.parseLong(records.group(1));
          }
        }
      }
    }
    return Optional.of(total);
  }

  /** Gives every row of the columns. */
  void rows(StructType columns, Consumer<Row> each) throws IOException {
    read(snapshot.getScanBuilder().withReadSchema(columns), each);
  }

  /** Gives the rows of all files whose statistics do not rule out that a string column has a value; others as well. */
  void rowsOfFilesWith(String column, String value, StructType columns, Consumer<Row> each) throws IOException {
    Predicate equal = new Predicate("=", List.of(new Column(column), Literal.ofString(value)));
    read(snapshot.getScanBuilder().withReadSchema(columns).withFilter(equal), each);
  }

  private void read(ScanBuilder builder, Consumer<Row> each) throws IOException {
    Scan scan = builder.build();
    Row state = scan.getScanState(engine);
    StructType physical = ScanStateRow.getPhysicalDataReadSchema(state);
    try (CloseableIterator<FilteredColumnarBatch> files = scan.getScanFiles(engine)) {
      while (files.hasNext()) {
        try (CloseableIterator<Row> rows = files.next().getRows()) {
          while (rows.hasNext()) {
            readFile(state, physical, rows.next(), each);
          }
        }
      }
    }
  }

  private void readFile(Row state, StructType physical, Row file, Consumer<Row> each) throws IOException {
    FileStatus status = InternalScanFileUtils.getAddFileStatus(file);
    CloseableIterator<FileReadResult> parquet =
        engine.getParquetHandler()
            .readParquetFiles(closeable(List.of(status).iterator(), () -> {}), physical, Optional.empty());
    Iterator<ColumnarBatch> batches =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            return parquet.hasNext();
          }

          @Override
          public ColumnarBatch next() {
            return parquet.next().getData();
          }
        };
    try (CloseableIterator<FilteredColumnarBatch> data =
        Scan.transformPhysicalData(engine, state, file, closeable(batches, parquet))) {
      while (data.hasNext()) {
        try (CloseableIterator<Row> rows = data.next().getRows()) {
          rows.forEachRemaining(each);
        }
      }
    }
  }

  /** An iterator of Kernel's kind around a plain one, which closes what it owns. */
  static <T> CloseableIterator<T> closeable(Iterator<T> it, AutoCloseable owned) {
    return new CloseableIterator<>() {
      @Override
      public boolean hasNext() {
        return it.hasNext();
      }

      @Override
      public T next() {
        return it.next();
      }

      @Override
      public void close() throws IOException {
        try {
          owned.close();
        } catch (IOException | RuntimeException e) {
          throw e;
        } catch (Exception e) {
          throw new IOException(e);
        }
      }
    };
  }
}
