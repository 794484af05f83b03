// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.estimate;

/**
 * The mean of a measure over prompts, with an interval. Samples of one prompt are alike, so the prompts are what was
 * drawn: the standard error is that of the prompts' own values, s / √prompts, which is the error clustered by prompt
 * (Miller 2024, Adding Error Bars to Evals, arXiv 2411.00640, section 2.2) where prompts count alike.
 *
 * @param value the mean; NaN for no prompt
 * @param error standard error; NaN for fewer than two prompts
 * @param prompts that have the measure
 */
public record PromptMean(double value, double error, long prompts) {
  /**
   * By sums.
   *
   * @param value the mean of the prompts' values, null for none
   * @param deviation their sample standard deviation, null for none
   */
  public static PromptMean of(Double value, Double deviation, long prompts) {
    double error = deviation == null || prompts < 2 ? Double.NaN : deviation / Math.sqrt(prompts);
    return new PromptMean(value == null ? Double.NaN : value, error, prompts);
  }

  /** The lower end of value ± z · error, at least 0. */
  public double low(double z) {
    return Math.max(0, value - z * error);
  }

  /** The upper end, at most 1. */
  public double high(double z) {
    return Math.min(1, value + z * error);
  }
}
