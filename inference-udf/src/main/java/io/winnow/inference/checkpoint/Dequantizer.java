// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Stored elements to float32, exactly: half floats are widened, and GGML's block formats are computed as GGML does, in
 * float32 with one rounding for each product and sum.
 *
 * <p>Block layouts (32 elements, little-endian):
 *
 * <ul>
 *   <li>Q8_0: f16 d, 32 signed bytes q; value q·d
 *   <li>Q4_0: f16 d, 16 bytes; the low nibbles are elements 0 to 15, the high ones 16 to 31; value (q − 8)·d
 *   <li>Q4_1: f16 d, f16 m, 16 bytes as in Q4_0; value q·d + m
 * </ul>
 */
final class Dequantizer {
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  private Dequantizer() {}

  /** Elements from {@code in[inOffset…]} to {@code out[outOffset, outOffset + count)}; whole blocks only. */
  static void widen(DType dtype, byte[] in, int inOffset, float[] out, int outOffset, int count) {
    switch (dtype) {
      case F32 -> f32(in, inOffset, out, outOffset, count);
      case F16 -> f16(in, inOffset, out, outOffset, count);
      case BF16 -> bf16(in, inOffset, out, outOffset, count);
      case Q8_0 -> q8Zero(in, inOffset, out, outOffset, count);
      case Q4_0 -> q4Zero(in, inOffset, out, outOffset, count);
      case Q4_1 -> q4One(in, inOffset, out, outOffset, count);
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

  private static void q8Zero(byte[] in, int at, float[] out, int to, int count) {
    for (int done = 0; done < count; done += 32, at += 34) {
      float d = half((short) SHORT.get(in, at));
      for (int i = 0; i < 32; i++) {
        out[to + done + i] = in[at + 2 + i] * d;
      }
    }
  }

  private static void q4Zero(byte[] in, int at, float[] out, int to, int count) {
    for (int done = 0; done < count; done += 32, at += 18) {
      float d = half((short) SHORT.get(in, at));
      int low = to + done;
      for (int i = 0; i < 16; i++) {
        int pair = in[at + 2 + i];
        out[low + i] = ((pair & 0xf) - 8) * d;
        out[low + 16 + i] = ((pair >> 4 & 0xf) - 8) * d;
      }
    }
  }

  private static void q4One(byte[] in, int at, float[] out, int to, int count) {
    for (int done = 0; done < count; done += 32, at += 20) {
      float d = half((short) SHORT.get(in, at));
      float m = half((short) SHORT.get(in, at + 2));
      int low = to + done;
      for (int i = 0; i < 16; i++) {
        int pair = in[at + 4 + i];
        out[low + i] = (pair & 0xf) * d + m;
        out[low + 16 + i] = (pair >> 4 & 0xf) * d + m;
      }
    }
  }

  /**
   * IEEE 754 binary16 to binary32, exact, without a branch on the exponent for finite values: the exponent and fraction
   * are placed in a float whose exponent is 112 too small, and a product with 2^112 mends normals and subnormals alike.
   */
  static float half(short bits) {
    int magnitude = bits & 0x7fff;
    float value =
        magnitude >= 0x7c00
            ? Float.intBitsToFloat(0x7f800000 | magnitude << 13)
            : Float.intBitsToFloat(magnitude << 13) * 0x1p112f;
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) | (bits & 0x8000) << 16);
  }
}
