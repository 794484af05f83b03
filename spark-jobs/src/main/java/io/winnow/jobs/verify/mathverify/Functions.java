// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import java.util.List;

/** The values of named functions at a point. */
final class Functions {
  private static final double ULP = 0x1p-51;
  private static final Numeric MINUS_I = new Numeric(0, -1, 0);
  private static final Numeric I = new Numeric(0, 1, 0);

  private Functions() {}

  static Numeric at(Numeric.Point point, Term.Call call, WorkLimit work) {
    String name = call.function();
    List<Term> args = call.args();
    switch (name) {
      case "sum", "prod" -> {
        return orOpaque(Numeric.series(point, call, work), point, call);
      }
      case "integral", "derivative", "limit" -> {
        return orOpaque(Calculus.at(point, call, work), point, call);
      }
      default -> { }
    }
    Numeric x = Numeric.at(point, args.get(0), work);
    switch (name) {
      case "abs" -> {
        return x.isFinite() ? new Numeric(Math.hypot(x.re(), x.im()), 0, 2 * x.error())
            : x.isKnown() ? Numeric.infinite(1) : x;
      }
      case "log" -> {
        return x.ln().times(Numeric.at(point, args.get(1), work).ln().inverse());
      }
      case "floor", "ceil" -> {
        if (!x.isReal()) {
          return x.isKnown() && Double.isInfinite(x.re()) ? x : Numeric.NONE;
        }
        double near = Math.rint(x.re());
        boolean whole = Math.abs(x.re() - near) <= 4 * x.error();
        return Numeric.real(whole ? near : name.equals("floor") ? Math.floor(x.re()) : Math.ceil(x.re()));
      }
      case "max", "min" -> {
        Numeric best = x;
        for (Term arg : args) {
          Numeric value = Numeric.at(point, arg, work);
          if (!value.isKnown() || value.im() != 0) {
            return Numeric.NONE;
          }
          best = name.equals("max") == value.re() > best.re() ? value : best;
        }
        return best;
      }
      case "mod" -> {
        Numeric by = Numeric.at(point, args.get(1), work);
        if (!x.isReal() || !by.isReal() || by.re() == 0) {
          return Numeric.NONE;
        }
        double quotient = x.re() / by.re();
        double near = Math.rint(quotient);
        double floor = Math.abs(quotient - near) < 1e-12 * Math.abs(quotient) ? near : Math.floor(quotient);
        return x.plus(by.times(Numeric.real(-floor)));
      }
      case "factorial" -> {
        return factorial(x);
      }
      case "binomial" -> {
        Numeric k = Numeric.at(point, args.get(1), work);
        Numeric rest = factorial(x.plus(k.negate()));
        return factorial(x).times(factorial(k).times(rest).inverse());
      }
      default -> {
        return trigonometric(name, x);
      }
    }
  }

  /** What cannot be evaluated is a variable that is named by its structure. */
  private static Numeric orOpaque(Numeric value, Numeric.Point point, Term.Call call) {
    return value.isKnown() ? value : point.of(Symbolic.key(call));
  }

  private static Numeric trigonometric(String name, Numeric x) {
    if (!x.isFinite()) {
      return x.isKnown() ? atInfinity(name, Math.signum(x.re())) : x;
    }
    return switch (name) {
      case "sin" -> sin(x);
      case "cos" -> cos(x);
      case "tan" -> sin(x).times(cos(x).inverse());
      case "cot" -> cos(x).times(sin(x).inverse());
      case "sec" -> cos(x).inverse();
      case "csc" -> sin(x).inverse();
      case "sinh" -> sin(x.times(I)).times(MINUS_I);
      case "cosh" -> cos(x.times(I));
      case "tanh" -> sin(x.times(I)).times(MINUS_I).times(cos(x.times(I)).inverse());
      case "arcsin" -> arcsin(x);
      case "arccos" -> Numeric.real(Math.PI / 2).plus(arcsin(x).negate());
      case "arctan" -> arctan(x);
      case "arccot" -> arctan(x.inverse());
      case "arcsec" -> Numeric.real(Math.PI / 2).plus(arcsin(x.inverse()).negate());
      case "arccsc" -> arcsin(x.inverse());
      case "arcsinh" -> arcsin(x.times(I)).times(MINUS_I);
      case "arccosh" -> x.plus(root(x.plus(Numeric.real(-1))).times(root(x.plus(Numeric.real(1))))).ln();
      case "arctanh" -> arctan(x.times(I)).times(MINUS_I);
      default -> Numeric.NONE;
    };
  }

  private static Numeric root(Numeric x) {
    return x.re() == 0 && x.im() == 0 ? x : x.ln().times(Numeric.real(0.5)).exp();
  }

  private static Numeric atInfinity(String name, double sign) {
    return switch (name) {
      case "arctan" -> Numeric.real(sign * Math.PI / 2);
      case "arcsec" -> Numeric.real(Math.PI / 2);
      case "arccsc", "arccot" -> Numeric.real(0);
      case "tanh" -> Numeric.real(sign);
      case "sinh", "arcsinh" -> Numeric.infinite(sign);
      case "cosh", "arccosh" -> Numeric.infinite(1);
      default -> Numeric.NONE;
    };
  }

  private static Numeric sin(Numeric x) {
    if (x.im() == 0) {
      return Math.abs(x.re()) < 1e9 ? bounded(Math.sin(x.re()), 0, x) : Numeric.NONE;
    }
    return bounded(Math.sin(x.re()) * Math.cosh(x.im()), Math.cos(x.re()) * Math.sinh(x.im()), x);
  }

  private static Numeric cos(Numeric x) {
    if (x.im() == 0) {
      return Math.abs(x.re()) < 1e9 ? bounded(Math.cos(x.re()), 0, x) : Numeric.NONE;
    }
    return bounded(Math.cos(x.re()) * Math.cosh(x.im()), -Math.sin(x.re()) * Math.sinh(x.im()), x);
  }

  private static Numeric bounded(double re, double im, Numeric x) {
    double growth = Math.cosh(x.im());
    double error = growth * (2 * x.error() + ULP * (1 + Math.abs(x.re())));
    return x.error() < 0.1 && error < Double.POSITIVE_INFINITY ? new Numeric(re, im, error) : Numeric.NONE;
  }

  private static Numeric arcsin(Numeric x) {
    if (x.im() == 0 && Math.abs(x.re()) <= 1) {
      double slope = 1 / Math.sqrt(Math.max(1e-14, 1 - x.re() * x.re()));
      return new Numeric(Math.asin(x.re()), 0, 2 * slope * x.error() + ULP);
    }
    // -i ln(ix + sqrt(1 - x²))
    Numeric root = Numeric.real(1).plus(x.times(x).negate()).ln().times(Numeric.real(0.5)).exp();
    return x.times(I).plus(root).ln().times(MINUS_I);
  }

  private static Numeric arctan(Numeric x) {
    if (x.im() == 0) {
      return new Numeric(Math.atan(x.re()), 0, x.error() + ULP);
    }
    // (ln(1 + ix) - ln(1 - ix)) / 2i
    Numeric ix = x.times(I);
    return Numeric.real(1).plus(ix).ln().plus(Numeric.real(1).plus(ix.negate()).ln().negate())
        .times(new Numeric(0, -0.5, 0));
  }

  /** x! by Lanczos' approximation of Γ(x+1), good to about 14 digits; exact for small whole numbers. */
  private static Numeric factorial(Numeric x) {
    if (!x.isReal() || x.re() > 169) {
      return Numeric.NONE;
    }
    double near = Math.rint(x.re());
    if (Math.abs(x.re() - near) <= 4 * x.error()) {
      if (near < 0) {
        return Numeric.NONE;
      }
      double result = 1;
      for (int i = 2; i <= near; i++) {
        result *= i;
      }
      return new Numeric(result, 0, near > 20 ? result * near * 1e-16 : 0);
    }
    double value = gamma(x.re() + 1);
    return new Numeric(value, 0, Math.abs(value) * (1e-13 + 10 * x.error()));
  }

  private static final double[] LANCZOS = {
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7
  };

  private static double gamma(double x) {
    if (x < 0.5) {
      return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    }
    double shifted = x - 1;
    double sum = LANCZOS[0];
    for (int i = 1; i < LANCZOS.length; i++) {
      sum += LANCZOS[i] / (shifted + i);
    }
    double t = shifted + LANCZOS.length - 1.5;
    return Math.sqrt(2 * Math.PI) * Math.pow(t, shifted + 0.5) * Math.exp(-t) * sum;
  }
}
