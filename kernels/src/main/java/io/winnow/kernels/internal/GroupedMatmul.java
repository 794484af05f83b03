// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;

/**
 * The product with integer weights: input rows are quantized group by group, codes are multiplied and summed as
 * integers, and each group's sum is added to the output's chain with both scales. NUMERICS.md: Integer weights.
 *
 * <p>A task is one weight panel times one block of rows; a group's codes are taken apart once for all of them.
 */
final class GroupedMatmul {
  private static final int ROW_BLOCK = 64;
  private static final int MAX_PANEL = GroupedWeight.MAX_PANEL;
  /** As in {@link Matmul}. */
  private static final long ALONE = 100_000;

  private static final class Scratch {
    final int[][] tile = new int[128][MAX_PANEL];
    final int[] words = new int[MAX_PANEL];
    final int[] part = new int[MAX_PANEL];
    final int[] sum = new int[MAX_PANEL];
    final float[] scale = new float[MAX_PANEL];
    final float[] min = new float[MAX_PANEL];
    final float[][] chains = new float[ROW_BLOCK][MAX_PANEL];
    final float[] line = new float[MAX_PANEL];
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final ThreadTeam team;
  private final QuantizedRows quantized = new QuantizedRows();
  private float[] input = new float[0];

  GroupedMatmul(ThreadTeam team) {
    this.team = team;
  }

  void run(NativeBuffer x, int rows, GroupedWeight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    int cols = w.cols();
    int count = rows * cols;
    if (input.length < count) {
      input = new float[count];
    }
    x.read(0, input, 0, count);
    quantized.fit(rows, cols, w.groups);
    int blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    int panels = w.panels();
    int tasks = panels * blocks;
    if ((long) count * w.rows() < ALONE) {
      for (int r = 0; r < rows; r++) {
        quantized.quantize(input, r, cols, w.format.group(), w.groups);
      }
      for (int task = 0; task < tasks; task++) {
        product(rows, w, bias, residual, out, task % panels, task / panels);
      }
    } else {
      team.run(rows, r -> quantized.quantize(input, r, cols, w.format.group(), w.groups));
      team.run(tasks, task -> product(rows, w, bias, residual, out, task % panels, task / panels));
    }
  }

  private void product(
      int rows, GroupedWeight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out, int panel, int block) {
    Scratch s = scratch.get();
    int width = w.panel;
    int cols = w.cols();
    int firstRow = block * ROW_BLOCK;
    int rowCount = Math.min(ROW_BLOCK, rows - firstRow);
    for (int r = 0; r < rowCount; r++) {
      Arrays.fill(s.chains[r], 0, width, 0f);
    }
    for (int g = 0; g < w.groups; g++) {
      int k = g * w.format.group();
      int depth = Math.min(w.format.group(), cols - k);
      w.readTile(panel, k, depth, s.tile, s.words, s.part);
      w.readScales(panel, g, 0, s.scale);
      if (w.format.hasMin()) {
        w.readScales(panel, g, 1, s.min);
      }
      for (int r = 0; r < rowCount; r++) {
        int row = firstRow + r;
        int at = row * w.groups + g;
        Arrays.fill(s.sum, 0, width, -w.zero * quantized.sums[at]);
        sums(s.tile, quantized.codes, row * cols + k, depth, s.sum, width);
        link(s.sum, quantized.scales[at], s.scale, s.chains[r], width);
        if (w.format.hasMin()) {
          Rows4.link(s.min, quantized.scales[at] * quantized.sums[at], s.chains[r], width);
        }
      }
    }
    int first = panel * width;
    int outputs = Math.min(width, w.rows() - first);
    for (int r = 0; r < rowCount; r++) {
      float[] chain = s.chains[r];
      long at = (long) (firstRow + r) * w.rows() + first;
      if (bias != null) {
        bias.read(first, s.line, 0, outputs);
        Matmul.add(chain, s.line, outputs);
      }
      if (residual != null) {
        residual.read(at, s.line, 0, outputs);
        Matmul.add(chain, s.line, outputs);
      }
      out.write(at, chain, 0, outputs);
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
