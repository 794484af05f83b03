// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every block format against hashes of another library's values, and against ggml's formulas, element by element. */
class QuantBlocksTest {
  static final List<DType> FORMATS = Stream.of(DType.values()).filter(d -> d.quant != null).toList();

  /**
   * SHA-256 of the float32 values that gguf 0.19.0 for Python ({@code gguf.quants.dequantize}) makes of 64 blocks of
   * the bytes of {@link #blocks}.
   */
  private static final Map<DType, String> HASHES =
      Map.of(
          DType.Q8_0, "5cd30fbd5c5638425ca4d93fd54f9940b1f1c1e4c3f60f285f19c4f37e27f8c1",
          DType.Q4_0, "b898027311482795e3b3ec86f2c507c723e26e0dc6928abbb93065dd56d30a4c",
          DType.Q4_1, "d85182e3542dad27df10af4ff5cf3885e73b5be8ca540df928f612c4de0ce0b8",
          DType.Q5_0, "b6f81b395603fa9598b52515cd365058012c42a9adccd49c54ae55285d5a5cf0",
          DType.Q5_1, "af296a3c3eaba5b00b390bf5aa1eb3cfddd4e2515319eecf4d760313cc0cf81d",
          DType.Q2_K, "cf016eaa7a2756907febdd6d36568fe6af591f78b1a87598f19692cc62e34bb0",
          DType.Q3_K, "db7d6ecb54fd5d148f9ce7f1f124f7d20362ae967cb403f50fcb74c140c5dabe",
          DType.Q4_K, "31ef4ef4b1ba3983278064e1b2b10cd22f1184a565833a7ae9d517bda9e1c07b",
          DType.Q5_K, "c47acdcad141e20b68ebf360b6910a81e17d548b15ce4561e3c662858a4bb39e",
          DType.Q6_K, "d9b070473ff7851ad3a30bc804f3424c2cb8fcabd2960a0ae058772ae6cda1a6");

  /** Where a block keeps its half floats. */
  static int[] halves(DType dtype) {
    return switch (dtype) {
      case Q8_0, Q4_0, Q5_0 -> new int[] {0};
      case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
      case Q2_K -> new int[] {80, 82};
      case Q3_K -> new int[] {108};
      case Q6_K -> new int[] {208};
      default -> throw new IllegalArgumentException(dtype.name());
    };
  }

  /** Upper bytes of a linear congruential sequence; half floats lose their exponent's top bit, and so are finite. */
  private static byte[] blocks(DType dtype, int count) {
    byte[] bytes = new byte[count * dtype.blockBytes];
    int state = 1;
    for (int i = 0; i < bytes.length; i++) {
      state = state * 1664525 + 1013904223;
      bytes[i] = (byte) (state >>> 24);
    }
    for (int at = 0; at < bytes.length; at += dtype.blockBytes) {
      for (int half : halves(dtype)) {
        bytes[at + half + 1] &= (byte) 0xbf;
      }
    }
    return bytes;
  }

  private static float[] widen(DType dtype, byte[] bytes) {
    float[] values = new float[bytes.length / dtype.blockBytes * dtype.blockElements];
    Dequantizer.widen(dtype, bytes, 0, values, 0, values.length);
    return values;
  }

  @Test
  void valuesAreThoseOfTheReferenceLibrary() throws NoSuchAlgorithmException {
    for (DType dtype : FORMATS) {
      float[] values = widen(dtype, blocks(dtype, 64));
      ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.array());
      assertEquals(HASHES.get(dtype), HexFormat.of().formatHex(hash), dtype.name());
    }
  }

  @Test
  void valuesFollowGgmlsFormulasForAnyBytes() {
    long seed = Long.getLong("winnow.seed", 20_262L);
    Random random = new Random(seed);
    // Zero, the smallest and the largest subnormal, one, the largest number, infinity, NaN.
    short[] scales = {0, 1, 0x3ff, 0x3c00, 0x7bff, 0x7c00, 0x7e01};
    for (DType dtype : FORMATS) {
      for (int round = 0; round < 400; round++) {
        byte[] block = new byte[dtype.blockBytes];
        switch (round % 5) {
          case 0 -> Arrays.fill(block, (byte) 0);
          case 1 -> Arrays.fill(block, (byte) 0xff);
          case 2 -> Arrays.fill(block, (byte) 0x80);
          default -> random.nextBytes(block);
        }
        for (int at : halves(dtype)) {
          int bits = scales[random.nextInt(scales.length)] | (random.nextBoolean() ? 0x8000 : 0);
          block[at] = (byte) bits;
          block[at + 1] = (byte) (bits >> 8);
        }
        float[] values = widen(dtype, block);
        ByteBuffer in = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
        for (int e = 0; e < values.length; e++) {
          float expected = ggml(dtype, in, e);
          if (Float.floatToIntBits(expected) != Float.floatToIntBits(values[e])) {
            assertEquals(
                expected, values[e], String.format("%s, element %d, seed %d, round %d", dtype, e, seed, round));
          }
        }
      }
    }
  }

  @Test
  void codesKeepTheRangeOfTheLayoutAndReachItsEnds() {
    for (DType dtype : FORMATS) {
      QuantLayout layout = dtype.quant;
      int count = 200 * dtype.blockElements;
      byte[] codes = new byte[count];
      float[] scales = new float[count / layout.group()];
      float[] mins = layout.hasMin() ? new float[scales.length] : null;
      QuantBlocks.unpack(dtype, blocks(dtype, 200), 0, count, codes, 0, scales, mins, 0);
      int least = 0;
      int most = 0;
      for (byte code : codes) {
        least = Math.min(least, code);
        most = Math.max(most, code);
      }
      assertEquals(layout.signed() ? -(1 << layout.bits() - 1) : 0, least, dtype.name());
      assertEquals((1 << layout.bits() - (layout.signed() ? 1 : 0)) - 1, most, dtype.name());
    }
  }

  /** One element by the formulas of ggml-quants.c, whose loops are turned into places of that element's bits. */
  private static float ggml(DType dtype, ByteBuffer in, int e) {
    float d = half(in.getShort(halves(dtype)[0]));
    float m = halves(dtype).length == 2 ? half(in.getShort(halves(dtype)[1])) : 0;
    switch (dtype) {
      case Q8_0:
        return in.get(2 + e) * d;
      case Q4_0:
        return (nibble(in, 2 + e % 16, e / 16) - 8) * d;
      case Q4_1:
        return nibble(in, 4 + e % 16, e / 16) * d + m;
      case Q5_0:
        return ((nibble(in, 6 + e % 16, e / 16) | (in.getInt(2) >>> e & 1) << 4) - 16) * d;
      case Q5_1:
        return (nibble(in, 8 + e % 16, e / 16) | (in.getInt(4) >>> e & 1) << 4) * d + m;
      case Q2_K: {
        int q = in.get(16 + 32 * (e / 128) + e % 32) >> 2 * (e % 128 / 32) & 3;
        return d * nibble(in, e / 16, 0) * q - m * nibble(in, e / 16, 1);
      }
      case Q3_K: {
        int q = in.get(32 + 32 * (e / 128) + e % 32) >> 2 * (e % 128 / 32) & 3;
        int k = e / 16;
        int scale = nibble(in, 96 + k % 8, k / 8) | (in.get(104 + k % 4) >> 2 * (k / 4) & 3) << 4;
        return d * (scale - 32) * (q - ((in.get(e % 32) >> e / 32 & 1) == 1 ? 0 : 4));
      }
      case Q4_K:
        return d * scaleK4(in, e / 32) * nibble(in, 16 + 32 * (e / 64) + e % 32, e / 32 % 2) - m * minK4(in, e / 32);
      case Q5_K: {
        int q = nibble(in, 48 + 32 * (e / 64) + e % 32, e / 32 % 2) + ((in.get(16 + e % 32) >> e / 32 & 1) * 16);
        return d * scaleK4(in, e / 32) * q - m * minK4(in, e / 32);
      }
      case Q6_K: {
        int high = in.get(128 + 32 * (e / 128) + e % 32) >> 2 * (e % 128 / 32) & 3;
        int q = (nibble(in, 64 * (e / 128) + e % 64, e % 128 / 64) | high << 4) - 32;
        return d * in.get(192 + e / 16) * q;
      }
      default:
        throw new IllegalArgumentException(dtype.name());
    }
  }

  private static int nibble(ByteBuffer in, int at, int which) {
    return (in.get(at) & 0xff) >> 4 * which & 0xf;
  }

  private static int scaleK4(ByteBuffer in, int j) {
    return j < 4 ? in.get(4 + j) & 63 : in.get(8 + j) & 0xf | (in.get(j) & 0xff) >> 6 << 4;
  }

  private static int minK4(ByteBuffer in, int j) {
    return j < 4 ? in.get(8 + j) & 63 : (in.get(8 + j) & 0xff) >> 4 | (in.get(4 + j) & 0xff) >> 6 << 4;
  }

  private static float half(short bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 0x3ff;
    double value =
        exponent == 31
            ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
            : exponent == 0 ? Math.scalb((double) fraction, -24) : Math.scalb(1024.0 + fraction, exponent - 25);
    return (float) (bits < 0 ? -value : value);
  }

  @Test
  void eightBitFloatsAreThoseOfE4M3() {
    byte[] all = new byte[256];
    for (int i = 0; i < 256; i++) {
      all[i] = (byte) i;
    }
    float[] values = new float[256];
    Dequantizer.widen(DType.F8_E4M3, all, 0, values, 0, 256);
    for (int bits = 0; bits < 256; bits++) {
      int exponent = bits >> 3 & 15;
      int fraction = bits & 7;
      double expected =
          exponent == 15 && fraction == 7
              ? Double.NaN
              : exponent == 0 ? Math.scalb((double) fraction, -9) : Math.scalb(8.0 + fraction, exponent - 10);
      float signed = (float) (bits >= 128 ? -expected : expected);
      assertEquals(Float.floatToIntBits(signed), Float.floatToIntBits(values[bits]), "bits " + bits);
    }
    assertEquals(448f, values[0x7e], "the largest");
    assertTrue(Float.isNaN(values[0xff]));
  }
}
