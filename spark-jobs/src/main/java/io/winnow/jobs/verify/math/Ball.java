// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;

/**
 * A real number known to lie within {@code radius · 2^exponent} of {@code middle · 2^exponent}: arithmetic on
 * intervals with 256 bits of precision and exponents of 64 bits. Every operation widens the radius by its own
 * rounding, so that what is computed is always inside. {@link #UNKNOWN} stands for no knowledge at all.
 *
 * <p>A sum whose smaller part is certain not to be zero and yet vanishes beside the larger is UNKNOWN too: 5 and
 * {@code 5 + exp(-1000)} must never look alike.
 */
record Ball(BigInteger middle, long exponent, double radius) {
  static final int BITS = 256;
  static final Ball UNKNOWN = new Ball(BigInteger.ZERO, 0, Double.NaN);
  static final Ball ZERO = of(BigInteger.ZERO);
  static final Ball ONE = of(BigInteger.ONE);
  /** A part of a sum that is this many bits smaller than the whole is lost. */
  static final int LOST_BITS = 128;

  private static final long MAX_EXPONENT = 1L << 50;
  /** Bits of a radius; more of them say nothing. */
  private static final int RADIUS_BITS = 40;

  static Ball of(BigInteger value) {
    return rounded(value, 0, 0);
  }

  static Ball of(Rational value) {
    if (value.isInteger()) {
      return of(value.num());
    }
    int shift = BITS + 2 + Math.max(0, value.den().bitLength() - value.num().bitLength());
    BigInteger[] parts = value.num().shiftLeft(shift).divideAndRemainder(value.den());
    return rounded(parts[0], -shift, parts[1].signum() == 0 ? 0 : 1);
  }

  /** An exact double. */
  static Ball of(double value) {
    if (value == 0) {
      return ZERO;
    }
    int scale = Math.getExponent(value) - 52;
    return rounded(BigInteger.valueOf((long) Math.scalb(value, -scale)), scale, 0);
  }

  /** Brings the middle to at most {@link #BITS} bits and the radius to its few. */
  static Ball rounded(BigInteger middle, long exponent, double radius) {
    // Also false for a NaN.
    if (!(radius < Double.MAX_VALUE) || Math.abs(exponent) > MAX_EXPONENT) {
      return UNKNOWN;
    }
    int radiusBits = radius < 1 ? 0 : Math.getExponent(radius) + 1;
    int excess = Math.max(middle.bitLength() - BITS, radiusBits - RADIUS_BITS);
    if (excess <= 0) {
      return new Ball(middle, exponent, radius);
    }
    boolean exact = radius == 0 && middle.getLowestSetBit() >= excess;
    return new Ball(
        middle.shiftRight(excess), exponent + excess, exact ? 0 : Math.scalb(radius, -excess) * (1 + 0x1p-50) + 1);
  }

  boolean isKnown() {
    return radius == radius;
  }

  /** Whether the value is exactly this and nothing else. */
  boolean isExact() {
    return radius == 0;
  }

  boolean isExactZero() {
    return radius == 0 && middle.signum() == 0;
  }

  /** 1 or -1 when the sign is certain, else 0; 0 as well for an exact zero. */
  int sign() {
    if (!isKnown()) {
      return 0;
    }
    // The middle as a double is right to 2^-53 of itself.
    return Math.abs(middle.doubleValue()) * (1 - 0x1p-50) > radius ? middle.signum() : 0;
  }

  /** The bits before the binary point of the middle; negative for small values. */
  long size() {
    return middle.bitLength() + exponent;
  }

  /** Whether this is zero within {@code 2^bits}: it may be zero, and if it is not, it is that small. */
  boolean isWithin(long bits) {
    if (!isKnown() || sign() != 0) {
      return false;
    }
    return radius == 0 || Math.getExponent(radius) + 2 + exponent <= bits;
  }

  /** The value when it is an exact integer of at most 62 bits, else null. */
  Long exactLong() {
    if (!isExact()) {
      return null;
    }
    if (middle.signum() == 0) {
      return 0L;
    }
    if (size() > 62 || (exponent < 0 && middle.getLowestSetBit() < -exponent)) {
      return null;
    }
    return exponent >= 0 ? middle.shiftLeft((int) exponent).longValue() : middle.shiftRight((int) -exponent)
        .longValue();
  }

  /** The integer part towards minus infinity, when it is certain; else null. Never for values above 2^1024. */
  BigInteger floor() {
    if (!isKnown() || size() > 1024 || exponent > 1024) {
      return null;
    }
    if (exponent >= 0) {
      return radius == 0 ? middle.shiftLeft((int) exponent) : null;
    }
    if (exponent < -100_000) {
      return sign() == 0 ? (isExactZero() ? BigInteger.ZERO : null) : BigInteger.valueOf(Math.min(0, sign()));
    }
    int shift = (int) -exponent;
    BigInteger slack = BigInteger.valueOf((long) Math.ceil(radius));
    BigInteger low = middle.subtract(slack).shiftRight(shift);
    return low.equals(middle.add(slack).shiftRight(shift)) ? low : null;
  }

  double toDouble() {
    if (!isKnown()) {
      return Double.NaN;
    }
    // Through the top bits: a middle of 256 bits fits a double, its exponent may not.
    return Math.scalb(middle.doubleValue(), (int) Math.max(-5000, Math.min(5000, exponent)));
  }

  Ball negate() {
    return new Ball(middle.negate(), exponent, radius);
  }

  Ball abs() {
    return middle.signum() < 0 ? negate() : this;
  }

  /** The sum; unknown where it loses one of its parts. */
  Ball plus(Ball other) {
    Ball large = size() >= other.size() ? this : other;
    Ball small = large == this ? other : this;
    boolean lost = large.size() - small.size() > LOST_BITS && small.sign() != 0 && !large.isExactZero();
    return lost ? UNKNOWN : add(other);
  }

  /** The sum, whatever becomes of a small part: for iterations, whose last steps are small. */
  Ball add(Ball other) {
    if (!isKnown() || !other.isKnown()) {
      return UNKNOWN;
    }
    if (isExactZero()) {
      return other;
    }
    if (other.isExactZero()) {
      return this;
    }
    Ball large = size() >= other.size() ? this : other;
    Ball small = large == this ? other : this;
    long gap = large.exponent - small.exponent;
    if (gap >= 0) {
      if (gap > 2 * BITS + RADIUS_BITS) {
        // The small one may be zero and is far below the last bit of the large one.
        return rounded(large.middle, large.exponent, large.radius + 1);
      }
      return rounded(large.middle.shiftLeft((int) gap).add(small.middle), small.exponent,
          (Math.scalb(large.radius, (int) gap) + small.radius) * (1 + 0x1p-50));
    }
    if (-gap > 2 * BITS + RADIUS_BITS) {
      return UNKNOWN;
    }
    return rounded(small.middle.shiftLeft((int) -gap).add(large.middle), large.exponent,
        (Math.scalb(small.radius, (int) -gap) + large.radius) * (1 + 0x1p-50));
  }

  Ball minus(Ball other) {
    return plus(other.negate());
  }

  Ball times(Ball other) {
    if (!isKnown() || !other.isKnown()) {
      return UNKNOWN;
    }
    double spread = 0;
    if (radius != 0 || other.radius != 0) {
      spread = Math.abs(middle.doubleValue()) * other.radius + Math.abs(other.middle.doubleValue()) * radius
          + radius * other.radius;
    }
    return rounded(middle.multiply(other.middle), exponent + other.exponent, spread * (1 + 0x1p-48));
  }

  /** One over this; unknown where this may be zero. */
  Ball inverse() {
    if (sign() == 0) {
      return UNKNOWN;
    }
    int shift = middle.bitLength() + BITS + 2;
    BigInteger quotient = BigInteger.ONE.shiftLeft(shift).divide(middle);
    double size = Math.abs(middle.doubleValue());
    double relative = radius / (size * (1 - 0x1p-50) - radius);
    boolean exact = radius == 0 && middle.abs().bitCount() == 1;
    return rounded(quotient, -shift - exponent,
        exact ? 0 : Math.abs(quotient.doubleValue()) * relative * (1 + 0x1p-48) + 1);
  }

  /** To an integer power; negative ones where this is certainly not zero. */
  Ball power(long n) {
    if (n < 0) {
      return n == Long.MIN_VALUE ? UNKNOWN : inverse().power(-n);
    }
    Ball result = ONE;
    Ball square = this;
    for (long rest = n; rest > 0 && result.isKnown(); rest >>= 1) {
      if ((rest & 1) == 1) {
        result = result.times(square);
      }
      if (rest > 1) {
        square = square.times(square);
      }
    }
    return result;
  }

  /** The square root of what is certainly not negative. */
  Ball sqrt() {
    if (isExactZero()) {
      return ZERO;
    }
    if (sign() <= 0) {
      return UNKNOWN;
    }
    int shift = Math.max(0, 2 * BITS + 4 - middle.bitLength());
    if (((exponent - shift) & 1) != 0) {
      shift++;
    }
    BigInteger[] root = middle.shiftLeft(shift).sqrtAndRemainder();
    // sqrt(m ± r) = sqrt(m) ± r / sqrt(m - r), with room to spare.
    double spread = radius == 0 ? 0
        : Math.scalb(radius, shift) / Math.sqrt(Math.scalb(middle.doubleValue() * (1 - 0x1p-50) - radius, shift));
    boolean exact = radius == 0 && root[1].signum() == 0;
    return rounded(root[0], (exponent - shift) / 2, exact ? 0 : spread + 1);
  }

  @Override
  public String toString() {
    return isKnown() ? String.valueOf(toDouble()) : "unknown";
  }
}
