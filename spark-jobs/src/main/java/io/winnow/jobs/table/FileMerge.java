// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;

/** Writes data files anew in this thread, a row at a time: several as one, or one without some of its rows. */
final class FileMerge {
  private final WinnowTable table;
  private final StructType schema;

  /** @param schema columns of all of the files */
  FileMerge(WinnowTable table, StructType schema) {
    this.table = table;
    this.schema = schema;
  }

  /** One file with the rows of all of these, in their order. */
  DataFile merge(List<DataFile> files) throws IOException {
    DataFileWriter out = writer();
    try {
      for (DataFile file : files) {
        copy(file, out, row -> true);
      }
      return out.finish();
    } catch (IOException | RuntimeException e) {
      out.abort();
      throw e;
    }
  }

  /** The rows of a manifest's file that are wanted, as a manifest of a file of their own; null if there are none. */
  Manifest keep(Manifest manifest, Predicate<RowKey> wanted) throws IOException {
    RowCounter counter = new RowCounter(schema);
    SortedMap<Integer, List<RowKey>> kept = new TreeMap<>();
    RowKeySet keep = new RowKeySet();
    for (Map.Entry<Integer, List<RowKey>> partition : manifest.partitions().entrySet()) {
      List<RowKey> keys = partition.getValue().stream().filter(k -> wanted.test(k) && keep.add(k)).toList();
      if (!keys.isEmpty()) {
        kept.put(partition.getKey(), keys);
      }
    }
    if (kept.isEmpty()) {
      return null;
    }
    RowKeySet taken = new RowKeySet();
    TraceCounts[] counts = {TraceCounts.ZERO};
    DataFileWriter out = writer();
    try {
      copy(
          manifest.file(),
          out,
          row -> {
            RowKey key = counter.key(row);
            boolean take = keep.contains(key) && taken.add(key);
            if (take) {
              counts[0] = counts[0].plus(counter.counts(row));
            }
            return take;
          });
      return new Manifest(manifest.replaces(), out.finish(), counts[0], kept);
    } catch (IOException | RuntimeException e) {
      out.abort();
      throw e;
    }
  }

  private DataFileWriter writer() throws IOException {
    return new DataFileWriter(table.path(), 0, schema, new RowChecker(schema), table.conf());
  }

  private void copy(DataFile file, DataFileWriter out, Predicate<InternalRow> wanted) throws IOException {
    try (DataFileReader rows = new DataFileReader(table.path(), file.name(), schema, table.conf())) {
      for (InternalRow row = rows.next(); row != null; row = rows.next()) {
        if (wanted.test(row)) {
          out.write(row);
        }
      }
    }
  }
}
