// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

/**
 * How a tensor's elements are stored in a file. Block formats hold {@link #blockElements} values in {@link
 * #blockBytes}. Formats of GGUF files have GGML's names.
 */
public enum DType {
  F32(1, 4, null),
  F16(1, 2, null),
  BF16(1, 2, null),
  /** Four bits of exponent, three of fraction, bias 7, no infinities; meant to be multiplied by a scale beside it. */
  F8_E4M3(1, 1, null),
  Q8_0(32, 34, new QuantLayout(32, true, 8, 0, false)),
  Q4_0(32, 18, new QuantLayout(32, false, 4, 8, false)),
  Q4_1(32, 20, new QuantLayout(32, false, 4, 0, true)),
  Q5_0(32, 22, new QuantLayout(32, true, 5, 0, false)),
  Q5_1(32, 24, new QuantLayout(32, false, 5, 0, true)),
  Q2_K(256, 84, new QuantLayout(16, false, 2, 0, true)),
  Q3_K(256, 110, new QuantLayout(16, true, 3, 0, false)),
  Q4_K(256, 144, new QuantLayout(32, false, 4, 0, true)),
  Q5_K(256, 176, new QuantLayout(32, false, 5, 0, true)),
  Q6_K(256, 210, new QuantLayout(16, true, 6, 0, false));

  public final int blockElements;
  public final int blockBytes;

  /** Codes and scales of a block format, or null where elements are numbers by themselves. */
  public final QuantLayout quant;

  DType(int blockElements, int blockBytes, QuantLayout quant) {
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.quant = quant;
  }
}
