// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.util.List;

/**
 * A complex number in double precision, with a bound of its error that grows with each operation. Stands in for
 * evaluation to 15 digits: what agrees within the bound counts as equal.
 *
 * @param re real part
 * @param im imaginary part
 * @param error bound of what rounding may have done to either part; NaN when there is no value
 */
record Numeric(double re, double im, double error) {
  private static final double ULP = 0x1p-51;
  private static final int MAX_SERIES = 2_000;
  static final Numeric NONE = new Numeric(Double.NaN, Double.NaN, Double.NaN);
  private static final Numeric ONE = new Numeric(1, 0, 0);
  private static final Numeric I = new Numeric(0, 1, 0);

  private static Numeric of(double re, double im, double error) {
    double total = error + (Math.abs(re) + Math.abs(im)) * ULP;
    return total < Double.POSITIVE_INFINITY ? new Numeric(re, im, total) : NONE;
  }

  static Numeric real(double value) {
    return of(value, 0, 0);
  }

  /** Infinite: out of the range of doubles, or ∞ itself. */
  static Numeric infinite(double sign) {
    return new Numeric(sign * Double.POSITIVE_INFINITY, 0, 0);
  }

  boolean isKnown() {
    return !Double.isNaN(error);
  }

  boolean isFinite() {
    return isKnown() && !Double.isInfinite(re);
  }

  boolean isReal() {
    return isFinite() && Math.abs(im) <= 4 * error + 1e-13 * Math.abs(re);
  }

  double size() {
    return Math.max(Math.abs(re), Math.abs(im));
  }

  /** Whether the two agree as far as can be told. */
  boolean agrees(Numeric other) {
    if (Double.isInfinite(re) || Double.isInfinite(other.re)) {
      return re == other.re;
    }
    double bound = 8 * (error + other.error) + 1e-13 * Math.max(size(), other.size());
    return Math.abs(re - other.re) <= bound && Math.abs(im - other.im) <= bound;
  }

  /** Where variables have values. */
  interface Point {
    /** The value of a variable or of a function that nothing is known of. */
    Numeric of(String name);
  }

  /** No variables: anything with one has no value. */
  static final Point CONSTANTS = name -> NONE;

  /** Evaluates; {@link #NONE} where there is no value at that point or none is known. */
  static Numeric at(Point point, Term term, WorkLimit work) {
    work.spend(3);
    if (term instanceof Term.Num num) {
      return real(num.value().toDouble());
    } else if (term instanceof Term.Sym sym) {
      return point.of(sym.name());
    } else if (term instanceof Term.Const constant) {
      return switch (constant.name()) {
        case "pi" -> real(Math.PI);
        case "E" -> real(Math.E);
        case "EulerGamma" -> real(0.57721566490153286);
        case "I" -> I;
        case "oo" -> infinite(1);
        default -> NONE;
      };
    } else if (term instanceof Term.Percent percent) {
      return at(point, percent.of(), work).times(real(0.01));
    } else if (term instanceof Term.Sum sum) {
      Numeric result = new Numeric(0, 0, 0);
      for (Term part : sum.terms()) {
        result = result.plus(at(point, part, work));
      }
      return result;
    } else if (term instanceof Term.Product product) {
      Numeric result = ONE;
      for (Term factor : product.factors()) {
        result = result.times(at(point, factor, work));
      }
      return result;
    } else if (term instanceof Term.Power power) {
      return power(point, power, work);
    } else if (term instanceof Term.Applied applied) {
      StringBuilder name = new StringBuilder(applied.name());
      for (Term arg : applied.args()) {
        Numeric value = at(point, arg, work);
        if (!value.isFinite()) {
          return NONE;
        }
        // The same function of the same value has the same value: rounded so that rounding does not matter.
        name.append('(').append((float) value.re).append(' ').append((float) value.im);
      }
      return point.of(name.toString());
    } else if (term instanceof Term.Call call) {
      return Functions.at(point, call, work);
    }
    return NONE;
  }

  private static Numeric power(Point point, Term.Power power, WorkLimit work) {
    Numeric base = at(point, power.base(), work);
    if (power.exponent() instanceof Term.Num n && !n.decimal() && n.value().isInteger()
        && n.value().num().bitLength() < 31) {
      return base.power(n.value().num().intValue());
    }
    Numeric exponent = at(point, power.exponent(), work);
    if (exponent.im == 0 && exponent.error == 0 && exponent.isFinite() && exponent.re == Math.rint(exponent.re)
        && Math.abs(exponent.re) < 1e9) {
      return base.power((int) exponent.re);
    }
    if (base.isFinite() && base.re > 0 && Math.abs(base.im) == 0 && exponent.isFinite() && exponent.im == 0) {
      double value = Math.pow(base.re, exponent.re);
      double ln = Math.abs(Math.log(base.re));
      double relative = Math.abs(exponent.re) * base.error / base.re + ln * (exponent.error + ULP * exponent.size());
      return relative < 0.1 ? of(value, 0, 2 * relative * Math.abs(value)) : NONE;
    }
    if (base.re == 0 && base.im == 0 && exponent.isFinite() && exponent.re > 0) {
      return new Numeric(0, 0, base.error);
    }
    return base.ln().times(exponent).exp();
  }

  Numeric plus(Numeric b) {
    if (Double.isInfinite(re) || Double.isInfinite(b.re)) {
      double sum = re + b.re;
      return Double.isNaN(sum) || !isKnown() || !b.isKnown() ? NONE : infinite(Math.signum(sum));
    }
    return of(re + b.re, im + b.im, error + b.error);
  }

  Numeric negate() {
    return new Numeric(-re, -im, error);
  }

  Numeric times(Numeric b) {
    if (Double.isInfinite(re) || Double.isInfinite(b.re)) {
      double product = re * b.re;
      return Double.isNaN(product) || im != 0 || b.im != 0 || !isKnown() || !b.isKnown() ? NONE
          : infinite(Math.signum(product));
    }
    double bound = size() * b.error + b.size() * error + error * b.error;
    if (im == 0 && b.im == 0) {
      return of(re * b.re, 0, bound);
    }
    bound = 2 * (bound + size() * b.size() * ULP);
    return of(re * b.re - im * b.im, re * b.im + im * b.re, bound);
  }

  Numeric inverse() {
    if (Double.isInfinite(re)) {
      return new Numeric(0, 0, 0);
    }
    double norm = re * re + im * im;
    double size = Math.sqrt(norm);
    if (!(size > 4 * error) || norm == 0) {
      return NONE;
    }
    return of(re / norm, -im / norm, 2 * error / norm);
  }

  Numeric power(int n) {
    if (n < 0) {
      return power(-n).inverse();
    }
    if (im == 0 && isFinite() && n > 3) {
      double value = Math.pow(re, n);
      double relative = re == 0 ? 0 : n * (error / Math.abs(re) + 1e-16);
      return relative < 0.1 ? of(value, 0, 2 * relative * Math.abs(value) + (re == 0 ? error : 0)) : NONE;
    }
    Numeric result = ONE;
    Numeric square = this;
    for (int left = n; left > 0; left >>= 1) {
      if ((left & 1) != 0) {
        result = result.times(square);
      }
      if (left > 1) {
        square = square.times(square);
      }
    }
    return result;
  }

  Numeric exp() {
    if (Double.isInfinite(re)) {
      return re < 0 ? new Numeric(0, 0, 0) : this;
    }
    double e = Math.exp(re);
    return error < 0.1 ? of(e * Math.cos(im), im == 0 ? 0 : e * Math.sin(im), 2 * e * error + e * ULP * Math.abs(im))
        : NONE;
  }

  /** The principal logarithm. */
  Numeric ln() {
    double size = Math.hypot(re, im);
    if (!(size > 4 * error) || size == 0 || !isFinite()) {
      return Double.isInfinite(re) && re > 0 ? this : NONE;
    }
    // On the cut a rounding error below the axis must not turn the angle.
    double angle = Math.abs(im) <= error ? re < 0 ? Math.PI : 0 : Math.atan2(im, re);
    return of(Math.log(size), angle, 2 * error / size);
  }

  /** A sum or product over whole numbers, both ends included. */
  static Numeric series(Point point, Term.Call call, WorkLimit work) {
    Rational low = Numbers.exact(call.args().get(2), work);
    Rational high = Numbers.exact(call.args().get(3), work);
    boolean sum = call.function().equals("sum");
    if (low != null && low.isInteger() && low.num().bitLength() < 31 && sum && call.args().get(3) == Term.INFINITY) {
      return infiniteSum(point, call, low.num().intValueExact(), work);
    }
    if (low == null || high == null || !low.isInteger() || !high.isInteger()
        || high.minus(low).compareTo(Rational.of(MAX_SERIES)) > 0 || low.num().bitLength() > 40) {
      return NONE;
    }
    String index = ((Term.Sym) call.args().get(1)).name();
    Numeric result = sum ? new Numeric(0, 0, 0) : ONE;
    for (long i = low.num().longValueExact(); i <= high.num().longValueExact(); i++) {
      Numeric value = real(i);
      Numeric term = at(name -> name.equals(index) ? value : point.of(name), call.args().get(0), work);
      result = sum ? result.plus(term) : result.times(term);
    }
    return result;
  }

  /** An infinite sum whose terms vanish within some hundred; {@link #NONE} for any other. */
  private static Numeric infiniteSum(Point point, Term.Call call, int low, WorkLimit work) {
    String index = ((Term.Sym) call.args().get(1)).name();
    Numeric result = new Numeric(0, 0, 0);
    int small = 0;
    for (int i = 0; i < MAX_SERIES / 5; i++) {
      Numeric value = real(low + i);
      Numeric term = at(name -> name.equals(index) ? value : point.of(name), call.args().get(0), work);
      if (!term.isFinite()) {
        // A factorial beyond doubles: what follows is nothing.
        return small > 3 || i > 150 ? result : NONE;
      }
      result = result.plus(term);
      small = term.size() <= 1e-18 * result.size() ? small + 1 : 0;
      if (small > 8) {
        return result;
      }
    }
    return NONE;
  }

  /** Whether a term has a variable or an unknown function in it. */
  static boolean hasNames(Term term) {
    if (term instanceof Term.Sym || term instanceof Term.Applied) {
      return true;
    }
    if (term instanceof Term.Call call && (call.function().equals("sum") || call.function().equals("prod"))) {
      String index = ((Term.Sym) call.args().get(1)).name();
      return hasOtherNames(call.args().get(0), index) || hasNames(call.args().get(2)) || hasNames(call.args().get(3));
    }
    List<Term> parts = term.parts();
    for (int i = 0; i < parts.size(); i++) {
      if (hasNames(parts.get(i))) {
        return true;
      }
    }
    return false;
  }

  private static boolean hasOtherNames(Term term, String index) {
    if (term instanceof Term.Sym sym) {
      return !sym.name().equals(index);
    }
    return term instanceof Term.Applied || term.parts().stream().anyMatch(part -> hasOtherNames(part, index));
  }
}
