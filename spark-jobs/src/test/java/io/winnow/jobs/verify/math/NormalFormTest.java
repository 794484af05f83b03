// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class NormalFormTest {
  private static String form(String text) throws UnreadableException {
    WorkLimit work = new WorkLimit(WorkLimit.DEFAULT_STEPS);
    return NormalForm.of(MathReader.read(text, work), work).toString();
  }

  @Test
  void writesOneFormForEqualValues() throws UnreadableException {
    assertEquals("14/3", form("4\\frac23"));
    assertEquals("2*2^(1/2)", form("\\sqrt{8}"));
    assertEquals("1/2*2^(1/2)", form("\\frac{1}{\\sqrt2}"));
    assertEquals("2*2^(1/3)", form("\\sqrt[3]{16}"));
    assertEquals("x^2+2*x+1", form("(x+1)^2"));
    assertEquals("-1", form("i^{10}"));
    assertEquals("9/11", form("0.\\overline{81}"));
    assertEquals("{sin(x)}^2", form("\\sin^2 x"));
  }

  @Test
  void keepsAbsoluteValuesApart() throws UnreadableException {
    assertEquals("{(x^2)^(1/2)}", form("\\sqrt{x^2}"));
  }

  @Test
  void divisionByZeroHasNoForm() {
    assertThrows(ArithmeticException.class, () -> form("\\frac{1}{x-x}"));
    assertThrows(ArithmeticException.class, () -> form("0^{-1}"));
  }

  @Test
  void numbersAboveTheLimitAreRefusedBeforeTheyAreMade() {
    assertThrows(WorkLimit.Exceeded.class, () -> form("9^{9^{9}}"));
    assertThrows(WorkLimit.Exceeded.class, () -> form("1e5000000"));
    assertThrows(WorkLimit.Exceeded.class, () -> Rational.of(3).power(Long.MIN_VALUE));
    assertThrows(WorkLimit.Exceeded.class, () -> form("(".repeat(500) + "1" + ")".repeat(500)));
  }

  /** Field laws on random fractions, against an independent cross-multiplication in longs. */
  @Test
  void rationalsObeyArithmetic() {
    long seed = Long.getLong("winnow.seed", 7L);
    System.out.println("NormalFormTest seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 2_000; i++) {
      long a = random.nextInt(-50, 51);
      long b = random.nextInt(1, 51);
      long c = random.nextInt(-50, 51);
      long d = random.nextInt(1, 51);
      Rational x = Rational.of(a, b);
      Rational y = Rational.of(c, -d);
      assertEquals(Rational.of(a * d - c * b, b * d), x.plus(y));
      assertEquals(Rational.of(a * d + c * b, b * d), x.minus(y));
      assertEquals(Rational.of(-a * c, b * d), x.times(y));
      assertEquals(Long.signum(a * d + c * b), x.compareTo(y));
      if (c != 0) {
        assertEquals(x, x.dividedBy(y).times(y));
      }
      assertEquals(a / (double) b, x.toDouble(), 1e-15 * Math.abs(a));
    }
  }

  @Test
  void approximationsProveDifferencesOnly() throws UnreadableException {
    WorkLimit work = new WorkLimit(WorkLimit.DEFAULT_STEPS);
    Expr root = MathReader.read("\\sqrt{2}", work);
    Expr close = MathReader.read("1.4142135623730950", work);
    Expr apart = MathReader.read("1.41421356", work);
    assertFalse(Approximation.at(0, root, work).isApartFrom(Approximation.at(0, close, work)));
    assertTrue(Approximation.at(0, root, work).isApartFrom(Approximation.at(0, apart, work)));
    // Where nothing is known, nothing is proved.
    Expr infinite = MathReader.read("\\infty", work);
    assertFalse(Approximation.at(0, infinite, work).isApartFrom(Approximation.at(0, root, work)));
  }

  @Test
  void largeRationalsKeepTheirMagnitude() {
    assertEquals(1e300, Rational.ofDecimal("1", 300).toDouble(), 1e286);
    Rational three = Rational.of(3).power(2000).dividedBy(Rational.of(3).power(1999));
    assertEquals(1.5, three.dividedBy(Rational.of(2)).toDouble());
    Rational above = Rational.of(2).power(1500).plus(Rational.ONE);
    assertEquals(2.0, above.dividedBy(Rational.of(2).power(1499)).toDouble(), 1e-12);
  }
}
