// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.estimate;

/** The standard normal distribution, as far as intervals need it. */
public final class Normal {
  private static final double LEAST = 1e-6;

  private Normal() {}

  /**
   * How many deviations to either side hold a share of the distribution; 1.959964 for 0.95.
   *
   * @param confidence from 0.000001 to 0.999999
   * @throws IllegalArgumentException for others
   */
  public static double twoSided(double confidence) {
    if (!(confidence >= LEAST && confidence <= 1 - LEAST)) {
      throw new IllegalArgumentException(
          "a confidence is from " + LEAST + " to " + (1 - LEAST) + ", not " + confidence);
    }
    // The share within ± z grows with z; below 8 it is known to the last places of a double.
    double low = 0;
    double high = 8;
    for (double z = 4; z > low && z < high; z = low + (high - low) / 2) {
      if (within(z) < confidence) {
        low = z;
      } else {
        high = z;
      }
    }
    return high;
  }

  /** The share within ± z: twice the density times Σ z^(2i+1) / (1·3·…·(2i+1)) (Marsaglia 2004, eq. 1), z in 0 to 8. */
  static double within(double z) {
    double sum = 0;
    double term = z;
    for (int i = 1; sum + term != sum; i += 2) {
      sum += term;
      term *= z * z / (i + 2);
    }
    return Math.min(1, 2 * sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI));
  }
}
