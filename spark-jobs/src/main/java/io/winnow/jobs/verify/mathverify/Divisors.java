// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * Greatest common divisors and least common multiples. Of terms with variables the numbers and the rest are taken
 * apart: rests are equal or have nothing in common, and numbers count only where all of them are whole.
 */
final class Divisors {
  private Divisors() {}

  /** A term as a number times something without one. */
  private record Parted(Rational number, Term rest) {}

  static Term gcd(List<Term> args, WorkLimit work) {
    // Zero is divided by everything.
    List<Parted> parts = parted(args, work).stream().filter(part -> part.number().signum() != 0).toList();
    if (parts.isEmpty()) {
      return Term.ZERO;
    }
    Rational number = parts.get(0).number();
    for (Parted part : parts) {
      number = gcd(number, part.number());
    }
    boolean plain = parts.stream().allMatch(part -> part.rest() == null);
    boolean whole = parts.stream().allMatch(part -> part.number().isInteger());
    Term rest = parts.get(0).rest();
    boolean common = rest != null && parts.stream().allMatch(part -> rest.equals(part.rest()));
    List<Term> factors = new ArrayList<>();
    if ((plain || whole) && !(common && number.equals(Rational.ONE))) {
      factors.add(new Term.Num(number, false));
    }
    if (common) {
      factors.add(rest);
    }
    return factors.isEmpty() ? Term.ONE : Term.product(factors);
  }

  static Term lcm(List<Term> args, WorkLimit work) {
    List<Parted> parts = parted(args, work);
    Rational number = parts.get(0).number();
    List<Term> factors = new ArrayList<>();
    for (Parted part : parts) {
      Rational divisor = gcd(number, part.number());
      number = divisor.signum() == 0 ? Rational.ZERO : number.times(part.number()).dividedBy(divisor);
      number = number.signum() < 0 ? number.negate() : number;
      if (part.rest() != null && !factors.contains(part.rest())) {
        factors.add(part.rest());
      }
    }
    if (number.signum() == 0) {
      return Term.ZERO;
    }
    boolean whole = parts.stream().allMatch(part -> part.number().isInteger());
    if (factors.isEmpty() || whole && !number.equals(Rational.ONE)) {
      factors.add(0, new Term.Num(number, false));
    }
    return Term.product(factors);
  }

  private static List<Parted> parted(List<Term> args, WorkLimit work) {
    List<Parted> parts = new ArrayList<>();
    for (Term arg : args) {
      List<Term> rest = new ArrayList<>();
      Rational number = part(Numbers.undecimal(arg), rest, work);
      parts.add(new Parted(number, rest.isEmpty() ? null : Term.product(rest)));
    }
    return parts;
  }

  private static Rational part(Term term, List<Term> rest, WorkLimit work) {
    Rational exact = Numbers.exact(term, work);
    if (exact != null) {
      return exact;
    }
    if (term instanceof Term.Product product) {
      Rational number = Rational.ONE;
      for (Term factor : product.factors()) {
        number = number.times(part(factor, rest, work));
      }
      return number;
    }
    rest.add(term);
    return Rational.ONE;
  }

  /** Of two fractions: that of the numerators over the common multiple of the denominators. */
  private static Rational gcd(Rational a, Rational b) {
    BigInteger num = a.num().multiply(b.den()).gcd(b.num().multiply(a.den()));
    return new Rational(num, a.den().multiply(b.den()));
  }
}
