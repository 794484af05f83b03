// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.WeightFormat;

/** The arithmetic of integer weights of kernels/NUMERICS.md a second time, element by element from the text. */
final class PlainGrouped {
  private PlainGrouped() {}

  static float[] dequantized(QuantFormat f, byte[] codes, float[] scales, float[] mins, int outputs, int cols) {
    float[] out = new float[outputs * cols];
    for (int i = 0; i < out.length; i++) {
      int at = i / cols * f.groups(cols) + i % cols / f.group();
      float value = (f.code(codes[i]) - f.zero()) * scales[at];
      out[i] = mins == null ? value : value + mins[at];
    }
    return out;
  }

  static float[] matmul(
      float[] x, int rows, QuantFormat f, byte[] codes, float[] scales, float[] mins, int outputs, int cols,
      float[] bias, float[] residual) {
    int groups = f.groups(cols);
    int[] q = new int[rows * cols];
    float[] sx = new float[rows * groups];
    for (int r = 0; r < rows; r++) {
      for (int g = 0; g < groups; g++) {
        sx[r * groups + g] = quantize(x, q, r * cols + g * f.group(), Math.min(f.group(), cols - g * f.group()));
      }
    }
    float[] out = new float[rows * outputs];
    for (int r = 0; r < rows; r++) {
      for (int n = 0; n < outputs; n++) {
        float acc = 0f;
        for (int g = 0; g < groups; g++) {
          long isum = 0;
          long qsum = 0;
          for (int k = g * f.group(); k < Math.min(cols, (g + 1) * f.group()); k++) {
            isum += (long) (f.code(codes[n * cols + k]) - f.zero()) * q[r * cols + k];
            qsum += q[r * cols + k];
          }
          if (Math.abs(isum) >= 1 << 24) {
            throw new AssertionError("a sum of " + isum + " is not exact in float32");
          }
          float both = sx[r * groups + g] * scales[n * groups + g];
          acc = Math.fma((float) isum, both, acc);
          if (mins != null) {
            float sum = sx[r * groups + g] * (float) qsum;
            acc = Math.fma(mins[n * groups + g], sum, acc);
          }
        }
        if (bias != null) {
          acc = acc + bias[n];
        }
        out[r * outputs + n] = residual == null ? acc : residual[r * outputs + n] + acc;
      }
    }
    return out;
  }

  /** Codes of a group of inputs into {@code q}; gives its scale. */
  static float quantize(float[] x, int[] q, int from, int count) {
    return quantize(x, q, from, count, 127);
  }

  static float quantize(float[] x, int[] q, int from, int count, int largest) {
    float amax = 0;
    for (int i = from; i < from + count; i++) {
      if (!Float.isFinite(x[i])) {
        return Float.NaN;
      }
      amax = Math.max(amax, Math.abs(x[i]));
    }
    if (amax < 0x1p-110f) {
      return 0;
    }
    for (int i = from; i < from + count; i++) {
      float product = x[i] * (largest / amax);
      double code = Math.rint(product);
      q[i] = (int) (code > largest ? largest : code < -largest ? -largest : code);
    }
    return amax / largest;
  }

  /** Float weights as INT8 or INT4 hold them, dequantized. */
  static float[] quantized(WeightFormat family, float[] w, int outputs, int cols) {
    float[] out = new float[w.length];
    for (int n = 0; n < outputs; n++) {
      for (int from = n * cols; from < (n + 1) * cols; from += 32) {
        int to = Math.min(from + 32, (n + 1) * cols);
        boolean finite = true;
        float low = 0;
        float high = 0;
        for (int i = from; i < to; i++) {
          finite &= Float.isFinite(w[i]);
          low = Math.min(low, w[i]);
          high = Math.max(high, w[i]);
        }
        float scale = family == WeightFormat.INT8 ? Math.max(-low, high) / 127f : (high - low) / 15f;
        scale = Half.toFloat(Half.of(scale));
        float min = family == WeightFormat.INT8 ? 0 : Half.toFloat(Half.of(low));
        int most = family == WeightFormat.INT8 ? 127 : 15;
        int least = family == WeightFormat.INT8 ? -127 : 0;
        for (int i = from; i < to; i++) {
          if (!finite || !Float.isFinite(scale)) {
            out[i] = Float.NaN;
            continue;
          }
          float ratio = family == WeightFormat.INT8 ? w[i] / scale : (w[i] - min) / scale;
          int code = scale == 0 ? 0 : (int) Math.max(least, Math.min(most, Math.rint(ratio)));
          float value = code * scale;
          out[i] = family == WeightFormat.INT8 ? value : value + min;
        }
      }
    }
    return out;
  }
}
