// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * Tells equations and inequalities {@code P = 0}, {@code P < 0} of polynomials with other solutions from one another.
 * Says only that solutions differ, never that they are the same.
 */
final class PolynomialSolutions {
  private static final int MAX_DEGREE = 12;
  private static final int SAMPLES = 64;

  private PolynomialSolutions() {}

  /** Whether there is a number, complex ones included, that solves one equation and not the other. */
  static boolean rootsDiffer(Polynomial a, Polynomial b, WorkLimit work) {
    Set<String> names = a.atoms();
    names.addAll(b.atoms());
    if (!isPlain(a) || !isPlain(b)) {
      return false;
    }
    for (String main : names) {
      for (int point = 0; point < 2; point++) {
        Rational[] left = slice(a, main, point, work);
        Rational[] right = slice(b, main, point, work);
        if (left != null && right != null && left.length > 0 && right.length > 0
            && !Arrays.equals(squareFree(left, work), squareFree(right, work))) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether there are real numbers where one inequality holds and the other does not. */
  static boolean holdElsewhere(Polynomial a, String goldOp, Polynomial b, String answerOp, WorkLimit work) {
    if (!isPlain(a) || !isPlain(b)) {
      return false;
    }
    for (int sample = 0; sample < SAMPLES; sample++) {
      int x = value(a, sample, work).signum();
      int y = value(b, sample, work).signum();
      if (holds(x, goldOp) != holds(y, answerOp)) {
        return true;
      }
    }
    return false;
  }

  private static boolean holds(int sign, String op) {
    return switch (op) {
      case "<" -> sign < 0;
      case ">" -> sign > 0;
      case "≤" -> sign <= 0;
      case "≥" -> sign >= 0;
      case "≠" -> sign != 0;
      default -> sign == 0;
    };
  }

  /** Variables alone, in whole powers; π and e count as variables, being transcendental. */
  private static boolean isPlain(Polynomial polynomial) {
    return polynomial.terms().keySet().stream().allMatch(monomial -> monomial.atoms().entrySet().stream().allMatch(
        atom -> atom.getKey().charAt(0) != '#' && atom.getKey().charAt(0) != '{' && !atom.getKey().equals("∞")
            && atom.getValue().isInteger() && atom.getValue().signum() > 0
            && atom.getValue().num().bitLength() < 10));
  }

  private static Rational value(Polynomial polynomial, int sample, WorkLimit work) {
    Rational result = Rational.ZERO;
    for (Map.Entry<Monomial, Rational> term : polynomial.terms().entrySet()) {
      Rational product = term.getValue();
      for (Map.Entry<String, Rational> atom : term.getKey().atoms().entrySet()) {
        work.spend(10);
        product = product.times(sampleOf(atom.getKey(), sample).power(atom.getValue().num().longValue()));
      }
      result = result.plus(product);
    }
    return result;
  }

  /** Between -16 and 16 in steps of a quarter; π and e have a value near their own. */
  private static Rational sampleOf(String name, int sample) {
    if (name.equals("pi") || name.equals("e")) {
      return Rational.of(name.equals("pi") ? 355 : 193, name.equals("pi") ? 113 : 71);
    }
    int mixed = (name.hashCode() * 31 + sample + 1) * 0x9E3779B9;
    return Rational.of((mixed >>> 25) - 64, 4);
  }

  /** The coefficients by powers of one variable, all others at a seeded value; null when the degree is too large. */
  private static Rational[] slice(Polynomial polynomial, String main, int point, WorkLimit work) {
    Rational[] result = new Rational[MAX_DEGREE + 1];
    Arrays.fill(result, Rational.ZERO);
    for (Map.Entry<Monomial, Rational> term : polynomial.terms().entrySet()) {
      Rational product = term.getValue();
      int degree = 0;
      for (Map.Entry<String, Rational> atom : term.getKey().atoms().entrySet()) {
        work.spend(10);
        int power = atom.getValue().num().intValue();
        if (atom.getKey().equals(main)) {
          degree = power;
        } else {
          product = product.times(Evaluation.valueOf(atom.getKey(), point).power(power));
        }
      }
      if (degree > MAX_DEGREE) {
        return null;
      }
      result[degree] = result[degree].plus(product);
    }
    return trimmed(result);
  }

  private static Rational[] trimmed(Rational[] of) {
    int length = of.length;
    while (length > 0 && of[length - 1].signum() == 0) {
      length--;
    }
    return Arrays.copyOf(of, length);
  }

  /** The monic polynomial with the same roots, each once. */
  private static Rational[] squareFree(Rational[] of, WorkLimit work) {
    Rational[] derivative = new Rational[Math.max(0, of.length - 1)];
    for (int i = 0; i < derivative.length; i++) {
      derivative[i] = of[i + 1].times(Rational.of(i + 1));
    }
    Rational[] x = of;
    Rational[] y = trimmed(derivative);
    while (y.length > 0) {
      Rational[] rest = divided(x, y, work)[1];
      x = y;
      y = rest;
    }
    Rational[] quotient = divided(of, x, work)[0];
    Rational lead = quotient[quotient.length - 1];
    for (int i = 0; i < quotient.length; i++) {
      quotient[i] = quotient[i].dividedBy(lead);
    }
    return quotient;
  }

  /** Quotient and rest. */
  private static Rational[][] divided(Rational[] of, Rational[] by, WorkLimit work) {
    Rational[] rest = of.clone();
    Rational[] quotient = new Rational[Math.max(1, of.length - by.length + 1)];
    Arrays.fill(quotient, Rational.ZERO);
    for (int i = of.length - by.length; i >= 0; i--) {
      Rational factor = rest[i + by.length - 1].dividedBy(by[by.length - 1]);
      quotient[i] = factor;
      for (int j = 0; j < by.length; j++) {
        work.spend(5 + Polynomial.size(rest[i + j]));
        rest[i + j] = rest[i + j].minus(factor.times(by[j]));
      }
    }
    return new Rational[][] {quotient, trimmed(rest)};
  }
}
