// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KvFormat;

/**
 * Keys or values of one kv head as a cache holds them, from the text of kernels/NUMERICS.md.
 *
 * @param elements [positions][dim] the floats, or the codes
 * @param scales [positions] of codes, else null
 */
record PlainKv(float[][] elements, float[] scales) {
  static PlainKv held(KvFormat format, float[][] x) {
    if (format == KvFormat.F32) {
      return new PlainKv(x, null);
    }
    float[][] elements = new float[x.length][];
    if (format == KvFormat.BF16) {
      for (int t = 0; t < x.length; t++) {
        elements[t] = PlainKernels.bf16(x[t]);
      }
      return new PlainKv(elements, null);
    }
    float[] scales = new float[x.length];
    for (int t = 0; t < x.length; t++) {
      int[] codes = new int[x[t].length];
      scales[t] = PlainGrouped.quantize(x[t], codes, 0, codes.length);
      elements[t] = new float[codes.length];
      for (int d = 0; d < codes.length; d++) {
        elements[t][d] = codes[d];
      }
    }
    return new PlainKv(elements, scales);
  }

  /** What an element stands for, exactly. */
  double value(int position, int dimension) {
    double element = elements[position][dimension];
    return scales == null ? element : element * scales[position];
  }
}
