// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.estimate;

/**
 * Wilson's score interval of a rate that was seen as c of n (Wilson 1927, Probable Inference, the Law of Succession,
 * and Statistical Inference). Unlike mean ± error it stays within 0 and 1 and says something for 0 of n.
 *
 * @param low from 0 to 1; 0 where c is 0
 * @param high from 0 to 1; 1 where c is n
 */
public record Wilson(double low, double high) {
  /**
   * The interval.
   *
   * @param n samples
   * @param c those that are correct
   * @param z deviations to either side, as {@link Normal#twoSided} gives them
   * @return null where n &lt; 1, or c is not from 0 to n
   */
  public static Wilson of(long n, long c, double z) {
    if (n < 1 || c < 0 || c > n) {
      return null;
    }
    double p = (double) c / n;
    double z2 = z * z;
    double centre = p + z2 / (2 * n);
    double half = z * Math.sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
    double scale = 1 + z2 / n;
    double low = c == 0 ? 0 : Math.max(0, (centre - half) / scale);
    double high = c == n ? 1 : Math.min(1, (centre + half) / scale);
    return new Wilson(low, high);
  }
}
