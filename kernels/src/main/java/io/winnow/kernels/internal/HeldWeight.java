// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;

/** What every weight is, whatever its layout: a matrix in one piece, in memory of its own or in a mapped file. */
abstract class HeldWeight implements Weight {
  final int rows;
  final int cols;
  /** Owned. */
  final NativeBuffer memory;
  private final WeightFormat format;
  private final long sizeBytes;

  HeldWeight(int rows, int cols, WeightFormat format, long bytes) {
    this(rows, cols, format, bytes, bytes);
  }

  /** @param owned bytes of {@link #memory}; the rest of {@code sizeBytes} lies elsewhere */
  HeldWeight(int rows, int cols, WeightFormat format, long sizeBytes, long owned) {
    this.rows = rows;
    this.cols = cols;
    this.format = format;
    this.sizeBytes = sizeBytes;
    this.memory = NativeBuffer.allocate(owned);
  }

  /** Packs, and closes the weight if that fails: a damaged file shows itself here, and nobody has the weight yet. */
  final void fill(Runnable pack) {
    try {
      pack.run();
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  @Override
  public final int rows() {
    return rows;
  }

  @Override
  public final int cols() {
    return cols;
  }

  @Override
  public final WeightFormat format() {
    return format;
  }

  @Override
  public final long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public final void close() {
    memory.close();
  }
}
