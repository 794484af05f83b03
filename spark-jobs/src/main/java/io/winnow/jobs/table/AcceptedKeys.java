// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.fs.FSDataInputStream;

/**
 * The keys of one commit, as a file that a task reads to learn what of its partition is done: a head with the number of
 * keys of each partition, then the hashes of {@link RowKeySet}, 16 bytes a key. A task reads the head and its own range
 * only, so a long run with many partitions costs it little.
 *
 * <pre>
 *   int32 magic, int32 partitions, (int32 partition, int32 keys) each in ascending order, then (int64, int64) a key
 * </pre>
 */
final class AcceptedKeys {
  private static final int MAGIC = 0x574b0001;
  private static final int HASH_BYTES = 16;

  private AcceptedKeys() {}

  static byte[] write(List<Manifest> manifests) {
    SortedMap<Integer, ByteArrayOutputStream> hashes = new TreeMap<>();
    RowKeySet hasher = new RowKeySet();
    try {
      for (Manifest m : manifests) {
        for (Map.Entry<Integer, List<RowKey>> partition : m.partitions().entrySet()) {
          ByteArrayOutputStream bytes =
              hashes.computeIfAbsent(partition.getKey(), p -> new ByteArrayOutputStream());
          DataOutputStream out = new DataOutputStream(bytes);
          for (RowKey key : partition.getValue()) {
            long[] hash = hasher.hash(key);
            out.writeLong(hash[0]);
            out.writeLong(hash[1]);
          }
        }
      }
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(all);
      out.writeInt(MAGIC);
      out.writeInt(hashes.size());
      for (Map.Entry<Integer, ByteArrayOutputStream> partition : hashes.entrySet()) {
        out.writeInt(partition.getKey());
        out.writeInt(partition.getValue().size() / HASH_BYTES);
      }
      for (ByteArrayOutputStream bytes : hashes.values()) {
        bytes.writeTo(out);
      }
      return all.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Adds the keys of a partition. */
  static void read(FSDataInputStream in, int partition, RowKeySet into) throws IOException {
    if (in.readInt() != MAGIC) {
      throw new IOException("not a file of accepted keys");
    }
    int partitions = in.readInt();
    long before = 0;
    int mine = 0;
    for (int i = 0; i < partitions; i++) {
      int number = in.readInt();
      int keys = in.readInt();
      before += number < partition ? keys : 0;
      mine = number == partition ? keys : mine;
    }
    if (mine == 0) {
      return;
    }
    in.seek(8L + 8L * partitions + before * HASH_BYTES);
    for (int i = 0; i < mine; i++) {
      into.add(new long[] {in.readLong(), in.readLong()});
    }
  }
}
