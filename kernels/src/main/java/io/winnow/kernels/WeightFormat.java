// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import java.util.List;

/** How the values of a matrix are held in memory. */
public enum WeightFormat {
  /** 4 bytes a weight; arithmetic is float32. */
  F32(32),
  /** 2 bytes a weight, the upper half of a float32; widened exactly, then arithmetic is float32. */
  BF16(16),
  /** Codes of 8 bits with a scale for each 32 columns of an output; products are exact integers within a group. */
  INT8(8.5),
  /** Codes of 4 bits with a scale and a minimum for each 32 columns; otherwise as {@link #INT8}. */
  INT4(5),
  /**
   * 2 bytes a weight, as {@link #BF16}, for native products: inputs are rounded too, and arithmetic is that of AMX's
   * tiles, so few machines compute with them ({@link Kernels#lacks}).
   */
  BF16_TILES(16);

  /** Those that all machines compute with, to the same bits. */
  public static final List<WeightFormat> PORTABLE = List.of(F32, BF16, INT8, INT4);

  private final double bits;

  WeightFormat(double bits) {
    this.bits = bits;
  }

  /** How float weights are quantized for this format; null for those that hold floats. */
  public QuantFormat quantized() {
    return switch (this) {
      case F32, BF16, BF16_TILES -> null;
      case INT8 -> QuantFormat.INT8;
      case INT4 -> QuantFormat.INT4;
    };
  }

  /** Bytes that so many weights take, scales included, but for padding. */
  public long bytes(long weights) {
    return (long) Math.ceil(weights * bits / 8);
  }
}
