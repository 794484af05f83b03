// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.SampleArgs;
import io.winnow.kernels.ScoreArgs;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;

/**
 * Some small operations with shapes that leave tails, compared with the reference bit by bit: it takes milliseconds, and
 * a processor, an emulator or a build that computes otherwise is found before it has written a wrong byte. The tests of
 * kernels/NUMERICS.md compare far more; this is what a machine that never ran them can still do for itself.
 */
final class SelfCheck {
  /** Above two chunks of attention's 256 positions. */
  private static final int POSITIONS = 259;

  private SelfCheck() {}

  /** The first element that {@code tested} computes otherwise, in words; null if all bits are the same. */
  static String difference(Kernels tested, Kernels reference) {
    for (WeightFormat format : WeightFormat.PORTABLE) {
      String label = format.name().toLowerCase(Locale.ROOT);
      String found = compare("matmul " + label, tested, reference, k -> matmul(k, format));
      found = found == null ? compare("embed " + label, tested, reference, k -> embed(k, format)) : found;
      if (found != null) {
        return found;
      }
    }
    String found = compare("matmul of codes", tested, reference, SelfCheck::codes);
    found = found == null ? compare("rmsNorm", tested, reference, SelfCheck::rmsNorm) : found;
    found = found == null ? compare("rope", tested, reference, SelfCheck::rope) : found;
    found = found == null ? compare("siluMul", tested, reference, SelfCheck::siluMul) : found;
    for (KvFormat format : KvFormat.values()) {
      String label = " " + format.name().toLowerCase(Locale.ROOT);
      found = found == null ? compare("attention" + label, tested, reference, k -> attention(k, format, 0)) : found;
      found =
          found == null
              ? compare("attention with a window" + label, tested, reference, k -> attention(k, format, 70))
              : found;
    }
    found = found == null ? compare("sample", tested, reference, SelfCheck::sample) : found;
    return found == null ? compare("score", tested, reference, SelfCheck::score) : found;
  }

  private static String compare(String operation, Kernels tested, Kernels reference, Function<Kernels, float[]> run) {
    float[] expected = run.apply(reference);
    float[] got;
    try {
      got = run.apply(tested);
    } catch (RuntimeException e) {
      return operation + " fails: " + e.getMessage();
    }
    for (int i = 0; i < expected.length; i++) {
      // A NaN is a NaN, whatever its payload.
      if (Float.floatToIntBits(got[i]) != Float.floatToIntBits(expected[i])) {
        return String.format(
            Locale.ROOT, "%s gives %s (%08x) for element %d, the reference %s (%08x)", operation, got[i],
            Float.floatToRawIntBits(got[i]), i, expected[i], Float.floatToRawIntBits(expected[i]));
      }
    }
    return null;
  }

  /** Numbers of all signs and of sizes around 1, among them a few zeros and subnormals; the same for each seed. */
  private static float[] numbers(int seed, int count) {
    float[] out = new float[count];
    int state = seed;
    for (int i = 0; i < count; i++) {
      state = state * 1664525 + 1013904223;
      int bits = state >>> 8;
      float value = (bits - (1 << 23)) * 0x1p-22f;
      out[i] = bits % 61 == 0 ? -0.0f : bits % 59 == 0 ? bits * Float.MIN_VALUE : value;
    }
    return out;
  }

  private static NativeBuffer buffer(float[] values) {
    NativeBuffer buffer = NativeBuffer.ofElements(values.length);
    buffer.write(0, values, 0, values.length);
    return buffer;
  }

  private static float[] read(NativeBuffer buffer) {
    float[] out = new float[(int) (buffer.sizeBytes() / 4)];
    buffer.read(0, out, 0, out.length);
    return out;
  }

  private static Weight weight(Kernels kernels, int rows, int cols, WeightFormat format) {
    float[] all = numbers(1, rows * cols);
    return kernels.pack(
        rows, cols, format, (first, count, out) -> System.arraycopy(all, first * cols, out, 0, count * cols));
  }

  /** Codes as files bring them: of whole bytes, with a zero, a minimum and groups of 16, the last one shorter. */
  private static float[] codes(Kernels kernels) {
    int outputs = 19;
    int cols = 72;
    QuantFormat format = new QuantFormat(8, false, 16, 32, true, false);
    QuantSource source =
        (first, count, codes, scales, mins) -> {
          for (int i = 0; i < count * cols; i++) {
            codes[i] = (byte) ((first * cols + i) * 37);
          }
          // A matter of row and group alone: how many rows are read at once is the packer's own.
          int groups = format.groups(cols);
          for (int i = 0; i < count * groups; i++) {
            scales[i] = 0x1p-7f * (1 + (first * groups + i) % 5);
            mins[i] = (first * groups + i) % 7 - 3;
          }
        };
    try (Weight w = kernels.pack(outputs, cols, format, source)) {
      return matmul(kernels, w, outputs, cols);
    }
  }

  private static float[] matmul(Kernels kernels, WeightFormat format) {
    int outputs = 37;
    int cols = 160;
    try (Weight w = weight(kernels, outputs, cols, format)) {
      return matmul(kernels, w, outputs, cols);
    }
  }

  private static float[] matmul(Kernels kernels, Weight w, int outputs, int cols) {
    int rows = 35; // AMX takes 32 together
    try (NativeBuffer x = buffer(numbers(2, rows * cols));
        NativeBuffer bias = buffer(numbers(3, outputs));
        NativeBuffer residual = buffer(numbers(4, rows * outputs));
        NativeBuffer out = NativeBuffer.ofElements(rows * outputs)) {
      kernels.matmul(x, rows, w, bias, residual, out);
      return read(out);
    }
  }

  private static float[] embed(Kernels kernels, WeightFormat format) {
    int cols = 32;
    try (Weight w = weight(kernels, 19, cols, format);
        NativeBuffer out = NativeBuffer.ofElements(3 * cols)) {
      kernels.embed(w, new int[] {18, 0, 7}, 3, out);
      return read(out);
    }
  }

  private static float[] rmsNorm(Kernels kernels) {
    int cols = 67;
    try (NativeBuffer x = buffer(numbers(5, 3 * cols));
        NativeBuffer weight = buffer(numbers(6, cols));
        NativeBuffer out = NativeBuffer.ofElements(3 * cols)) {
      kernels.rmsNorm(x, 3, cols, weight, 1e-5f, out);
      return read(out);
    }
  }

  private static float[] rope(Kernels kernels) {
    int stride = 3 * 38;
    try (NativeBuffer x = buffer(numbers(7, 3 * stride));
        NativeBuffer cos = buffer(numbers(8, 5 * 19));
        NativeBuffer sin = buffer(numbers(9, 5 * 19))) {
      kernels.rope(x, stride, 2, 38, new RowMap(3, new int[] {4, 0, 2}, null), cos, sin);
      return read(x);
    }
  }

  private static float[] siluMul(Kernels kernels) {
    int cols = 53;
    float[] gateUp = numbers(10, 2 * 2 * cols);
    for (int i = 0; i < cols; i++) {
      gateUp[i] *= 60; // through all of exp's range
    }
    gateUp[0] = Float.POSITIVE_INFINITY;
    gateUp[1] = Float.NEGATIVE_INFINITY;
    gateUp[2] = Float.NaN;
    try (NativeBuffer in = buffer(gateUp);
        NativeBuffer out = NativeBuffer.ofElements(2 * cols)) {
      kernels.siluMul(in, 2, cols, out);
      return read(out);
    }
  }

  private static float[] attention(Kernels kernels, KvFormat format, int window) {
    int heads = 2;
    int dim = 20;
    int width = (heads + 2) * dim;
    int[] positions = new int[POSITIONS];
    Arrays.setAll(positions, i -> i);
    int[][] pages = new int[POSITIONS][];
    Arrays.fill(pages, new int[] {3, 0, 4, 1, 2});
    try (KvCache cache = new KvCache(format, 2, 1, dim, 5);
        NativeBuffer qkv = buffer(numbers(11, POSITIONS * width));
        NativeBuffer out = NativeBuffer.ofElements(3 * heads * dim)) {
      kernels.storeKv(
          new AttentionArgs(qkv, out, cache, 1, heads, 1, 0, new RowMap(POSITIONS, positions, pages)));
      RowMap rows = new RowMap(3, new int[] {6, 255, POSITIONS - 1}, Arrays.copyOf(pages, 3));
      kernels.attention(new AttentionArgs(qkv, out, cache, 1, heads, 0.4f, window, rows));
      return read(out);
    }
  }

  private static float[] sample(Kernels kernels) {
    int rows = 6;
    int vocab = 131;
    int[] token = new int[rows];
    float[] logprob = new float[rows];
    boolean[] want = new boolean[rows];
    Arrays.fill(want, true);
    try (NativeBuffer logits = buffer(numbers(12, rows * vocab))) {
      kernels.sample(
          new SampleArgs(
              logits, rows, vocab, new float[] {0, 0.8f, 0.6f, 1, 1.3f, 0.9f}, new int[] {0, 0, 9, 0, 40, 0},
              new double[] {1, 0.9, 1, 1, 0.95, 1}, new float[] {0, 0, 0, 0.05f, 0.01f, 0},
              new float[] {1, 1, 1, 1, 1.2f, 1}, new float[] {0, 0, 0, 0, 0.3f, 0}, new float[] {0, 0, 0, 0, 1.1f, 0},
              new int[][] {null, null, null, null, {3, 77}, null}, new int[][] {null, null, null, null, {7, 0}, null},
              new int[] {0, 0, 0, 0, 2, 0}, new int[][] {null, null, null, {130}, null, {0, 64}},
              new float[][] {null, null, null, {Float.NEGATIVE_INFINITY}, null, {-1.5f, 3}},
              new int[] {0, 0, 0, 1, 0, 2}, new int[][] {null, {1 << 9, 7, -1, 0, 5}, null, null, null, null},
              new long[] {1, 2, 3, 4, 5, 6}, new long[] {9, 8, 7, 6, 5, 4},
              new int[] {0, 1, 2, 3, 4, 5}, new int[] {0, 5, 10, 15, 20, 25}, want, token, logprob));
    }
    float[] out = Arrays.copyOf(logprob, 2 * rows);
    for (int r = 0; r < rows; r++) {
      out[rows + r] = token[r];
    }
    return out;
  }

  private static float[] score(Kernels kernels) {
    int rows = 3;
    int vocab = 131;
    float[] logprob = new float[rows];
    try (NativeBuffer logits = buffer(numbers(13, rows * vocab))) {
      kernels.score(new ScoreArgs(logits, rows, vocab, new int[] {0, 130, 64}, logprob, 0));
    }
    return logprob;
  }
}
