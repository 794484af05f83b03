// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.WorkLimit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Whether two expressions with variables are equal: rational ones exactly ({@link Residue}), others by their values at
 * several seeded points, positive and negative, as variables are real. Stands in for sympy's {@code simplify}.
 */
final class Symbolic {
  private static final int POINTS = 10;
  private static final int ENOUGH = 4;

  private Symbolic() {}

  /** A point of pseudo-random values; {@link #of(String)} depends on the name and the point's number alone. */
  private record SeededPoint(int number) implements Numeric.Point {
    @Override
    public Numeric of(String name) {
      int mixed = (name.hashCode() * 31 + number * 0x632BE5AB + 0x1234567) * 0x9E3779B9;
      mixed ^= mixed >>> 15;
      mixed *= 0x85EBCA6B;
      double size = 0.3 + (mixed >>> 11) / (double) (1 << 20);
      // First all positive, where roots and logarithms are real, then all negative, then mixed.
      boolean negative = number == 1 || number > 1 && (mixed & 1) != 0;
      double real = negative ? -size : size;
      return Complex.isMarked(name) ? new Numeric(real, size * 0.7 - 0.9, 0) : Numeric.real(real);
    }
  }

  static Numeric.Point point(int number) {
    return new SeededPoint(number);
  }

  static boolean equal(Term a, Term b, WorkLimit work) {
    long left = Residue.of(a, work);
    long right = left == Residue.NONE ? Residue.NONE : Residue.of(b, work);
    if (right != Residue.NONE) {
      return left == right;
    }
    if (hasExtremum(a) != hasExtremum(b)) {
      // sympy sees no other form of a largest or smallest value.
      return false;
    }
    int known = 0;
    for (int i = 0; i < POINTS && known < ENOUGH; i++) {
      Numeric.Point point = point(i);
      Numeric x = Numeric.at(point, a, work);
      Numeric y = Numeric.at(point, b, work);
      if (x.isFinite() && y.isFinite()) {
        if (!x.agrees(y)) {
          return false;
        }
        // Values of which nothing is certain say nothing.
        known += x.error() < 1e-6 * (1 + x.size()) ? 1 : 0;
      }
    }
    return known >= 2 || key(a).equals(key(b));
  }

  private static boolean hasExtremum(Term term) {
    if (term instanceof Term.Call call && (call.function().equals("max") || call.function().equals("min"))
        && Numeric.hasNames(call)) {
      String first = key(call.args().get(0));
      return call.args().stream().anyMatch(arg -> !key(arg).equals(first));
    }
    List<Term> parts = term.parts();
    for (int i = 0; i < parts.size(); i++) {
      if (hasExtremum(parts.get(i))) {
        return true;
      }
    }
    return false;
  }

  /** The value of an expression that is the same at all points, else null. */
  static Double constant(Term term, WorkLimit work) {
    Numeric first = Numeric.at(point(0), term, work);
    for (int i = 1; i < 4; i++) {
      Numeric next = Numeric.at(point(i), term, work);
      if (!first.isReal() || !next.isReal() || !first.agrees(next)) {
        return null;
      }
    }
    return Math.abs(first.re()) <= 8 * first.error() ? 0.0 : first.re();
  }

  /** Its structure with the order of sums and products forgotten: equal keys mean equal terms. */
  static String key(Term term) {
    if (term instanceof Term.Num || term instanceof Term.Sym || term instanceof Term.Const) {
      return term.toString();
    }
    List<String> parts = new ArrayList<>();
    term.parts().forEach(part -> parts.add(key(part)));
    if (term instanceof Term.Sum || term instanceof Term.Product || term instanceof Term.Items) {
      Collections.sort(parts);
    }
    String name = term.getClass().getSimpleName();
    if (term instanceof Term.Call call) {
      name += call.function();
    } else if (term instanceof Term.Applied applied) {
      name += applied.name();
    } else if (term instanceof Term.Relation relation) {
      name += relation.op();
    } else if (term instanceof Term.SetOp op) {
      name += op.op();
    } else if (term instanceof Term.Interval interval) {
      name += interval.openLow() + "" + interval.openHigh();
    } else if (term instanceof Term.Matrix matrix) {
      name += matrix.rows().size();
    }
    return name + parts;
  }
}
