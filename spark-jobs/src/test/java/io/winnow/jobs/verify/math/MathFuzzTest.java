// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.verify.math.Decision.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Texts that nobody wrote: damaged answers, random expressions of known value. Bounded rounds, the seed is printed. */
@Tag("slow")
class MathFuzzTest {
  private static final long SEED = Long.getLong("winnow.seed", 20_261_127L);
  private static final String ALPHABET = "0123456789abcxyzABCπ²½√∞{}()[]|\\$^_+-*/=<>,.;:!%&~ \n'\"\u00a0٣é🙂";

  private static List<String> corpus() throws IOException {
    List<String> texts = new ArrayList<>();
    ObjectMapper json = new ObjectMapper();
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(
        MathFuzzTest.class.getResourceAsStream("/verify/math.jsonl"), StandardCharsets.UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        JsonNode node = json.readTree(line);
        texts.add(node.get("completion").asText());
        texts.add(node.get("gold").asText());
      }
    }
    return texts;
  }

  /** Damages a text: drops, doubles, swaps or inserts pieces, or joins it with another. */
  private static String damaged(SplittableRandom random, List<String> corpus) {
    StringBuilder text = new StringBuilder(corpus.get(random.nextInt(corpus.size())));
    for (int n = random.nextInt(1, 6); n > 0; n--) {
      int at = random.nextInt(text.length() + 1);
      int end = Math.min(text.length(), at + random.nextInt(1, 8));
      switch (random.nextInt(5)) {
        case 0 -> text.delete(at, end);
        case 1 -> text.insert(at, text.substring(at, end).repeat(random.nextInt(1, 5)));
        case 2 -> text.insert(at, ALPHABET.charAt(random.nextInt(ALPHABET.length())));
        case 3 -> text.insert(at, corpus.get(random.nextInt(corpus.size())));
        default -> text.insert(random.nextInt(text.length() + 1), text.substring(at, end));
      }
    }
    return text.toString();
  }

  @Test
  void damagedAnswersEndWithTheReadersOwnExceptions() throws IOException {
    System.out.println("MathFuzzTest seed " + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    List<String> corpus = corpus();
    for (int round = 0; round < 20_000; round++) {
      String one = damaged(random, corpus);
      String two = random.nextInt(3) == 0 ? one : damaged(random, corpus);
      String shown = "seed " + SEED + " round " + round + " «" + one + "» «" + two + "»";
      WorkLimit work = new WorkLimit(WorkLimit.DEFAULT_STEPS);
      try {
        assertNotNull(AnswerExtractor.candidates(one), shown);
        Expr gold = MathReader.read(AnswerText.unwrapped(one), work);
        Expr answer = MathReader.read(AnswerText.unwrapped(two), work);
        Decision forth = new Equivalence(work).compare(gold, answer);
        if (one.equals(two)) {
          assertNotEquals(Outcome.DIFFERENT, forth.outcome(), () -> shown + " " + forth);
        }
      } catch (UnreadableException | ArithmeticException e) {
        assertNotNull(e.getMessage(), shown);
      } catch (WorkLimit.Exceeded e) {
        assertNotNull(e.getMessage(), shown);
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError(shown, e);
      }
      // One step more than the limit at most, whichever rule spends it.
      assertTrue(work.left() > -1_000_000, () -> shown + " spent " + work.left());
    }
  }

  /** An expression as text, with its value. */
  private record Known(String text, Rational value) {}

  private static Known random(SplittableRandom random, int depth) {
    if (depth == 0 || random.nextInt(5) == 0) {
      long n = random.nextInt(1, 13);
      return new Known(Long.toString(n), Rational.of(n));
    }
    Known a = random(random, depth - 1);
    Known b = random(random, depth - 1);
    return switch (random.nextInt(7)) {
      case 0 -> new Known("(" + a.text + "+" + b.text + ")", a.value.plus(b.value));
      case 1 -> new Known("\\left(" + a.text + " - " + b.text + "\\right)", a.value.minus(b.value));
      case 2 -> new Known("(" + a.text + ")\\cdot (" + b.text + ")", a.value.times(b.value));
      case 3 -> b.value.signum() == 0 ? a
          : new Known("\\frac{" + a.text + "}{" + b.text + "}", a.value.dividedBy(b.value));
      case 4 -> new Known("{(" + a.text + ")}^{2}", a.value.power(2));
      case 5 -> new Known("(-(" + a.text + "))", a.value.negate());
      default -> a.value.signum() <= 0 ? a
          : new Known("\\sqrt{(" + a.text + ")^2}", a.value);
    };
  }

  @Test
  void randomArithmeticHasItsValue() throws UnreadableException {
    System.out.println("MathFuzzTest seed " + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    int decided = 0;
    for (int round = 0; round < 3_000; round++) {
      Known known = random(random, 4);
      if (known.text.length() > 1_000) {
        continue;
      }
      String shown = "seed " + SEED + " round " + round + " " + known;
      try {
        WorkLimit work = new WorkLimit(WorkLimit.DEFAULT_STEPS);
        Expr read = MathReader.read(known.text, work);
        Decision same = new Equivalence(work).compare(read, new Expr.Num(known.value));
        assertEquals(Outcome.EQUAL, same.outcome(), () -> shown + " " + same);
        Decision other = new Equivalence(work).compare(new Expr.Num(known.value.plus(Rational.of(1, 7))), read);
        assertEquals(Outcome.DIFFERENT, other.outcome(), () -> shown + " " + other);
        ComplexBall ball = new Evaluation(0, work).of(read);
        assertTrue(!ball.isKnown() || ball.agreesWith(ComplexBall.of(Ball.of(known.value)), 100), shown);
        decided++;
      } catch (WorkLimit.Exceeded e) {
        assertNotNull(e.getMessage());
      }
    }
    assertTrue(decided > 2_500, "decided " + decided);
  }

  /** Equal by a law, in names: a difference would be a wrong answer, and "equal" after a change as well. */
  @Test
  void lawsHoldInBothDirections() throws UnreadableException {
    SplittableRandom random = new SplittableRandom(SEED);
    String[][] laws = {
      {"(P+Q)^2", "P^2+2PQ+Q^2"}, {"(P-Q)(P+Q)", "P^2-Q^2"}, {"\\frac{P}{Q}+\\frac{Q}{P}", "\\frac{P^2+Q^2}{PQ}"},
      {"\\sin(P+Q)", "\\sin(P)\\cos(Q)+\\cos(P)\\sin(Q)"}, {"e^{P+Q}", "e^{P}e^{Q}"}, {"2^{P+3}", "8\\cdot 2^{P}"},
      {"\\tan(P)", "\\frac{\\sin(P)}{\\cos(P)}"}, {"|P-Q|", "|Q-P|"}, {"\\cosh(P)^2-\\sinh(P)^2", "1"},
      {"\\sqrt[3]{P^3}", "P"}, {"\\frac{P^2-Q^2}{P-Q}", "P+Q"},
    };
    String[] parts = {"x", "y", "(x+1)", "(2a-b)", "\\frac{x}{3}", "(a+\\sqrt{2})", "3z", "(\\pi t)"};
    for (int round = 0; round < 400; round++) {
      String[] law = laws[random.nextInt(laws.length)];
      String p = "(" + parts[random.nextInt(parts.length)] + ")";
      String q = "(" + parts[random.nextInt(parts.length)] + ")";
      if (p.equals(q)) {
        continue;
      }
      String left = law[0].replace("P", p).replace("Q", q);
      String right = law[1].replace("P", p).replace("Q", q);
      Decision forth = decision(left, right);
      Decision back = decision(right, left);
      String shown = left + " = " + right;
      assertEquals(Outcome.EQUAL, forth.outcome(), () -> shown + ": " + forth);
      assertEquals(Outcome.EQUAL, back.outcome(), () -> shown + ": " + back);
      Decision wrong = decision(left, right + "+\\frac{1}{1000}");
      assertNotEquals(Outcome.EQUAL, wrong.outcome(), () -> shown + ": " + wrong);
    }
  }

  private static Decision decision(String gold, String answer) throws UnreadableException {
    WorkLimit work = new WorkLimit(WorkLimit.DEFAULT_STEPS);
    return new Equivalence(work).compare(MathReader.read(gold, work), MathReader.read(answer, work));
  }
}
