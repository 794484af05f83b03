// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Decision.Outcome;
import java.math.BigInteger;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Compares two single values: by normal forms, by rounding where one is a decimal number, by evaluation where nothing
 * else decides.
 */
final class ValueEquivalence {
  private static final int POINTS = 4;
  /** One letter that stands for a unit as easily as for a variable. */
  private static final Set<String> UNIT_LETTERS =
      Set.of("am", "pm", "m", "g", "s", "h", "l", "L", "t", "d", "c", "N", "J", "W", "V", "A", "K", "C", "F");
  /** Decimals from which on a decimal number stands for the value that it rounds. */
  private static final int ROUNDING_DECIMALS = 6;
  /** Digits after leading zeros that such a number has at least, so that 0.000002 is no rounding of 0.0000016. */
  private static final int ROUNDING_DIGITS = 5;

  private final WorkLimit work;

  ValueEquivalence(WorkLimit work) {
    this.work = work;
  }

  /** Compares; throws {@link UnreadableException} or {@link ArithmeticException} where the gold has no value. */
  Decision compare(Expr gold, Expr answer) throws UnreadableException {
    Expr left = gold;
    Expr right = answer;
    if (has(left, "i") && !has(left, "I") && has(right, "I") && !has(right, "i")) {
      right = Substitution.renamed(right, "I", "i");
    } else if (has(right, "i") && !has(right, "I") && has(left, "I") && !has(left, "i")) {
      left = Substitution.renamed(left, "I", "i");
    }
    if (left instanceof Expr.Sum sum && sum.terms().contains(new Expr.Sym("C")) && !has(left, "c")
        && !has(right, "C")) {
      // A constant of integration goes by either.
      right = Substitution.renamed(right, "c", "C");
    }
    Decision decision = decide(left, right);
    if (decision.outcome() == Outcome.DIFFERENT && hasCommonLog(left) != hasCommonLog(right)) {
      Decision natural = decide(Substitution.withNaturalLog(left), Substitution.withNaturalLog(right));
      if (natural.outcome() != Outcome.DIFFERENT) {
        return Decision.unknown("expression", "equal if log is the natural logarithm: " + decision.detail());
      }
    }
    return decision;
  }

  private Decision decide(Expr gold, Expr answer) throws UnreadableException {
    NormalForm a = null;
    NormalForm b = null;
    String limit = null;
    // Half of what is left at most, so that evaluation can still decide.
    WorkLimit share = new WorkLimit(work.left() / 2);
    int given = share.left();
    try {
      a = goldForm(gold, share);
      try {
        b = NormalForm.of(answer, share);
      } catch (UnreadableException e) {
        throw new UnreadableException("the answer has no value: " + e.getMessage());
      } catch (ArithmeticException e) {
        return new Decision(Outcome.DIFFERENT, "number", "the gold is " + a + ", the answer has no value: "
            + e.getMessage());
      }
      Decision exact = exact(gold, answer, a, b, share);
      if (exact != null) {
        return exact;
      }
    } catch (WorkLimit.Exceeded e) {
      limit = e.getMessage();
    } finally {
      work.spend(given - Math.max(0, share.left()));
    }
    String forms = limit == null ? "gold " + a + ", answer " + b : "limit: " + limit;
    Decision rounded = rounded(gold, answer);
    if (rounded != null) {
      return rounded;
    }
    for (int point = 0; point < POINTS && limit == null && !Evaluation.isOfIntegers(gold, answer); point++) {
      if (Approximation.at(point, gold, work).isApartFrom(Approximation.at(point, answer, work))) {
        return different(a, b, forms);
      }
    }
    Decision evaluated = EvaluatedEquivalence.compare(gold, answer, forms, work);
    return evaluated.outcome() == Outcome.DIFFERENT && limit == null ? different(a, b, evaluated.detail()) : evaluated;
  }

  private static NormalForm goldForm(Expr gold, WorkLimit share) throws UnreadableException {
    try {
      return NormalForm.of(gold, share);
    } catch (UnreadableException | ArithmeticException e) {
      throw new UnreadableException("the gold has no value: " + e.getMessage());
    }
  }

  /** What normal forms decide, or null. */
  private Decision exact(Expr gold, Expr answer, NormalForm a, NormalForm b, WorkLimit share)
      throws UnreadableException {
    Rational x = a.constant();
    Rational y = b.constant();
    if (x != null && y != null) {
      Decision rounded = x.equals(y) ? null : rounded(gold, answer);
      return rounded == null ? Decision.of(x.equals(y), "number", x, y) : rounded;
    }
    Polynomial difference = a.crossDifference(b, share);
    if (difference.isZero()) {
      return Decision.of(true, "expression", a, b);
    }
    String goldLetter = unitLetter(b, a);
    if (goldLetter != null && !goldLetter.endsWith("m")) {
      // 27d is 27 times d: a unit would stand apart.
      return different(a, b, "gold " + a + ", answer " + b);
    }
    if (goldLetter != null || unitLetter(a, b) != null) {
      return Decision.unknown("expression", "a letter after the number may be a unit: gold " + a + ", answer " + b);
    }
    if (infinite(a) || infinite(b)) {
      return Decision.of(false, "expression", a, b);
    }
    if (!difference.independentAtoms()) {
      return null;
    }
    Decision rounded = rounded(gold, answer);
    return rounded == null ? different(a, b, "gold " + a + ", answer " + b) : rounded;
  }

  private static Decision different(NormalForm a, NormalForm b, String detail) {
    if (a.toString().equalsIgnoreCase(b.toString())) {
      return Decision.unknown("expression", "the same but for upper and lower case: " + detail);
    }
    return Decision.of(false, "expression", a, b);
  }

  /** Equal when one is a decimal number of enough digits that rounds or cuts the other; else null. */
  private Decision rounded(Expr gold, Expr answer) {
    Decision decision = rounds(answer, gold);
    return decision == null ? rounds(gold, answer) : decision;
  }

  private Decision rounds(Expr decimal, Expr value) {
    if (!(decimal instanceof Expr.Num num) || num.decimals() < ROUNDING_DECIMALS) {
      return null;
    }
    BigInteger digits = num.value().times(Rational.of(10).power(num.decimals())).num();
    if (digits.abs().toString().length() < ROUNDING_DIGITS
        || (value instanceof Expr.Num other && other.decimals() > 0 && other.decimals() <= num.decimals())
        || !Evaluation.variables(value).isEmpty()) {
      return null;
    }
    BigInteger size = digits.abs();
    if (value instanceof Expr.Num exact) {
      Rational scaled = exact.value().times(Rational.of(10).power(num.decimals()));
      Rational above = scaled.signum() < 0 ? scaled.negate() : scaled;
      boolean same = digits.signum() == scaled.signum()
          && (size.equals(whole(above)) || size.equals(whole(above.plus(Rational.HALF))));
      return same ? rounded(num, exact.value()) : null;
    }
    ComplexBall ball = new Evaluation(0, work).of(value);
    if (!ball.isKnown() || !ball.isReal() || ball.re().size() > 200 || num.decimals() > 60) {
      return null;
    }
    Ball scaled = ball.re().abs().times(Ball.of(Rational.of(10).power(num.decimals())));
    boolean same = digits.signum() == ball.re().middle().signum()
        && (size.equals(scaled.floor()) || size.equals(scaled.plus(BallFunctions.HALF).floor()));
    return same ? rounded(num, ball.re()) : null;
  }

  private static BigInteger whole(Rational positive) {
    return positive.num().divide(positive.den());
  }

  private static Decision rounded(Expr.Num decimal, Object value) {
    return new Decision(
        Outcome.EQUAL, "rounded", decimal.value() + " is " + value + " to " + decimal.decimals() + " decimals");
  }

  private static boolean has(Expr expr, String name) {
    return any(expr, part -> part instanceof Expr.Sym sym && sym.name().equals(name));
  }

  private static boolean hasCommonLog(Expr expr) {
    return any(expr, part -> part instanceof Expr.Call call && call.function().equals("log")
        && call.args().size() == 1);
  }

  static boolean any(Expr expr, Predicate<Expr> test) {
    return test.test(expr) || Expr.parts(expr).stream().anyMatch(part -> any(part, test));
  }

  /** Whether this is ∞ or -∞ alone. */
  private static boolean infinite(NormalForm form) {
    return form.den().equals(Polynomial.ONE) && form.num().terms().size() == 1
        && form.num().terms().firstKey().equals(Monomial.of("∞", Rational.ONE));
  }

  /** The letter, where one is the other with a letter that may be a unit; else null. */
  private static String unitLetter(NormalForm number, NormalForm withLetter) {
    if (number.constant() == null || !withLetter.den().equals(Polynomial.ONE) || withLetter.num().terms().size() != 1) {
      return null;
    }
    Monomial monomial = withLetter.num().terms().firstKey();
    return monomial.atoms().size() == 1 && UNIT_LETTERS.contains(monomial.atoms().firstKey())
        && withLetter.num().terms().firstEntry().getValue().equals(number.constant())
        ? monomial.atoms().firstKey() : null;
  }
}
