// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;

/**
 * An exact fraction in lowest terms with a positive denominator. Every operation throws {@link WorkLimit.Exceeded}
 * before it makes a number above {@link WorkLimit#MAX_BITS} bits, so that none of them takes long.
 *
 * @param num numerator
 * @param den denominator, positive, without a common factor with {@code num}
 */
public record Rational(BigInteger num, BigInteger den) implements Comparable<Rational> {
  public static final Rational ZERO = of(0);
  public static final Rational ONE = of(1);
  static final Rational MINUS_ONE = of(-1);
  static final Rational HALF = of(1, 2);

  public Rational {
    if (den.signum() == 0) {
      throw new ArithmeticException("division by zero");
    }
    if (!den.equals(BigInteger.ONE)) {
      BigInteger gcd = num.gcd(den);
      if (den.signum() < 0) {
        gcd = gcd.negate();
      }
      if (!gcd.equals(BigInteger.ONE)) {
        num = num.divide(gcd);
        den = den.divide(gcd);
      }
    }
    if (num.bitLength() > WorkLimit.MAX_BITS || den.bitLength() > WorkLimit.MAX_BITS) {
      throw tooLarge();
    }
  }

  public static Rational of(long value) {
    return new Rational(BigInteger.valueOf(value), BigInteger.ONE);
  }

  public static Rational of(long num, long den) {
    return new Rational(BigInteger.valueOf(num), BigInteger.valueOf(den));
  }

  public static Rational of(BigInteger value) {
    return new Rational(value, BigInteger.ONE);
  }

  /**
   * Reads {@code digits[.digits]}, ASCII digits only; either part may be empty, not both.
   *
   * @param exponent power of ten that it is multiplied with
   */
  public static Rational ofDecimal(String text, long exponent) {
    int point = text.indexOf('.');
    String digits = point < 0 ? text : text.substring(0, point) + text.substring(point + 1);
    long scale = exponent - (point < 0 ? 0 : text.length() - point - 1);
    // A decimal digit is 3.33 bits; checked before the conversion, which is quadratic in the digits.
    if (digits.length() > WorkLimit.MAX_BITS / 3 || Math.abs(scale) > WorkLimit.MAX_BITS / 3) {
      throw tooLarge();
    }
    BigInteger value = new BigInteger(digits);
    BigInteger power = BigInteger.TEN.pow((int) Math.abs(scale));
    return scale >= 0 ? of(value.multiply(power)) : new Rational(value, power);
  }

  public Rational plus(Rational other) {
    if (den.equals(other.den)) {
      return new Rational(num.add(other.num), den);
    }
    return new Rational(num.multiply(other.den).add(other.num.multiply(den)), den.multiply(other.den));
  }

  public Rational minus(Rational other) {
    return plus(other.negate());
  }

  public Rational times(Rational other) {
    return new Rational(num.multiply(other.num), den.multiply(other.den));
  }

  public Rational dividedBy(Rational other) {
    return new Rational(num.multiply(other.den), den.multiply(other.num));
  }

  public Rational negate() {
    return new Rational(num.negate(), den);
  }

  /** This to an integer power; the size of the result is checked before it is computed. */
  public Rational power(long exponent) {
    if (exponent == 0 || equals(ONE)) {
      return ONE;
    }
    if (num.signum() == 0) {
      if (exponent < 0) {
        throw new ArithmeticException("division by zero");
      }
      return ZERO;
    }
    if (equals(MINUS_ONE)) {
      return (exponent & 1) == 0 ? ONE : this;
    }
    long bits = Math.max(num.bitLength(), den.bitLength()) - 1L;
    if (exponent == Long.MIN_VALUE || Math.abs(exponent) > WorkLimit.MAX_BITS
        || bits * Math.abs(exponent) > WorkLimit.MAX_BITS) {
      throw tooLarge();
    }
    int n = (int) Math.abs(exponent);
    return exponent > 0 ? new Rational(num.pow(n), den.pow(n)) : new Rational(den.pow(n), num.pow(n));
  }

  public boolean isInteger() {
    return den.equals(BigInteger.ONE);
  }

  public int signum() {
    return num.signum();
  }

  /** The nearest double, up to a few units in the last place; infinite or zero when out of its range. */
  public double toDouble() {
    if (num.bitLength() < 1000 && den.bitLength() < 1000) {
      return num.doubleValue() / den.doubleValue();
    }
    int shift = num.bitLength() - den.bitLength() - 64;
    BigInteger quotient =
        shift >= 0 ? num.divide(den.shiftLeft(shift)) : num.shiftLeft(-shift).divide(den);
    return Math.scalb(quotient.doubleValue(), Math.max(-5000, Math.min(5000, shift)));
  }

  @Override
  public int compareTo(Rational other) {
    return num.multiply(other.den).compareTo(other.num.multiply(den));
  }

  @Override
  public String toString() {
    return isInteger() ? num.toString() : num + "/" + den;
  }

  private static WorkLimit.Exceeded tooLarge() {
    return new WorkLimit.Exceeded("a number above " + WorkLimit.MAX_BITS + " bits");
  }
}
