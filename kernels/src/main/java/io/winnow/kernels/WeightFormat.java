// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/** How a packed weight is held in memory. Arithmetic is float32 in both. */
public enum WeightFormat {
  /** 4 bytes a weight. */
  F32(4),
  /** 2 bytes a weight, the upper half of a float32; widened exactly before the product. */
  BF16(2);

  private final int bytes;

  WeightFormat(int bytes) {
    this.bytes = bytes;
  }

  public int bytesPerWeight() {
    return bytes;
  }
}
