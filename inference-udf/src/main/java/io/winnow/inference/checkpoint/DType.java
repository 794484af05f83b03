// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

/**
 * How a tensor's elements are stored in a file. Block formats hold {@link #blockElements} values in {@link
 * #blockBytes}.
 */
public enum DType {
  F32(1, 4),
  F16(1, 2),
  BF16(1, 2),
  Q8_0(32, 34),
  Q4_0(32, 18),
  Q4_1(32, 20);

  public final int blockElements;
  public final int blockBytes;

  DType(int blockElements, int blockBytes) {
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }
}
