// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.select;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Pairs of a chosen and a rejected answer of one prompt. Preferences that are learned from pairs of unlike lengths are
 * preferences of a length, so the pair whose lengths are most alike comes first; each answer stands in one pair.
 */
public final class LengthPairs {
  /**
   * A pair.
   *
   * @param chosen place among the chosen ones, from 0
   * @param rejected place among the rejected ones, from 0
   */
  public record Pair(int chosen, int rejected) {}

  private LengthPairs() {}

  /**
   * Pairs by length: always the pair with the smallest ratio of the longer to the shorter; of pairs as good the one
   * whose chosen answer comes first, then whose rejected one does.
   *
   * @param chosen lengths, 0 or more, in the order that breaks ties
   * @param rejected lengths of the others
   * @param most pairs
   * @param maxRatio of the longer to the shorter; infinite for any
   */
  public static List<Pair> matched(List<Double> chosen, List<Double> rejected, int most, double maxRatio) {
    record Candidate(int chosen, int rejected, double ratio) {}
    List<Candidate> all = new ArrayList<>();
    for (int c = 0; c < chosen.size(); c++) {
      for (int r = 0; r < rejected.size(); r++) {
        double ratio = ratio(chosen.get(c), rejected.get(r));
        if (ratio <= maxRatio) {
          all.add(new Candidate(c, r, ratio));
        }
      }
    }
    // A stable sort: made in the order of chosen, then rejected.
    all.sort(Comparator.comparingDouble(Candidate::ratio));
    boolean[] usedChosen = new boolean[chosen.size()];
    boolean[] usedRejected = new boolean[rejected.size()];
    List<Pair> pairs = new ArrayList<>();
    for (Candidate each : all) {
      if (pairs.size() == most) {
        break;
      }
      if (!usedChosen[each.chosen()] && !usedRejected[each.rejected()]) {
        usedChosen[each.chosen()] = true;
        usedRejected[each.rejected()] = true;
        pairs.add(new Pair(each.chosen(), each.rejected()));
      }
    }
    return pairs;
  }

  /** Pairs the first with the first, and so on, leaving out those whose lengths differ by more than the ratio. */
  public static List<Pair> inOrder(List<Double> chosen, List<Double> rejected, int most, double maxRatio) {
    boolean[] used = new boolean[rejected.size()];
    List<Pair> pairs = new ArrayList<>();
    for (int c = 0; c < chosen.size() && pairs.size() < most; c++) {
      for (int r = 0; r < used.length; r++) {
        if (!used[r] && ratio(chosen.get(c), rejected.get(r)) <= maxRatio) {
          used[r] = true;
          pairs.add(new Pair(c, r));
          break;
        }
      }
    }
    return pairs;
  }

  /** 1 for alike; infinite beside a length of 0. */
  private static double ratio(double a, double b) {
    return a == b ? 1 : Math.max(a, b) / Math.min(a, b);
  }
}
