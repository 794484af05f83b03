// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import io.winnow.jobs.reward.AnswerCheck.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Prefers short answers among those of a group (Kimi 1.5): with λ = 0.5 − (length − shortest) / (longest − shortest) a
 * right answer gets λ, a wrong one min(0, λ), and all get 0 where all are equally long. Lengths are code points.
 *
 * <p>Plainly, an answer whose gold cannot be read counts as right; strictly, it gets no reward.
 */
final class LengthReward implements Reward {
  static final String NAME = "length";

  private final Map<String, String> params;
  private final boolean strict;
  private final AnswerCheck check;

  LengthReward(RewardParams params) {
    this.params = params.all();
    strict = params.strict();
    check = strict ? AnswerCheck.strict() : AnswerCheck.openR1Swapped();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    return NAME + "/1+" + check.version();
  }

  @Override
  public Map<String, String> params() {
    return params;
  }

  @Override
  public Set<Field> needs() {
    return Set.of(Field.COMPLETION, Field.GOLD);
  }

  @Override
  public boolean ofGroup() {
    return true;
  }

  @Override
  public List<Double> of(List<Sample> group) {
    double shortest = Double.POSITIVE_INFINITY;
    double longest = 0;
    for (Sample sample : group) {
      if (sample.completion() != null) {
        int length = PythonText.length(sample.completion());
        shortest = Math.min(shortest, length);
        longest = Math.max(longest, length);
      }
    }
    List<Double> out = new ArrayList<>(group.size());
    for (Sample sample : group) {
      out.add(sample.completion() == null ? null : one(sample, shortest, longest));
    }
    return out;
  }

  private Double one(Sample sample, double shortest, double longest) {
    boolean same = longest == shortest;
    if (same && !strict) {
      return 0.0;
    }
    Outcome outcome = check.of(sample);
    if (outcome == Outcome.UNKNOWN || strict && outcome == Outcome.NO_GOLD) {
      return null;
    }
    double lambda = same ? 0 : 0.5 - (PythonText.length(sample.completion()) - shortest) / (longest - shortest);
    return outcome == Outcome.WRONG ? Math.min(0.0, lambda) : lambda;
  }
}
