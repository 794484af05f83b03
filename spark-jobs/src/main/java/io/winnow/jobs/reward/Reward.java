// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Gives numbers to completions. Instances are immutable and safe for any number of threads; a number depends on the
 * samples and the parameters alone.
 */
public interface Reward {
  /** What a reward reads of a {@link Sample}. */
  enum Field { COMPLETION, GOLD, TOKENS, LANGUAGE }

  /** The name by which {@link Rewards#byName} finds it. */
  String name();

  /** Changes whenever any number may change. */
  default String version() {
    return name() + "/1";
  }

  /** All its parameters with their values, defaults included, sorted by name. */
  Map<String, String> params();

  /** What it reads of a sample. */
  Set<Field> needs();

  /** Whether the number of a sample depends on those beside it; then they must be a prompt's, all of them. */
  default boolean ofGroup() {
    return false;
  }

  /**
   * The reward of one sample, as if it were alone.
   *
   * @return null where there is none
   */
  default Double of(Sample sample) {
    return of(List.of(sample)).get(0);
  }

  /**
   * The rewards of samples, in their order.
   *
   * @param group for rewards {@link #ofGroup} the samples of one prompt, else any
   * @return null in the place of a sample that gets none
   */
  List<Double> of(List<Sample> group);
}
