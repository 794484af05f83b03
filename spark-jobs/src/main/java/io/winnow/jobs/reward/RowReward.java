// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A reward whose numbers depend on one sample each. */
abstract class RowReward implements Reward {
  private final String name;
  private final Map<String, String> params;
  private final Set<Field> needs;

  RowReward(String name, RewardParams params, Field... needs) {
    this.name = name;
    this.params = params.all();
    this.needs = Set.of(needs);
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Map<String, String> params() {
    return params;
  }

  @Override
  public final Set<Field> needs() {
    return needs;
  }

  @Override
  public abstract Double of(Sample sample);

  @Override
  public final List<Double> of(List<Sample> group) {
    List<Double> out = new ArrayList<>(group.size());
    for (Sample sample : group) {
      out.add(of(sample));
    }
    return out;
  }
}
