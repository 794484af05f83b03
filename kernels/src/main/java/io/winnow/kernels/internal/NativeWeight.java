// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;
import java.util.Arrays;

/**
 * A matrix in the native kernels' panels of 16 outputs: the struct wk_weight that describes it, and behind it codes,
 * scales and minimums in one piece.
 */
final class NativeWeight extends HeldWeight {
  private static final int PANEL = 16;
  private static final int STRUCT_BYTES = 64;
  /** Values read from the source at once, about. */
  private static final int STAGED = 1 << 20;

  private NativeWeight(int rows, int cols, WeightFormat format, long bytes) {
    super(rows, cols, format, bytes);
  }

  static NativeWeight of(int rows, int cols, WeightFormat format, WeightSource source) {
    NativeWeight weight = new NativeWeight(rows, cols, format, sizeBytes(rows, cols, format));
    weight.describe(0, 0, 0, 0, false);
    weight.fill(() -> weight.pack(source));
    return weight;
  }

  static NativeWeight of(int rows, int cols, QuantFormat format, QuantSource source) {
    NativeWeight weight = new NativeWeight(rows, cols, format.family(), sizeBytes(rows, cols, format));
    long codes = codeBytes(rows, cols, format.family());
    weight.describe(
        codes, format.hasMin() ? codes + scaleBytes(rows, cols, format) : 0, format.group(),
        format.held(format.zero()), format.half());
    weight.fill(() -> weight.pack(format, source));
    return weight;
  }

  /** Offsets of scales and minimums are those behind the struct; 0 for none. */
  private void describe(long scales, long mins, int group, int zero, boolean half) {
    long base = memory.address();
    Raw.putLong(base, data());
    Raw.putLong(base + 8, scales == 0 ? 0 : data() + scales);
    Raw.putLong(base + 16, mins == 0 ? 0 : data() + mins);
    memory.write(6, new int[] {rows, cols, code(format()), group, zero, half ? 1 : 0}, 0, 6);
  }

  private static int code(WeightFormat format) {
    return switch (format) {
      case F32 -> 0;
      case BF16 -> 1;
      case INT8 -> 2;
      case INT4 -> 3;
    };
  }

  private static long codeBytes(int rows, int cols, WeightFormat format) {
    long bytes = NativeLibrary.packedBytes(code(format), rows, cols);
    if (bytes < 0) {
      throw new KernelException("Cannot pack a matrix of " + rows + " x " + cols + " as " + format + ".");
    }
    return bytes;
  }

  private static long scaleBytes(int rows, int cols, QuantFormat format) {
    return ((long) rows + PANEL - 1) / PANEL * PANEL * format.groups(cols) * (format.half() ? 2 : 4);
  }

  /** With the struct. */
  static long sizeBytes(int rows, int cols, WeightFormat format) {
    QuantFormat quantized = format.quantized();
    return quantized == null ? STRUCT_BYTES + codeBytes(rows, cols, format) : sizeBytes(rows, cols, quantized);
  }

  /** With the struct. */
  static long sizeBytes(int rows, int cols, QuantFormat format) {
    return STRUCT_BYTES + codeBytes(rows, cols, format.family())
        + scaleBytes(rows, cols, format) * (format.hasMin() ? 2 : 1);
  }

  private int stagedRows() {
    int most = (rows + PANEL - 1) / PANEL * PANEL;
    return Math.min(most, Math.max(1, STAGED / cols / PANEL) * PANEL);
  }

  private void pack(WeightSource source) {
    int lines = stagedRows();
    float[] read = new float[Math.multiplyExact(lines, cols)];
    try (NativeBuffer staged = NativeBuffer.ofElements(read.length)) {
      for (int first = 0; first < rows; first += lines) {
        int count = Math.min(lines, rows - first);
        source.read(first, count, read);
        staged.write(0, read, 0, count * cols);
        check(NativeLibrary.pack(memory.address(), data(), first, count, staged.address()));
      }
    }
  }

  private void pack(QuantFormat format, QuantSource source) {
    int lines = stagedRows();
    int groups = format.groups(cols);
    byte[] codes = new byte[Math.multiplyExact(lines, cols)];
    float[] scales = new float[lines * groups];
    float[] mins = format.hasMin() ? new float[lines * groups] : null;
    try (NativeBuffer staged = NativeBuffer.allocate(codes.length);
        NativeBuffer stagedScales = NativeBuffer.ofElements(scales.length);
        NativeBuffer stagedMins = NativeBuffer.ofElements(scales.length)) {
      for (int first = 0; first < rows; first += lines) {
        int count = Math.min(lines, rows - first);
        source.read(first, count, codes, scales, mins);
        if (format.signed()) {
          for (int i = 0; i < count * cols; i++) {
            // As QuantFormat.held, on the bits.
            codes[i] ^= (byte) 0x80;
          }
        }
        Raw.write(staged.address(), codes, 0, count * cols);
        stage(stagedScales, scales, count * groups, format.half());
        if (mins != null) {
          stage(stagedMins, mins, count * groups, format.half());
        }
        long base = memory.address();
        check(
            NativeLibrary.packCodes(
                base, data(), Raw.longAt(base + 8), Raw.longAt(base + 16), first, count, staged.address(),
                stagedScales.address(), stagedMins.address()));
      }
    }
  }

  private static void stage(NativeBuffer staged, float[] values, int count, boolean half) {
    if (!half) {
      staged.write(0, values, 0, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      Raw.putShort(staged.address() + i * 2L, Half.exactly(values[i]));
    }
  }

  private static void check(int status) {
    if (status != 0) {
      throw new IllegalStateException("the native kernels refuse to pack, status " + status);
    }
  }

  private long data() {
    return memory.address() + STRUCT_BYTES;
  }

  /** Of the struct wk_weight. */
  long address() {
    return memory.address();
  }
}
