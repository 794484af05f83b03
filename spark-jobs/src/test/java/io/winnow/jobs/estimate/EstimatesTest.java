// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.estimate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Against SciPy 1.16 (hypergeom.sf, norm.ppf, binomtest) and exact fractions. */
class EstimatesTest {
  private static void close(double expected, Double found) {
    assertEquals(expected, found, 4e-15 + 4e-14 * Math.abs(expected));
  }

  @Test
  void gPassAtKIsTheHypergeometricTail() {
    close(0.8186813186813187, GPassAtK.estimate(16, 5, 4, 0.25));
    close(0.36538461538461536, GPassAtK.estimate(16, 5, 4, 0.5));
    close(0.06318681318681318, GPassAtK.estimate(16, 5, 4, 0.75));
    close(0.002747252747252747, GPassAtK.estimate(16, 5, 4, 1));
    close(0.17188757573256921, GPassAtK.estimate(48, 30, 16, 0.75));
    close(0.4, GPassAtK.estimate(10, 1, 4, 0));
    close(0.8137197978071791, GPassAtK.estimate(1000, 437, 100, 0.4));
    // Impossible: four right ones of three, and a draw of more than there are.
    assertEquals(0.0, GPassAtK.estimate(64, 3, 8, 0.5));
    assertEquals(0.0, GPassAtK.estimate(4, 2, 8, 0.5));
    assertEquals(1.0, GPassAtK.estimate(8, 8, 4, 1));
    // 5 · .2 is 1 as doubles have it, and 3 · .7 is above 2.
    assertEquals(GPassAtK.estimate(9, 4, 5, 0), GPassAtK.estimate(9, 4, 5, 0.2));
    assertEquals(GPassAtK.estimate(9, 4, 3, 1), GPassAtK.estimate(9, 4, 3, 0.7));
    assertNull(GPassAtK.estimate(4, 5, 2, 0.5));
    assertNull(GPassAtK.estimate(4, 2, 0, 0.5));
    assertNull(GPassAtK.estimate(4, 2, 2, 1.1));
    assertNull(GPassAtK.estimate(4, 2, 2, Double.NaN));
  }

  @Test
  void mGPassAtKIsTwiceItsMeanAboveOneHalf() {
    close(0.03296703296703297, GPassAtK.mean(16, 5, 4));
    close(0.25924495517120194, GPassAtK.mean(48, 30, 16));
    close(0.875, GPassAtK.mean(64, 60, 8));
    close(0.16666666666666666, GPassAtK.mean(4, 2, 2));
    close(0.35555555555555557, GPassAtK.mean(9, 7, 5));
    assertEquals(0.0, GPassAtK.mean(4, 2, 1));
    assertEquals(0.0, GPassAtK.mean(4, 2, 8));
    assertNull(GPassAtK.mean(4, 5, 1));
  }

  private static BigInteger choose(int n, int k) {
    BigInteger out = k < 0 || k > n ? BigInteger.ZERO : BigInteger.ONE;
    for (int i = 0; i < k && out.signum() > 0; i++) {
      out = out.multiply(BigInteger.valueOf(n - i)).divide(BigInteger.valueOf(i + 1));
    }
    return out;
  }

  @Test
  void tailsAreExactToTheLastPlaces() {
    long seed = Long.getLong("winnow.seed", new Random().nextInt(1 << 30));
    Random random = new Random(seed);
    for (int trial = 0; trial < 500; trial++) {
      int n = 1 + random.nextInt(128);
      int c = random.nextInt(n + 1);
      int k = 1 + random.nextInt(n);
      double tau = random.nextInt(9) / 8.0;
      BigInteger sum = BigInteger.ZERO;
      for (int x = Math.max((int) Math.ceil(k * tau), 1); x <= k; x++) {
        sum = sum.add(choose(c, x).multiply(choose(n - c, k - x)));
      }
      double exact = new BigDecimal(sum).divide(new BigDecimal(choose(n, k)), MathContext.DECIMAL64).doubleValue();
      double found = GPassAtK.estimate(n, c, k, tau);
      String where = "n " + n + " c " + c + " k " + k + " tau " + tau + ", seed " + seed;
      assertEquals(exact, found, 1e-13 * exact, where);
    }
  }

  @Test
  void quantilesAreThoseOfTheNormalDistribution() {
    close(0.6744897501960817, Normal.twoSided(0.5));
    close(1.2815515655446004, Normal.twoSided(0.8));
    close(1.959963984540054, Normal.twoSided(0.95));
    close(2.5758293035489004, Normal.twoSided(0.99));
    assertEquals(3.2905267314919255, Normal.twoSided(0.999), 1e-12);
    assertEquals(4.891638475671085, Normal.twoSided(0.999999), 1e-9);
    assertEquals(1.2533141372127224e-06, Normal.twoSided(0.000001), 1e-15);
    for (double wrong : new double[] {0, 1, -0.5, 95, Double.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> Normal.twoSided(wrong), () -> "" + wrong);
    }
  }

  private static void wilson(double low, double high, long n, long c, double confidence) {
    Wilson interval = Wilson.of(n, c, Normal.twoSided(confidence));
    assertEquals(low, interval.low(), 1e-14);
    assertEquals(high, interval.high(), 1e-14);
  }

  @Test
  void wilsonsIntervalIsThatOfSciPy() {
    wilson(0, 0.32440756488388023, 8, 0, 0.95);
    wilson(0.6755924351161198, 1, 8, 8, 0.95);
    wilson(0.017876213095072896, 0.4041500267952385, 10, 1, 0.95);
    wilson(0.1268765839031979, 0.5583002041301649, 10, 3, 0.9);
    wilson(0.397143624109053, 0.47768686266877625, 1000, 437, 0.99);
    wilson(0.6873152559174167, 1, 1, 1, 0.5);
    assertNull(Wilson.of(0, 0, 2));
    assertNull(Wilson.of(3, 4, 2));
    // Ends at 0 and 1 are exact.
    assertEquals(0, Wilson.of(7, 0, 1.96).low());
    assertEquals(1, Wilson.of(7, 7, 1.96).high());
  }

  @Test
  void theErrorOfAMeanIsThatOfItsPrompts() {
    // Four prompts of 1, 0, 0, 0: deviation .5, error .25.
    PromptMean mean = PromptMean.of(0.25, 0.5, 4);
    assertEquals(0.25, mean.error());
    assertEquals(0, mean.low(2));
    assertEquals(0.75, mean.high(2));
    assertTrue(Double.isNaN(PromptMean.of(0.25, null, 1).error()));
    assertTrue(Double.isNaN(PromptMean.of(null, null, 0).value()));
  }
}
