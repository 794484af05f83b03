// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * GGML's blocks taken apart into codes, scales and minimums as {@link QuantLayout} has them. It is the only place that
 * knows where a block keeps its bits (ggml-common.h and the dequantize_row functions of ggml-quants.c).
 *
 * <p>Blocks of 32 elements, little-endian. Of 16 bytes of nibbles the low ones are elements 0 to 15, the high ones 16
 * to 31; bit i of the 32 bits h is the fifth bit of element i.
 *
 * <ul>
 *   <li>Q8_0: f16 d, 32 signed bytes
 *   <li>Q4_0: f16 d, nibbles; Q4_1: f16 d, f16 m, nibbles
 *   <li>Q5_0: f16 d, h, nibbles, code less 16; Q5_1: f16 d, f16 m, h, nibbles
 * </ul>
 *
 * <p>Blocks of 256 elements, whose groups have small integer scales s and minimums t of their own: a group's scale is
 * d·s, its minimum −(dmin·t).
 *
 * <ul>
 *   <li>Q2_K: 16 bytes of s (low nibble) and t, 64 bytes of 2-bit codes, f16 d, f16 dmin
 *   <li>Q3_K: 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit s less 32, f16 d; code less 4
 *   <li>Q4_K: f16 d, f16 dmin, 12 bytes of 6-bit s and t, 128 bytes of nibbles
 *   <li>Q5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles
 *   <li>Q6_K: 128 bytes of nibbles, 64 bytes of upper 2 bits, 16 signed bytes s, f16 d; code less 32
 * </ul>
 */
final class QuantBlocks {
  private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  private QuantBlocks() {}

  /**
   * Takes {@code count} elements apart, which must be whole blocks.
   *
   * @param in holds the blocks from {@code at} on
   * @param codes receives a code an element from {@code code} on
   * @param scales receives a scale a group from {@code group} on
   * @param mins likewise; not touched, and may be null, for formats without a minimum
   */
  static void unpack(
      DType dtype, byte[] in, int at, int count, byte[] codes, int code, float[] scales, float[] mins, int group) {
    int groups = dtype.blockElements / dtype.quant.group();
    for (int end = code + count; code < end; code += dtype.blockElements) {
      switch (dtype) {
        case Q8_0 -> {
          scales[group] = half(in, at);
          System.arraycopy(in, at + 2, codes, code, 32);
        }
        case Q4_0 -> {
          scales[group] = half(in, at);
          nibbles(in, at + 2, codes, code, 16);
        }
        case Q4_1 -> {
          scales[group] = half(in, at);
          mins[group] = half(in, at + 2);
          nibbles(in, at + 4, codes, code, 16);
        }
        case Q5_0 -> {
          scales[group] = half(in, at);
          fiveBits(in, at + 6, (int) INT.get(in, at + 2), 16, codes, code);
        }
        case Q5_1 -> {
          scales[group] = half(in, at);
          mins[group] = half(in, at + 2);
          fiveBits(in, at + 8, (int) INT.get(in, at + 4), 0, codes, code);
        }
        case Q2_K -> q2K(in, at, codes, code, scales, mins, group);
        case Q3_K -> q3K(in, at, codes, code, scales, group);
        case Q4_K -> {
          sixBitScales(in, at, scales, mins, group);
          for (int pair = 0; pair < 4; pair++) {
            nibbles(in, at + 16 + 32 * pair, codes, code + 64 * pair, 32);
          }
        }
        case Q5_K -> {
          sixBitScales(in, at, scales, mins, group);
          q5K(in, at, codes, code);
        }
        case Q6_K -> q6K(in, at, codes, code, scales, group);
        default -> throw new IllegalArgumentException(dtype + " has no blocks");
      }
      at += dtype.blockBytes;
      group += groups;
    }
  }

  /** Low nibbles to the first {@code n} codes, high ones to the next. */
  private static void nibbles(byte[] in, int at, byte[] codes, int code, int n) {
    for (int i = 0; i < n; i++) {
      int pair = in[at + i];
      codes[code + i] = (byte) (pair & 0xf);
      codes[code + n + i] = (byte) (pair >> 4 & 0xf);
    }
  }

  private static void fiveBits(byte[] in, int at, int high, int less, byte[] codes, int code) {
    for (int i = 0; i < 16; i++) {
      int pair = in[at + i];
      codes[code + i] = (byte) ((pair & 0xf | high >>> i << 4 & 0x10) - less);
      codes[code + 16 + i] = (byte) ((pair >> 4 & 0xf | high >>> i + 12 & 0x10) - less);
    }
  }

  /** d, dmin and the eight 6-bit scales and minimums of Q4_K and Q5_K: the later four share bytes with the others. */
  private static void sixBitScales(byte[] in, int at, float[] scales, float[] mins, int group) {
    float d = half(in, at);
    float dmin = half(in, at + 2);
    int s = at + 4;
    for (int g = 0; g < 4; g++) {
      scales[group + g] = d * (in[s + g] & 63);
      mins[group + g] = -(dmin * (in[s + g + 4] & 63));
      int rest = in[s + g + 8];
      scales[group + g + 4] = d * (rest & 0xf | (in[s + g] & 0xc0) >> 2);
      mins[group + g + 4] = -(dmin * (rest >> 4 & 0xf | (in[s + g + 4] & 0xc0) >> 2));
    }
  }

  private static void q2K(byte[] in, int at, byte[] codes, int code, float[] scales, float[] mins, int group) {
    float d = half(in, at + 80);
    float dmin = half(in, at + 82);
    for (int g = 0; g < 16; g++) {
      scales[group + g] = d * (in[at + g] & 0xf);
      mins[group + g] = -(dmin * (in[at + g] >> 4 & 0xf));
    }
    twoBits(in, at + 16, codes, code);
  }

  /** 64 bytes hold 256 codes: each half of 32 bytes holds 128, the lowest bits the first 32 of them. */
  private static void twoBits(byte[] in, int at, byte[] codes, int code) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 32; i++) {
        int four = in[at + 32 * half + i];
        int to = code + 128 * half + i;
        codes[to] = (byte) (four & 3);
        codes[to + 32] = (byte) (four >> 2 & 3);
        codes[to + 64] = (byte) (four >> 4 & 3);
        codes[to + 96] = (byte) (four >> 6 & 3);
      }
    }
  }

  private static void q3K(byte[] in, int at, byte[] codes, int code, float[] scales, int group) {
    float d = half(in, at + 108);
    for (int g = 0; g < 16; g++) {
      int low = in[at + 96 + g % 8] >> (g < 8 ? 0 : 4) & 0xf;
      int high = in[at + 104 + g % 4] >> 2 * (g / 4) & 3;
      scales[group + g] = d * ((low | high << 4) - 32);
    }
    twoBits(in, at + 32, codes, code);
    for (int run = 0; run < 8; run++) {
      for (int i = 0; i < 32; i++) {
        int to = code + 32 * run + i;
        codes[to] = (byte) (codes[to] + (in[at + i] >> run << 2 & 4) - 4);
      }
    }
  }

  private static void q5K(byte[] in, int at, byte[] codes, int code) {
    for (int pair = 0; pair < 4; pair++) {
      int to = code + 64 * pair;
      for (int i = 0; i < 32; i++) {
        int high = in[at + 16 + i] >> 2 * pair;
        int low = in[at + 48 + 32 * pair + i];
        codes[to + i] = (byte) (low & 0xf | high << 4 & 0x10);
        codes[to + 32 + i] = (byte) (low >> 4 & 0xf | high << 3 & 0x10);
      }
    }
  }

  private static void q6K(byte[] in, int at, byte[] codes, int code, float[] scales, int group) {
    float d = half(in, at + 208);
    for (int g = 0; g < 16; g++) {
      scales[group + g] = d * in[at + 192 + g];
    }
    for (int half = 0; half < 2; half++) {
      int low = at + 64 * half;
      int high = at + 128 + 32 * half;
      int to = code + 128 * half;
      for (int i = 0; i < 32; i++) {
        int first = in[low + i];
        int second = in[low + 32 + i];
        int upper = in[high + i];
        codes[to + i] = (byte) ((first & 0xf | (upper & 3) << 4) - 32);
        codes[to + 32 + i] = (byte) ((second & 0xf | (upper >> 2 & 3) << 4) - 32);
        codes[to + 64 + i] = (byte) ((first >> 4 & 0xf | (upper >> 4 & 3) << 4) - 32);
        codes[to + 96 + i] = (byte) ((second >> 4 & 0xf | (upper >> 6 & 3) << 4) - 32);
      }
    }
  }

  private static float half(byte[] in, int at) {
    return Dequantizer.half((short) SHORT.get(in, at));
  }
}
