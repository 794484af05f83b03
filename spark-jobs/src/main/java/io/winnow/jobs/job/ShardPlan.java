// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.io.Serializable;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.sql.Row;

/**
 * Which row goes into which file. Rows have one order, by {@link ShardKey}; a file is a stretch of it. A split of T
 * bytes has n = ⌈T / size⌉ files, and a row that begins at byte s of its split goes into file ⌊s · n / T⌋: a matter of
 * the rows alone, however they lie in partitions. Files in which no row begins do not exist.
 */
final class ShardPlan implements Serializable {
  private static final long serialVersionUID = 1L;

  /**
   * A file.
   *
   * @param first nothing in the file stands before it
   * @param number of the file within its split, from 0
   * @param of how many files the split has
   * @param rowsBefore rows of the split in files before it
   */
  record Shard(ShardKey first, int number, int of, long rowsBefore, long rows) implements Serializable {}

  /** Rows, bytes and prompts of splits, by their places. */
  record Sums(long[] rows, long[] bytes, long[] prompts) implements Serializable {
    static Sums none(int splits) {
      return new Sums(new long[splits], new long[splits], new long[splits]);
    }

    private Sums plus(Sums other) {
      Sums out = none(rows.length);
      for (int i = 0; i < rows.length; i++) {
        out.rows[i] = rows[i] + other.rows[i];
        out.bytes[i] = bytes[i] + other.bytes[i];
        out.prompts[i] = prompts[i] + other.prompts[i];
      }
      return out;
    }
  }

  private record Cut(int split, long file, ShardKey first, long rows) implements Serializable {}

  private final ArrayList<Shard> shards = new ArrayList<>();
  private final Sums totals;

  private ShardPlan(Sums totals) {
    this.totals = totals;
  }

  /**
   * Plans.
   *
   * @param keys rows of {@link ExportTask#KEYS} that are to be exported, in their order, all of a prompt in one
   *     partition
   * @param splits how many there are
   * @param single whether only the first row of a prompt counts
   * @param size bytes of a file
   */
  static ShardPlan of(JavaRDD<Row> keys, int splits, boolean single, long size) {
    List<Sums> parts = keys.mapPartitionsWithIndex(new Adds(splits, single), true).collect();
    ArrayList<Sums> before = new ArrayList<>();
    Sums sum = Sums.none(splits);
    for (Sums part : parts) {
      before.add(sum);
      sum = sum.plus(part);
    }
    ShardPlan plan = new ShardPlan(sum);
    long[] files = new long[splits];
    boolean several = false;
    for (int i = 0; i < splits; i++) {
      files[i] = (sum.bytes[i] + size - 1) / size;
      several |= files[i] > 1;
    }
    List<Cut> cuts =
        several
            ? keys.mapPartitionsWithIndex(new Cuts(before, sum.bytes, files, single), true).collect()
            : List.of();
    for (int i = 0; i < splits; i++) {
      plan.add(i, cuts, files[i] > 1);
    }
    return plan;
  }

  private void add(int split, List<Cut> cuts, boolean several) {
    if (totals.rows[split] == 0) {
      return;
    }
    if (!several) {
      shards.add(new Shard(ShardKey.startOf(split), 0, 1, 0, totals.rows[split]));
      return;
    }
    TreeMap<Long, Cut> files = new TreeMap<>();
    for (Cut cut : cuts) {
      if (cut.split == split) {
        // Partitions come in the order of their rows, so the first to tell of a file has its first row.
        files.merge(cut.file, cut, (a, b) -> new Cut(split, a.file, a.first, a.rows + b.rows));
      }
    }
    long before = 0;
    int number = 0;
    for (Cut file : files.values()) {
      shards.add(new Shard(file.first, number++, files.size(), before, file.rows));
      before += file.rows;
    }
  }

  List<Shard> shards() {
    return shards;
  }

  Sums totals() {
    return totals;
  }

  /** The place of a row's file among {@link #shards}. */
  int of(ShardKey key) {
    int low = 0;
    int high = shards.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (shards.get(middle).first().compareTo(key) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** Goes through the rows of a partition that count. */
  private abstract static class Walk {
    private static final int SPLIT = 0;
    private static final int FIRST = 1;
    private static final int BYTES = 5;

    abstract void row(int split, Row row, long bytes, boolean newPrompt);

    void over(Iterator<Row> rows, boolean single) {
      int split = -1;
      String prompt = null;
      while (rows.hasNext()) {
        Row row = rows.next();
        boolean other = row.getInt(SPLIT) != split || !row.getString(FIRST).equals(prompt);
        split = row.getInt(SPLIT);
        prompt = row.getString(FIRST);
        if (other || !single) {
          row(split, row, row.getLong(BYTES), other);
        }
      }
    }
  }

  private record Adds(int splits, boolean single) implements Function2<Integer, Iterator<Row>, Iterator<Sums>> {
    @Override
    public Iterator<Sums> call(Integer partition, Iterator<Row> rows) {
      Sums sums = Sums.none(splits);
      new Walk() {
        @Override
        void row(int split, Row row, long bytes, boolean newPrompt) {
          sums.rows[split]++;
          sums.bytes[split] += bytes;
          sums.prompts[split] += newPrompt ? 1 : 0;
        }
      }.over(rows, single);
      return List.of(sums).iterator();
    }
  }

  private record Cuts(ArrayList<Sums> before, long[] bytes, long[] files, boolean single)
      implements Function2<Integer, Iterator<Row>, Iterator<Cut>> {
    @Override
    public Iterator<Cut> call(Integer partition, Iterator<Row> rows) {
      List<Cut> cuts = new ArrayList<>();
      long[] at = before.get(partition).bytes.clone();
      new Walk() {
        @Override
        void row(int split, Row row, long size, boolean newPrompt) {
          // 128 bits: bytes of a split times its files may be more than a long holds.
          long file =
              BigInteger.valueOf(at[split]).multiply(BigInteger.valueOf(files[split]))
                  .divide(BigInteger.valueOf(bytes[split])).longValue();
          at[split] += size;
          int last = cuts.size() - 1;
          if (last >= 0 && cuts.get(last).split == split && cuts.get(last).file == file) {
            Cut cut = cuts.get(last);
            cuts.set(last, new Cut(split, file, cut.first, cut.rows + 1));
          } else {
            cuts.add(new Cut(split, file, ExportTask.key(row), 1));
          }
        }
      }.over(rows, single);
      return cuts.iterator();
    }
  }
}
