// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.NativeBuffer;
import java.util.Random;

/** Arrays of float32 for tests: random ones, buffers made from them, and equality of bits. */
final class Floats {
  private Floats() {}

  static NativeBuffer buffer(float[] values) {
    NativeBuffer buffer = NativeBuffer.ofElements(values.length);
    buffer.write(0, values, 0, values.length);
    return buffer;
  }

  static float[] read(NativeBuffer buffer) {
    float[] values = new float[(int) (buffer.sizeBytes() / 4)];
    buffer.read(0, values, 0, values.length);
    return values;
  }

  /** Normally distributed values. */
  static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Values of any finite bit pattern with zeros of both signs: sums overflow, underflow and cancel. */
  static float[] wild(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = switch (random.nextInt(8)) {
        case 0 -> random.nextBoolean() ? 0f : -0f;
        case 1 -> Float.intBitsToFloat(random.nextInt() & 0x807FFFFF);
        case 2, 3 -> finite(Float.intBitsToFloat(random.nextInt()));
        default -> (float) random.nextGaussian();
      };
    }
    return values;
  }

  /** As {@link #wild}, with a few NaNs and infinities. */
  static float[] hostile(Random random, int count) {
    float[] values = wild(random, count);
    float[] poison = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.intBitsToFloat(0xFF812345)};
    for (int i = 0; i < 1 + count / 500; i++) {
      values[random.nextInt(count)] = poison[random.nextInt(poison.length)];
    }
    return values;
  }

  private static float finite(float value) {
    return Float.isFinite(value) ? value : 1f;
  }

  /** Fails at the first element whose bits differ; every NaN equals every other. */
  static void assertSameBits(float[] expected, float[] actual, String what) {
    if (expected.length != actual.length) {
      throw new AssertionError(what + ": " + actual.length + " elements, not " + expected.length);
    }
    assertSameBits(expected, 0, actual, 0, expected.length, what);
  }

  static void assertSameBits(
      float[] expected, int expectedAt, float[] actual, int actualAt, int count, String what) {
    for (int i = 0; i < count; i++) {
      float e = expected[expectedAt + i];
      float a = actual[actualAt + i];
      if (Float.floatToIntBits(e) != Float.floatToIntBits(a)) {
        throw new AssertionError(
            String.format("%s: element %d is %s (%a), not %s (%a)", what, i, a, a, e, e));
      }
    }
  }
}
