// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeds.class)
class ExpTest {
  /** Bound over all float32, in units in the last place of the result. */
  private static final double MAX_ULPS = 0.94;
  /** exp of the next float32 is beyond the largest float32. */
  private static final float LARGEST = 0x1.62e42ep6f;

  private static double ulps(float x) {
    double exact = StrictMath.exp(x);
    float actual = Exp.exp(x);
    // StrictMath.exp is within 1 unit of a double: 2^-29 of ours.
    return Math.abs(actual - exact) / Math.ulp((float) exact);
  }

  private static void check(float x) {
    float actual = Exp.exp(x);
    float plain = PlainKernels.exp(x);
    assertEquals(Float.floatToIntBits(plain), Float.floatToIntBits(actual), () -> "bits of exp(" + x + ")");
  }

  @Test
  void staysWithinItsBoundOverAllExponents(Random random) {
    double worst = 0;
    float at = 0;
    for (int sign = 0; sign < 2; sign++) {
      int end = Float.floatToIntBits(sign == 0 ? LARGEST : 104f);
      for (int bits = random.nextInt(700); bits <= end; bits += 700) {
        float x = Float.intBitsToFloat(bits | sign << 31);
        double error = ulps(x);
        if (error > worst) {
          worst = error;
          at = x;
        }
      }
    }
    System.out.printf("exp: at most %.3f units in the last place, at %a%n", worst, at);
    assertTrue(worst <= MAX_ULPS, "exp(" + at + ") is off by " + worst + " units");
  }

  @Test
  void givesTheBitsOfTheContract(Random random) {
    for (int i = 0; i < 300_000; i++) {
      check(Float.intBitsToFloat(random.nextInt()));
      check((random.nextFloat() - 0.5f) * 220f);
    }
    for (float edge : new float[] {0f, LARGEST, -104f, -103.97208f, -87.33654f, -88f}) {
      for (int step = -2000; step <= 2000; step++) {
        check(Float.intBitsToFloat(Float.floatToIntBits(edge) + step));
      }
    }
    // Halves of n·ln 2, where n changes.
    for (int n = -301; n <= 257; n++) {
      float border = (float) (n / 2.0 * Math.log(2));
      for (int step = -3; step <= 3; step++) {
        check(Float.intBitsToFloat(Float.floatToIntBits(border) + step));
      }
    }
  }

  @Test
  void zeroOfEitherSignGivesExactlyOne() {
    assertEquals(1f, Exp.exp(0f));
    assertEquals(1f, Exp.exp(-0f));
    assertEquals(1f, Exp.exp(Float.MIN_VALUE));
    assertEquals(1f, Exp.exp(-Float.MIN_VALUE));
  }

  @Test
  void theLargestArgumentIsFiniteAndTheNextIsInfinite() {
    assertTrue(Float.isFinite(Exp.exp(LARGEST)));
    assertEquals(Float.POSITIVE_INFINITY, Exp.exp(Math.nextUp(LARGEST)));
    assertEquals(Float.POSITIVE_INFINITY, Exp.exp(Float.MAX_VALUE));
    assertEquals(Float.POSITIVE_INFINITY, Exp.exp(Float.POSITIVE_INFINITY));
  }

  @Test
  void smallResultsGoThroughSubnormalsToZero() {
    assertEquals(Float.MIN_VALUE, Exp.exp(-103.9f));
    assertEquals(0, Float.floatToRawIntBits(Exp.exp(-104f)));
    assertEquals(0, Float.floatToRawIntBits(Exp.exp(Math.nextDown(-104f))));
    assertEquals(0, Float.floatToRawIntBits(Exp.exp(-Float.MAX_VALUE)));
    assertEquals(0, Float.floatToRawIntBits(Exp.exp(Float.NEGATIVE_INFINITY)));
    assertTrue(Float.isNaN(Exp.exp(Float.NaN)));
  }

  @Test
  void neverExceedsOneForArgumentsUpToZero(Random random) {
    for (int i = 0; i < 1_000_000; i++) {
      float x = -Math.abs(Float.intBitsToFloat(random.nextInt()));
      assertTrue(Float.isNaN(x) || Exp.exp(x) <= 1f, () -> "exp(" + x + ")");
    }
  }
}
