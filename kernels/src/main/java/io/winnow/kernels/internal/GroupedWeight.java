// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import java.util.Arrays;

/**
 * Integer weights in panels of {@link #panel} outputs. A column of a panel is panel · bits / 32 ints; the bits of int i
 * are, from the lowest, the codes of outputs i, i + ints, i + 2 · ints …, so that taking them apart is a shift and a mask
 * over whole ints. Behind the codes scales, then minimums: [panels][groups][panel].
 */
final class GroupedWeight extends PanelWeight {
  final QuantFormat quant;
  final int groups;
  /** What is to be taken off the codes as they are held. */
  final int zero;
  private final long codeBytes;

  GroupedWeight(int rows, int cols, QuantFormat format, QuantSource source) {
    super(rows, cols, format.family(), sizeBytes(rows, cols, format));
    this.quant = format;
    this.groups = format.groups(cols);
    this.zero = format.held(format.zero());
    this.codeBytes = codeBytes(rows, cols, format);
    fill(() -> pack(source));
  }

  private static long codeBytes(int rows, int cols, QuantFormat format) {
    return paddedRows(rows) * cols * format.bits() / 8;
  }

  static long sizeBytes(int rows, int cols, QuantFormat format) {
    long each = (format.half() ? 2 : 4) * (format.hasMin() ? 2 : 1);
    return codeBytes(rows, cols, format) + paddedRows(rows) * format.groups(cols) * each;
  }

  private int ints() {
    return panel * quant.bits() / 32;
  }

  private void pack(QuantSource source) {
    byte[] read = new byte[Math.multiplyExact(panel, cols)];
    float[] scale = new float[panel * groups];
    float[] min = quant.hasMin() ? new float[panel * groups] : null;
    int[] line = new int[ints()];
    for (int p = 0; p < panels(); p++) {
      int first = p * panel;
      int count = Math.min(panel, rows - first);
      source.read(first, count, read, scale, min);
      Arrays.fill(scale, count * groups, panel * groups, 0f);
      for (int k = 0; k < cols; k++) {
        Arrays.fill(line, 0);
        for (int n = 0; n < count; n++) {
          int held = quant.held(quant.code(read[n * cols + k]));
          line[n % line.length] |= held << n / line.length * quant.bits();
        }
        Raw.write(memory.address() + ((long) p * cols + k) * line.length * 4, line, 0, line.length);
      }
      writeScales(p, 0, scale);
      if (min != null) {
        Arrays.fill(min, count * groups, panel * groups, 0f);
        writeScales(p, 1, min);
      }
    }
  }

  /** Where the scale (0) or minimum (1) of an output of a panel lies. */
  private long scaleAt(int p, int g, int which, int lane) {
    long index = (((long) which * panels() + p) * groups + g) * panel + lane;
    return memory.address() + codeBytes + index * (quant.half() ? 2 : 4);
  }

  private void writeScales(int p, int which, float[] values) {
    for (int g = 0; g < groups; g++) {
      for (int n = 0; n < panel; n++) {
        float value = values[n * groups + g];
        if (quant.half()) {
          Raw.putShort(scaleAt(p, g, which, n), Half.exactly(value));
        } else {
          Raw.putFloat(scaleAt(p, g, which, n), value);
        }
      }
    }
  }

  /** Scales (0) or minimums (1) of a group of a panel. */
  void readScales(int p, int g, int which, float[] out) {
    for (int n = 0; n < panel; n++) {
      out[n] = scale(p, g, which, n);
    }
  }

  private float scale(int p, int g, int which, int lane) {
    long at = scaleAt(p, g, which, lane);
    return quant.half() ? Half.toFloat(Raw.shortAt(at)) : Raw.floatAt(at);
  }

  /** Codes as held of lines k … k + count − 1 of a panel. */
  void readTile(int p, int k, int count, int[][] tile, int[] words, int[] part) {
    int ints = ints();
    int mask = (1 << quant.bits()) - 1;
    for (int i = 0; i < count; i++) {
      Raw.read(memory.address() + ((long) p * cols + k + i) * ints * 4, words, 0, ints);
      for (int at = 0; at < panel; at += ints) {
        take(words, part, at / ints * quant.bits(), mask, ints);
        System.arraycopy(part, 0, tile[i], at, ints);
      }
    }
  }

  private static void take(int[] words, int[] out, int shift, int mask, int count) {
    for (int n = 0; n < count; n++) {
      out[n] = words[n] >>> shift & mask;
    }
  }

  /** Row {@code n} of the matrix, all columns. */
  void readRow(int n, float[] out) {
    int p = n / panel;
    int lane = n % panel;
    int ints = ints();
    int shift = lane / ints * quant.bits();
    int mask = (1 << quant.bits()) - 1;
    for (int k = 0; k < cols; k++) {
      int word = Raw.intAt(memory.address() + (((long) p * cols + k) * ints + lane % ints) * 4);
      float value = ((word >>> shift & mask) - zero) * scale(p, k / quant.group(), 0, lane);
      out[k] = quant.hasMin() ? value + scale(p, k / quant.group(), 1, lane) : value;
    }
  }
}
