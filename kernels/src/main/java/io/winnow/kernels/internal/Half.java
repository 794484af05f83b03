// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

/** IEEE 754 binary16. */
final class Half {
  private static final float[] VALUES = new float[1 << 16];

  static {
    for (int bits = 0; bits < VALUES.length; bits++) {
      VALUES[bits] = widened(bits);
    }
  }

  private Half() {}

  static float toFloat(short bits) {
    return VALUES[bits & 0xFFFF];
  }

  private static float widened(int bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 0x3FF;
    float magnitude =
        exponent == 31 ? (fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN)
        : exponent == 0 ? fraction * 0x1p-24f
        : Math.scalb(1024f + fraction, exponent - 25);
    return (bits & 0x8000) == 0 ? magnitude : -magnitude;
  }

  /** Nearest, ties to even; beyond the largest half by half a step or more it is infinite. */
  static short of(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
    float magnitude = Math.abs(value);
    if (value != value) {
      return 0x7E00;
    }
    if (magnitude >= 65520f) {
      return (short) (sign | 0x7C00);
    }
    if (magnitude < 0x1p-14f) {
      // Subnormals are multiples of 2^-24: the sum rounds to them.
      return (short) (sign | Math.round(Math.rint(magnitude * 0x1p24)));
    }
    int bits = Float.floatToRawIntBits(magnitude);
    bits += 0xFFF + (bits >>> 13 & 1);
    return (short) (sign | (bits >>> 13) - (112 << 10));
  }

  /** The half of this value; throws IllegalArgumentException where there is none. NaN is one. */
  static short exactly(float value) {
    short half = of(value);
    if (Float.floatToIntBits(toFloat(half)) != Float.floatToIntBits(value)) {
      throw new IllegalArgumentException("a float16 does not hold " + value);
    }
    return half;
  }
}
