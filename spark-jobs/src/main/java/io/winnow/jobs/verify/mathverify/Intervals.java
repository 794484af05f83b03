// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.math.Rational;
import io.winnow.jobs.verify.math.WorkLimit;
import java.util.List;

/** Two values in brackets: an interval, or a tuple where the second is not above the first. */
final class Intervals {
  private Intervals() {}

  static Term of(Term low, Term high, boolean openLow, boolean openHigh, WorkLimit work) throws UnreadFormulaException {
    if (hasImaginary(low) || hasImaginary(high)) {
      throw new UnreadFormulaException("an interval with a complex end");
    }
    boolean names = Numeric.hasNames(low) || Numeric.hasNames(high);
    if (names) {
      Term difference = Term.minus(high, low);
      Double gap = Symbolic.constant(difference, work);
      return gap != null && (gap < 0 || gap == 0 && (openLow || openHigh)) ? new Term.Const("∅")
          : new Term.Interval(low, high, openLow, openHigh);
    }
    int order = compare(high, low, work);
    if (order <= 0 && openLow != openHigh) {
      return new Term.Const("∅");
    }
    if (order == 0 && !openLow) {
      return new Term.Items(List.of(low));
    }
    return order <= 0 ? new Term.Tuple(List.of(low, high))
        : new Term.Interval(low, high, openLow || isInfinite(low, work), openHigh || isInfinite(high, work));
  }

  private static boolean isInfinite(Term term, WorkLimit work) {
    return Double.isInfinite(Numeric.at(Numeric.CONSTANTS, term, work).re());
  }

  private static boolean hasImaginary(Term term) {
    return term instanceof Term.Const c && c.name().equals("I") || term.parts().stream()
        .anyMatch(Intervals::hasImaginary);
  }

  /** Order of two constants; 1 where it is not known. */
  static int compare(Term a, Term b, WorkLimit work) {
    Rational exactA = Numbers.exact(Numbers.undecimal(a), work);
    Rational exactB = exactA == null ? null : Numbers.exact(Numbers.undecimal(b), work);
    if (exactB != null) {
      return exactA.compareTo(exactB);
    }
    Numeric x = Numeric.at(Numeric.CONSTANTS, a, work);
    Numeric y = Numeric.at(Numeric.CONSTANTS, b, work);
    if (!x.isKnown() || !y.isKnown()) {
      return 1;
    }
    return x.agrees(y) ? 0 : Double.compare(x.re(), y.re());
  }
}
