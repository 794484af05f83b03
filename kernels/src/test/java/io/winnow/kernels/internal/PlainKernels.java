// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.Arrays;

/**
 * The arithmetic of kernels/NUMERICS.md a second time, element by element from the text and from no other code: no
 * tiles, no pages, no threads. Implementations are compared with it bit by bit.
 */
final class PlainKernels {
  private PlainKernels() {}

  /** x = n·ln 2 + r; Taylor polynomial of degree 7; one rounding by 2^n. */
  static float exp(float x) {
    if (Float.isNaN(x)) {
      return Float.NaN;
    }
    if (x > 0x1.62e42ep6f) {
      return Float.POSITIVE_INFINITY;
    }
    if (x < -104f) {
      return 0f;
    }
    // The product of two float32 is exact in double precision, so this is rint of the exact product.
    double n = Math.rint((double) x * 0x1.715476p0f);
    float r = Math.fma((float) n, 0x1.bd0106p-13f, Math.fma((float) n, -0x1.63p-1f, x));
    float p = 0f;
    for (float factorial : new float[] {5040f, 720f, 120f, 24f, 6f, 2f, 1f, 1f}) {
      p = Math.fma(p, r, 1f / factorial);
    }
    return (float) (p * Math.pow(2, n));
  }

  /** The bfloat16 next to a value, ties to the even one, by comparing distances. */
  static float bf16(float value) {
    if (Float.isNaN(value) || Float.isInfinite(value)) {
      return value;
    }
    int below = Float.floatToIntBits(Math.abs(value)) & 0xFFFF0000;
    double low = Float.intBitsToFloat(below);
    float next = Float.intBitsToFloat(below + 0x10000);
    double high = Float.isInfinite(next) ? 0x1p128 : next;
    double toLow = Math.abs((double) value) - low;
    double toHigh = high - Math.abs((double) value);
    boolean lowIsEven = (below >>> 16 & 1) == 0;
    float magnitude = toLow < toHigh || toLow == toHigh && lowIsEven ? (float) low : next;
    return Math.copySign(magnitude, value);
  }

  static float[] bf16(float[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = bf16(values[i]);
    }
    return out;
  }

  /** One output of a product: the chain over ascending k, then the bias, then the residual. */
  static float product(
      float[] x, int xAt, float[] w, int wAt, int cols, float[] bias, int n, float[] residual, int residualAt) {
    float acc = 0f;
    for (int k = 0; k < cols; k++) {
      acc = Math.fma(x[xAt + k], w[wAt + k], acc);
    }
    if (bias != null) {
      acc = acc + bias[n];
    }
    if (residual != null) {
      acc = residual[residualAt] + acc;
    }
    return acc;
  }

  static float[] matmul(float[] x, int rows, float[] w, int outputs, int cols, float[] bias, float[] residual) {
    float[] out = new float[rows * outputs];
    for (int r = 0; r < rows; r++) {
      for (int n = 0; n < outputs; n++) {
        int at = r * outputs + n;
        out[at] = product(x, r * cols, w, n * cols, cols, bias, n, residual, at);
      }
    }
    return out;
  }

  /** 8+8, 4+4, 2+2, 1+1, as the tree that these make. */
  static float tree(float[] lanes, int first, int step) {
    return step == 16 ? lanes[first] : tree(lanes, first, 2 * step) + tree(lanes, first + step, 2 * step);
  }

  static float[] rmsNorm(float[] x, int rows, int cols, float[] weight, float eps) {
    float[] out = new float[rows * cols];
    for (int r = 0; r < rows; r++) {
      float[] lanes = new float[16];
      for (int i = 0; i < cols; i++) {
        float value = x[r * cols + i];
        lanes[i % 16] = Math.fma(value, value, lanes[i % 16]);
      }
      float mean = tree(lanes, 0, 1) / (float) cols;
      float root = (float) Math.sqrt((double) (mean + eps));
      float scale = 1f / root;
      for (int i = 0; i < cols; i++) {
        float scaled = x[r * cols + i] * scale;
        out[r * cols + i] = scaled * weight[i];
      }
    }
    return out;
  }

  /** Rotates one head in place. */
  static void rope(float[] x, int at, int headDim, float[] cos, float[] sin, int tableAt) {
    for (int i = 0; i < headDim / 2; i++) {
      float a = x[at + i];
      float b = x[at + i + headDim / 2];
      float c = cos[tableAt + i];
      float s = sin[tableAt + i];
      float bs = b * s;
      float as = a * s;
      x[at + i] = Math.fma(a, c, -bs);
      x[at + i + headDim / 2] = Math.fma(b, c, as);
    }
  }

  static float siluMul(float gate, float up) {
    float divisor = 1f + exp(-gate);
    float silu = gate / divisor;
    return silu * up;
  }

  /**
   * One query against the keys and values of its sequence, position by position.
   *
   * @param query array that holds it, from {@code at}
   */
  static float[] attention(
      float[] query, int at, PlainKv keys, PlainKv values, int position, int window, float scale) {
    int dim = keys.elements()[0].length;
    int first = window == 0 ? 0 : Math.max(0, position - window + 1);
    boolean empty = true;
    float max = 0;
    float sum = 0;
    float[] acc = new float[dim];
    boolean codes = keys.scales() != null;
    int[] queryCodes = new int[dim];
    float queryScale = PlainGrouped.quantize(Arrays.copyOfRange(query, at, at + dim), queryCodes, 0, dim, 16256);
    for (int chunk = first / 256; chunk <= position / 256; chunk++) {
      int from = Math.max(first, chunk * 256);
      int to = Math.min(position + 1, chunk * 256 + 256);
      float[] p = new float[256];
      float chunkMax = Float.NEGATIVE_INFINITY;
      for (int t = from; t < to; t++) {
        float dot = 0f;
        long whole = 0;
        for (int d = 0; d < dim; d++) {
          dot = codes ? 0f : Math.fma(query[at + d], keys.elements()[t][d], dot);
          whole += codes ? queryCodes[d] * (long) keys.elements()[t][d] : 0;
        }
        if (codes) {
          dot = whole;
          dot = dot * queryScale;
        }
        float factor = codes ? keys.scales()[t] * scale : scale;
        p[t - chunk * 256] = dot * factor;
        chunkMax = Math.max(chunkMax, dot * factor);
      }
      float[] lanes = new float[16];
      for (int t = from; t < to; t++) {
        int i = t - chunk * 256;
        p[i] = exp(p[i] - chunkMax);
        lanes[i % 16] = lanes[i % 16] + p[i];
      }
      float chunkSum = tree(lanes, 0, 1);
      float[] chunkAcc = new float[dim];
      float[] weights = Arrays.copyOfRange(p, from - chunk * 256, to - chunk * 256);
      float weightScale = 1;
      if (codes) {
        for (int t = from; t < to; t++) {
          weights[t - from] = weights[t - from] * values.scales()[t];
        }
        weightScale = weightCodes(weights);
      }
      for (int d = 0; d < dim; d++) {
        long whole = 0;
        for (int t = from; t < to; t++) {
          float value = values.elements()[t][d];
          if (codes) {
            whole += (long) weights[t - from] * (long) value;
          } else {
            chunkAcc[d] = Math.fma(weights[t - from], value, chunkAcc[d]);
          }
        }
        if (codes) {
          chunkAcc[d] = whole;
          chunkAcc[d] = chunkAcc[d] * weightScale;
        }
      }
      if (empty) {
        empty = false;
        max = chunkMax;
        sum = chunkSum;
        acc = chunkAcc;
      } else {
        float newMax = Math.max(max, chunkMax);
        float before = exp(max - newMax);
        float now = exp(chunkMax - newMax);
        sum = Math.fma(sum, before, chunkSum * now);
        for (int d = 0; d < dim; d++) {
          acc[d] = Math.fma(acc[d], before, chunkAcc[d] * now);
        }
        max = newMax;
      }
    }
    for (int d = 0; d < dim; d++) {
      acc[d] = acc[d] / sum;
    }
    return acc;
  }

  /** Weights to codes of 0 … 32767; gives their scale. */
  private static float weightCodes(float[] weights) {
    float most = 0;
    for (float weight : weights) {
      if (!Float.isFinite(weight)) {
        Arrays.fill(weights, 0);
        return Float.NaN;
      }
      most = Math.max(most, weight);
    }
    if (most < 0x1p-110f) {
      Arrays.fill(weights, 0);
      return 0;
    }
    for (int i = 0; i < weights.length; i++) {
      float product = weights[i] * (32767f / most);
      double code = Math.rint(product);
      weights[i] = code > 32767 ? 32767 : (float) code;
    }
    return most / 32767f;
  }
}
