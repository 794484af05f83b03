// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.math.BigInteger;

/**
 * Rational expressions at a pseudo-random point of the field of integers modulo 2^61 - 1. Two that are equal as
 * expressions have the same residue; two that differ have it with a chance of about degree / 2^61 (Schwartz 1980), so
 * one point decides. π and e count as variables.
 */
final class Residue {
  private static final long P = (1L << 61) - 1;
  private static final BigInteger PRIME = BigInteger.valueOf(P);
  private static final BigInteger ORDER = BigInteger.valueOf(P - 1);
  /** No residue: something else than +, −, ·, / and whole powers, or a division by zero. */
  static final long NONE = -1;

  private Residue() {}

  static long of(Term term, WorkLimit work) {
    work.spend(1);
    if (term instanceof Term.Num num) {
      return num.decimal() ? NONE : of(num.value());
    } else if (term instanceof Term.Sym sym) {
      return point(sym.name());
    } else if (term instanceof Term.Const constant) {
      return switch (constant.name()) {
        case "pi", "E", "EulerGamma" -> point("const " + constant.name());
        default -> NONE;
      };
    } else if (term instanceof Term.Percent percent) {
      long of = of(percent.of(), work);
      return of == NONE ? NONE : times(of, inverse(100));
    } else if (term instanceof Term.Sum sum) {
      long result = 0;
      for (Term part : sum.terms()) {
        long value = of(part, work);
        if (value == NONE) {
          return NONE;
        }
        result = (result + value) % P;
      }
      return result;
    } else if (term instanceof Term.Product product) {
      long result = 1;
      for (Term factor : product.factors()) {
        long value = of(factor, work);
        if (value == NONE) {
          return NONE;
        }
        result = times(result, value);
      }
      return result;
    } else if (term instanceof Term.Power power) {
      long base = of(power.base(), work);
      Rational exponent = base == NONE || Numeric.hasNames(power.exponent()) ? null
          : Numbers.exact(power.exponent(), work);
      if (exponent == null || !exponent.isInteger() || base == 0 && exponent.signum() <= 0) {
        return NONE;
      }
      work.spend(60);
      return power(base, exponent.num().mod(ORDER).longValue());
    }
    return NONE;
  }

  private static long of(Rational value) {
    long num = residue(value.num());
    if (value.isInteger()) {
      return num;
    }
    long den = residue(value.den());
    return den == 0 ? NONE : times(num, inverse(den));
  }

  private static long residue(BigInteger value) {
    if (value.bitLength() < 61) {
      long small = value.longValue();
      return small < 0 ? small + P : small;
    }
    return value.mod(PRIME).longValue();
  }

  private static long point(String name) {
    long mixed = 0x9E3779B97F4A7C15L;
    for (int i = 0; i < name.length(); i++) {
      mixed = (mixed ^ name.charAt(i)) * 0xBF58476D1CE4E5B9L;
      mixed ^= mixed >>> 29;
    }
    return 1 + Long.remainderUnsigned(mixed, P - 1);
  }

  private static long times(long a, long b) {
    long high = Math.multiplyHigh(a, b);
    long low = a * b;
    long folded = (low & P) + ((low >>> 61) | (high << 3));
    folded = (folded & P) + (folded >>> 61);
    return folded >= P ? folded - P : folded;
  }

  private static long power(long base, long exponent) {
    long result = 1;
    long square = base;
    for (long left = exponent; left > 0; left >>= 1) {
      if ((left & 1) != 0) {
        result = times(result, square);
      }
      square = times(square, square);
    }
    return result;
  }

  private static long inverse(long value) {
    return power(value, P - 2);
  }
}
