// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.List;

/**
 * What was read: a tree close to the text, nothing evaluated. A difference is a sum with a product by -1, a quotient
 * a product with a power of -1. Trees come from {@link MathReader}, which bounds their depth and size.
 */
public sealed interface Expr {
  /** An exact number. */
  record Num(Rational value) implements Expr {}

  /** Digits in a base from 2 to 36, as in {@code 1011_2}; digits are lower case and fit the base. */
  record Based(String digits, int base) implements Expr {}

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

  static Expr negate(Expr of) {
    return of instanceof Num num
        ? new Num(num.value().negate())
        : new Product(List.of(new Num(Rational.MINUS_ONE), of));
  }

  static Expr quotient(Expr num, Expr den) {
    if (num instanceof Num a && den instanceof Num b && b.value().signum() != 0) {
      return new Num(a.value().dividedBy(b.value()));
    }
    return new Product(List.of(num, new Power(den, new Num(Rational.MINUS_ONE))));
  }
}
