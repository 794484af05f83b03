// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sampling;

import java.io.Serializable;
import java.util.List;

/** Decides whether a prompt has samples enough. Safe for any number of threads. */
public interface SampleController extends Serializable {
  /**
   * Whether no more samples are to be made. A function of its arguments alone: it is asked again for the same samples
   * by another task, or another run.
   *
   * @param samples those with the indexes 0, 1, 2 …, in this order; at least one
   * @param most samples of a prompt at most, as many or more than there are
   */
  boolean enough(List<SampleOutcome> samples, int most);

  /** Whether it looks at {@link SampleOutcome#answer}. */
  default boolean readsAnswers() {
    return false;
  }
}
