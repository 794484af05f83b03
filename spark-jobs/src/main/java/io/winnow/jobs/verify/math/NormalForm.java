// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A quotient of two polynomials, the denominator not zero: the exact form of one value. Two are compared by
 * multiplying across, so the quotient need not be in lowest terms. Powers of sums that are no integers, functions of
 * anything, and symbolic exponents become opaque atoms named by the normal form of their arguments: equal names mean
 * equal values, different names mean nothing.
 */
record NormalForm(Polynomial num, Polynomial den) {
  /** Names of {@link Expr.Sym} that are no variables. */
  static final Set<String> CONSTANTS = Set.of("pi", "e", "i", "∞", "∅");

  private static final int TRIAL_PRIMES_BELOW = 1000;
  private static final int MAX_ROOT_BITS = 2048;

  static NormalForm of(Rational value) {
    return new NormalForm(Polynomial.of(value), Polynomial.ONE);
  }

  /** The value when it is a plain number, else null. */
  Rational constant() {
    Rational n = num.constant();
    Rational d = den.constant();
    return n == null || d == null ? null : n.dividedBy(d);
  }

  /** {@code this - other}, times both denominators: zero exactly when they are equal. */
  Polynomial crossDifference(NormalForm other, WorkLimit work) {
    return num.times(other.den, work).plus(other.num.times(den, work).negate(), work);
  }

  /**
   * Brings an expression into normal form.
   *
   * @throws UnreadableException when it is no single value (a list, a relation, words)
   * @throws ArithmeticException when it divides by zero
   */
  static NormalForm of(Expr expr, WorkLimit work) throws UnreadableException {
    work.spend(1);
    if (expr instanceof Expr.Num num) {
      return of(num.value());
    } else if (expr instanceof Expr.Based based) {
      if (!based.fits()) {
        throw new UnreadableException("the digits " + based.digits() + " in base " + based.base());
      }
      return of(Rational.of(new BigInteger(based.digits(), based.base())));
    } else if (expr instanceof Expr.Percent percent) {
      return of(percent.of(), work).times(of(Rational.of(1, 100)), work);
    } else if (expr instanceof Expr.Degrees degrees) {
      return of(degrees.of(), work).times(symbol("pi"), work).times(of(Rational.of(1, 180)), work);
    } else if (expr instanceof Expr.Sym sym) {
      return symbol(sym.name());
    } else if (expr instanceof Expr.Sum sum) {
      NormalForm rest = of(Rational.ZERO);
      List<Polynomial> plain = new ArrayList<>();
      for (Expr term : sum.terms()) {
        NormalForm next = of(term, work);
        if (next.den.equals(Polynomial.ONE)) {
          plain.add(next.num);
        } else {
          rest = rest.plus(next, work);
        }
      }
      return new NormalForm(Polynomial.sum(plain, work), Polynomial.ONE).plus(rest, work);
    } else if (expr instanceof Expr.Product product) {
      NormalForm result = of(Rational.ONE);
      for (Expr factor : product.factors()) {
        result = result.times(of(factor, work), work);
      }
      return result;
    } else if (expr instanceof Expr.Power power) {
      return power(of(power.base(), work), of(power.exponent(), work), work);
    } else if (expr instanceof Expr.Call call) {
      return NormalFunctions.call(call, work);
    }
    throw new UnreadableException("several values where one was expected");
  }

  private static NormalForm symbol(String name) {
    if (name.equals("∅") || name.equals("∞")) {
      // Neither obeys arithmetic: ∞ - ∞ must not cancel inside something larger.
      return new NormalForm(Polynomial.of(Monomial.of(name, Rational.ONE), Rational.ONE), Polynomial.ONE);
    }
    return atom(name.equals("i") ? Monomial.IMAGINARY : name);
  }

  static NormalForm atom(String name) {
    return new NormalForm(Polynomial.of(Monomial.of(name, Rational.ONE), Rational.ONE), Polynomial.ONE);
  }

  static NormalForm opaque(String name) {
    if (name.length() > WorkLimit.MAX_CHARS) {
      throw new WorkLimit.Exceeded("a function of " + name.length() + " characters");
    }
    return atom("{" + name + "}");
  }

  NormalForm plus(NormalForm other, WorkLimit work) {
    if (den.equals(other.den)) {
      return new NormalForm(num.plus(other.num, work), den);
    }
    return simplified(
        num.times(other.den, work).plus(other.num.times(den, work), work), den.times(other.den, work), work);
  }

  NormalForm times(NormalForm other, WorkLimit work) {
    return simplified(num.times(other.num, work), den.times(other.den, work), work);
  }

  NormalForm inverse(WorkLimit work) {
    if (num.isZero()) {
      throw new ArithmeticException("division by zero");
    }
    return simplified(den, num, work);
  }

  /** Moves a denominator of one term into the numerator, where its exponents are negative. */
  private static NormalForm simplified(Polynomial num, Polynomial den, WorkLimit work) {
    if (den.terms().size() != 1 || den.equals(Polynomial.ONE)) {
      return new NormalForm(num, den);
    }
    Map.Entry<Monomial, Rational> only = den.terms().firstEntry();
    Monomial.Scaled inverse = only.getKey().power(-1);
    Polynomial factor =
        Polynomial.of(inverse.monomial(), inverse.coefficient().dividedBy(only.getValue()));
    return new NormalForm(num.times(factor, work), Polynomial.ONE);
  }

  static NormalForm power(NormalForm base, NormalForm exponent, WorkLimit work) {
    Rational value = exponent.constant();
    if (value == null) {
      return symbolicPower(base, exponent, work);
    }
    if (value.isInteger()) {
      if (value.num().bitLength() > 31) {
        throw new WorkLimit.Exceeded("an exponent above 31 bits");
      }
      Rational constant = base.constant();
      int n = value.num().intValueExact();
      if (constant != null) {
        work.spend(10);
        return of(constant.power(n));
      }
      NormalForm positive = n < 0 ? base.inverse(work) : base;
      int size = n == Integer.MIN_VALUE ? Integer.MAX_VALUE : Math.abs(n);
      return simplified(positive.num.power(size, work), positive.den.power(size, work), work);
    }
    return root(base, value, work);
  }

  /** A power whose exponent is no number: 2^(x+1) is 2·2^x, 8^x is (2^x)³. */
  private static NormalForm symbolicPower(NormalForm base, NormalForm exponent, WorkLimit work) {
    if (base.num.equals(Polynomial.ONE) && base.den.equals(Polynomial.ONE)) {
      return base;
    }
    NormalForm whole = opaque("(" + base + ")^(" + exponent + ")");
    if (!exponent.den.equals(Polynomial.ONE) || base.num.isZero()) {
      return whole;
    }
    boolean oneTerm = base.den.equals(Polynomial.ONE) && base.num.terms().size() == 1;
    TreeMap<String, Rational> bases = new TreeMap<>();
    if (oneTerm) {
      Rational coefficient = base.num.terms().firstEntry().getValue();
      base.num.terms().firstKey().atoms().forEach((atom, e) ->
          bases.put(isPositiveInteger(atom) ? atom.substring(1) : atom, e));
      TreeMap<String, Rational> primes = new TreeMap<>();
      factor(coefficient.num().abs(), Rational.ONE, primes, work);
      factor(coefficient.den(), Rational.MINUS_ONE, primes, work);
      primes.forEach((prime, e) -> bases.merge(prime.substring(1), e, Rational::plus));
      if (coefficient.signum() < 0) {
        bases.put("(-1)", Rational.ONE);
      }
    } else {
      bases.put("(" + base + ")", Rational.ONE);
    }
    NormalForm result = of(Rational.ONE);
    for (Map.Entry<Monomial, Rational> term : exponent.num.terms().entrySet()) {
      Rational factor = term.getValue();
      if (term.getKey().isUnit()) {
        result = result.times(power(base, of(factor), work), work);
        continue;
      }
      for (Map.Entry<String, Rational> part : bases.entrySet()) {
        boolean positive = Character.isDigit(part.getKey().charAt(0)) || isPositive(part.getKey());
        if (!positive && !(factor.isInteger() && part.getValue().isInteger())) {
          return whole;
        }
        NormalForm atom = opaque(part.getKey() + "^(" + term.getKey() + ")");
        Monomial.Scaled scaled = Monomial.reduce(new TreeMap<>(Map.of(
            atom.num.terms().firstKey().atoms().firstKey(), factor.times(part.getValue()))));
        result = result.times(
            new NormalForm(Polynomial.of(scaled.monomial(), scaled.coefficient()), Polynomial.ONE), work);
      }
    }
    return result;
  }

  /** A sum or product over a range: {@code sum(k, from, to, body)}. */
  static boolean isRange(Expr.Call call) {
    return call.args().size() == 4 && call.args().get(0) instanceof Expr.Sym
        && (call.function().equals("sum") || call.function().equals("prod"));
  }

  boolean isZero() {
    return num.isZero();
  }

  /** A power with an exponent that is no integer. */
  private static NormalForm root(NormalForm base, Rational exponent, WorkLimit work) {
    boolean oneTerm = base.den.equals(Polynomial.ONE) && base.num.terms().size() == 1;
    if (!oneTerm || exponent.den().bitLength() > 10 || exponent.num().bitLength() > 10) {
      return base.num.isZero() && exponent.signum() > 0
          ? base
          : opaque("(" + base + ")^(" + exponent + ")");
    }
    Monomial monomial = base.num.terms().firstKey();
    Rational coefficient = base.num.terms().firstEntry().getValue();
    boolean square = exponent.den().equals(BigInteger.TWO);
    TreeMap<String, Rational> atoms = new TreeMap<>();
    for (Map.Entry<String, Rational> entry : monomial.atoms().entrySet()) {
      boolean positive = isPositive(entry.getKey());
      // An even root of an even power is an absolute value, and that of i needs a choice of branch.
      boolean odd = entry.getValue().num().testBit(0) || exponent.den().testBit(0);
      if (!positive && (!odd || entry.getKey().equals(Monomial.IMAGINARY) || entry.getKey().charAt(0) == '{')) {
        return opaque("(" + base + ")^(" + exponent + ")");
      }
      atoms.put(entry.getKey(), entry.getValue().times(exponent));
    }
    if (coefficient.signum() < 0) {
      if (!square || !monomial.isUnit()) {
        return opaque("(" + base + ")^(" + exponent + ")");
      }
      atoms.merge(Monomial.IMAGINARY, Rational.of(exponent.num()), Rational::plus);
      coefficient = coefficient.negate();
    }
    factor(coefficient.num(), exponent, atoms, work);
    factor(coefficient.den(), exponent.negate(), atoms, work);
    Monomial.Scaled scaled = Monomial.reduce(atoms);
    return new NormalForm(Polynomial.of(scaled.monomial(), scaled.coefficient()), Polynomial.ONE);
  }

  /** An atom whose value is a positive number. */
  static boolean isPositive(String atom) {
    return atom.equals("pi") || atom.equals("e") || isPositiveInteger(atom);
  }

  private static boolean isPositiveInteger(String atom) {
    return atom.charAt(0) == '#' && !atom.equals(Monomial.IMAGINARY);
  }

  /** Adds the prime factors of n, each to the exponent; a cofactor too large to take apart stays whole. */
  static void factor(BigInteger n, Rational exponent, TreeMap<String, Rational> atoms, WorkLimit work) {
    if (n.bitLength() > MAX_ROOT_BITS) {
      throw new WorkLimit.Exceeded("a root of a number above " + MAX_ROOT_BITS + " bits");
    }
    BigInteger rest = n;
    for (int p = 2; p < TRIAL_PRIMES_BELOW && !rest.equals(BigInteger.ONE); p += p == 2 ? 1 : 2) {
      BigInteger prime = BigInteger.valueOf(p);
      work.spend(1 + rest.bitLength() / 512);
      BigInteger[] parts = rest.divideAndRemainder(prime);
      int count = 0;
      while (parts[1].signum() == 0) {
        rest = parts[0];
        count++;
        work.spend(1 + rest.bitLength() / 512);
        parts = rest.divideAndRemainder(prime);
      }
      if (count > 0) {
        atoms.merge("#" + p, exponent.times(Rational.of(count)), Rational::plus);
      } else if (parts[0].compareTo(prime) < 0) {
        break;
      }
    }
    if (rest.equals(BigInteger.ONE)) {
      return;
    }
    work.spend(1 + rest.bitLength() / 16);
    BigInteger[] root = rest.sqrtAndRemainder();
    if (root[1].signum() == 0) {
      atoms.merge("#" + root[0], exponent.times(Rational.of(2)), Rational::plus);
    } else {
      atoms.merge("#" + rest, exponent, Rational::plus);
    }
  }

  @Override
  public String toString() {
    return den.equals(Polynomial.ONE) ? num.toString() : "(" + num + ")/(" + den + ")";
  }
}
