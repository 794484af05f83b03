// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Stored elements to float32, exactly: small floats are widened, and GGML's block formats are computed as GGML does, in
 * float32 with one rounding for each product and sum.
 */
final class Dequantizer {
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  /** Elements taken apart at once: what lies between stays in the first-level cache. */
  private static final int STRIP = 2048;

  private static final float[] F8_E4M3 = eightBitFloats();
  /** Signed bytes as floats, by their bits: a load is quicker here than the processor's conversion. */
  private static final float[] WHOLE = wholeNumbers();

  private Dequantizer() {}

  /** Elements from {@code in[inOffset…]} to {@code out[outOffset, outOffset + count)}; whole blocks only. */
  static void widen(DType dtype, byte[] in, int inOffset, float[] out, int outOffset, int count) {
    switch (dtype) {
      case F32 -> f32(in, inOffset, out, outOffset, count);
      case F16 -> f16(in, inOffset, out, outOffset, count);
      case BF16 -> bf16(in, inOffset, out, outOffset, count);
      case F8_E4M3 -> f8(in, inOffset, out, outOffset, count);
      default -> blocks(dtype, in, inOffset, out, outOffset, count);
    }
  }

  private static void f32(byte[] in, int at, float[] out, int to, int count) {
    for (int i = 0; i < count; i++) {
      out[to + i] = Float.intBitsToFloat((int) INT.get(in, at + 4 * i));
    }
  }

  private static void f16(byte[] in, int at, float[] out, int to, int count) {
    for (int i = 0; i < count; i++) {
      out[to + i] = half((short) SHORT.get(in, at + 2 * i));
    }
  }

  private static void bf16(byte[] in, int at, float[] out, int to, int count) {
    for (int i = 0; i < count; i++) {
      out[to + i] = Float.intBitsToFloat((short) SHORT.get(in, at + 2 * i) << 16);
    }
  }

  private static void f8(byte[] in, int at, float[] out, int to, int count) {
    for (int i = 0; i < count; i++) {
      out[to + i] = F8_E4M3[in[at + i] & 0xff];
    }
  }

  private static void blocks(DType dtype, byte[] in, int at, float[] out, int to, int count) {
    QuantLayout layout = dtype.quant;
    int strip = Math.min(STRIP, count);
    byte[] codes = new byte[strip];
    float[] scales = new float[strip / layout.group()];
    float[] mins = layout.hasMin() ? new float[scales.length] : null;
    for (int done = 0; done < count; done += strip) {
      int n = Math.min(strip, count - done);
      QuantBlocks.unpack(dtype, in, at, n, codes, 0, scales, mins, 0);
      combine(layout, codes, scales, mins, out, to + done, n);
      at += n / dtype.blockElements * dtype.blockBytes;
    }
  }

  /** The values that the first {@code count} codes mean, from {@code out[to]} on. */
  static void combine(
      QuantLayout layout, byte[] codes, float[] scales, float[] mins, float[] out, int to, int count) {
    int group = layout.group();
    int zero = layout.zero();
    for (int from = 0, g = 0; from < count; from += group, g++) {
      float scale = scales[g];
      if (mins == null) {
        for (int i = from; i < from + group; i++) {
          out[to + i] = WHOLE[codes[i] - zero & 0xff] * scale;
        }
      } else {
        float min = mins[g];
        for (int i = from; i < from + group; i++) {
          out[to + i] = WHOLE[codes[i] - zero & 0xff] * scale + min;
        }
      }
    }
  }

  /**
   * IEEE 754 binary16 to binary32, exact. Subnormals are counts of 2^-24 (a product of subnormal floats would be slower
   * by far); other exponents are moved by 112, and one that was all ones is made so again.
   */
  static float half(short bits) {
    int magnitude = bits & 0x7fff;
    float value =
        magnitude < 0x400 ? magnitude * 0x1p-24f : Float.intBitsToFloat((magnitude << 13) + (112 << 23));
    int special = -(magnitude + 0x400 >> 15) & 0x7f800000;
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) | special | (bits & 0x8000) << 16);
  }

  private static float[] wholeNumbers() {
    float[] values = new float[256];
    for (int bits = 0; bits < 256; bits++) {
      values[bits] = (byte) bits;
    }
    return values;
  }

  /**
   * Every value of E4M3, which has no infinities (Micikevicius et al., FP8 Formats for Deep Learning, 2022): exponent
   * and fraction in a float whose exponent is 120 too small, mended by a product with 2^120; all ones is NaN.
   */
  private static float[] eightBitFloats() {
    float[] values = new float[256];
    for (int bits = 0; bits < 256; bits++) {
      int magnitude = bits & 0x7f;
      float value = magnitude == 0x7f ? Float.NaN : Float.intBitsToFloat(magnitude << 20) * 0x1p120f;
      values[bits] = (bits & 0x80) == 0 ? value : -value;
    }
    return values;
  }
}
