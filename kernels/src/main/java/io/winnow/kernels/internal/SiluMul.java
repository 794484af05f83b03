// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;

/** out = gate / (1 + exp(−gate)) · up, where a row of the input is gate then up. */
final class SiluMul {
  private final ThreadTeam team;

  SiluMul(ThreadTeam team) {
    this.team = team;
  }

  void run(NativeBuffer gateUp, int rows, int cols, NativeBuffer out) {
    team.run(rows, r -> {
      float[] row = new float[2 * cols];
      gateUp.read((long) r * 2 * cols, row, 0, 2 * cols);
      for (int i = 0; i < cols; i++) {
        float g = row[i];
        row[i] = g / (1f + Exp.exp(-g)) * row[cols + i];
      }
      out.write((long) r * cols, row, 0, cols);
    });
  }
}
