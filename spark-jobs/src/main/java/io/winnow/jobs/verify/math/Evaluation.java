// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Evaluates an expression at one seeded point with 256 bits, complex numbers included. A variable has the same value
 * in every expression: it is made of its name and the number of the point. Even roots and powers of negative numbers
 * are principal values, odd roots of real numbers are real.
 */
final class Evaluation {
  /** Points of positive numbers, then of numbers of both signs, then of positive integers. */
  static final int POSITIVE_POINTS = 3;
  static final int SIGNED_POINTS = 2;
  static final int INTEGER_POINTS = 5;
  static final int POINTS = POSITIVE_POINTS + SIGNED_POINTS + INTEGER_POINTS;

  private static final int MAX_FACTORS = 2_500;
  private static final int ELEMENTARY_STEPS = 300;

  private final int point;
  private final WorkLimit work;
  private final Map<String, ComplexBall> bound = new HashMap<>();

  Evaluation(int point, WorkLimit work) {
    this.point = point;
    this.work = work;
  }

  /** The names of the variables that an expression depends on. */
  static Set<String> variables(Expr expr) {
    Set<String> names = new TreeSet<>();
    collect(expr, names);
    return names;
  }

  private static void collect(Expr expr, Set<String> names) {
    if (expr instanceof Expr.Sym sym) {
      if (!NormalForm.CONSTANTS.contains(sym.name())) {
        names.add(sym.name());
      }
      return;
    }
    boolean bindsFirst = expr instanceof Expr.Call call && NormalForm.isRange(call);
    Set<String> inner = new TreeSet<>();
    for (Expr part : Expr.parts(expr)) {
      collect(part, inner);
    }
    if (bindsFirst) {
      inner.remove(((Expr.Sym) ((Expr.Call) expr).args().get(0)).name());
    }
    names.addAll(inner);
  }

  /** Whether one of them makes sense for integers alone: (-1)^n, n!, a sum up to n. */
  static boolean isOfIntegers(Expr gold, Expr answer) {
    return ValueEquivalence.any(gold, Evaluation::needsIntegers)
        || ValueEquivalence.any(answer, Evaluation::needsIntegers);
  }

  private static boolean needsIntegers(Expr part) {
    if (part instanceof Expr.Power power) {
      return power.base() instanceof Expr.Num num && num.value().signum() < 0 && !variables(power.exponent()).isEmpty();
    }
    return part instanceof Expr.Call call
        && (call.function().equals("factorial") || call.function().equals("binomial") || isRangeOfVariables(call));
  }

  private static boolean isRangeOfVariables(Expr.Call call) {
    return NormalForm.isRange(call)
        && !(variables(call.args().get(1)).isEmpty() && variables(call.args().get(2)).isEmpty());
  }

  ComplexBall of(Expr expr) {
    work.spend(5);
    if (expr instanceof Expr.Num num) {
      return ComplexBall.of(Ball.of(num.value()));
    } else if (expr instanceof Expr.Based based) {
      return based.fits() ? ComplexBall.of(Ball.of(new BigInteger(based.digits(), based.base()))) : ComplexBall.UNKNOWN;
    } else if (expr instanceof Expr.Percent percent) {
      return of(percent.of()).times(ComplexBall.of(Ball.of(Rational.of(1, 100))));
    } else if (expr instanceof Expr.Degrees degrees) {
      return of(degrees.of()).times(ComplexBall.of(BallFunctions.PI.times(Ball.of(Rational.of(1, 180)))));
    } else if (expr instanceof Expr.Sym sym) {
      return symbol(sym.name());
    } else if (expr instanceof Expr.Sum sum) {
      ComplexBall result = ComplexBall.of(Ball.ZERO);
      for (Expr term : sum.terms()) {
        result = result.plus(of(term));
      }
      return result;
    } else if (expr instanceof Expr.Product product) {
      ComplexBall result = ComplexBall.ONE;
      for (Expr factor : product.factors()) {
        result = result.times(of(factor));
      }
      return result;
    } else if (expr instanceof Expr.Power power) {
      return power(power);
    } else if (expr instanceof Expr.Call call) {
      return call(call);
    }
    return ComplexBall.UNKNOWN;
  }

  private ComplexBall symbol(String name) {
    ComplexBall value = bound.get(name);
    if (value != null) {
      return value;
    }
    return switch (name) {
      case "pi" -> ComplexBall.of(BallFunctions.PI);
      case "e" -> ComplexBall.of(BallFunctions.exp(Ball.ONE));
      case "i" -> ComplexBall.I;
      case "∞", "∅" -> ComplexBall.UNKNOWN;
      default -> ComplexBall.of(Ball.of(valueOf(name, point)));
    };
  }

  /** The value of a variable at a point. */
  static Rational valueOf(String name, int point) {
    // A multiplicative hash of name and point; the top bits are well mixed.
    int mixed = (name.hashCode() * 31 + point + 1) * 0x9E3779B9;
    mixed = (mixed ^ (mixed >>> 15)) * 0x85EBCA6B;
    int bits = mixed >>> 12;
    if (point >= POSITIVE_POINTS + SIGNED_POINTS) {
      return Rational.of(3 + bits % 11);
    }
    Rational size = Rational.of(1 << 19, 1 << 20).plus(Rational.of(bits, 1 << 19));
    // Of two signed points each variable is negative at the first, and at the second where its hash says so.
    boolean negative = point == POSITIVE_POINTS || (point > POSITIVE_POINTS && (mixed & 1) == 0);
    return negative ? size.negate() : size;
  }

  private ComplexBall power(Expr.Power power) {
    ComplexBall base = of(power.base());
    work.spend(20);
    if (power.exponent() instanceof Expr.Num num && !num.value().isInteger()) {
      return root(base, num.value().num(), num.value().den());
    }
    ComplexBall exponent = of(power.exponent());
    boolean whole = exponent.isReal() && exponent.re().exactLong() != null;
    if (whole) {
      work.spend(8 * (64 - Long.numberOfLeadingZeros(Math.abs(exponent.re().exactLong()))));
      return base.power(exponent.re().exactLong());
    }
    work.spend(ELEMENTARY_STEPS);
    if (power.base() instanceof Expr.Sym sym && sym.name().equals("e")) {
      return exponent.exp();
    }
    work.spend(ELEMENTARY_STEPS);
    return base.power(exponent);
  }

  /** {@code base^(num/den)}, den above 1. */
  private ComplexBall root(ComplexBall base, BigInteger num, BigInteger den) {
    if (num.bitLength() > 40 || den.bitLength() > 40 || !base.isKnown()) {
      return ComplexBall.UNKNOWN;
    }
    ComplexBall raised = base;
    if (den.equals(BigInteger.TWO)) {
      return raised.sqrt().power(num.longValue());
    }
    work.spend(2 * ELEMENTARY_STEPS);
    boolean negative = base.isReal() && base.re().sign() < 0;
    ComplexBall exponent = ComplexBall.of(Ball.of(new Rational(num, den)));
    if (negative && den.testBit(0)) {
      ComplexBall size = raised.negate().power(exponent);
      return num.testBit(0) ? size.negate() : size;
    }
    return raised.power(exponent);
  }

  private ComplexBall call(Expr.Call call) {
    if (NormalForm.isRange(call)) {
      return range(call);
    }
    List<Expr> args = call.args();
    ComplexBall x = of(args.get(0));
    if (args.size() == 2) {
      return binary(call, x);
    }
    if (args.size() > 2) {
      return ComplexBall.UNKNOWN;
    }
    work.spend(ELEMENTARY_STEPS);
    boolean real = x.isReal();
    ComplexBall two = ComplexBall.of(BallFunctions.HALF);
    return switch (call.function()) {
      case "abs" -> ComplexBall.of(x.modulus());
      case "exp" -> x.exp();
      case "ln" -> x.ln();
      case "log" -> x.ln().times(ComplexBall.of(BallFunctions.ln(Ball.of(Rational.of(10))).inverse()));
      case "sin" -> x.sinCos()[0];
      case "cos" -> x.sinCos()[1];
      case "tan" -> quotient(x.sinCos(), 0, 1);
      case "cot" -> quotient(x.sinCos(), 1, 0);
      case "sec" -> x.sinCos()[1].inverse();
      case "csc" -> x.sinCos()[0].inverse();
      case "sinh" -> x.exp().plus(x.negate().exp().negate()).times(two);
      case "cosh" -> x.exp().plus(x.negate().exp()).times(two);
      case "tanh" -> {
        ComplexBall up = x.exp();
        ComplexBall down = x.negate().exp();
        yield up.plus(down.negate()).times(up.plus(down).inverse());
      }
      case "arsinh" -> x.plus(x.times(x).plus(ComplexBall.ONE).sqrt()).ln();
      case "arcosh" -> real && x.re().plus(Ball.ONE.negate()).sign() > 0
          ? x.plus(x.times(x).plus(ComplexBall.ONE.negate()).sqrt()).ln() : ComplexBall.UNKNOWN;
      case "artanh" -> x.plus(ComplexBall.ONE).times(ComplexBall.ONE.plus(x.negate()).inverse()).ln().times(two);
      case "arctan" -> real ? ComplexBall.of(BallFunctions.arctan(x.re())) : ComplexBall.UNKNOWN;
      case "arcsin" -> real ? ComplexBall.of(arcsin(x.re())) : ComplexBall.UNKNOWN;
      case "arccos" -> real ? ComplexBall.of(BallFunctions.HALF_PI.add(arcsin(x.re()).negate()))
          : ComplexBall.UNKNOWN;
      case "factorial" -> factorial(x);
      case "floor", "ceil" -> {
        boolean floor = call.function().equals("floor");
        BigInteger whole = real ? (floor ? x.re() : x.re().negate()).floor() : null;
        yield whole == null ? ComplexBall.UNKNOWN : ComplexBall.of(Ball.of(floor ? whole : whole.negate()));
      }
      default -> ComplexBall.UNKNOWN;
    };
  }

  private static ComplexBall quotient(ComplexBall[] sinCos, int over, int under) {
    return sinCos[over].times(sinCos[under].inverse());
  }

  private static Ball arcsin(Ball x) {
    Ball rest = Ball.ONE.plus(x.times(x).negate());
    if (rest.isExactZero()) {
      return x.middle().signum() > 0 ? BallFunctions.HALF_PI : BallFunctions.HALF_PI.negate();
    }
    return BallFunctions.arctan(x.times(rest.sqrt().inverse()));
  }

  private ComplexBall factorial(ComplexBall x) {
    Long n = x.isReal() ? x.re().exactLong() : null;
    if (n == null || n < 0 || n > MAX_FACTORS) {
      return ComplexBall.UNKNOWN;
    }
    work.spend(3 * n.intValue());
    Ball result = Ball.ONE;
    for (long i = 2; i <= n; i++) {
      result = result.times(Ball.of(BigInteger.valueOf(i)));
    }
    return ComplexBall.of(result);
  }

  private ComplexBall binary(Expr.Call call, ComplexBall x) {
    ComplexBall y = of(call.args().get(1));
    work.spend(ELEMENTARY_STEPS);
    switch (call.function()) {
      case "root" -> {
        Long n = y.isReal() ? y.re().exactLong() : null;
        return n == null || n == 0 ? x.power(y.inverse())
            : n == 1 ? x : root(x, BigInteger.valueOf(Long.signum(n)), BigInteger.valueOf(Math.abs(n)));
      }
      case "log", "ln" -> {
        return x.ln().times(y.ln().inverse());
      }
      case "ratio" -> {
        return x.times(y.inverse());
      }
      case "max", "min" -> {
        int order = x.isReal() && y.isReal() ? x.re().add(y.re().negate()).sign() : 0;
        return order == 0 ? ComplexBall.UNKNOWN : (order > 0) == call.function().equals("max") ? x : y;
      }
      case "binomial" -> {
        Long k = y.isReal() ? y.re().exactLong() : null;
        if (k == null || k < 0 || k > MAX_FACTORS) {
          return ComplexBall.UNKNOWN;
        }
        work.spend(8 * k.intValue());
        ComplexBall result = ComplexBall.ONE;
        for (long i = 0; i < k; i++) {
          result = result.times(x.plus(ComplexBall.of(Ball.of(Rational.of(-i)))))
              .times(ComplexBall.of(Ball.of(Rational.of(1, i + 1))));
        }
        return result;
      }
      default -> {
        return ComplexBall.UNKNOWN;
      }
    }
  }

  /** A sum or product over a range of integers. */
  private ComplexBall range(Expr.Call call) {
    String name = ((Expr.Sym) call.args().get(0)).name();
    Long from = integer(call.args().get(1));
    Long to = integer(call.args().get(2));
    if (from == null || to == null || to - from > MAX_FACTORS || bound.containsKey(name)) {
      return ComplexBall.UNKNOWN;
    }
    boolean sum = call.function().equals("sum");
    ComplexBall result = ComplexBall.of(sum ? Ball.ZERO : Ball.ONE);
    for (long k = from; k <= to; k++) {
      bound.put(name, ComplexBall.of(Ball.of(Rational.of(k))));
      ComplexBall one = of(call.args().get(3));
      result = sum ? result.plus(one) : result.times(one);
    }
    bound.remove(name);
    return result;
  }

  private Long integer(Expr expr) {
    ComplexBall value = of(expr);
    return value.isReal() ? value.re().exactLong() : null;
  }
}
