// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

/**
 * out[r][n] = Σ_k x[r][k] · w[n][k] (+ bias[n]) (+ residual[r][n]).
 *
 * <p>A task ({@link PanelProduct}) walks k in blocks: a tile [k block][panel] is copied (and
 * widened) into the heap once and every row's chain goes on through it, so weights are read from memory once for all
 * rows of the block. Chains run over ascending k; blocks of k do not break them, because the running sums stay in
 * float32. Columns are never padded; padded outputs are computed and not written.
 */
final class Matmul extends PanelProduct<PackedWeight> {
  private static final int K_BLOCK = 64;

  private static final class Scratch {
    final float[][] tile = new float[K_BLOCK][MAX_PANEL];
    final PackedWeight.Widening widening = new PackedWeight.Widening();
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  Matmul(ThreadTeam team) {
    super(team);
  }

  @Override
  void chains(float[] x, PackedWeight w, int panel, int firstRow, int rowCount, float[][] sums) {
    Scratch s = scratch.get();
    int cols = w.cols();
    for (int k = 0; k < cols; k += K_BLOCK) {
      int depth = Math.min(K_BLOCK, cols - k);
      w.readTile(panel, k, depth, s.tile, s.widening);
      for (int r = 0; r < rowCount; r++) {
        Rows4.chains(s.tile, 0, x, (firstRow + r) * cols + k, depth, sums[r], w.panel);
      }
    }
  }
}
