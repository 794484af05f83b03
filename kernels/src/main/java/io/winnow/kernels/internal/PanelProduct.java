// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * What the products of the reference share: a task is one weight panel times one block of rows, whose chains wait in the
 * heap; at its end come bias and residual.
 */
abstract class PanelProduct<W extends PanelWeight> {
  static final int MAX_PANEL = PanelWeight.MAX_PANEL;
  private static final int ROW_BLOCK = 64;
  /** Below this many multiplications waking the team costs more than it saves. */
  private static final long ALONE = 100_000;

  private static final class Scratch {
    final float[][] sums = new float[ROW_BLOCK][MAX_PANEL];
    final float[] line = new float[MAX_PANEL];
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final ThreadTeam team;
  /** The rows of x, one behind the other. */
  private float[] input = new float[0];

  PanelProduct(ThreadTeam team) {
    this.team = team;
  }

  final void run(NativeBuffer x, int rows, W w, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    int count = rows * w.cols();
    if (input.length < count) {
      input = new float[count];
    }
    x.read(0, input, 0, count);
    boolean alone = (long) count * w.rows() < ALONE;
    begin(input, rows, w, alone);
    int panels = w.panels();
    int blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    spread(panels * blocks, alone, task -> {
      int first = task / panels * ROW_BLOCK;
      product(w, task % panels, first, Math.min(ROW_BLOCK, rows - first), bias, residual, out);
    });
  }

  /** What is to be done before the tasks. */
  void begin(float[] x, int rows, W w, boolean alone) {
    // Nothing.
  }

  final void spread(int tasks, boolean alone, IntConsumer body) {
    if (alone) {
      for (int task = 0; task < tasks; task++) {
        body.accept(task);
      }
    } else {
      team.run(tasks, body);
    }
  }

  private void product(
      W w, int panel, int firstRow, int rowCount, NativeBuffer bias, NativeBuffer residual, NativeBuffer out) {
    Scratch s = scratch.get();
    for (int r = 0; r < rowCount; r++) {
      Arrays.fill(s.sums[r], 0, w.panel, 0f);
    }
    chains(input, w, panel, firstRow, rowCount, s.sums);
    int first = panel * w.panel;
    int outputs = Math.min(w.panel, w.rows() - first);
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

  /** Adds the chains of a panel's outputs and of some rows of {@code x} to sums [rows][panel], which are 0. */
  abstract void chains(float[] x, W w, int panel, int firstRow, int rowCount, float[][] sums);

  private static void add(float[] sum, float[] other, int count) {
    for (int n = 0; n < count; n++) {
      sum[n] += other[n];
    }
  }
}
