// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Tables of what is read and what must come out, checked by hand when a line is written: a line is {@code input →
 * result}, and the result holds the evidence too.
 */
class MathTablesTest {
  private interface Row {
    String resultOf(String input) throws UnreadableException;
  }

  private static WorkLimit work() {
    return new WorkLimit(WorkLimit.DEFAULT_STEPS);
  }

  private static Stream<DynamicTest> table(String name, Row row) throws IOException {
    List<String> lines;
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(
        MathTablesTest.class.getResourceAsStream("/verify/" + name), StandardCharsets.UTF_8))) {
      lines = reader.lines().toList();
    }
    assertTrue(lines.size() >= 30, name + " has " + lines.size() + " lines");
    return lines.stream().map(line -> {
      int arrow = line.indexOf(" → ");
      String input = line.substring(0, arrow);
      return DynamicTest.dynamicTest(input, () -> {
        String result;
        try {
          result = row.resultOf(input);
        } catch (UnreadableException e) {
          result = "UnreadableException: " + e.getMessage();
        }
        assertEquals(line.substring(arrow + 3), result, input);
      });
    });
  }

  @TestFactory
  Stream<DynamicTest> comparesTwoAnswers() throws IOException {
    return table("comparisons.txt", line -> {
      String[] sides = line.split(" @ ");
      WorkLimit work = work();
      Decision decision =
          new Equivalence(work).compare(MathReader.read(sides[0], work), MathReader.read(sides[1], work));
      return decision.outcome() + " " + decision.kind() + " | " + decision.detail();
    });
  }

  @TestFactory
  Stream<DynamicTest> writesNormalForms() throws IOException {
    return table("forms.txt", line -> NormalForm.of(MathReader.read(line, work()), work()).toString());
  }

  @TestFactory
  Stream<DynamicTest> describesSetsOfNumbers() throws IOException {
    return table("sets.txt", line -> RealSet.of(MathReader.read(line, work()), work()).toString());
  }

  @TestFactory
  Stream<DynamicTest> extractsAnswers() throws IOException {
    return table("extractions.txt", line -> AnswerExtractor.candidates(line.replace('⏎', '\n')).stream()
        .map(candidate -> candidate.rule() + "=" + candidate.answer()).toList().toString());
  }

  @Test
  void convertsUnits() {
    assertEquals(Rational.of(1, 100), Units.ratio("cm", "m"));
    assertEquals(Rational.of(10_000), Units.ratio("m^2", "cm^2"));
    assertEquals(Rational.of(5, 18), Units.ratio("km/h", "m/s"));
    assertEquals(Rational.of(5, 18), Units.ratio("kilometers per hour", "meters per second"));
    assertEquals(Rational.of(60), Units.ratio("hours", "min"));
    assertEquals(Rational.of(12), Units.ratio("feet", "inches"));
    assertEquals(Rational.of(3), Units.ratio("yd", "ft"));
    assertEquals(Rational.of(16), Units.ratio("pounds", "oz"));
    assertEquals(Rational.of(1000), Units.ratio("L", "ml"));
    assertEquals(Rational.of(1, 100), Units.ratio("cents", "dollars"));
    assertEquals(Rational.of(12), Units.ratio("years", "months"));
    assertEquals(Rational.ONE, Units.ratio("square feet", "sq ft"));
    assertEquals(Rational.ONE, Units.ratio("cubic cm", "cm^3"));
    assertEquals(Rational.ONE, Units.ratio("Feet", "ft."));
    assertEquals(Rational.ZERO, Units.ratio("m", "s"));
    assertEquals(Rational.ZERO, Units.ratio("m", "m^2"));
    assertEquals(Rational.ZERO, Units.ratio("km", "km/h"));
    assertNull(Units.ratio("apples", "m"));
    assertNull(Units.ratio("m", "apples"));
    assertNull(Units.ratio("m^x", "m"));
    assertNull(Units.ratio("m^12", "m"));
  }

  @Test
  void stripsWhatStandsAroundAnAnswer() {
    assertEquals("5", AnswerText.unwrapped(" $$ 5 $$. "));
    assertEquals("5", AnswerText.unwrapped("\\( **5** \\),"));
    assertEquals("x+1", AnswerText.unwrapped("\\[ x+1 \\]"));
    assertEquals("5\\ ", AnswerText.unwrapped("5\\ "));
    assertEquals("1...", AnswerText.unwrapped("1..."));
    assertEquals("$", AnswerText.unwrapped("$"));
    assertEquals("", AnswerText.unwrapped("  "));
    assertEquals("B", AnswerText.choice("\\text{(B)}", false));
    assertEquals("B", AnswerText.choice("b.", false));
    assertEquals("C", AnswerText.choice("C) 17", true));
    assertEquals("D", AnswerText.choice("\\mathbf{D}: x", true));
    assertNull(AnswerText.choice("C) 17", false));
    assertNull(AnswerText.choice("K", true));
    assertNull(AnswerText.choice("AB", true));
    assertNull(AnswerText.choice("(A", true));
    assertNull(AnswerText.choice("", true));
    assertTrue(AnswerText.same("\\dfrac{1}{2}", "\\frac{1}{2}"));
    assertTrue(AnswerText.same("\\text{DNE}", "DNE"));
    assertTrue(AnswerText.same("\\left( 1,\\, 2 \\right)", "(1,2)"));
    assertTrue(!AnswerText.same("\\text{DNE}", "DN"));
    assertTrue(!AnswerText.same("\\leftarrow x", "arrow x"));
    assertTrue(!AnswerText.same("a".repeat(40_000), "a".repeat(40_001)));
    assertEquals("one two 3", AnswerText.words("One, 'two'  3!"));
  }

  @Test
  void findsFormulasAndNumbers() {
    assertEquals(List.of("a", "b", "c", "d"), Formulas.in("$a$ and $$b$$ or \\(c\\) then \\[d\\]"));
    assertEquals(List.of(), Formulas.in("costs $5 and $6"));
    assertEquals(List.of(), Formulas.in("$$ and \\( open"));
    assertEquals("b, c", Formulas.lastGroup("$a$ is not $b$, and $c$."));
    assertNull(Formulas.lastGroup("nothing"));
    assertEquals("x   y  ", Formulas.outside("x $a$ y $b$"));
    assertEquals("1,234", Formulas.lastNumber("it is 1,234 dollars"));
    assertEquals("-3.5", Formulas.lastNumber("x = -3.5"));
    assertEquals("3", Formulas.lastNumber("7-3"));
    assertEquals("50%", Formulas.lastNumber("50 percent"));
    assertEquals("3/4", Formulas.lastNumber("about 3/4 of it"));
    assertEquals(".5", Formulas.lastNumber("is .5"));
    assertEquals("-12", Formulas.lastNumber("-$12"));
    assertEquals("2,74", Formulas.lastNumber("kostet 2,74"));
    assertNull(Formulas.lastNumber("x12"));
    assertNull(Formulas.lastNumber("/5"));
    assertNull(Formulas.lastNumber("none"));
    assertEquals("18", Formulas.leadingNumber("$18 per day for 5 days"));
    assertEquals("-1,000.5", Formulas.leadingNumber("-1,000.5 in all, not 3"));
    assertNull(Formulas.leadingNumber("3 + 4 = 7"));
    assertNull(Formulas.leadingNumber("3 times 4"));
    assertNull(Formulas.leadingNumber("about 3"));
  }
}
