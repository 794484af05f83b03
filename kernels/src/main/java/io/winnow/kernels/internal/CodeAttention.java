// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.Arrays;

/**
 * What attention over codes does in integers: a query is quantized as a whole to 15 bits, the weights of a chunk's
 * values to 16; NUMERICS.md: storeKv and attention. One thread's own; lines by query.
 */
final class CodeAttention {
  /** Code of a query's largest element: 127 high bytes of 128. */
  private static final int LARGEST_OF_QUERY = 16256;
  /** Code of a chunk's largest weight. */
  private static final float LARGEST = 32767f;
  /** Smaller weights are zeros: 32767 / weight would overflow. */
  private static final float LEAST = 0x1p-110f;

  private final QuantizedRows quantized = new QuantizedRows();
  private int[][] weights = new int[0][];
  private int[][] sums = new int[0][];
  private float[] scales = new float[0];

  /** Quantizes the queries of a task. */
  void queries(float[][] query, int count, int dim) {
    quantized.fit(count, dim, 1);
    float[] line = new float[count * dim];
    for (int q = 0; q < count; q++) {
      System.arraycopy(query[q], 0, line, q * dim, dim);
    }
    for (int q = 0; q < count; q++) {
      // A row of its own, whose scale and sum stand at q.
      quantized.quantize(line, q, dim, dim, 1, LARGEST_OF_QUERY);
    }
    if (weights.length < count || sums[0].length < dim) {
      weights = new int[count][Attention.CHUNK];
      sums = new int[count][dim];
      scales = new float[count];
    }
  }

  /** Scores of a page's tokens without the keys' scales; {@code keys} [dim][tokens]. */
  void scores(int query, float[][] keys, int dim, float[] out) {
    int[] total = new int[out.length];
    for (int d = 0; d < dim; d++) {
      int code = quantized.codes[query * dim + d];
      float[] line = keys[d];
      for (int t = 0; t < total.length; t++) {
        total[t] += code * (int) line[t];
      }
    }
    for (int t = 0; t < total.length; t++) {
      out[t] = total[t] * quantized.scales[query];
    }
  }

  /** Turns a chunk's weights {@code from} … {@code to} − 1 of each query into codes, and begins their sums. */
  void weights(float[][] of, int[] from, int[] to, int count, int dim) {
    for (int q = 0; q < count; q++) {
      Arrays.fill(sums[q], 0, dim, 0);
      float largest = 0;
      for (int t = from[q]; t < to[q]; t++) {
        // NaN stays.
        largest = Math.max(largest, of[q][t]);
      }
      boolean finite = Float.isFinite(largest);
      boolean some = finite && largest >= LEAST;
      float factor = some ? LARGEST / largest : 0;
      for (int t = from[q]; t < to[q]; t++) {
        weights[q][t] = some ? (int) Math.min(LARGEST, Math.rint(of[q][t] * factor)) : 0;
      }
      scales[q] = !finite ? Float.NaN : some ? largest / LARGEST : 0;
    }
  }

  /** Adds the tokens {@code from} … {@code to} − 1 of a page; {@code values} [tokens][dim]. */
  void addValues(int query, float[][] values, int base, int from, int to, int dim) {
    int[] total = sums[query];
    for (int t = from; t < to; t++) {
      int weight = weights[query][base + t];
      float[] line = values[t];
      for (int d = 0; d < dim; d++) {
        total[d] += weight * (int) line[d];
      }
    }
  }

  /** The chunk's sums. */
  void sums(int query, float[] out, int dim) {
    for (int d = 0; d < dim; d++) {
      out[d] = sums[query][d] * scales[query];
    }
  }
}
