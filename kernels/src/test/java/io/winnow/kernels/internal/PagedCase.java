// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/** Some sequences with random queries, keys and values of every position; pages are dealt out shuffled. */
final class PagedCase {
  private static final int LAYERS = 2;
  private static final int LAYER = 1;
  private static final int PAGE = KvCache.PAGE_TOKENS;

  private final KvFormat format;
  private final Random random;
  private final int kvHeads;
  private final int share;
  private final int dim;
  private final int window;
  private final float scale;
  private final BiFunction<Random, Integer, float[]> values;
  /** Per sequence and position a line of queries, keys, values as in {@link AttentionArgs#qkv}. */
  private final List<float[][]> sequences = new ArrayList<>();

  PagedCase(
      KvFormat format, Random random, int kvHeads, int share, int dim, int window,
      BiFunction<Random, Integer, float[]> values) {
    this.format = format;
    this.random = random;
    this.kvHeads = kvHeads;
    this.share = share;
    this.dim = dim;
    this.window = window;
    this.scale = (float) (1 / Math.sqrt(dim));
    this.values = values;
  }

  private int heads() {
    return kvHeads * share;
  }

  private int stride() {
    return (heads() + 2 * kvHeads) * dim;
  }

  void addSequence(int positions) {
    float[][] lines = new float[positions][];
    for (int t = 0; t < positions; t++) {
      lines[t] = values.apply(random, stride());
    }
    sequences.add(lines);
  }

  /** A sequence that begins as another one does. */
  void addSequenceLike(int other, int common, int positions) {
    addSequence(positions);
    System.arraycopy(sequences.get(other), 0, sequences.get(sequences.size() - 1), 0, common);
  }

  void fillKeys(int sequence, int from, int to, float value) {
    for (int t = from; t < to; t++) {
      Arrays.fill(sequences.get(sequence)[t], heads() * dim, (heads() + kvHeads) * dim, value);
    }
  }

  List<Integer> inOrder() {
    return IntStream.range(0, sequences.size()).boxed().toList();
  }

  /** Keys or values of a kv head as they are held. */
  private PlainKv held(int sequence, int at) {
    return PlainKv.held(format, slice(sequence, at));
  }

  private float[][] slice(int sequence, int at) {
    float[][] lines = sequences.get(sequence);
    float[][] out = new float[lines.length][];
    for (int t = 0; t < out.length; t++) {
      out[t] = Arrays.copyOfRange(lines[t], at, at + dim);
    }
    return out;
  }

  /** What the plain implementation gives for the last rows of each sequence: [rows][heads × dim]. */
  List<float[]> expected(int[] lastRows) {
    List<float[]> out = new ArrayList<>();
    for (int s = 0; s < sequences.size(); s++) {
      int positions = sequences.get(s).length;
      float[] rows = new float[lastRows[s] * heads() * dim];
      for (int kv = 0; kv < kvHeads; kv++) {
        PlainKv k = held(s, (heads() + kv) * dim);
        PlainKv v = held(s, (heads() + kvHeads + kv) * dim);
        for (int r = 0; r < lastRows[s]; r++) {
          int position = positions - lastRows[s] + r;
          for (int h = kv * share; h < (kv + 1) * share; h++) {
            float[] line = sequences.get(s)[position];
            float[] head = PlainKernels.attention(line, h * dim, k, v, position, window, scale);
            System.arraycopy(head, 0, rows, (r * heads() + h) * dim, dim);
          }
        }
      }
      out.add(rows);
    }
    return out;
  }

  void assertSame(List<float[]> expected, List<float[]> actual, int[] lastRows) {
    for (int s = 0; s < sequences.size(); s++) {
      if (actual.get(s) != null) {
        Floats.assertSameBits(
            expected.get(s), actual.get(s),
            String.format("%s attention of the last %d of %d positions, %d kv heads, share %d, head dim %d, window %d",
                format, lastRows[s], sequences.get(s).length, kvHeads, share, dim, window));
      }
    }
  }

  /** Compares one row with double precision; the bound is made of the rounding steps of NUMERICS.md. */
  void assertWithinRounding(int sequence, int position, float[] row) {
    double unit = 0x1p-24;
    for (int h = 0; h < heads(); h++) {
      PlainKv k = held(sequence, (heads() + h / share) * dim);
      PlainKv v = held(sequence, (heads() + kvHeads + h / share) * dim);
      float[] line = sequences.get(sequence)[position];
      double[] score = new double[position + 1];
      double scoreError = 0;
      // Of codes: half a step of the query's largest element over 16256, and of the largest weight over 32767.
      double queryStep = 0;
      for (int d = 0; k.scales() != null && d < dim; d++) {
        queryStep = Math.max(queryStep, Math.abs(line[h * dim + d]) / 16256.0);
      }
      for (int t = 0; t <= position; t++) {
        double size = 0;
        double codesSize = 0;
        for (int d = 0; d < dim; d++) {
          double product = line[h * dim + d] * k.value(t, d);
          score[t] += product * scale;
          size += Math.abs(product * scale);
          codesSize += Math.abs(k.value(t, d) * scale);
        }
        // A chain of dim links, then the scale, and the product of scales.
        scoreError = Math.max(scoreError, (dim + 2) * unit * size + 0.5001 * queryStep * codesSize);
      }
      double max = Arrays.stream(score).max().orElseThrow();
      double min = Arrays.stream(score).min().orElseThrow();
      // Of p: both scores, the subtraction, exp within 2 units, the value's scale; one more exp and product for every
      // merge.
      int chunks = position / 256 + 1;
      double pError = Math.expm1(2 * scoreError + (max - min) * unit * chunks) + (5 + 6 * chunks) * unit;
      double sum = Arrays.stream(score).map(s -> Math.exp(s - max)).sum();
      double weightStep = 0;
      for (int t = 0; v.scales() != null && t <= position; t++) {
        weightStep = Math.max(weightStep, Math.exp(score[t] - max) / sum * v.scales()[t] / 32767.0);
      }
      for (int d = 0; d < dim; d++) {
        double exact = 0;
        double size = 0;
        double codesSize = 0;
        for (int t = 0; t <= position; t++) {
          exact += Math.exp(score[t] - max) / sum * v.value(t, d);
          size += Math.exp(score[t] - max) / sum * Math.abs(v.value(t, d));
          codesSize += Math.abs(v.elements()[t][d]);
        }
        // Chains of at most 256 links for the values and 16 + 4 for the sum, and the division.
        double bound = (2 * pError + (256 + 20 + 1) * unit) * size * 1.01
            + 0.5001 * weightStep * (1 + 2 * pError) * codesSize;
        double error = Math.abs(row[h * dim + d] - exact);
        if (!(error <= bound)) {
          throw new AssertionError("position " + position + ": error " + error + ", bound " + bound);
        }
      }
    }
  }

  Paged paged(Kernels kernels) {
    return new Paged(kernels);
  }

  /** The sequences in the cache of one implementation. */
  final class Paged implements AutoCloseable {
    private final Kernels kernels;
    private final KvCache cache;
    private final int[][] tables;
    private final int spare;

    private Paged(Kernels kernels) {
      this.kernels = kernels;
      int needed = sequences.stream().mapToInt(s -> (s.length + PAGE - 1) / PAGE).sum();
      List<Integer> free = new ArrayList<>(IntStream.range(0, needed + 3).boxed().toList());
      Collections.shuffle(free, random);
      this.cache = new KvCache(format, LAYERS, kvHeads, dim, free.size());
      this.spare = free.get(needed);
      this.tables = new int[sequences.size()][];
      int next = 0;
      for (int s = 0; s < tables.length; s++) {
        tables[s] = new int[(sequences.get(s).length + PAGE - 1) / PAGE];
        for (int i = 0; i < tables[s].length; i++) {
          tables[s][i] = free.get(next++);
        }
      }
      float[] nan = new float[stride()];
      Arrays.fill(nan, Float.NaN);
      int[] allPages = free.stream().mapToInt(Integer::intValue).toArray();
      float[][] lines = new float[allPages.length * PAGE][];
      Arrays.fill(lines, nan);
      for (int layer = 0; layer < LAYERS; layer++) {
        store(layer, lines, 0, lines.length, allPages);
      }
    }

    /** Lets two sequences use the same first pages. */
    void sharePages(int from, int to, int count) {
      System.arraycopy(tables[from], 0, tables[to], 0, count);
    }

    void moveToSparePage(int sequence, int index) {
      cache.copyPage(tables[sequence][index], spare);
      tables[sequence][index] = spare;
    }

    void storeAll() {
      for (int s = 0; s < tables.length; s++) {
        store(s, 0, sequences.get(s).length);
      }
    }

    void store(int sequence, int from, int count) {
      store(LAYER, sequences.get(sequence), from, count, tables[sequence]);
    }

    private void store(int layer, float[][] lines, int from, int count, int[] pages) {
      int[] positions = IntStream.range(from, from + count).toArray();
      int[][] tablesOfRows = new int[count][];
      Arrays.fill(tablesOfRows, pages);
      try (NativeBuffer qkv = NativeBuffer.ofElements((long) count * stride())) {
        for (int r = 0; r < count; r++) {
          qkv.write((long) r * stride(), lines[from + r], 0, stride());
        }
        kernels.storeKv(args(qkv, null, layer, new RowMap(count, positions, tablesOfRows)));
      }
    }

    float[] attend(int sequence, int from, int count) {
      return attend(new int[] {sequence}, new int[] {from}, new int[] {count}).get(sequence);
    }

    /** The last rows of each sequence named, in one call; null for the others. */
    List<float[]> attend(List<Integer> order, int[] lastRows) {
      int[] from = order.stream().mapToInt(s -> sequences.get(s).length - lastRows[s]).toArray();
      int[] count = order.stream().mapToInt(s -> lastRows[s]).toArray();
      return attend(order.stream().mapToInt(Integer::intValue).toArray(), from, count);
    }

    private List<float[]> attend(int[] order, int[] from, int[] count) {
      int rows = IntStream.of(count).sum();
      // Longer than needed: only the first rows count.
      int[] positions = new int[rows + 3];
      int[][] pages = new int[rows + 3][];
      int width = heads() * dim;
      try (NativeBuffer qkv = NativeBuffer.ofElements((long) rows * stride());
          NativeBuffer out = NativeBuffer.ofElements((long) rows * width)) {
        int row = 0;
        for (int i = 0; i < order.length; i++) {
          for (int r = 0; r < count[i]; r++, row++) {
            positions[row] = from[i] + r;
            pages[row] = tables[order[i]];
            float[] line = sequences.get(order[i])[positions[row]];
            qkv.write((long) row * stride(), line, 0, stride());
          }
        }
        kernels.attention(args(qkv, out, LAYER, new RowMap(rows, positions, pages)));
        List<float[]> results = new ArrayList<>(Collections.nCopies(sequences.size(), null));
        long at = 0;
        for (int i = 0; i < order.length; i++) {
          float[] result = new float[count[i] * width];
          out.read(at, result, 0, result.length);
          results.set(order[i], result);
          at += result.length;
        }
        return results;
      }
    }

    private AttentionArgs args(NativeBuffer qkv, NativeBuffer out, int layer, RowMap rows) {
      return new AttentionArgs(qkv, out, cache, layer, heads(), scale, window, rows);
    }

    @Override
    public void close() {
      cache.close();
    }
  }
}
