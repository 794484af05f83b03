// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.List;

/**
 * A real number known to lie within {@code error} of {@code value}; a NaN error means that nothing is known. Serves
 * to prove that two values differ, never that they are equal.
 */
record Approximation(double value, double error) {
  private static final double ULP = 0x1p-51;
  private static final Approximation UNKNOWN = new Approximation(Double.NaN, Double.NaN);

  private static Approximation of(double value, double error) {
    // Rounding of the operation itself, and what underflow may have lost.
    double total = error + Math.abs(value) * ULP + Double.MIN_NORMAL;
    return Double.isFinite(value) && Double.isFinite(total) ? new Approximation(value, total) : UNKNOWN;
  }

  /** Whether the two numbers are certainly different, with a margin of four times the bounds. */
  boolean isApartFrom(Approximation other) {
    return Math.abs(value - other.value) > 4 * (error + other.error);
  }

  /**
   * Evaluates at a point.
   *
   * @param point chooses the values of the variables, between 0.5 and 2.5, each from its name: any expression that
   * has the same variable has the same value for it
   */
  static Approximation at(int point, Expr expr, WorkLimit work) {
    work.spend(2);
    if (expr instanceof Expr.Num num) {
      return of(num.value().toDouble(), 0);
    } else if (expr instanceof Expr.Percent percent) {
      return at(point, percent.of(), work).times(of(0.01, 0));
    } else if (expr instanceof Expr.Degrees degrees) {
      return at(point, degrees.of(), work).times(of(Math.PI / 180, 0));
    } else if (expr instanceof Expr.Sym sym) {
      return symbol(point, sym.name());
    } else if (expr instanceof Expr.Sum sum) {
      Approximation result = new Approximation(0, 0);
      for (Expr term : sum.terms()) {
        Approximation next = at(point, term, work);
        result = of(result.value + next.value, result.error + next.error);
      }
      return result;
    } else if (expr instanceof Expr.Product product) {
      Approximation result = new Approximation(1, 0);
      for (Expr factor : product.factors()) {
        result = result.times(at(point, factor, work));
      }
      return result;
    } else if (expr instanceof Expr.Power power) {
      Approximation base = at(point, power.base(), work);
      return power.exponent() instanceof Expr.Num n && n.value().isInteger()
          ? base.power(n.value())
          : base.power(at(point, power.exponent(), work));
    } else if (expr instanceof Expr.Call call) {
      return call(point, call, work);
    }
    return UNKNOWN;
  }

  private static Approximation symbol(int point, String name) {
    return switch (name) {
      case "pi" -> of(Math.PI, 0);
      case "e" -> of(Math.E, 0);
      case "i", "∞", "∅" -> UNKNOWN;
      default -> {
        // A multiplicative hash of name and point; the top bits are well mixed.
        int mixed = (name.hashCode() * 31 + point + 1) * 0x9E3779B9;
        yield new Approximation(0.5 + (mixed >>> 12) / (double) (1 << 19), 0);
      }
    };
  }

  private Approximation times(Approximation b) {
    return of(value * b.value, Math.abs(value) * b.error + Math.abs(b.value) * error + error * b.error);
  }

  private Approximation power(Rational n) {
    if (n.num().bitLength() > 20 || (n.signum() <= 0 && Math.abs(value) <= 2 * error)) {
      return UNKNOWN;
    }
    double exponent = n.toDouble();
    double relative = Math.abs(exponent) * (value == 0 ? 0 : error / Math.abs(value));
    double result = Math.pow(value, exponent);
    // (1+r)^n - 1 < 2nr while nr is small.
    return relative < 0.1 && (value != 0 || error == 0) ? of(result, 2 * relative * Math.abs(result)) : UNKNOWN;
  }

  private Approximation power(Approximation exponent) {
    if (!(value > 2 * error)) {
      return UNKNOWN;
    }
    double relative =
        Math.abs(exponent.value) * error / value * 2 + Math.abs(Math.log(value)) * exponent.error
            + Math.abs(exponent.value * Math.log(value)) * ULP;
    double result = Math.pow(value, exponent.value);
    return relative < 0.1 ? of(result, 2 * relative * result) : UNKNOWN;
  }

  private static Approximation call(int point, Expr.Call call, WorkLimit work) {
    List<Expr> args = call.args();
    Approximation x = at(point, args.get(0), work);
    double v = x.value;
    double e = x.error;
    boolean single = args.size() == 1;
    switch (call.function()) {
      case "root" -> {
        Approximation index = at(point, args.get(1), work);
        if (v == 0 || index.value == 0) {
          return UNKNOWN;
        }
        boolean odd = args.get(1) instanceof Expr.Num n && n.value().isInteger() && n.value().num().testBit(0);
        Approximation inverse = of(1 / index.value, 2 * index.error / (index.value * index.value));
        if (v < 0 && odd) {
          Approximation positive = new Approximation(-v, e).power(inverse);
          return new Approximation(-positive.value, positive.error);
        }
        return x.power(inverse);
      }
      case "abs" -> {
        return of(Math.abs(v), e);
      }
      case "sin" -> {
        return single && Math.abs(v) < 1e6 ? of(Math.sin(v), e + ULP) : UNKNOWN;
      }
      case "cos" -> {
        return single && Math.abs(v) < 1e6 ? of(Math.cos(v), e + ULP) : UNKNOWN;
      }
      case "tan" -> {
        double tan = Math.tan(v);
        double slope = 1 + tan * tan;
        return single && slope * e < 0.01 && Math.abs(v) < 1e6 ? of(tan, 2 * slope * e + ULP) : UNKNOWN;
      }
      case "arctan" -> {
        return single ? of(Math.atan(v), e) : UNKNOWN;
      }
      case "exp" -> {
        return e < 0.1 ? of(Math.exp(v), 2 * e * Math.exp(v)) : UNKNOWN;
      }
      case "ln", "log" -> {
        if (!(v > 2 * e)) {
          return UNKNOWN;
        }
        Approximation ln = of(Math.log(v), 2 * e / v);
        if (single) {
          return call.function().equals("ln") ? ln : ln.times(of(1 / Math.log(10), 0));
        }
        Approximation base = at(point, args.get(1), work);
        double lnBase = Math.log(base.value);
        if (!(base.value > 2 * base.error) || Math.abs(lnBase) < 1e-3) {
          return UNKNOWN;
        }
        double baseError = 2 * base.error / base.value;
        return ln.times(of(1 / lnBase, 2 * baseError / (lnBase * lnBase)));
      }
      default -> {
        return UNKNOWN;
      }
    }
  }
}
