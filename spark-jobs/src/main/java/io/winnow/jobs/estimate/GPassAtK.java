// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.estimate;

/**
 * How likely at least a share τ of k samples is correct: G-Pass@k (Liu et al. 2024, Are Your LLMs Capable of Stable
 * Reasoning?, arXiv 2412.13147). Of n samples c were correct; k drawn from them without putting back hold X correct
 * ones, which is hypergeometric, and the estimate is P(X ≥ m) with m = max(⌈k·τ⌉, 1).
 *
 * <p>As in the authors' program there is a 0 where k is above n. Probabilities are sums of positive terms over the sum
 * of all terms, so their relative error is some units in the last place for each term.
 */
public final class GPassAtK {
  private GPassAtK() {}

  /**
   * G-Pass@k with threshold τ.
   *
   * @param n samples
   * @param c those that are correct
   * @param k samples that are drawn
   * @param tau share of them that must be correct, from 0 to 1; 0 asks for one, which is pass@k
   * @return from 0 to 1; null where k &lt; 1, c is not from 0 to n, or τ not from 0 to 1
   */
  public static Double estimate(long n, long c, long k, double tau) {
    if (!possible(n, c, k) || !(tau >= 0 && tau <= 1)) {
      return null;
    }
    // As IEEE doubles have it, like the original: 5 · .2 asks for one.
    long m = Math.max((long) Math.ceil(k * tau), 1);
    return m > Math.min(c, k) || k > n ? 0.0 : weighed(n, c, k, x -> x >= m ? 1 : 0);
  }

  /**
   * mG-Pass@k: twice the mean of G-Pass@k over thresholds from one half to 1, 2/k · Σ P(X ≥ i) with i from ⌈k/2⌉ + 1 to
   * k.
   *
   * @return from 0 to 1; null where {@link #estimate} has none
   */
  public static Double mean(long n, long c, long k) {
    if (!possible(n, c, k)) {
      return null;
    }
    long half = (k + 1) / 2;
    // Σ over i of P(X ≥ i) counts each x as often as there are i up to it.
    return k > n ? 0.0 : 2 * weighed(n, c, k, x -> Math.max(0, x - half)) / k;
  }

  private static boolean possible(long n, long c, long k) {
    return k >= 1 && c >= 0 && c <= n;
  }

  private interface Weight {
    double of(long x);
  }

  /** Σ P(X = x) · weight(x), from the likeliest x outwards; each term comes from its neighbour's by the ratio. */
  private static double weighed(long n, long c, long k, Weight weight) {
    long low = Math.max(0, k - (n - c));
    long high = Math.min(c, k);
    long mode = Math.max(low, Math.min(high, (long) ((k + 1.0) * (c + 1.0) / (n + 2.0))));
    double all = 1;
    double sum = weight.of(mode);
    double term = 1;
    for (long x = mode; x < high && term > 0; x++) {
      term *= (double) (c - x) / (x + 1) * (k - x) / (n - c - k + x + 1);
      all += term;
      sum += term * weight.of(x + 1);
    }
    term = 1;
    for (long x = mode; x > low && term > 0; x--) {
      term *= (double) x / (c - x + 1) * (n - c - k + x) / (k - x + 1);
      all += term;
      sum += term * weight.of(x - 1);
    }
    return sum / all;
  }
}
