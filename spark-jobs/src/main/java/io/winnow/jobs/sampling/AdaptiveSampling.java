// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sampling;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/**
 * A rule and the numbers of samples after which it is asked.
 *
 * @param controller the rule
 * @param ends ascending; a block reaches from one of them to the next, the last is the most samples of a prompt
 */
public record AdaptiveSampling(SampleController controller, List<Integer> ends) implements Serializable {
  public AdaptiveSampling {
    ends = List.copyOf(ends);
    int before = 0;
    for (int end : ends) {
      if (end <= before) {
        throw new IllegalArgumentException("The ends of blocks must ascend from 1 on, and are " + ends + ".");
      }
      before = end;
    }
    if (ends.isEmpty()) {
      throw new IllegalArgumentException("There must be a block of samples.");
    }
  }

  /**
   * Where a prompt stands.
   *
   * @param end samples up to the end of the first block that is not whole, or after which there were enough
   * @param lacking the samples of that block and those before that are not known; none where there are enough
   */
  public record Standing(int end, TreeSet<Integer> lacking) {
    /** Whether no more samples are to be made. */
    public boolean settled() {
      return lacking.isEmpty();
    }
  }

  /** Samples of a prompt at most. */
  public int most() {
    return ends.get(ends.size() - 1);
  }

  /**
   * Goes through the blocks from the first one on: it stops at the first that lacks a sample, and at the first after
   * which there are enough. A block of which every sample failed is the last one: there is nothing to be had.
   *
   * @param known what the samples came to by their indexes, null for those that are not known; {@link #most} of them
   */
  public Standing standing(SampleOutcome[] known) {
    int begin = 0;
    for (int end : ends) {
      TreeSet<Integer> lacking = new TreeSet<>();
      boolean failed = true;
      for (int i = begin; i < end; i++) {
        if (known[i] == null) {
          lacking.add(i);
        } else {
          failed &= known[i].failed();
        }
      }
      if (!lacking.isEmpty()) {
        return new Standing(end, lacking);
      }
      if (failed || end == most() || controller.enough(Arrays.asList(known).subList(0, end), most())) {
        return new Standing(end, lacking);
      }
      begin = end;
    }
    throw new IllegalStateException("The last block ends the prompt.");
  }
}
