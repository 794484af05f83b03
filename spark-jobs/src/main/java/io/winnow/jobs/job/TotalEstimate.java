// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A total over a population, estimated by a simple random sample of it without replacement, with a 95 % interval of the
 * studentized bootstrap: unlike the interval of Student's t it follows the skew that lengths of answers have. What is
 * sampled are prompts, each with the sum over its traces, so that traces of a prompt being alike narrows nothing. The
 * part of the population that was sampled is known, and the interval covers the rest alone.
 *
 * @param total the estimate
 * @param low where the interval begins
 * @param high where it ends
 */
record TotalEstimate(double total, double low, double high) {
  static final double LEVEL = 0.95;

  private static final int REPLICATES = 2000;
  private static final long SEED = 0x5EED;

  /**
   * Estimates.
   *
   * @param values of the sampled members, each 0 or more; one at least
   * @param population number of members, sampled ones included, as many as {@code values} at least
   */
  static TotalEstimate of(double[] values, double population) {
    int n = values.length;
    double mean = Arrays.stream(values).average().orElseThrow();
    double total = mean * population;
    double rest = Math.max(0, 1 - n / population);
    double error = error(values, mean);
    if (n < 2 || error == 0 || rest == 0) {
      return new TotalEstimate(total, total, total);
    }
    double[] t = replicates(values, mean);
    double known = Arrays.stream(values).sum();
    double unit = error * Math.sqrt(rest) * population;
    double tail = (1 - LEVEL) / 2;
    return new TotalEstimate(
        total, Math.max(known, total - quantile(t, 1 - tail) * unit),
        Math.max(total, total - quantile(t, tail) * unit));
  }

  /** Standard error of the mean. */
  private static double error(double[] values, double mean) {
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
  }

  /** How far means of samples of the sample lie from its mean, in standard errors of their own; sorted. */
  private static double[] replicates(double[] values, double mean) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[] out = new double[REPLICATES];
    double[] drawn = new double[values.length];
    for (int i = 0; i < REPLICATES; i++) {
      double sum = 0;
      for (int j = 0; j < drawn.length; j++) {
        drawn[j] = values[random.nextInt(values.length)];
        sum += drawn[j];
      }
      double drawnMean = sum / drawn.length;
      double error = error(drawn, drawnMean);
      double distance = drawnMean - mean;
      // A sample of one value many times has no error: it lies beyond all others, on its side.
      out[i] = error > 0 ? distance / error : distance == 0 ? 0 : Math.copySign(1e3, distance);
    }
    Arrays.sort(out);
    return out;
  }

  private static double quantile(double[] sorted, double share) {
    return sorted[(int) Math.min(sorted.length - 1L, Math.max(0, Math.round(share * sorted.length - 0.5)))];
  }
}
