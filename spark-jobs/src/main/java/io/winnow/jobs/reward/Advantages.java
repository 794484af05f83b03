// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** How much better than the others of its prompt a completion is: group-relative advantages. */
public final class Advantages {
  /** GRPO's, as R1 and TRL have it. */
  public static final double DEFAULT_EPSILON = 1e-4;

  /** How they are scaled. */
  public enum Scale {
    /** (reward − mean) / (standard deviation + epsilon), as GRPO; the deviation is the sample's (n − 1). */
    GRPO,
    /** reward − mean: without the deviation, which weighs prompts by how alike their rewards are (Dr. GRPO). */
    UNBIASED
  }

  private Advantages() {}

  /**
   * The advantage of each sample of a group. It does not depend on the order of the group, to the bit.
   *
   * @param rewards null for a sample that has none: it gets no advantage and is not part of the mean
   * @param epsilon keeps a group whose rewards are all equal from dividing by 0
   */
  public static List<Double> of(List<Double> rewards, Scale scale, double epsilon) {
    double[] sorted = rewards.stream().filter(Objects::nonNull).mapToDouble(Double::doubleValue).sorted().toArray();
    double mean = mean(sorted);
    double divisor = scale == Scale.UNBIASED ? 1 : deviation(sorted, mean) + epsilon;
    List<Double> out = new ArrayList<>(rewards.size());
    for (Double reward : rewards) {
      out.add(reward == null ? null : Double.valueOf((reward - mean) / divisor));
    }
    return out;
  }

  private static double mean(double[] sorted) {
    // Equal rewards have no advantage at all, whatever rounding their sum would bring.
    if (sorted.length > 0 && sorted[0] == sorted[sorted.length - 1]) {
      return sorted[0];
    }
    double sum = 0;
    for (double reward : sorted) {
      sum += reward;
    }
    return sum / sorted.length;
  }

  private static double deviation(double[] sorted, double mean) {
    double squares = 0;
    for (double reward : sorted) {
      squares += (reward - mean) * (reward - mean);
    }
    return sorted.length < 2 ? 0 : Math.sqrt(squares / (sorted.length - 1));
  }
}
