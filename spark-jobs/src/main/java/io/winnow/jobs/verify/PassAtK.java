// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

/**
 * How likely at least one of k samples is correct, estimated without bias from n ≥ k samples of which c were: 1 −
 * C(n−c, k) / C(n, k) (Chen et al. 2021, Evaluating Large Language Models Trained on Code, equation 1).
 */
public final class PassAtK {
  private PassAtK() {}

  /**
   * The estimate, computed as a product so that nothing overflows; its error is some units in the last place for each
   * of min(c, k) factors.
   *
   * @param n samples
   * @param c those that are correct
   * @param k samples that may be tried
   * @return from 0 to 1; null where there is none: k &lt; 1, k &gt; n, c &lt; 0 or c &gt; n
   */
  public static Double estimate(long n, long c, long k) {
    if (k < 1 || k > n || c < 0 || c > n) {
      return null;
    }
    if (n - c < k) {
      return 1.0;
    }
    // C(n−c, k) / C(n, k) is the product of (n−c−i) / (n−i) over i < k, and of (n−k−i) / (n−i) over i < c.
    long few = Math.min(c, k);
    long many = Math.max(c, k);
    double none = 1;
    for (long i = 0; i < few && none > 0; i++) {
      none *= (double) (n - many - i) / (n - i);
    }
    return 1 - none;
  }
}
