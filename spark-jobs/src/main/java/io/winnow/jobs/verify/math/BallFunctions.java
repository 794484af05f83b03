// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;

/** Elementary functions of a {@link Ball}: series in fixed-point numbers, with their error in the radius. */
final class BallFunctions {
  /** Bits behind the point while a series is summed. */
  private static final int FIXED = Ball.BITS + 48;
  /** Errors of a series in units of the last fixed bit: some 80 terms, doubled by up to 8 squarings, with room. */
  private static final double SERIES_ERROR = 0x1p20;
  private static final BigInteger FIXED_ONE = BigInteger.ONE.shiftLeft(FIXED);

  static final Ball PI = new Ball(
      arctanInverse(5, false).shiftLeft(4).subtract(arctanInverse(239, false).shiftLeft(2)), -FIXED, 0x1p12)
          .times(Ball.ONE);
  private static final Ball LN2 = new Ball(
      arctanInverse(26, true).multiply(BigInteger.valueOf(18))
          .subtract(arctanInverse(4801, true).multiply(BigInteger.valueOf(2)))
          .add(arctanInverse(8749, true).multiply(BigInteger.valueOf(8))), -FIXED, 0x1p14).times(Ball.ONE);
  static final Ball HALF = Ball.of(Rational.HALF);
  static final Ball HALF_PI = PI.times(HALF);

  private BallFunctions() {}

  /** arctan(1/n), or artanh(1/n) when hyperbolic, in fixed-point bits. */
  private static BigInteger arctanInverse(int n, boolean hyperbolic) {
    BigInteger square = BigInteger.valueOf((long) n * n);
    BigInteger power = FIXED_ONE.divide(BigInteger.valueOf(n));
    BigInteger sum = power;
    for (int k = 3; power.signum() != 0; k += 2) {
      power = power.divide(square);
      BigInteger term = power.divide(BigInteger.valueOf(k));
      sum = hyperbolic || k % 4 == 1 ? sum.add(term) : sum.subtract(term);
    }
    return sum;
  }

  /** Whether a value is so small and yet certainly not zero that 1 plus it would lose it. */
  private static boolean isLost(Ball x) {
    return x.sign() != 0 && x.size() < -Ball.LOST_BITS;
  }

  /** What the radius is worth, as a double; 0 only when it is below any double. */
  private static double absoluteRadius(Ball x) {
    return x.exponent() > 1000 ? Double.POSITIVE_INFINITY
        : Math.scalb(x.radius(), (int) Math.max(-5000, x.exponent()));
  }

  private static BigInteger fixed(Ball x) {
    long shift = x.exponent() + FIXED;
    return shift >= 0 ? x.middle().shiftLeft((int) shift) : x.middle().shiftRight((int) Math.min(-shift, 1 << 20));
  }

  static Ball exp(Ball x) {
    if (x.isExactZero()) {
      return Ball.ONE;
    }
    if (!x.isKnown() || isLost(x) || x.size() > 45) {
      return Ball.UNKNOWN;
    }
    long turns = Math.round(x.toDouble() / Math.log(2));
    Ball rest = x.add(LN2.times(Ball.of(BigInteger.valueOf(-turns))));
    double spread = absoluteRadius(rest);
    if (!rest.isKnown() || !(spread < 0x1p-20)) {
      return Ball.UNKNOWN;
    }
    BigInteger r = fixed(rest).shiftRight(8);
    BigInteger sum = FIXED_ONE.add(r);
    BigInteger term = r;
    for (int n = 2; term.bitLength() > 1; n++) {
      term = term.multiply(r).shiftRight(FIXED).divide(BigInteger.valueOf(n));
      sum = sum.add(term);
    }
    for (int i = 0; i < 8; i++) {
      sum = sum.multiply(sum).shiftRight(FIXED);
    }
    return Ball.rounded(sum, turns - FIXED, SERIES_ERROR + sum.doubleValue() * spread * 1.01);
  }

  /** The natural logarithm of what is certainly positive. */
  static Ball ln(Ball x) {
    if (x.sign() <= 0) {
      return Ball.UNKNOWN;
    }
    if (x.isExact() && x.size() == 1 && x.minus(Ball.ONE).isExactZero()) {
      return Ball.ZERO;
    }
    long scale = x.size();
    Ball unit = new Ball(x.middle(), x.exponent() - scale, 0);
    double relative = x.radius() / (x.middle().doubleValue() * (1 - 0x1p-50) - x.radius());
    double start = Math.log(unit.toDouble());
    Ball y = Ball.of(start);
    // Halley's step: an error of d becomes d³/12, so two steps take 2^-50 to 2^-460.
    for (int i = 0; i < 2; i++) {
      Ball e = exp(y);
      Ball step = unit.add(e.negate()).times(unit.add(e).inverse());
      y = exact(y).add(step.add(step));
    }
    Ball result = y.add(LN2.times(Ball.of(BigInteger.valueOf(scale))));
    return widened(result, relative * 1.01 + 0x1p-256);
  }

  /** The middle alone: where an iteration stands does not matter, only where it ends. */
  private static Ball exact(Ball x) {
    return x.isKnown() ? new Ball(x.middle(), x.exponent(), 0) : x;
  }

  private static Ball widened(Ball x, double by) {
    if (!x.isKnown() || by == 0) {
      return x;
    }
    double units = x.exponent() > 1000 ? 1 : Math.scalb(by, (int) Math.max(-2000, Math.min(1000, -x.exponent())));
    return Ball.rounded(x.middle(), x.exponent(), x.radius() + units);
  }

  /** Sine and cosine. */
  static Ball[] sinCos(Ball x) {
    if (x.isExactZero()) {
      return new Ball[] {Ball.ZERO, Ball.ONE};
    }
    Ball[] unknown = {Ball.UNKNOWN, Ball.UNKNOWN};
    if (!x.isKnown() || isLost(x) || x.size() > 40) {
      return unknown;
    }
    long quarters = Math.round(x.toDouble() / (Math.PI / 2));
    Ball rest = x.add(HALF_PI.times(Ball.of(BigInteger.valueOf(-quarters))));
    double spread = absoluteRadius(rest);
    if (!rest.isKnown() || !(spread < 0x1p-20)) {
      return unknown;
    }
    BigInteger r = fixed(rest);
    BigInteger square = r.multiply(r).shiftRight(FIXED);
    BigInteger sin = r;
    BigInteger cos = FIXED_ONE;
    BigInteger term = FIXED_ONE;
    for (int n = 1; term.signum() != 0 && n < 200; n += 2) {
      term = term.multiply(square).shiftRight(FIXED).divide(BigInteger.valueOf((long) n * (n + 1))).negate();
      cos = cos.add(term);
      sin = sin.add(term.multiply(r).shiftRight(FIXED).divide(BigInteger.valueOf(n + 2)));
    }
    double error = SERIES_ERROR + Math.scalb(spread, FIXED);
    Ball s = Ball.rounded(sin, -FIXED, error);
    Ball c = Ball.rounded(cos, -FIXED, error);
    return switch ((int) Math.floorMod(quarters, 4L)) {
      case 0 -> new Ball[] {s, c};
      case 1 -> new Ball[] {c, s.negate()};
      case 2 -> new Ball[] {s.negate(), c.negate()};
      default -> new Ball[] {c.negate(), s};
    };
  }

  static Ball arctan(Ball x) {
    if (x.isExactZero()) {
      return Ball.ZERO;
    }
    if (!x.isKnown() || isLost(x)) {
      return Ball.UNKNOWN;
    }
    if (x.size() > 1) {
      Ball turned = arctan(x.inverse());
      return (x.middle().signum() > 0 ? HALF_PI : HALF_PI.negate()).add(turned.negate());
    }
    double spread = absoluteRadius(x);
    Ball middle = exact(x);
    Ball start = Ball.of(Math.atan(middle.toDouble()));
    Ball[] sinCos = sinCos(start);
    Ball tan = start.isExactZero() ? Ball.ZERO : sinCos[0].times(sinCos[1].inverse());
    Ball d = middle.add(tan.negate()).times(Ball.ONE.add(middle.times(tan)).inverse());
    Ball square = d.times(d);
    Ball cube = d.times(square);
    // d is below 2^-50: what follows the fifth power is below 2^-350.
    Ball tail = cube.times(Ball.of(Rational.of(-1, 3))).add(cube.times(square).times(Ball.of(Rational.of(1, 5))));
    Ball result = start.add(d.add(tail));
    return widened(result, spread * 1.01 + 0x1p-260);
  }
}
