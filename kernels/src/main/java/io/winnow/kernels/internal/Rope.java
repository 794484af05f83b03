// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;

/** Rotary position embedding in place, pairs (i, i + headDim/2); see {@link io.winnow.kernels.Kernels#rope}. */
final class Rope {
  private Rope() {}

  static void run(
      NativeBuffer x, int stride, int heads, int headDim, RowMap rows, NativeBuffer cos, NativeBuffer sin) {
    int half = headDim / 2;
    float[] c = new float[half];
    float[] s = new float[half];
    float[] row = new float[heads * headDim];
    for (int r = 0; r < rows.count(); r++) {
      long table = (long) rows.position()[r] * half;
      cos.read(table, c, 0, half);
      sin.read(table, s, 0, half);
      x.read((long) r * stride, row, 0, row.length);
      for (int h = 0; h < heads; h++) {
        int a = h * headDim;
        for (int i = 0; i < half; i++) {
          float first = row[a + i];
          float second = row[a + half + i];
          row[a + i] = Math.fma(first, c[i], -(second * s[i]));
          row[a + half + i] = Math.fma(second, c[i], first * s[i]);
        }
      }
      x.write((long) r * stride, row, 0, row.length);
    }
  }
}
