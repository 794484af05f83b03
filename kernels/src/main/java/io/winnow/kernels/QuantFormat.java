// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * How integer weights are held: a weight is (code − zero) · scale, or that + min; scale and min are shared by groups of
 * consecutive columns of one output, the last group of a row may be shorter.
 *
 * @param bits 4 (codes 0 … 15) or 8
 * @param signed codes are −128 … 127 and not 0 … 255; with 8 bits only
 * @param group columns of a group: 16, 32, 64 or 128
 * @param zero code that stands for 0, in the range of the codes
 * @param hasMin whether there are minimums
 * @param half whether scales and minimums are held as float16, which must hold them exactly; else as float32
 */
public record QuantFormat(int bits, boolean signed, int group, int zero, boolean hasMin, boolean half) {
  /** What {@link WeightFormat#INT8} makes of float weights. */
  public static final QuantFormat INT8 = new QuantFormat(8, true, 32, 0, false, true);

  /** What {@link WeightFormat#INT4} makes of float weights. */
  public static final QuantFormat INT4 = new QuantFormat(4, false, 32, 0, true, true);

  public QuantFormat {
    boolean range = bits == 4 ? !signed && zero >= 0 && zero < 16
        : bits == 8 && (signed ? zero >= -128 && zero < 128 : zero >= 0 && zero < 256);
    if (!range || group != 16 && group != 32 && group != 64 && group != 128) {
      throw new IllegalArgumentException(
          "no integer weights of " + bits + " bits, groups of " + group + ", zero " + zero + (signed ? ", signed" : ""));
    }
  }

  /** The family that this belongs to. */
  public WeightFormat family() {
    return bits == 4 ? WeightFormat.INT4 : WeightFormat.INT8;
  }

  /** Groups of a row. */
  public int groups(int cols) {
    return (cols + group - 1) / group;
  }

  /** A code as weights hold it: signed ones + 128, so that all are 0 … 255. */
  public int held(int code) {
    return signed ? code + 128 : code;
  }

  /** The code as a number of its range. */
  public int code(byte stored) {
    return signed ? stored : stored & 0xFF;
  }
}
