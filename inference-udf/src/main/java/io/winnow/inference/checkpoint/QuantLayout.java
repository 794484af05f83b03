// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

/**
 * How a block-quantized tensor's elements come out of integers: {@code value = (code − zero) · scale}, plus the group's
 * minimum where the format has one, in float32 with one rounding for the product and one for the sum.
 *
 * @param group elements of a row that share a scale; divides the row
 * @param signed whether codes are signed, from −2^(bits−1) to 2^(bits−1) − 1; otherwise from 0 to 2^bits − 1
 * @param bits width of a code
 * @param zero the code that means 0, to be subtracted from every code; 0 for all but Q4_0
 * @param hasMin whether each group has a minimum
 */
public record QuantLayout(int group, boolean signed, int bits, int zero, boolean hasMin) {}
