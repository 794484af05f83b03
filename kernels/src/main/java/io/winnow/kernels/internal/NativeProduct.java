// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.Arrays;

/**
 * The product of bfloat16 as AMX's tiles compute it, by the manual's pseudo-code of TDPBF16PS: what the tiles must
 * give, and no way to work with, since each link of a chain looks for subnormals. NUMERICS.md: native products.
 *
 * <p>A task is as in {@link PanelProduct}.
 */
final class NativeProduct extends PanelProduct<PackedWeight> {
  /** Columns that one instruction takes. */
  private static final int TILE = 32;

  private static final class Scratch {
    final float[][] tile = new float[TILE][MAX_PANEL];
    final float[][] chains = new float[2][MAX_PANEL];
    final float[] factors = new float[TILE];
    final PackedWeight.Widening widening = new PackedWeight.Widening();
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  NativeProduct(ThreadTeam team) {
    super(team);
  }

  @Override
  void begin(float[] x, int rows, PackedWeight w, boolean alone) {
    for (int i = 0; i < rows * w.cols(); i++) {
      x[i] = flushed(Float.intBitsToFloat(PackedWeight.bf16(x[i]) << 16));
    }
  }

  @Override
  void chains(float[] x, PackedWeight w, int panel, int firstRow, int rowCount, float[][] sums) {
    Scratch s = scratch.get();
    int cols = w.cols();
    int width = w.panel;
    for (int k = 0; k < cols; k += TILE) {
      int depth = Math.min(TILE, cols - k);
      w.readTile(panel, k, depth, s.tile, s.widening);
      Arrays.fill(s.factors, depth, TILE, 0f);
      for (int i = 0; i < TILE; i++) {
        if (i >= depth) {
          Arrays.fill(s.tile[i], 0, width, 0f);
        }
        flush(s.tile[i], width);
      }
      for (int r = 0; r < rowCount; r++) {
        System.arraycopy(x, (firstRow + r) * cols + k, s.factors, 0, depth);
        Arrays.fill(s.chains[0], 0, width, 0f);
        Arrays.fill(s.chains[1], 0, width, 0f);
        for (int i = 0; i < TILE; i++) {
          link(s.tile[i], s.factors[i], s.chains[i % 2], width);
        }
        add(s.chains[0], s.chains[1], sums[r], width);
      }
    }
  }

  private static void flush(float[] values, int count) {
    for (int n = 0; n < count; n++) {
      values[n] = flushed(values[n]);
    }
  }

  private static void link(float[] w, float a, float[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = flushedFma(a, w[n], c[n]);
    }
  }

  private static void add(float[] even, float[] odd, float[] sum, int count) {
    for (int n = 0; n < count; n++) {
      sum[n] = flushed(sum[n] + flushed(even[n] + odd[n]));
    }
  }

  /** Zero of the same sign for a subnormal number. */
  private static float flushed(float value) {
    return Math.abs(value) < Float.MIN_NORMAL ? Math.copySign(0f, value) : value;
  }

  /** a · b + c, rounded once, and zero where that, rounded as if exponents had no end, is no normal number. */
  static float flushedFma(float a, float b, float c) {
    float sum = Math.fma(a, b, c);
    if (Math.abs(sum) != Float.MIN_NORMAL) {
      return flushed(sum);
    }
    // The rounding of subnormals may have made it normal. All of it times 2^64 is exact: where the sum is so small, so
    // are c and the smaller factor.
    boolean small = Math.abs(a) < Math.abs(b);
    float scaled = Math.fma(small ? a * 0x1p64f : a, small ? b : b * 0x1p64f, c * 0x1p64f);
    return Math.abs(scaled) < 0x1p-62f ? Math.copySign(0f, sum) : sum;
  }
}
