// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

/** Input rows as codes within ± a largest one, a scale and a sum of codes for each group; NUMERICS.md: Integer weights. */
final class QuantizedRows {
  /** Largest code of a byte. */
  static final int BYTE = 127;
  /** Smaller groups are zeros: the factor would overflow. */
  private static final float LEAST = 0x1p-110f;

  int[] codes = new int[0];
  float[] scales = new float[0];
  int[] sums = new int[0];

  void fit(int rows, int cols, int groups) {
    if (codes.length < rows * cols) {
      codes = new int[rows * cols];
    }
    if (scales.length < rows * groups) {
      scales = new float[rows * groups];
      sums = new int[rows * groups];
    }
  }

  void quantize(float[] x, int row, int cols, int group, int groups) {
    quantize(x, row, cols, group, groups, BYTE);
  }

  void quantize(float[] x, int row, int cols, int group, int groups, int largest) {
    for (int g = 0; g < groups; g++) {
      int from = row * cols + g * group;
      int to = Math.min(from + group, (row + 1) * cols);
      float most = 0;
      for (int i = from; i < to; i++) {
        // NaN stays.
        most = Math.max(most, Math.abs(x[i]));
      }
      boolean finite = Float.isFinite(most);
      boolean some = finite && most >= LEAST;
      float factor = some ? largest / most : 0;
      int sum = 0;
      for (int i = from; i < to; i++) {
        int code = some ? (int) Math.max(-largest, Math.min(largest, Math.rint(x[i] * factor))) : 0;
        codes[i] = code;
        sum += code;
      }
      scales[row * groups + g] = !finite ? Float.NaN : some ? most / largest : 0;
      sums[row * groups + g] = sum;
    }
  }
}
