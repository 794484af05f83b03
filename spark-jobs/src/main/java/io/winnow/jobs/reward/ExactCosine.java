// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * The cosine, rounded to the nearest double: what a good library of mathematics gives on nearly all arguments, whereas
 * {@link StrictMath#cos} is off by a bit on some. Computed in pairs of doubles (some 100 bits).
 */
final class ExactCosine {
  /** Half of pi in three doubles; it is their sum to some 160 bits. */
  private static final double[] HALF_PI = {0x1.921fb54442d18p0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
  /** Beyond it the reduction would lose bits; no length of a text comes near. */
  private static final double MOST = 0x1p30;
  /** The next term is below 2^-110 of the first. */
  private static final int TERMS = 15;

  private ExactCosine() {}

  static double cos(double x) {
    if (!(Math.abs(x) < MOST)) {
      return StrictMath.cos(x);
    }
    double turns = Math.rint(x / HALF_PI[0]);
    double[] r = {x, 0};
    for (double part : HALF_PI) {
      double product = turns * part;
      r = plus(r, -product, -Math.fma(turns, part, -product));
    }
    int quadrant = (int) ((long) turns & 3);
    double[] value = series(r, quadrant % 2 == 1);
    return quadrant == 1 || quadrant == 2 ? -value[0] : value[0];
  }

  /** Sine or cosine of a small argument by their series. */
  private static double[] series(double[] r, boolean sine) {
    double[] square = times(r, r);
    double[] term = sine ? r : new double[] {1, 0};
    double[] sum = term;
    for (int k = 1; k <= TERMS; k++) {
      double divisor = sine ? 2.0 * k * (2 * k + 1) : (2.0 * k - 1) * (2 * k);
      term = over(times(term, square), -divisor);
      sum = plus(sum, term[0], term[1]);
    }
    return sum;
  }

  private static double[] plus(double[] a, double high, double low) {
    double sum = a[0] + high;
    double rest = sum - a[0];
    double error = (a[0] - (sum - rest)) + (high - rest);
    double lows = a[1] + low;
    double lowRest = lows - a[1];
    double lowError = (a[1] - (lows - lowRest)) + (low - lowRest);
    double[] first = normalized(sum, error + lows);
    return normalized(first[0], first[1] + lowError);
  }

  private static double[] times(double[] a, double[] b) {
    double product = a[0] * b[0];
    double error = Math.fma(a[0], b[0], -product);
    return normalized(product, error + (a[0] * b[1] + a[1] * b[0]));
  }

  private static double[] over(double[] a, double divisor) {
    double quotient = a[0] / divisor;
    double rest = Math.fma(-quotient, divisor, a[0]) + a[1];
    return normalized(quotient, rest / divisor);
  }

  private static double[] normalized(double high, double low) {
    double sum = high + low;
    double rest = sum - high;
    return new double[] {sum, (high - (sum - rest)) + (low - rest)};
  }
}
