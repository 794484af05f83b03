// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;

/**
 * Integer weights in panels of {@link #panel} outputs. A column of a panel is panel · bits / 32 ints; the bits of int i
 * are, from the lowest, the codes of outputs i, i + ints, i + 2 · ints …, so that taking them apart is a shift and a mask
 * over whole ints. Signed codes are held + 128. Scales, then minimums: [panels][groups][panel].
 */
final class GroupedWeight implements Weight {
  static final int MAX_PANEL = PackedWeight.MAX_PANEL;

  final QuantFormat format;
  final int panel;
  final int groups;
  /** What is to be taken off the codes as they are held. */
  final int zero;
  private final int rows;
  private final int cols;
  private final NativeBuffer codes;
  private final NativeBuffer scales;

  GroupedWeight(int rows, int cols, QuantFormat format, QuantSource source) {
    this.rows = rows;
    this.cols = cols;
    this.format = format;
    this.panel = panel(rows);
    this.groups = format.groups(cols);
    this.zero = format.zero() + (format.signed() ? 128 : 0);
    this.codes = NativeBuffer.allocate(codeBytes(rows, cols, format));
    this.scales = NativeBuffer.allocate(sizeBytes(rows, cols, format) - codes.sizeBytes());
    try {
      pack(source);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private static int panel(int rows) {
    return rows >= 2048 ? MAX_PANEL : MAX_PANEL / 2;
  }

  private static long panels(int rows) {
    return ((long) rows + panel(rows) - 1) / panel(rows);
  }

  private static long codeBytes(int rows, int cols, QuantFormat format) {
    return panels(rows) * panel(rows) * cols * format.bits() / 8;
  }

  static long sizeBytes(int rows, int cols, QuantFormat format) {
    long each = (format.half() ? 2 : 4) * (format.hasMin() ? 2 : 1);
    return codeBytes(rows, cols, format) + panels(rows) * panel(rows) * format.groups(cols) * each;
  }

  int panels() {
    return (int) panels(rows);
  }

  private int ints() {
    return panel * format.bits() / 32;
  }

  private void pack(QuantSource source) {
    byte[] read = new byte[Math.multiplyExact(panel, cols)];
    float[] scale = new float[panel * groups];
    float[] min = format.hasMin() ? new float[panel * groups] : null;
    int[] line = new int[ints()];
    for (int p = 0; p < panels(); p++) {
      int first = p * panel;
      int count = Math.min(panel, rows - first);
      source.read(first, count, read, scale, min);
      Arrays.fill(scale, count * groups, panel * groups, 0f);
      for (int k = 0; k < cols; k++) {
        Arrays.fill(line, 0);
        for (int n = 0; n < count; n++) {
          int held = format.code(read[n * cols + k]) + (format.signed() ? 128 : 0);
          line[n % line.length] |= held << n / line.length * format.bits();
        }
        Raw.write(codes.address() + ((long) p * cols + k) * line.length * 4, line, 0, line.length);
      }
      writeScales(p, 0, scale);
      if (min != null) {
        Arrays.fill(min, count * groups, panel * groups, 0f);
        writeScales(p, 1, min);
      }
    }
  }

  private long scaleAt(int p, int g, int which) {
    return (((long) which * panels() + p) * groups + g) * panel;
  }

  private void writeScales(int p, int which, float[] values) {
    for (int g = 0; g < groups; g++) {
      for (int n = 0; n < panel; n++) {
        float value = values[n * groups + g];
        long at = scaleAt(p, g, which) + n;
        if (format.half()) {
          Raw.putShort(scales.address() + at * 2, Half.exactly(value));
        } else {
          Raw.putFloat(scales.address() + at * 4, value);
        }
      }
    }
  }

  /** Scales (0) or minimums (1) of a group of a panel. */
  void readScales(int p, int g, int which, float[] out) {
    long at = scaleAt(p, g, which);
    for (int n = 0; n < panel; n++) {
      out[n] = scale(at + n);
    }
  }

  private float scale(long at) {
    return format.half()
        ? Half.toFloat(Raw.shortAt(scales.address() + at * 2))
        : Raw.floatAt(scales.address() + at * 4);
  }

  /** Codes as held of lines k … k + count − 1 of a panel. */
  void readTile(int p, int k, int count, int[][] tile, int[] words, int[] part) {
    int ints = ints();
    int mask = (1 << format.bits()) - 1;
    for (int i = 0; i < count; i++) {
      Raw.read(codes.address() + ((long) p * cols + k + i) * ints * 4, words, 0, ints);
      for (int at = 0; at < panel; at += ints) {
        take(words, part, at / ints * format.bits(), mask, ints);
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
    int shift = lane / ints * format.bits();
    int mask = (1 << format.bits()) - 1;
    for (int k = 0; k < cols; k++) {
      int word = Raw.intAt(codes.address() + (((long) p * cols + k) * ints + lane % ints) * 4);
      float value = ((word >>> shift & mask) - zero) * scale(scaleAt(p, k / format.group(), 0) + lane);
      out[k] = format.hasMin() ? value + scale(scaleAt(p, k / format.group(), 1) + lane) : value;
    }
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  @Override
  public WeightFormat format() {
    return format.family();
  }

  @Override
  public long sizeBytes() {
    return codes.sizeBytes() + scales.sizeBytes();
  }

  @Override
  public void close() {
    codes.close();
    scales.close();
  }
}
