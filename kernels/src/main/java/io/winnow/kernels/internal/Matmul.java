// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;

/**
 * out[r][n] = Σ_k x[r][k] · w[n][k] (+ bias[n]) (+ residual[r][n]).
 *
 * <p>A task is one weight panel times one block of rows. It walks k in blocks: a tile [k block][panel] is copied (and
 * widened) into the heap once and every row's chain goes on through it, so weights are read from memory once for all
 * rows of the block. Chains run over ascending k; blocks of k do not break them, because the running sums stay in
 * float32. Columns are never padded; padded outputs are computed and not written.
 */
final class Matmul {
  private static final int K_BLOCK = 64;
  private static final int ROW_BLOCK = 64;
  private static final int MAX_PANEL = PackedWeight.MAX_PANEL;
  /** Below this many multiplications waking the team costs more than it saves. */
  private static final long ALONE = 100_000;

  private static final class Scratch {
    final float[][] tile = new float[K_BLOCK][MAX_PANEL];
    final float[][] sums = new float[ROW_BLOCK][MAX_PANEL];
    final PackedWeight.Widening widening = new PackedWeight.Widening();
    final float[] line = new float[MAX_PANEL];
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final ThreadTeam team;
  private float[] input = new float[0];

  Matmul(ThreadTeam team) {
    this.team = team;
  }

  void run(NativeBuffer x, int rows, PackedWeight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    int count = rows * w.cols();
    if (input.length < count) {
      input = new float[count];
    }
    x.read(0, input, 0, count);
    int panels = w.panels();
    int blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    int tasks = panels * blocks;
    if ((long) count * w.rows() < ALONE) {
      for (int task = 0; task < tasks; task++) {
        product(rows, w, bias, residual, out, task % panels, task / panels);
      }
    } else {
      team.run(tasks, task -> product(rows, w, bias, residual, out, task % panels, task / panels));
    }
  }

  private void product(
      int rows, PackedWeight w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out, int panel, int block) {
    Scratch s = scratch.get();
    int width = w.panel;
    int cols = w.cols();
    int firstRow = block * ROW_BLOCK;
    int rowCount = Math.min(ROW_BLOCK, rows - firstRow);
    for (int r = 0; r < rowCount; r++) {
      Arrays.fill(s.sums[r], 0, width, 0f);
    }
    for (int k = 0; k < cols; k += K_BLOCK) {
      int depth = Math.min(K_BLOCK, cols - k);
      w.readTile(panel, k, depth, s.tile, s.widening);
      for (int r = 0; r < rowCount; r++) {
        Rows4.chains(s.tile, 0, input, (firstRow + r) * cols + k, depth, s.sums[r], width);
      }
    }
    int first = panel * width;
    int outputs = Math.min(width, w.rows() - first);
    for (int r = 0; r < rowCount; r++) {
      float[] sum = s.sums[r];
      long at = (long) (firstRow + r) * w.rows() + first;
      if (bias != null) {
        bias.read(first, s.line, 0, outputs);
        add(sum, s.line, outputs);
      }
      if (residual != null) {
        residual.read(at, s.line, 0, outputs);
        add(sum, s.line, outputs);
      }
      out.write(at, sum, 0, outputs);
    }
  }

  static void add(float[] sum, float[] other, int count) {
    for (int n = 0; n < count; n++) {
      sum[n] += other[n];
    }
  }
}
