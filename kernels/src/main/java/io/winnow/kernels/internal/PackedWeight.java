// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;
import java.util.Arrays;

/**
 * A weight in panels of {@link #panel} outputs: [rows / panel][cols][panel], rows padded with zeros, columns never.
 * BF16, for native products as well, keeps outputs n and n + panel/2 of a panel in the lower and upper half of one int, so that widening is a shift
 * and a mask over whole ints.
 */
final class PackedWeight extends PanelWeight {
  PackedWeight(int rows, int cols, WeightFormat format, WeightSource source) {
    super(rows, cols, format, sizeBytes(rows, cols, format));
    fill(() -> pack(source, panels()));
  }

  static long sizeBytes(int rows, int cols, WeightFormat format) {
    return paddedRows(rows) * cols * bytes(format);
  }

  private static int bytes(WeightFormat format) {
    return format == WeightFormat.F32 ? 4 : 2;
  }

  private void pack(WeightSource source, int panels) {
    float[] read = new float[Math.multiplyExact(panel, cols)];
    for (int p = 0; p < panels; p++) {
      int first = p * panel;
      int count = Math.min(panel, rows - first);
      source.read(first, count, read);
      Arrays.fill(read, count * cols, panel * cols, 0f);
      if (format() == WeightFormat.F32) {
        packF32(p, read);
      } else {
        packBf16(p, read);
      }
    }
  }

  private void packF32(int p, float[] read) {
    float[] line = new float[panel];
    for (int k = 0; k < cols; k++) {
      for (int n = 0; n < panel; n++) {
        line[n] = read[n * cols + k];
      }
      Raw.write(address(p, k), line, 0, panel);
    }
  }

  private void packBf16(int p, float[] read) {
    int half = panel / 2;
    int[] line = new int[half];
    for (int k = 0; k < cols; k++) {
      for (int n = 0; n < half; n++) {
        line[n] = bf16(read[n * cols + k]) | bf16(read[(n + half) * cols + k]) << 16;
      }
      Raw.write(address(p, k), line, 0, half);
    }
  }

  /** Round to nearest even; NaN stays a NaN. */
  static int bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (value != value) {
      return bits >>> 16 | 0x40;
    }
    return bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
  }

  private long address(int p, int k) {
    return memory.address() + ((long) p * cols + k) * panel * bytes(format());
  }

  /** Scratch of one thread that widens BF16. */
  static final class Widening {
    final int[] pairs = new int[MAX_PANEL / 2];
    final int[] low = new int[MAX_PANEL / 2];
    final int[] high = new int[MAX_PANEL / 2];
  }

  /** Widens lines k … k + count − 1 of a panel into {@code tile}. */
  void readTile(int p, int k, int count, float[][] tile, Widening scratch) {
    for (int i = 0; i < count; i++) {
      if (format() == WeightFormat.F32) {
        Raw.read(address(p, k + i), tile[i], 0, panel);
      } else {
        Raw.read(address(p, k + i), scratch.pairs, 0, panel / 2);
        widen(scratch.pairs, scratch.low, scratch.high, panel / 2);
        Raw.bitsToFloats(scratch.low, tile[i], 0, panel / 2);
        Raw.bitsToFloats(scratch.high, tile[i], panel / 2, panel / 2);
      }
    }
  }

  private static void widen(int[] pairs, int[] low, int[] high, int count) {
    for (int n = 0; n < count; n++) {
      low[n] = pairs[n] << 16;
      high[n] = pairs[n] & 0xFFFF0000;
    }
  }

  /** Row {@code n} of the matrix, all columns. */
  void readRow(int n, float[] out) {
    int p = n / panel;
    int lane = n % panel;
    if (format() == WeightFormat.F32) {
      for (int k = 0; k < cols; k++) {
        out[k] = Raw.floatAt(address(p, k) + lane * 4L);
      }
      return;
    }
    int half = panel / 2;
    for (int k = 0; k < cols; k++) {
      int pair = Raw.intAt(address(p, k) + lane % half * 4L);
      out[k] = Float.intBitsToFloat(lane < half ? pair << 16 : pair & 0xFFFF0000);
    }
  }
}
