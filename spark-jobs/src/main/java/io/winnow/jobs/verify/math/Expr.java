// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.List;

/**
 * What was read: a tree close to the text, nothing evaluated. A difference is a sum with a product by -1, a quotient
 * a product with a power of -1. Trees come from {@link MathReader}, which bounds their depth and size.
 */
public sealed interface Expr {
  /**
   * An exact number.
   *
   * @param decimals digits behind the point of a number that was written with one, else 0
   */
  record Num(Rational value, int decimals) implements Expr {
    Num(Rational value) {
      this(value, 0);
    }
  }

  /** Digits in a base from 2 to 36, as in {@code 1011_2}; they need not fit the base, then there is no value. */
  record Based(String digits, int base) implements Expr {
    boolean fits() {
      return digits.chars().allMatch(c -> Character.digit(c, base) >= 0);
    }
  }

  /** A number of percent: {@code 50\%} holds 50. */
  record Percent(Expr of) implements Expr {}

  /** An angle in degrees: {@code 30^\circ} holds 30. */
  record Degrees(Expr of) implements Expr {}

  /**
   * A variable or constant: one letter or a Greek name, with subscript and primes if any; {@code pi}, {@code e},
   * {@code i}.
   */
  record Sym(String name) implements Expr {}

  /** Words that are no mathematics, white space collapsed. */
  record Words(String text) implements Expr {}

  /**
   * A value with what stands behind it as a unit, for a whole text alone.
   *
   * @param unit words with powers and bars, in lower or upper case as written
   * @param product value times letter where the unit is a single letter and may be a variable, else null
   */
  record Measure(Expr value, String unit, Expr product) implements Expr {}

  record Sum(List<Expr> terms) implements Expr {}

  record Product(List<Expr> factors) implements Expr {}

  record Power(Expr base, Expr exponent) implements Expr {}

  /** A named function or operator: sin, log, abs, factorial, root(x, n), binomial(n, k), cup … */
  record Call(String function, List<Expr> args) implements Expr {}

  /** {@code left ± right}, or {@code left ∓ right} when {@code minusFirst}. */
  record PlusMinus(Expr left, Expr right, boolean minusFirst) implements Expr {}

  /** Several values. {@code openLeft} and {@code openRight} tell ( from [ and matter for BRACKETED alone. */
  record Seq(Kind kind, List<Expr> items, boolean openLeft, boolean openRight) implements Expr {}

  /** {@code sides[0] ops[0] sides[1] ops[1] …} with ops among = ≠ < ≤ > ≥ ∈ ≈. */
  record Relation(List<Expr> sides, List<String> ops) implements Expr {}

  /** How the values of a {@link Seq} belong together. */
  enum Kind {
    /** Bare, between commas: order does not matter. */
    LIST,
    /** In braces. */
    SET,
    /** In round or square brackets: a tuple, or an interval when there are two. */
    BRACKETED,
    /** A row of a matrix, or a matrix of rows. */
    MATRIX
  }

  /** What an expression is made of; nothing for a leaf. */
  static List<Expr> parts(Expr expr) {
    if (expr instanceof Sum sum) {
      return sum.terms();
    } else if (expr instanceof Product product) {
      return product.factors();
    } else if (expr instanceof Power power) {
      return List.of(power.base(), power.exponent());
    } else if (expr instanceof Call call) {
      return call.args();
    } else if (expr instanceof Measure measure) {
      return List.of(measure.value());
    } else if (expr instanceof Percent percent) {
      return List.of(percent.of());
    } else if (expr instanceof Degrees degrees) {
      return List.of(degrees.of());
    } else if (expr instanceof PlusMinus pm) {
      return List.of(pm.left(), pm.right());
    } else if (expr instanceof Seq seq) {
      return seq.items();
    } else if (expr instanceof Relation relation) {
      return relation.sides();
    }
    return List.of();
  }

  static Expr negate(Expr of) {
    return of instanceof Num num
        ? new Num(num.value().negate(), num.decimals())
        : new Product(List.of(new Num(Rational.MINUS_ONE), of));
  }

  static Expr quotient(Expr num, Expr den) {
    if (num instanceof Num a && den instanceof Num b && b.value().signum() != 0) {
      return new Num(a.value().dividedBy(b.value()));
    }
    return new Product(List.of(num, new Power(den, new Num(Rational.MINUS_ONE))));
  }
}
