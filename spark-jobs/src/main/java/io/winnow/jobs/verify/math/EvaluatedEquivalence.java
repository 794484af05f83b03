// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import io.winnow.jobs.verify.math.Decision.Outcome;
import java.util.Set;

/**
 * Decides by {@link Evaluation} where normal forms do not: two expressions are different when they are certainly
 * apart at a point, equal when they agree in 128 bits at all points where both have a value, at least three of them
 * (one for constants), and undecided else.
 *
 * <p>Expressions that agree for positive values and not for negative ones stay undecided: √(x²) is x for those who
 * think of lengths.
 */
final class EvaluatedEquivalence {
  private static final int AGREED_BITS = 128;
  private static final int ENOUGH_POINTS = 3;
  private static final String KIND = "evaluation";

  private EvaluatedEquivalence() {}

  /**
   * Compares at the points.
   *
   * @param forms both sides in a few words, for the detail
   */
  static Decision compare(Expr gold, Expr answer, String forms, WorkLimit work) {
    Set<String> variables = Evaluation.variables(gold);
    variables.addAll(Evaluation.variables(answer));
    if (variables.isEmpty()) {
      Outcome outcome = at(0, gold, answer, work);
      return outcome == Outcome.UNKNOWN
          ? Decision.unknown("expression", "not decided: " + forms)
          : new Decision(outcome, KIND, (outcome == Outcome.EQUAL ? "the same 128 bits: " : "not the same: ") + forms);
    }
    int agreed = 0;
    int first = Evaluation.isOfIntegers(gold, answer) ? Evaluation.POSITIVE_POINTS + Evaluation.SIGNED_POINTS : 0;
    for (int point = first; point < Evaluation.POINTS; point++) {
      boolean integers = point >= Evaluation.POSITIVE_POINTS + Evaluation.SIGNED_POINTS;
      if (integers && agreed >= ENOUGH_POINTS) {
        break;
      }
      Outcome outcome = at(point, gold, answer, work);
      if (outcome == Outcome.DIFFERENT && point >= Evaluation.POSITIVE_POINTS && agreed > 0 && !integers) {
        return Decision.unknown("expression", "equal for positive values, not for negative ones: " + forms);
      }
      if (outcome == Outcome.DIFFERENT) {
        return new Decision(Outcome.DIFFERENT, KIND, "not the same at " + at(point, variables) + ": " + forms);
      }
      agreed += outcome == Outcome.EQUAL ? 1 : 0;
    }
    return agreed >= ENOUGH_POINTS
        ? new Decision(Outcome.EQUAL, KIND, "the same 128 bits at " + agreed + " points: " + forms)
        : Decision.unknown("expression", "not decided: " + forms);
  }

  private static Outcome at(int point, Expr gold, Expr answer, WorkLimit work) {
    ComplexBall a = new Evaluation(point, work).of(gold);
    if (!a.isKnown()) {
      return Outcome.UNKNOWN;
    }
    ComplexBall b = new Evaluation(point, work).of(answer);
    if (!b.isKnown()) {
      return Outcome.UNKNOWN;
    }
    return a.isApartFrom(b) ? Outcome.DIFFERENT : a.agreesWith(b, AGREED_BITS) ? Outcome.EQUAL : Outcome.UNKNOWN;
  }

  private static String at(int point, Set<String> variables) {
    StringBuilder out = new StringBuilder();
    for (String name : variables) {
      out.append(out.isEmpty() ? "" : ", ").append(name).append(" = ").append(Evaluation.valueOf(name, point));
    }
    return out.toString();
  }
}
