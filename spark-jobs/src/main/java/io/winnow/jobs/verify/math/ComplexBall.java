// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

/** A complex number of two {@link Ball}s; real exactly when the imaginary part is exactly zero. */
record ComplexBall(Ball re, Ball im) {
  static final ComplexBall UNKNOWN = new ComplexBall(Ball.UNKNOWN, Ball.UNKNOWN);
  static final ComplexBall ONE = of(Ball.ONE);
  static final ComplexBall I = new ComplexBall(Ball.ZERO, Ball.ONE);

  static ComplexBall of(Ball real) {
    return new ComplexBall(real, Ball.ZERO);
  }

  boolean isKnown() {
    return re.isKnown() && im.isKnown();
  }

  boolean isReal() {
    return im.isExactZero();
  }

  /** Whether the two are certainly different. */
  boolean isApartFrom(ComplexBall other) {
    return re.add(other.re.negate()).sign() != 0 || im.add(other.im.negate()).sign() != 0;
  }

  /** Whether the two agree in their first {@code bits} bits, or so many behind the point where they are small. */
  boolean agreesWith(ComplexBall other, int bits) {
    if (!isKnown() || !other.isKnown()) {
      return false;
    }
    long size = Math.max(0, Math.max(Math.max(scale(re), scale(im)), Math.max(scale(other.re), scale(other.im))));
    return re.add(other.re.negate()).isWithin(size - bits) && im.add(other.im.negate()).isWithin(size - bits);
  }

  /** The size of what is certainly not zero. */
  private static long scale(Ball part) {
    return part.sign() == 0 ? 0 : part.size();
  }

  ComplexBall negate() {
    return new ComplexBall(re.negate(), im.negate());
  }

  ComplexBall plus(ComplexBall other) {
    return new ComplexBall(re.plus(other.re), im.plus(other.im));
  }

  ComplexBall times(ComplexBall other) {
    if (isReal() && other.isReal()) {
      return of(re.times(other.re));
    }
    return new ComplexBall(
        re.times(other.re).plus(im.times(other.im).negate()), re.times(other.im).plus(im.times(other.re)));
  }

  ComplexBall inverse() {
    if (isReal()) {
      return of(re.inverse());
    }
    Ball square = re.times(re).plus(im.times(im)).inverse();
    return new ComplexBall(re.times(square), im.times(square).negate());
  }

  ComplexBall power(long n) {
    if (isReal()) {
      return of(re.power(n));
    }
    if (n < 0) {
      return inverse().power(-n);
    }
    ComplexBall result = ONE;
    ComplexBall square = this;
    for (long rest = n; rest > 0 && result.isKnown(); rest >>= 1) {
      result = (rest & 1) == 1 ? result.times(square) : result;
      square = rest > 1 ? square.times(square) : square;
    }
    return result;
  }

  Ball modulus() {
    return isReal() ? re.abs() : re.times(re).plus(im.times(im)).sqrt();
  }

  /** The angle between -π and π; unknown where it may jump. */
  Ball argument() {
    if (re.sign() > 0) {
      return BallFunctions.arctan(im.times(re.inverse()));
    }
    if (isReal() && re.sign() < 0) {
      return BallFunctions.PI;
    }
    if (im.sign() == 0) {
      return Ball.UNKNOWN;
    }
    Ball turned = BallFunctions.arctan(re.times(im.inverse())).negate();
    return (im.sign() > 0 ? BallFunctions.HALF_PI : BallFunctions.HALF_PI.negate()).plus(turned);
  }

  ComplexBall exp() {
    Ball size = BallFunctions.exp(re);
    if (isReal()) {
      return of(size);
    }
    Ball[] sinCos = BallFunctions.sinCos(im);
    return new ComplexBall(size.times(sinCos[1]), size.times(sinCos[0]));
  }

  /** The principal logarithm. */
  ComplexBall ln() {
    return isReal() && re.sign() > 0
        ? of(BallFunctions.ln(re))
        : new ComplexBall(BallFunctions.ln(modulus()), argument());
  }

  /** The principal square root. */
  ComplexBall sqrt() {
    if (isReal() && (re.sign() > 0 || re.isExactZero())) {
      return of(re.sqrt());
    }
    if (isReal() && re.sign() < 0) {
      return new ComplexBall(Ball.ZERO, re.negate().sqrt());
    }
    return of(BallFunctions.HALF).times(ln()).exp();
  }

  /** The principal power. */
  ComplexBall power(ComplexBall exponent) {
    Long n = exponent.isReal() ? exponent.re.exactLong() : null;
    if (n != null) {
      return power(n);
    }
    if (isReal() && re.isExactZero()) {
      return exponent.re.sign() > 0 ? of(Ball.ZERO) : UNKNOWN;
    }
    return exponent.times(ln()).exp();
  }

  /** Sine and cosine. */
  ComplexBall[] sinCos() {
    if (isReal()) {
      Ball[] real = BallFunctions.sinCos(re);
      return new ComplexBall[] {of(real[0]), of(real[1])};
    }
    ComplexBall up = I.times(this).exp();
    ComplexBall down = up.inverse();
    ComplexBall half = of(BallFunctions.HALF);
    return new ComplexBall[] {
      up.plus(down.negate()).times(half).times(I.negate()), up.plus(down).times(half)
    };
  }
}
