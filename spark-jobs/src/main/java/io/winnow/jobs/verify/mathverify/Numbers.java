// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Numbers as they are written, and the exact value of a term where it has one. */
final class Numbers {
  private static final int MAX_FACTORIAL = 2_000;

  private Numbers() {}

  /** {@code 12}, {@code 1.5}, {@code 1.5E-3}; the last two count as decimal. */
  static Term.Num parse(String text) {
    int exponent = text.indexOf('E');
    String mantissa = exponent < 0 ? text : text.substring(0, exponent);
    String power = exponent < 0 ? "0" : text.substring(exponent + 1).replace("+", "");
    if (power.length() > 6) {
      throw new WorkLimit.Exceeded("an exponent of " + power.length() + " digits");
    }
    boolean decimal = exponent >= 0 || mantissa.indexOf('.') >= 0;
    return new Term.Num(Rational.ofDecimal(mantissa, Long.parseLong(power)), decimal);
  }

  /** The exact value of a term without decimals, or null when it has none or it is not found. */
  static Rational exact(Term term, WorkLimit work) {
    work.spend(1);
    if (term instanceof Term.Num num) {
      return num.decimal() ? null : num.value();
    } else if (term instanceof Term.Percent percent) {
      Rational of = exact(percent.of(), work);
      return of == null ? null : of.dividedBy(Rational.of(100));
    } else if (term instanceof Term.Sum sum) {
      Rational result = Rational.ZERO;
      for (Term part : sum.terms()) {
        Rational value = exact(part, work);
        if (value == null) {
          return null;
        }
        result = result.plus(value);
      }
      return result;
    } else if (term instanceof Term.Product product) {
      Rational result = Rational.ONE;
      for (Term part : product.factors()) {
        Rational value = exact(part, work);
        if (value == null) {
          return null;
        }
        spend(result, work);
        result = result.times(value);
      }
      return result;
    } else if (term instanceof Term.Power power) {
      return power(exact(power.base(), work), exact(power.exponent(), work), work);
    } else if (term instanceof Term.Call call) {
      return call(call, work);
    }
    return null;
  }

  private static void spend(Rational value, WorkLimit work) {
    int words = (value.num().bitLength() + value.den().bitLength()) >> 6;
    work.spend(words * words >> 4);
  }

  private static Rational power(Rational base, Rational exponent, WorkLimit work) {
    if (base == null || exponent == null) {
      return null;
    }
    if (exponent.isInteger()) {
      if (base.signum() == 0 && exponent.signum() < 0) {
        return null;
      }
      if (exponent.num().bitLength() > 31) {
        boolean unit = base.num().abs().equals(BigInteger.ONE) && base.isInteger();
        if (!unit && base.signum() != 0) {
          throw new WorkLimit.Exceeded("an exponent above 31 bits");
        }
        return base.signum() >= 0 || !exponent.num().testBit(0) ? base.times(base) : base;
      }
      Rational result = base.power(exponent.num().longValueExact());
      spend(result, work);
      return result;
    }
    if (base.signum() < 0 || exponent.den().bitLength() > 6 || exponent.num().bitLength() > 20) {
      return null;
    }
    int degree = exponent.den().intValueExact();
    BigInteger num = root(base.num(), degree, work);
    BigInteger den = num == null ? null : root(base.den(), degree, work);
    return den == null || num.signum() == 0 && exponent.signum() < 0 ? null
        : new Rational(num, den).power(exponent.num().longValueExact());
  }

  /** The exact root, or null. */
  static BigInteger root(BigInteger value, int degree, WorkLimit work) {
    if (value.bitLength() <= 1) {
      return value;
    }
    work.spend(1 + value.bitLength() / 16);
    if (degree == 2) {
      BigInteger[] root = value.sqrtAndRemainder();
      return root[1].signum() == 0 ? root[0] : null;
    }
    // A root of at most 900 bits of value, from a double; larger ones are left.
    if (value.bitLength() > 900) {
      return null;
    }
    BigInteger guess = new java.math.BigDecimal(Math.rint(Math.pow(value.doubleValue(), 1.0 / degree))).toBigInteger();
    for (int i = -1; i <= 1; i++) {
      BigInteger candidate = guess.add(BigInteger.valueOf(i));
      if (candidate.signum() > 0 && candidate.pow(degree).equals(value)) {
        return candidate;
      }
    }
    return null;
  }

  private static Rational call(Term.Call call, WorkLimit work) {
    List<Rational> args = new ArrayList<>();
    switch (call.function()) {
      case "abs", "factorial", "floor", "ceil", "max", "min", "mod", "binomial" -> {
        for (Term arg : call.args()) {
          Rational value = exact(arg, work);
          if (value == null) {
            return null;
          }
          args.add(value);
        }
      }
      default -> {
        return null;
      }
    }
    Rational first = args.get(0);
    switch (call.function()) {
      case "abs" -> {
        return first.signum() < 0 ? first.negate() : first;
      }
      case "floor" -> {
        return floor(first);
      }
      case "ceil" -> {
        return floor(first.negate()).negate();
      }
      case "max" -> {
        return args.stream().max(Rational::compareTo).orElseThrow();
      }
      case "min" -> {
        return args.stream().min(Rational::compareTo).orElseThrow();
      }
      case "mod" -> {
        Rational by = args.get(1);
        return by.signum() == 0 ? null : first.minus(by.times(floor(first.dividedBy(by))));
      }
      case "factorial" -> {
        return factorial(first, work);
      }
      default -> {
        return null;
      }
    }
  }

  static Rational floor(Rational value) {
    BigInteger[] parts = value.num().divideAndRemainder(value.den());
    BigInteger whole = parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
    return new Rational(whole, BigInteger.ONE);
  }

  static Rational factorial(Rational of, WorkLimit work) {
    if (!of.isInteger() || of.signum() < 0) {
      return null;
    }
    if (of.num().bitLength() > 12 || of.num().intValueExact() > MAX_FACTORIAL) {
      throw new WorkLimit.Exceeded("a factorial above " + MAX_FACTORIAL);
    }
    BigInteger result = BigInteger.ONE;
    for (int i = 2; i <= of.num().intValueExact(); i++) {
      work.spend(1 + result.bitLength() / 512);
      result = result.multiply(BigInteger.valueOf(i));
    }
    return new Rational(result, BigInteger.ONE);
  }

  /** A binomial coefficient: a number where both are small numbers. */
  static Term binomial(Term top, Term bottom, WorkLimit work) {
    Rational n = exact(top, work);
    Rational k = exact(bottom, work);
    if (n != null && k != null && n.isInteger() && k.isInteger() && k.num().bitLength() <= 10
        && n.num().bitLength() <= 20) {
      if (k.signum() < 0) {
        return Term.ZERO;
      }
      Rational result = Rational.ONE;
      for (int i = 0; i < k.num().intValueExact(); i++) {
        work.spend(2 + result.num().bitLength() / 256);
        result = result.times(n.minus(Rational.of(i))).dividedBy(Rational.of(i + 1));
      }
      return new Term.Num(result, false);
    }
    return new Term.Call("binomial", List.of(top, bottom));
  }

  /** The term with its decimals taken as exact fractions. */
  static Term undecimal(Term term) {
    if (term instanceof Term.Num num) {
      return new Term.Num(num.value(), false);
    } else if (term instanceof Term.Sum sum) {
      return new Term.Sum(sum.terms().stream().map(Numbers::undecimal).toList());
    } else if (term instanceof Term.Product product) {
      return new Term.Product(product.factors().stream().map(Numbers::undecimal).toList());
    } else if (term instanceof Term.Power power) {
      return new Term.Power(undecimal(power.base()), undecimal(power.exponent()));
    } else if (term instanceof Term.Call call) {
      return new Term.Call(call.function(), call.args().stream().map(Numbers::undecimal).toList());
    } else if (term instanceof Term.Percent percent) {
      return new Term.Percent(undecimal(percent.of()));
    }
    return term;
  }
}
