// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Majorities by meaning, several golds, suspicious golds, pass@k. */
class MajorityTest {
  private static final AnswerEquality MATH = AnswerEquality.byMathematics();

  private static Majority of(AnswerEquality equality, String... answers) {
    return Majority.of(Arrays.asList(answers), equality);
  }

  @Test
  void answersThatMeanTheSameVoteTogether() {
    Majority m = of(MATH, "1/2", "0.5", "\\frac{1}{2}", "2", "2.0", null);
    assertEquals(3, m.votes());
    assertEquals(6, m.samples());
    assertEquals(5, m.answered());
    assertEquals(1, m.margin());
    assertEquals(2, m.classes());
    assertEquals(0.5, m.share());
    assertFalse(m.tie());
    assertFalse(m.unanimous());
    assertArrayEquals(new boolean[] {true, true, true, false, false, false}, m.members());
    // As often as the others of its class, and as short as 1/2: the first in the alphabet.
    assertEquals("0.5", m.answer());
    assertEquals("x", of(MATH, "x", "x", "y").answer());
  }

  @Test
  void withoutAnswersThereIsNone() {
    Majority m = of(MATH, null, null);
    assertNull(m.answer());
    assertEquals(0, m.votes());
    assertFalse(m.tie());
    assertFalse(m.unanimous());
    assertEquals(0, of(MATH).share());
    assertFalse(of(MATH, "4", null).unanimous(), "one answer agrees with nobody");
    assertTrue(of(MATH, "4", null, "4.0").unanimous());
    assertTrue(of(MATH, "4", "5").tie());
  }

  @Test
  void theOrderOfTheSamplesDoesNotCount() {
    long seed = Long.getLong("winnow.seed", 11L);
    List<String> answers = new ArrayList<>(List.of("1/2", "0.5", "2", "2.0", "3", "x", "x+0", "7", "0.50"));
    answers.add(null);
    Majority expected = Majority.of(answers, MATH);
    Random random = new Random(seed);
    for (int i = 0; i < 20; i++) {
      Collections.shuffle(answers, random);
      Majority got = Majority.of(answers, MATH);
      assertEquals(expected.answer(), got.answer(), "seed " + seed);
      assertEquals(expected.votes(), got.votes(), "seed " + seed);
      assertEquals(expected.margin(), got.margin(), "seed " + seed);
    }
  }

  /** 1, 1.4, 1.8 … are each equal to the next, and make no chain. */
  @Test
  void eachMemberEqualsItsLeader() {
    AnswerEquality near = AnswerEquality.by(new VerifierSpec("numeric", Map.of("abs", "0.5")));
    Majority m = of(near, "1", "1.4", "1.8", "2.2", "2.6", "1");
    // 1 leads (twice there) with 1.4; 1.8 leads 2.2; 2.6 is near 2.2 alone, which leads nobody.
    assertEquals("1", m.answer());
    assertEquals(3, m.votes());
    assertArrayEquals(new boolean[] {true, true, false, false, false, true}, m.members());
    assertEquals(3, m.classes());
  }

  @Test
  void undecidedIsDifferent() {
    AnswerEquality numbers = AnswerEquality.by(new VerifierSpec("numeric", Map.of()));
    Majority m = of(numbers, "\\sqrt{2}", "\\sqrt{3}", "\\sqrt{2}");
    assertEquals(2, m.votes());
    assertEquals(2, m.classes());
  }

  @Test
  void everyVerifierHasItsMeaning() {
    AnswerEquality letters = AnswerEquality.by(new VerifierSpec("choice", Map.of()));
    assertEquals("B", letters.extract("I think the answer is (B), because of that.\nIt is so."));
    assertTrue(letters.same("(b)", "B."));
    assertEquals("4", MATH.extract("<think>5</think> so \\boxed{4}"));
    assertNull(MATH.extract(null));
    assertNull(MATH.extract(""));
    AnswerEquality whole = AnswerEquality.by(new VerifierSpec("exact", Map.of("extract", "whole")));
    assertEquals("a\nb", whole.extract("<think>?</think>a\nb"));
    assertTrue(whole.same("a\nb", "a\nb"));
    assertFalse(whole.same("a", "b"));
  }

  @Test
  void manyClassesEndTheComparing() {
    List<String> answers = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      answers.add(String.valueOf(i));
    }
    answers.add("1999");
    Majority m = Majority.of(answers, MATH);
    assertEquals("1999", m.answer());
    assertEquals(2000, m.classes());
  }

  @Test
  void anyOfSeveralGoldsIsRight() {
    Verifier math = Verifiers.byName("math", Map.of());
    assertEquals(Verdict.Value.CORRECT, AnyGold.verify(math, List.of("3", "4"), "\\boxed{4}", false).value());
    Verdict none = AnyGold.verify(math, List.of("3", "4"), "\\boxed{5}", false);
    assertEquals(Verdict.Value.INCORRECT, none.value());
    assertTrue(none.detail().endsWith("(any of 3 | 4)"), none.detail());
    assertEquals(Verdict.Value.UNDECIDED, AnyGold.verify(math, List.of("3", ""), "\\boxed{5}", false).value());
    assertEquals(Verdict.Value.UNDECIDED, AnyGold.verify(math, List.of(), "\\boxed{5}", false).value());
    assertEquals(Verdict.Value.CORRECT, AnyGold.verify(math, Arrays.asList(null, "5"), "\\boxed{5}", false).value());
  }

  private static String suspicion(String verifier, List<List<String>> golds, String... texts) {
    return GoldCheck.of(VerifierSpec.parse(verifier), golds, Arrays.asList(texts)).suspicion();
  }

  @Test
  void goldsAreSuspiciousForOneOfThreeReasons() {
    List<List<String>> five = List.of(List.of("5"), List.of("5"));
    assertEquals(GoldCheck.CONTRADICTED, suspicion("math", five, "\\boxed{6}", "\\boxed{6.0}"));
    assertNull(suspicion("math", five, "\\boxed{6}", "\\boxed{7}"));
    assertNull(suspicion("math", five, "\\boxed{6}", null));
    assertNull(suspicion("math", five, "\\boxed{5}", "\\boxed{5}"));
    assertNull(suspicion("math", List.of(List.of("5", "6")), "\\boxed{6}", "\\boxed{6}"));
    assertEquals(GoldCheck.INCONSISTENT, suspicion("math", List.of(List.of("5"), List.of("6")), "5", "6"));
    assertNull(suspicion("math", List.of(List.of("0.5"), List.of("1/2")), "5", "6"));
    assertEquals(GoldCheck.UNREADABLE, suspicion("math", List.of(List.of("")), "5"));
    assertEquals(GoldCheck.UNREADABLE, suspicion("math", List.of(List.of()), "5"));
    assertEquals(GoldCheck.UNREADABLE, suspicion("choice", List.of(List.of("17")), "B"));
    assertEquals(GoldCheck.UNREADABLE, suspicion("regex", List.of(List.of("(")), "B"));
    assertEquals(GoldCheck.CONTRADICTED, suspicion("choice", List.of(List.of("A")), "B", "(b)"));
  }

  /** Against binomial coefficients in exact arithmetic. */
  @Test
  void passAtKIsTheUnbiasedEstimate() {
    for (int n = 1; n <= 30; n++) {
      for (int c = 0; c <= n; c++) {
        for (int k = 1; k <= n; k++) {
          BigDecimal none =
              new BigDecimal(binomial(n - c, k)).divide(new BigDecimal(binomial(n, k)), MathContext.DECIMAL128);
          double expected = BigDecimal.ONE.subtract(none).doubleValue();
          assertEquals(expected, PassAtK.estimate(n, c, k), 1e-14, n + " " + c + " " + k);
        }
      }
    }
    assertEquals(0.5, PassAtK.estimate(4, 1, 2));
    assertEquals(1.0, PassAtK.estimate(1_000_000_000L, 999_999_999L, 500_000_000L));
    for (long[] wrong : new long[][] {{4, 1, 5}, {4, 5, 1}, {4, -1, 1}, {4, 1, 0}, {0, 0, 1}}) {
      assertNull(PassAtK.estimate(wrong[0], wrong[1], wrong[2]));
    }
  }

  private static BigInteger binomial(int n, int k) {
    BigInteger out = BigInteger.ONE;
    for (int i = 0; i < k; i++) {
      out = out.multiply(BigInteger.valueOf(Math.max(0, n - i))).divide(BigInteger.valueOf(i + 1));
    }
    return out;
  }
}
