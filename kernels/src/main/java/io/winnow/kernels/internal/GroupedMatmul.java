// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.Arrays;

/**
 * The product with integer weights: input rows are quantized group by group, codes are multiplied and summed as
 * integers, and each group's sum is added to the output's chain with both scales. NUMERICS.md: Integer weights.
 *
 * <p>A task is as in {@link PanelProduct}; a group's codes are taken apart once for all of them.
 */
final class GroupedMatmul extends PanelProduct<GroupedWeight> {
  private static final class Scratch {
    final int[][] tile = new int[128][MAX_PANEL];
    final int[] words = new int[MAX_PANEL];
    final int[] part = new int[MAX_PANEL];
    final int[] sum = new int[MAX_PANEL];
    final float[] scale = new float[MAX_PANEL];
    final float[] min = new float[MAX_PANEL];
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final QuantizedRows quantized = new QuantizedRows();

  GroupedMatmul(ThreadTeam team) {
    super(team);
  }

  @Override
  void begin(float[] x, int rows, GroupedWeight w, boolean alone) {
    quantized.fit(rows, w.cols(), w.groups);
    spread(rows, alone, r -> quantized.quantize(x, r, w.cols(), w.quant.group(), w.groups));
  }

  @Override
  void chains(float[] x, GroupedWeight w, int panel, int firstRow, int rowCount, float[][] sums) {
    Scratch s = scratch.get();
    int width = w.panel;
    int cols = w.cols();
    for (int g = 0; g < w.groups; g++) {
      int k = g * w.quant.group();
      int depth = Math.min(w.quant.group(), cols - k);
      w.readTile(panel, k, depth, s.tile, s.words, s.part);
      w.readScales(panel, g, 0, s.scale);
      if (w.quant.hasMin()) {
        w.readScales(panel, g, 1, s.min);
      }
      for (int r = 0; r < rowCount; r++) {
        int row = firstRow + r;
        int at = row * w.groups + g;
        Arrays.fill(s.sum, 0, width, -w.zero * quantized.sums[at]);
        sums(s.tile, quantized.codes, row * cols + k, depth, s.sum, width);
        link(s.sum, quantized.scales[at], s.scale, sums[r], width);
        if (w.quant.hasMin()) {
          Rows4.link(s.min, quantized.scales[at] * quantized.sums[at], sums[r], width);
        }
      }
    }
  }

  /** c[n] = fma((float) sum[n], factor · scale[n], c[n]). */
  private static void link(int[] sum, float factor, float[] scale, float[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = Math.fma((float) sum[n], factor * scale[n], c[n]);
    }
  }

  private static void sums(int[][] w, int[] a, int offset, int links, int[] c, int count) {
    int k = 0;
    for (; k + 4 <= links; k += 4) {
      int i = offset + k;
      four(w[k], w[k + 1], w[k + 2], w[k + 3], a[i], a[i + 1], a[i + 2], a[i + 3], c, count);
    }
    for (; k < links; k++) {
      one(w[k], a[offset + k], c, count);
    }
  }

  private static void four(
      int[] w0, int[] w1, int[] w2, int[] w3, int a0, int a1, int a2, int a3, int[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = c[n] + a0 * w0[n] + a1 * w1[n] + a2 * w2[n] + a3 * w3[n];
    }
  }

  private static void one(int[] w, int a, int[] c, int count) {
    for (int n = 0; n < count; n++) {
      c[n] = c[n] + a * w[n];
    }
  }
}
