// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** All rewards by name. */
public final class Rewards {
  /** The parameter that asks for the sibling without the original's flaws. */
  public static final String STRICT = "strict";

  private static final Map<String, Function<RewardParams, Reward>> FACTORIES =
      new TreeMap<>(
          Map.of(
              AccuracyReward.NAME, AccuracyReward::new,
              FormatReward.NAME, FormatReward::new,
              TagCountReward.NAME, TagCountReward::new,
              ReasoningStepsReward.NAME, ReasoningStepsReward::new,
              LengthReward.NAME, LengthReward::new,
              CosineReward.NAME, CosineReward::new,
              RepetitionReward.NAME, RepetitionReward::new,
              CodeFormatReward.NAME, CodeFormatReward::new,
              SoftOverlongReward.NAME, SoftOverlongReward::new));

  private Rewards() {}

  /** The names that {@link #byName} knows, sorted. */
  public static Set<String> names() {
    return Collections.unmodifiableSet(FACTORIES.keySet());
  }

  /**
   * Makes a reward.
   *
   * @param params its parameters, those left out at Open-R1's defaults
   * @throws IllegalArgumentException for an unknown reward, parameter or value, with the known ones
   */
  public static Reward byName(String name, Map<String, String> params) {
    Function<RewardParams, Reward> factory = name == null ? null : FACTORIES.get(name);
    if (factory == null) {
      throw new IllegalArgumentException(
          "Unknown reward '" + name + "'. Known rewards: " + String.join(", ", FACTORIES.keySet()) + ".");
    }
    RewardParams read = new RewardParams(name, params);
    Reward reward = factory.apply(read);
    read.checkNames();
    return reward;
  }

  /**
   * The sibling of a reward that mends the original's flaws.
   *
   * @return null for one that is strict already or has no flaw to mend
   */
  public static Reward strictSibling(Reward reward) {
    if (!"false".equals(reward.params().get(STRICT))) {
      return null;
    }
    Map<String, String> params = new HashMap<>(reward.params());
    params.put(STRICT, "true");
    return byName(reward.name(), params);
  }

  /**
   * The weighted sum of a sample's rewards; those that are missing count nothing.
   *
   * @param rewards null for a missing one
   * @param weights one a reward
   * @return null where all rewards are missing: no reward is not a reward of 0
   */
  public static Double weightedSum(List<Double> rewards, double[] weights) {
    if (rewards.size() != weights.length) {
      throw new IllegalArgumentException(rewards.size() + " rewards need as many weights, not " + weights.length + ".");
    }
    Double sum = null;
    for (int i = 0; i < weights.length; i++) {
      if (rewards.get(i) != null) {
        sum = (sum == null ? 0 : sum) + weights[i] * rewards.get(i);
      }
    }
    return sum;
  }
}
