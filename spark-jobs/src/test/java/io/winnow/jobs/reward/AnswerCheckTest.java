// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.winnow.jobs.reward.AnswerCheck.Outcome;
import org.junit.jupiter.api.Test;

/** Answers as Open-R1's accuracy reads them, and as its length and cosine rewards do. */
class AnswerCheckTest {
  private static void check(String gold, String text, Outcome accuracy, Outcome length) {
    assertEquals(accuracy, AnswerCheck.openR1().of(Sample.of(text, gold)), () -> "accuracy of " + text);
    assertEquals(length, AnswerCheck.openR1Swapped().of(Sample.of(text, gold)), () -> "length of " + text);
  }

  @Test
  void aGoldMustBeAFormulaForLength() {
    check("42", "\\boxed{42}", Outcome.RIGHT, Outcome.NO_GOLD);
    check("42", "\\boxed{41}", Outcome.WRONG, Outcome.NO_GOLD);
    check("", "\\boxed{41}", Outcome.NO_GOLD, Outcome.NO_GOLD);
    check("$42$", "\\boxed{42}", Outcome.RIGHT, Outcome.RIGHT);
    check("\\boxed{42}", "\\boxed{42}", Outcome.RIGHT, Outcome.RIGHT);
  }

  /** Those rewards leave boxes within formulas to the grammar, behind the cleaning. */
  @Test
  void boxesWithinFormulasAreReadWhereTheyStand() {
    check("$x=1143$", "$\\boxed{x=1143}$", Outcome.RIGHT, Outcome.RIGHT);
    check("$(1213,1214)$", "$\\boxed{(1213,1214)}$", Outcome.RIGHT, Outcome.RIGHT);
    check("$\\{1,343\\}$", "$\\boxed{1,343}$ and $\\boxed{5}$", Outcome.WRONG, Outcome.WRONG);
    check("$5$", "$\\boxed{\\boxed{5}}$", Outcome.RIGHT, Outcome.RIGHT);
    // The unit goes with the box's end, and what is left cannot be read.
    check("$1351\\text{ cm}$", "$\\boxed{1351\\text{ cm}}$", Outcome.RIGHT, Outcome.WRONG);
    check("$1351\\text{ cm}$", "\\boxed{1351\\text{ cm}}", Outcome.RIGHT, Outcome.RIGHT);
  }

  @Test
  void whatNobodyReadsIsWrongAndEnds() {
    for (String text :
        new String[] {
          "$\\boxed{5$", "$\\boxed{\\boxed{5}$", "$" + "\\boxed{".repeat(10_000) + "5" + "}".repeat(10_000) + "$",
          "$" + "\\boxed{".repeat(10_000) + "$", "$" + "\\boxed{1},".repeat(10_000) + "$"
        }) {
      assertNotEquals(Outcome.UNKNOWN, AnswerCheck.openR1Swapped().of(Sample.of(text, "$7$")));
      assertEquals(Outcome.WRONG, AnswerCheck.openR1Swapped().of(Sample.of(text, "$7$")));
    }
  }
}
