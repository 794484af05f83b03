// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.math.BigInteger;
import java.util.Map;
import java.util.TreeMap;

/**
 * A product of atoms with rational exponents, none zero. An atom is a symbol ({@code x}, {@code pi}); {@code #n} the
 * positive real root-carrying integer n, always with an exponent between 0 and 1; {@code #i} the imaginary unit,
 * with exponent 1; or {@code {...}} the canonical text of something that is not taken apart.
 *
 * @param atoms by name; not changed after construction
 */
record Monomial(TreeMap<String, Rational> atoms) implements Comparable<Monomial> {
  static final Monomial UNIT = new Monomial(new TreeMap<>());
  static final String IMAGINARY = "#i";

  /** A coefficient that came out of a product of monomials, with the monomial that is left. */
  record Scaled(Rational coefficient, Monomial monomial) {}

  static Monomial of(String atom, Rational exponent) {
    TreeMap<String, Rational> atoms = new TreeMap<>();
    atoms.put(atom, exponent);
    return new Monomial(atoms);
  }

  boolean isUnit() {
    return atoms.isEmpty();
  }

  /** Their product; whole powers of integers and of i² = -1 go into the coefficient. */
  Scaled times(Monomial other) {
    if (isUnit()) {
      return new Scaled(Rational.ONE, other);
    }
    if (other.isUnit()) {
      return new Scaled(Rational.ONE, this);
    }
    TreeMap<String, Rational> sum = new TreeMap<>(atoms);
    other.atoms.forEach((atom, exponent) -> sum.merge(atom, exponent, Rational::plus));
    return reduce(sum);
  }

  /** This to an integer power. */
  Scaled power(long exponent) {
    TreeMap<String, Rational> scaled = new TreeMap<>();
    Rational factor = Rational.of(exponent);
    atoms.forEach((atom, e) -> scaled.put(atom, e.times(factor)));
    return reduce(scaled);
  }

  /** Brings exponents of number atoms into their range and drops zero exponents. */
  static Scaled reduce(TreeMap<String, Rational> atoms) {
    Rational coefficient = Rational.ONE;
    TreeMap<String, Rational> left = new TreeMap<>();
    for (Map.Entry<String, Rational> entry : atoms.entrySet()) {
      String atom = entry.getKey();
      Rational exponent = entry.getValue();
      if (atom.equals(IMAGINARY)) {
        int quarter = exponent.num().mod(BigInteger.valueOf(4)).intValue();
        coefficient = quarter >= 2 ? coefficient.negate() : coefficient;
        exponent = Rational.of(quarter & 1);
      } else if (atom.charAt(0) == '#') {
        BigInteger[] parts = exponent.num().divideAndRemainder(exponent.den());
        BigInteger whole = parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
        if (whole.bitLength() > 31) {
          throw new WorkLimit.Exceeded("an exponent above 31 bits");
        }
        Rational base = Rational.of(new BigInteger(atom.substring(1)));
        coefficient = coefficient.times(base.power(whole.longValue()));
        exponent = exponent.minus(Rational.of(whole));
      }
      if (exponent.signum() != 0) {
        left.put(atom, exponent);
      }
    }
    return new Scaled(coefficient, new Monomial(left));
  }

  @Override
  public int compareTo(Monomial other) {
    var mine = atoms.entrySet().iterator();
    var theirs = other.atoms.entrySet().iterator();
    while (mine.hasNext() && theirs.hasNext()) {
      Map.Entry<String, Rational> a = mine.next();
      Map.Entry<String, Rational> b = theirs.next();
      int order = a.getKey().compareTo(b.getKey());
      order = order != 0 ? order : b.getValue().compareTo(a.getValue());
      if (order != 0) {
        return order;
      }
    }
    // The longer one first, so that constants come last as people write them.
    return mine.hasNext() ? -1 : theirs.hasNext() ? 1 : 0;
  }

  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    atoms.forEach((atom, exponent) -> {
      out.append(out.isEmpty() ? "" : "*").append(atom.equals(IMAGINARY) ? "i" : atom.startsWith("#")
          ? atom.substring(1) : atom);
      if (!exponent.equals(Rational.ONE)) {
        out.append(exponent.isInteger() && exponent.signum() > 0 ? "^" + exponent : "^(" + exponent + ")");
      }
    });
    return out.toString();
  }
}
