// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import java.util.ArrayList;
import java.util.List;

/**
 * What a formula says, as Math-Verify understands it: numbers, expressions, sets, tuples, intervals, matrices and
 * relations. Close to the text; nothing is evaluated but plain fractions of numbers, because whether a thing is a
 * number or an unevaluated product decides how it is compared.
 */
interface Term {
  Num ZERO = new Num(Rational.ZERO, false);
  Num ONE = new Num(Rational.ONE, false);
  Num MINUS_ONE = new Num(Rational.of(-1), false);
  Const INFINITY = new Const("oo");

  /** A number; {@code decimal} when it was written with a point, which makes comparison round. */
  record Num(Rational value, boolean decimal) implements Term {
    boolean isInteger() {
      return !decimal && value.isInteger();
    }
  }

  /** A constant: pi, E, I, EulerGamma, oo, zoo, nan; or a set of numbers: R, N, Z, Q, C, ∅. */
  record Const(String name) implements Term {}

  /** A variable by its lower-case name. */
  record Sym(String name) implements Term {}

  record Sum(List<Term> terms) implements Term {}

  record Product(List<Term> factors) implements Term {}

  record Power(Term base, Term exponent) implements Term {}

  /** A known function of values: sin, log(x, base), abs, factorial … */
  record Call(String function, List<Term> args) implements Term {}

  /** A named function that nothing is known of: f(x). The name has its case. */
  record Applied(String name, List<Term> args) implements Term {}

  /** A number of percent, kept as written. */
  record Percent(Term of) implements Term {}

  /** Three or more values in brackets, or two that make no interval. */
  record Tuple(List<Term> items) implements Term {}

  record Interval(Term low, Term high, boolean openLow, boolean openHigh) implements Term {}

  /** A finite set, as written; equal members are kept. */
  record Items(List<Term> items) implements Term {}

  /** Union, intersection ("cup", "cap") or difference ("minus") of sets. */
  record SetOp(String op, Term left, Term right) implements Term {}

  record Matrix(List<List<Term>> rows) implements Term {}

  /** One comparison; {@code op} is one of = ≠ < ≤ > ≥. */
  record Relation(String op, Term left, Term right) implements Term {}

  /** A chain of comparisons. */
  record And(List<Relation> relations) implements Term {}

  /** What is denied: {@code x \notin S}. */
  record Not(Term of) implements Term {}

  static Num number(long value) {
    return new Num(Rational.of(value), false);
  }

  static Term negate(Term of) {
    if (of instanceof Num num) {
      return new Num(num.value().negate(), num.decimal());
    }
    return new Product(List.of(MINUS_ONE, of));
  }

  static Term minus(Term a, Term b) {
    return new Sum(List.of(a, negate(b)));
  }

  /** A quotient; that of two exact numbers is a number, as is one by zero. */
  static Term quotient(Term a, Term b) {
    if (a instanceof Num n && b instanceof Num d && !n.decimal() && !d.decimal()) {
      if (d.value().signum() == 0) {
        return new Const(n.value().signum() == 0 ? "nan" : "zoo");
      }
      return new Num(n.value().dividedBy(d.value()), false);
    }
    return new Product(List.of(a, new Power(b, MINUS_ONE)));
  }

  static Term product(List<Term> factors) {
    return factors.size() == 1 ? factors.get(0) : new Product(factors);
  }

  /** Whether it is a set, tuple or interval, or an operation on such. */
  default boolean isCollection() {
    return this instanceof Items || this instanceof Tuple || this instanceof Interval || this instanceof SetOp
        || this instanceof Const c && isSetName(c.name());
  }

  /** Whether it is a value that arithmetic is done with. */
  default boolean isValue() {
    return !isCollection() && !isRelational() && !(this instanceof Matrix);
  }

  default boolean isRelational() {
    return this instanceof Relation || this instanceof And || this instanceof Not;
  }

  static boolean isSetName(String name) {
    return switch (name) {
      case "R", "N", "Z", "Q", "C", "∅" -> true;
      default -> false;
    };
  }

  /** The parts of which this is made. */
  default List<Term> parts() {
    if (this instanceof Sum t) {
      return t.terms();
    } else if (this instanceof Product t) {
      return t.factors();
    } else if (this instanceof Power t) {
      return List.of(t.base(), t.exponent());
    } else if (this instanceof Call t) {
      return t.args();
    } else if (this instanceof Applied t) {
      return t.args();
    } else if (this instanceof Percent t) {
      return List.of(t.of());
    } else if (this instanceof Tuple t) {
      return t.items();
    } else if (this instanceof Interval t) {
      return List.of(t.low(), t.high());
    } else if (this instanceof Items t) {
      return t.items();
    } else if (this instanceof SetOp t) {
      return List.of(t.left(), t.right());
    } else if (this instanceof Matrix t) {
      List<Term> all = new ArrayList<>();
      t.rows().forEach(all::addAll);
      return all;
    } else if (this instanceof Relation t) {
      return List.of(t.left(), t.right());
    } else if (this instanceof And t) {
      return List.copyOf(t.relations());
    } else if (this instanceof Not t) {
      return List.of(t.of());
    }
    return List.of();
  }
}
