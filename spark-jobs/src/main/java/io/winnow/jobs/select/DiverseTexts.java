// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.select;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts that differ most: the first, then always the one whose nearest among those taken is farthest away (the greedy
 * max–min rule, Gonzalez 1985). The distance is Jaccard's of the sets of word n-grams. Of texts as far the first is
 * taken, so the order given decides all ties.
 */
public final class DiverseTexts {
  /**
   * A text that was taken.
   *
   * @param place in the list given, from 0
   * @param distance to the nearest of those taken before, from 0 to 1; null for the first
   */
  public record Pick(int place, Double distance) {}

  private DiverseTexts() {}

  /**
   * Takes texts.
   *
   * @param texts in the order of preference; null ones are never taken
   * @param most how many to take, 1 or more
   * @param n words of an n-gram, 1 or more
   * @return at most that many, in the order in which they were taken
   */
  public static List<Pick> of(List<String> texts, int most, int n) {
    List<Pick> picks = new ArrayList<>();
    Shingles[] shingles = new Shingles[texts.size()];
    double[] nearest = new double[texts.size()];
    for (int i = 0; i < shingles.length; i++) {
      shingles[i] = texts.get(i) == null ? null : Shingles.of(texts.get(i), n);
    }
    // Farther than any distance: the first is taken, whatever it is.
    Arrays.fill(nearest, Double.POSITIVE_INFINITY);
    while (picks.size() < most) {
      int best = -1;
      for (int i = 0; i < shingles.length; i++) {
        if (shingles[i] != null && (best < 0 || nearest[i] > nearest[best])) {
          best = i;
        }
      }
      if (best < 0) {
        break;
      }
      picks.add(new Pick(best, picks.isEmpty() ? null : Double.valueOf(nearest[best])));
      Shingles taken = shingles[best];
      shingles[best] = null;
      for (int i = 0; i < shingles.length; i++) {
        if (shingles[i] != null) {
          nearest[i] = Math.min(nearest[i], taken.distance(shingles[i]));
        }
      }
    }
    return picks;
  }
}
