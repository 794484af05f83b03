// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BallTest {
  private static SplittableRandom random() {
    long seed = Long.getLong("winnow.seed", 41L);
    System.out.println("BallTest seed " + seed);
    return new SplittableRandom(seed);
  }

  private static Rational rational(SplittableRandom random) {
    return Rational.of(random.nextLong(-1_000_000, 1_000_001), random.nextLong(1, 1_000_001));
  }

  /** Whether an exact value lies inside; everything in integers, so that no rounding helps. */
  private static boolean contains(Ball ball, Rational value) {
    // |middle·2^e - value| ≤ radius·2^e, with the radius rounded up to a whole number.
    Rational unit = Rational.of(2).power(ball.exponent());
    Rational distance = new Rational(ball.middle(), BigInteger.ONE).times(unit).minus(value);
    Rational size = distance.signum() < 0 ? distance.negate() : distance;
    return size.compareTo(Rational.of((long) Math.ceil(ball.radius())).times(unit)) <= 0;
  }

  @Test
  void arithmeticKeepsTheExactValueInside() {
    SplittableRandom random = random();
    for (int i = 0; i < 2_000; i++) {
      Rational x = rational(random);
      Rational y = rational(random);
      Ball a = Ball.of(x);
      Ball b = Ball.of(y);
      assertTrue(contains(a, x), () -> "value " + x);
      assertTrue(contains(a.plus(b), x.plus(y)), () -> x + " + " + y);
      assertTrue(contains(a.minus(b), x.minus(y)), () -> x + " - " + y);
      assertTrue(contains(a.times(b), x.times(y)), () -> x + " * " + y);
      assertTrue(contains(a.power(5), x.power(5)), () -> x + "^5");
      if (y.signum() != 0) {
        assertTrue(contains(b.inverse(), Rational.ONE.dividedBy(y)), () -> "1/" + y);
        assertTrue(contains(b.power(-3), y.power(-3)), () -> y + "^-3");
      }
      assertEquals(x.signum(), a.sign());
      assertEquals(x.toDouble(), a.toDouble(), Math.abs(x.toDouble()) * 1e-15);
      Ball square = a.abs().sqrt();
      assertTrue(x.signum() == 0 || contains(square.times(square), x.signum() < 0 ? x.negate() : x), () -> "√" + x);
    }
  }

  /** A radius that is not rounded keeps the precision: 200 of the 256 bits at least. */
  @Test
  void arithmeticStaysNarrow() {
    SplittableRandom random = random();
    for (int i = 0; i < 500; i++) {
      Rational x = Rational.of(random.nextLong(1, 1_000_000), random.nextLong(1, 1_000_000));
      Ball a = Ball.of(x);
      for (Ball ball : new Ball[] {a.plus(a), a.times(a), a.inverse(), a.power(20), a.sqrt()}) {
        assertTrue(ball.minus(ball).isWithin(ball.size() - 200), () -> "width at " + x);
        assertFalse(ball.isWithin(ball.size() - 200), "what is certainly not zero is within nothing");
      }
    }
  }

  @Test
  void exactValuesStayExact() {
    Ball six = Ball.of(Rational.of(6));
    assertTrue(six.isExact());
    assertTrue(six.times(six).isExact());
    assertEquals(36L, six.times(six).exactLong());
    assertEquals(6L, six.times(six).sqrt().exactLong());
    assertFalse(Ball.of(Rational.of(7)).sqrt().isExact());
    assertEquals(0L, six.minus(six).exactLong());
    assertNull(Ball.of(Rational.of(1, 3)).exactLong());
    assertNull(Ball.of(Rational.of(1, 2)).exactLong());
    assertNull(Ball.of(Rational.of(2).power(63)).exactLong());
    assertEquals(1L << 61, Ball.of(Rational.of(2).power(61)).exactLong());
    assertTrue(Ball.of(Rational.of(4)).inverse().isExact());
    assertEquals(0.1, Ball.of(0.1).toDouble());
    assertEquals(-1234.5, Ball.of(-1234.5).toDouble());
    assertTrue(Ball.of(0.0).isExactZero());
  }

  @Test
  void floorsAreCertainOrNone() {
    assertEquals(BigInteger.valueOf(-3), Ball.of(Rational.of(-5, 2)).floor());
    assertEquals(BigInteger.TWO, Ball.of(Rational.of(8, 3)).floor());
    assertEquals(BigInteger.valueOf(12), Ball.of(Rational.of(12)).floor());
    assertEquals(BigInteger.ZERO, Ball.ZERO.floor());
    Ball third = Ball.of(Rational.of(1, 3));
    assertNull(third.plus(third).plus(third).floor(), "it may be just below 1");
    assertNull(Ball.UNKNOWN.floor());
    assertNull(Ball.of(Rational.of(2).power(2000)).floor());
  }

  @Test
  void lostPartsAreUnknown() {
    Ball tiny = Ball.of(Rational.of(2).power(-300));
    assertFalse(Ball.ONE.plus(tiny).isKnown());
    assertFalse(tiny.plus(Ball.ONE).isKnown());
    assertTrue(Ball.ONE.add(tiny).isKnown());
    assertTrue(Ball.ONE.plus(Ball.of(Rational.of(2).power(-100))).isKnown());
    assertTrue(Ball.ZERO.plus(tiny).isKnown());
    assertFalse(BallFunctions.exp(tiny).isKnown());
    assertFalse(BallFunctions.sinCos(tiny)[1].isKnown());
  }

  @Test
  void whatHasNoValueIsUnknown() {
    assertFalse(Ball.ZERO.inverse().isKnown());
    assertFalse(Ball.of(Rational.of(-2)).sqrt().isKnown());
    assertFalse(BallFunctions.ln(Ball.ZERO).isKnown());
    assertFalse(BallFunctions.ln(Ball.of(Rational.of(-1))).isKnown());
    assertFalse(BallFunctions.exp(Ball.of(Rational.of(2).power(60))).isKnown());
    Ball third = Ball.of(Rational.of(1, 3));
    assertFalse(third.minus(third).inverse().isKnown(), "it may be zero");
    assertFalse(Ball.UNKNOWN.plus(Ball.ONE).isKnown());
    assertFalse(Ball.UNKNOWN.times(Ball.ONE).isKnown());
    assertEquals(0, Ball.UNKNOWN.sign());
  }

  /** Against the library's doubles, and against one another in far more bits. */
  @Test
  void functionsAreRight() {
    SplittableRandom random = random();
    for (int i = 0; i < 400; i++) {
      double x = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(4) - 1);
      Ball b = Ball.of(x);
      Ball exp = BallFunctions.exp(b);
      Ball[] sinCos = BallFunctions.sinCos(b);
      assertEquals(Math.exp(x), exp.toDouble(), Math.exp(x) * 1e-13, () -> "exp " + x);
      assertEquals(Math.sin(x), sinCos[0].toDouble(), 1e-13, () -> "sin " + x);
      assertEquals(Math.cos(x), sinCos[1].toDouble(), 1e-13, () -> "cos " + x);
      assertEquals(Math.atan(x), BallFunctions.arctan(b).toDouble(), 1e-15, () -> "arctan " + x);
      assertEquals(Math.log(Math.abs(x)), BallFunctions.ln(b.abs()).toDouble(), 1e-13, () -> "ln " + x);
      Ball one = sinCos[0].times(sinCos[0]).plus(sinCos[1].times(sinCos[1]));
      assertTrue(one.minus(Ball.ONE).isWithin(-200), () -> "sin² + cos² at " + x);
      assertTrue(BallFunctions.ln(exp).minus(b).isWithin(-180), () -> "ln exp at " + x);
      Ball tan = sinCos[0].times(sinCos[1].inverse());
      if (Math.abs(x) < 1.5) {
        assertTrue(BallFunctions.arctan(tan).minus(b).isWithin(-190), () -> "arctan tan at " + x);
      }
      Ball twice = BallFunctions.exp(b.plus(b));
      assertTrue(twice.minus(exp.times(exp)).isWithin(twice.size() - 190), () -> "exp(2x) at " + x);
    }
  }

  @Test
  void piHasItsDigits() {
    Ball scaled = BallFunctions.PI.times(Ball.of(Rational.of(10).power(50)));
    assertEquals(new BigInteger("314159265358979323846264338327950288419716939937510"), scaled.floor());
    Ball e = BallFunctions.exp(Ball.ONE).times(Ball.of(Rational.of(10).power(50)));
    assertEquals(new BigInteger("271828182845904523536028747135266249775724709369995"), e.floor());
    Ball ln2 = BallFunctions.ln(Ball.of(Rational.of(2))).times(Ball.of(Rational.of(10).power(50)));
    assertEquals(new BigInteger("69314718055994530941723212145817656807550013436025"), ln2.floor());
  }

  @Test
  void complexNumbersObeyTheirLaws() {
    SplittableRandom random = random();
    for (int i = 0; i < 200; i++) {
      ComplexBall z = new ComplexBall(Ball.of(rational(random)), Ball.of(rational(random)));
      ComplexBall w = new ComplexBall(Ball.of(rational(random)), Ball.of(rational(random)));
      if (!z.inverse().isKnown() || !w.inverse().isKnown()) {
        continue;
      }
      assertTrue(z.times(z.inverse()).agreesWith(ComplexBall.ONE, 150));
      assertTrue(z.sqrt().power(2).agreesWith(z, 150));
      assertTrue(z.ln().exp().agreesWith(z, 150));
      assertTrue(z.times(w).power(-2).agreesWith(z.power(-2).times(w.power(-2)), 150));
      assertFalse(z.agreesWith(w, 150));
      assertTrue(z.isApartFrom(w));
      assertTrue(z.modulus().times(w.modulus()).minus(z.times(w).modulus()).isWithin(z.times(w).modulus().size() - 150));
    }
    ComplexBall minus = ComplexBall.of(Ball.of(Rational.of(-1)));
    assertTrue(minus.sqrt().agreesWith(ComplexBall.I, 200));
    assertTrue(ComplexBall.I.times(ComplexBall.of(BallFunctions.PI)).exp().agreesWith(minus, 200));
    assertTrue(ComplexBall.I.power(ComplexBall.I).agreesWith(
        ComplexBall.of(BallFunctions.exp(BallFunctions.HALF_PI.negate())), 200));
    ComplexBall[] sinCos = ComplexBall.I.sinCos();
    ComplexBall square = sinCos[0].power(2).plus(sinCos[1].power(2));
    assertTrue(square.agreesWith(ComplexBall.ONE, 200));
  }
}
