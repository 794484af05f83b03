// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;

/** out = (x · 1/sqrt(mean(x²) + eps)) · weight, row by row; see {@link io.winnow.kernels.Kernels#rmsNorm}. */
final class RmsNorm {
  private RmsNorm() {}

  static void run(NativeBuffer x, int rows, int cols, NativeBuffer weight, float eps, NativeBuffer out) {
    float[] w = new float[cols];
    weight.read(0, w, 0, cols);
    float[] row = new float[cols];
    float[] lanes = new float[16];
    for (int r = 0; r < rows; r++) {
      x.read((long) r * cols, row, 0, cols);
      Arrays.fill(lanes, 0f);
      for (int i = 0; i < cols; i++) {
        lanes[i & 15] = Math.fma(row[i], row[i], lanes[i & 15]);
      }
      float mean = combine(lanes) / cols;
      float scale = 1f / (float) Math.sqrt(mean + eps);
      for (int i = 0; i < cols; i++) {
        row[i] = row[i] * scale * w[i];
      }
      out.write((long) r * cols, row, 0, cols);
    }
  }

  /** The sum of 16 lanes: 8+8, 4+4, 2+2, 1+1. The lanes are used up. */
  static float combine(float[] lanes) {
    for (int width = 8; width > 0; width >>= 1) {
      for (int i = 0; i < width; i++) {
        lanes[i] += lanes[i + width];
      }
    }
    return lanes[0];
  }
}
