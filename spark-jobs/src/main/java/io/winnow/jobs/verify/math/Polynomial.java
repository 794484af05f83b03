// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A sum of monomials with rational coefficients, none zero: a normal form, so equal sums have equal terms.
 *
 * @param terms not changed after construction
 */
record Polynomial(TreeMap<Monomial, Rational> terms) {
  static final Polynomial ZERO = new Polynomial(new TreeMap<>());
  static final Polynomial ONE = of(Rational.ONE);

  static Polynomial of(Rational value) {
    return of(Monomial.UNIT, value);
  }

  static Polynomial of(Monomial monomial, Rational coefficient) {
    TreeMap<Monomial, Rational> terms = new TreeMap<>();
    if (coefficient.signum() != 0) {
      terms.put(monomial, coefficient);
    }
    return new Polynomial(terms);
  }

  boolean isZero() {
    return terms.isEmpty();
  }

  /** The value when there are no atoms, else null. */
  Rational constant() {
    if (terms.isEmpty()) {
      return Rational.ZERO;
    }
    return terms.size() == 1 && terms.firstKey().isUnit() ? terms.firstEntry().getValue() : null;
  }

  Polynomial plus(Polynomial other, WorkLimit work) {
    work.spend(other.terms.size() + 1);
    TreeMap<Monomial, Rational> sum = new TreeMap<>(terms);
    other.terms.forEach((monomial, coefficient) -> add(sum, monomial, coefficient));
    return checked(sum);
  }

  /** The sum of all, in one pass. */
  static Polynomial sum(List<Polynomial> parts, WorkLimit work) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    TreeMap<Monomial, Rational> sum = new TreeMap<>();
    for (Polynomial part : parts) {
      work.spend(part.terms.size() + 1);
      part.terms.forEach((monomial, coefficient) -> add(sum, monomial, coefficient));
    }
    return checked(sum);
  }

  Polynomial negate() {
    TreeMap<Monomial, Rational> result = new TreeMap<>();
    terms.forEach((monomial, coefficient) -> result.put(monomial, coefficient.negate()));
    return new Polynomial(result);
  }

  Polynomial times(Polynomial other, WorkLimit work) {
    TreeMap<Monomial, Rational> product = new TreeMap<>();
    for (Map.Entry<Monomial, Rational> a : terms.entrySet()) {
      for (Map.Entry<Monomial, Rational> b : other.terms.entrySet()) {
        work.spend(20 + size(a.getValue()) + size(b.getValue()));
        Monomial.Scaled scaled = a.getKey().times(b.getKey());
        add(product, scaled.monomial(), a.getValue().times(b.getValue()).times(scaled.coefficient()));
      }
      checked(product);
    }
    return new Polynomial(product);
  }

  /** Steps that arithmetic with this number costs: none for small ones, quadratic in its length for large ones. */
  static int size(Rational value) {
    int words = (value.num().bitLength() + value.den().bitLength()) >> 6;
    return words * words >> 4;
  }

  /** This to a power of at least 0. */
  Polynomial power(int exponent, WorkLimit work) {
    if (terms.size() == 1) {
      Monomial.Scaled scaled = terms.firstKey().power(exponent);
      return of(scaled.monomial(), terms.firstEntry().getValue().power(exponent).times(scaled.coefficient()));
    }
    if (exponent > 64) {
      throw new WorkLimit.Exceeded("a sum to the power " + exponent);
    }
    Polynomial result = ONE;
    for (int i = 0; i < exponent; i++) {
      result = result.times(this, work);
    }
    return result;
  }

  /**
   * Whether atoms are such that a polynomial with any term left is certainly not zero: variables, at most one of π
   * and e, i, and roots of primes, which are linearly independent over the rationals (Besicovitch 1940). Anything
   * opaque is not.
   */
  boolean independentAtoms() {
    Set<String> atoms = atoms();
    for (String atom : atoms) {
      if (atom.charAt(0) == '{' || atom.equals("∞") || atom.equals("∅")) {
        return false;
      }
      if (atom.charAt(0) == '#' && !atom.equals(Monomial.IMAGINARY)) {
        BigInteger base = new BigInteger(atom.substring(1));
        if (base.bitLength() > 128 || !base.isProbablePrime(40)) {
          return false;
        }
      }
    }
    return !(atoms.contains("pi") && atoms.contains("e"));
  }

  Set<String> atoms() {
    Set<String> atoms = new TreeSet<>();
    terms.keySet().forEach(monomial -> atoms.addAll(monomial.atoms().keySet()));
    return atoms;
  }

  private static void add(TreeMap<Monomial, Rational> terms, Monomial monomial, Rational coefficient) {
    Rational sum = terms.getOrDefault(monomial, Rational.ZERO).plus(coefficient);
    if (sum.signum() == 0) {
      terms.remove(monomial);
    } else {
      terms.put(monomial, sum);
    }
  }

  private static Polynomial checked(TreeMap<Monomial, Rational> terms) {
    if (terms.size() > WorkLimit.MAX_TERMS) {
      throw new WorkLimit.Exceeded("more than " + WorkLimit.MAX_TERMS + " terms");
    }
    return new Polynomial(terms);
  }

  @Override
  public String toString() {
    if (terms.isEmpty()) {
      return "0";
    }
    StringBuilder out = new StringBuilder();
    terms.forEach((monomial, coefficient) -> {
      Rational size = coefficient.signum() < 0 ? coefficient.negate() : coefficient;
      out.append(coefficient.signum() < 0 ? "-" : out.isEmpty() ? "" : "+");
      if (monomial.isUnit()) {
        out.append(size);
      } else {
        out.append(size.equals(Rational.ONE) ? "" : size + "*").append(monomial);
      }
    });
    return out.toString();
  }
}
