// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.WeightSource;

/** Float weights to codes; NUMERICS.md: Quantizing float weights. */
final class WeightQuantizer {
  private WeightQuantizer() {}

  /** The codes of a matrix of {@code cols} columns in {@link QuantFormat#INT8} or {@link QuantFormat#INT4}. */
  static QuantSource of(QuantFormat format, int cols, WeightSource source) {
    int groups = format.groups(cols);
    return (first, rows, codes, scales, mins) -> {
      float[] w = new float[rows * cols];
      source.read(first, rows, w);
      for (int r = 0; r < rows; r++) {
        for (int g = 0; g < groups; g++) {
          int from = r * cols + g * format.group();
          int to = Math.min(from + format.group(), (r + 1) * cols);
          int at = r * groups + g;
          if (format.equals(QuantFormat.INT4)) {
            fourBits(w, from, to, codes, scales, mins, at);
          } else {
            eightBits(w, from, to, codes, scales, at);
          }
        }
      }
    };
  }

  private static void eightBits(float[] w, int from, int to, byte[] codes, float[] scales, int at) {
    float most = 0;
    for (int i = from; i < to; i++) {
      most = Math.max(most, Math.abs(w[i]));
    }
    float scale = Half.toFloat(Half.of(most / 127f));
    boolean finite = Float.isFinite(scale) && Float.isFinite(most);
    scales[at] = finite ? scale : Float.NaN;
    for (int i = from; i < to; i++) {
      codes[i] = finite && scale > 0 ? (byte) Math.max(-127, Math.min(127, Math.rint(w[i] / scale))) : 0;
    }
  }

  private static void fourBits(float[] w, int from, int to, byte[] codes, float[] scales, float[] mins, int at) {
    float low = 0;
    float high = 0;
    for (int i = from; i < to; i++) {
      low = Math.min(low, w[i]);
      high = Math.max(high, w[i]);
    }
    float scale = Half.toFloat(Half.of((high - low) / 15f));
    float min = Half.toFloat(Half.of(low));
    boolean finite = Float.isFinite(scale) && Float.isFinite(low) && Float.isFinite(high);
    scales[at] = finite ? scale : Float.NaN;
    mins[at] = finite ? min : 0;
    for (int i = from; i < to; i++) {
      codes[i] = finite && scale > 0 ? (byte) Math.max(0, Math.min(15, Math.rint((w[i] - min) / scale))) : 0;
    }
  }
}
