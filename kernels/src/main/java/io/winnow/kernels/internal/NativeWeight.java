// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;

/** A matrix in the native kernels' panels of 16 outputs, with the struct wk_weight that describes it. */
final class NativeWeight implements Weight {
  static final int PANEL = 16;
  /** Values read from the source at once, about. */
  private static final int STAGED = 1 << 20;

  private static final int STRUCT_BYTES = 24;

  private final int rows;
  private final int cols;
  private final WeightFormat format;
  private final NativeBuffer data;
  private final NativeBuffer struct;

  NativeWeight(int rows, int cols, WeightFormat format, WeightSource source) {
    this.rows = rows;
    this.cols = cols;
    this.format = format;
    this.data = NativeBuffer.allocate(sizeBytes(rows, cols, format) - STRUCT_BYTES);
    this.struct = NativeBuffer.allocate(STRUCT_BYTES);
    try {
      Raw.putLong(struct.address(), data.address());
      struct.write(2, new int[] {rows, cols, code(format)}, 0, 3);
      pack(source);
    } catch (RuntimeException | Error e) {
      // A damaged file shows itself here, and nobody else can close what has no owner yet.
      close();
      throw e;
    }
  }

  private static int code(WeightFormat format) {
    return switch (format) {
      case F32 -> 0;
      case BF16 -> 1;
    };
  }

  /** With the struct. */
  static long sizeBytes(int rows, int cols, WeightFormat format) {
    long bytes = NativeLibrary.packedBytes(code(format), rows, cols);
    if (bytes < 0) {
      throw new KernelException("Cannot pack a matrix of " + rows + " x " + cols + " as " + format + ".");
    }
    return bytes + STRUCT_BYTES;
  }

  private void pack(WeightSource source) {
    int lines = Math.max(1, STAGED / cols / PANEL) * PANEL;
    float[] read = new float[Math.multiplyExact(Math.min(lines, (rows + PANEL - 1) / PANEL * PANEL), cols)];
    try (NativeBuffer staged = NativeBuffer.ofElements(read.length)) {
      for (int first = 0; first < rows; first += lines) {
        int count = Math.min(lines, rows - first);
        source.read(first, count, read);
        staged.write(0, read, 0, count * cols);
        NativeLibrary.pack(struct.address(), data.address(), first, count, staged.address());
      }
    }
  }

  /** Of the struct wk_weight. */
  long address() {
    return struct.address();
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
    return format;
  }

  @Override
  public long sizeBytes() {
    return data.sizeBytes() + struct.sizeBytes();
  }

  @Override
  public void close() {
    data.close();
    struct.close();
  }
}
