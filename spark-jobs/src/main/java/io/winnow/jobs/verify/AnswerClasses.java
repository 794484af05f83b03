// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The answers of a prompt's samples, those that mean the same taken together.
 *
 * <p>To mean the same is not transitive in general, so classes are made around answers that lead them, and not along
 * chains: answers written alike are one; then, the most frequent first (of those as frequent the shortest, then the
 * first in the alphabet), each joins the first class whose leader means the same ({@link AnswerEquality#same}), or
 * leads one of its own. So each member equals its leader, the result does not depend on the order of the samples, and
 * what is undecided counts as different. After {@link #MOST_CLASSES} classes answers are no more compared and lead
 * classes of their own.
 *
 * @param kinds the classes, the largest first; of those as large the one whose leader came first
 * @param samples all of them, those without an answer included
 */
public record AnswerClasses(List<Kind> kinds, int samples) {
  /** A prompt has some dozens of samples; more classes than this mean that there is no majority to find. */
  static final int MOST_CLASSES = 200;

  /**
   * A class.
   *
   * @param leader the answer that all members equal
   * @param members places of its samples, ascending
   */
  public record Kind(String leader, List<Integer> members) {
    public int votes() {
      return members.size();
    }
  }

  /**
   * Finds the classes.
   *
   * @param answers as {@link AnswerEquality#extract} gives them, null for a sample without one
   */
  public static AnswerClasses of(List<String> answers, AnswerEquality equality) {
    Map<String, List<Integer>> spellings = new LinkedHashMap<>();
    for (int i = 0; i < answers.size(); i++) {
      if (answers.get(i) != null) {
        spellings.computeIfAbsent(answers.get(i).strip(), text -> new ArrayList<>()).add(i);
      }
    }
    List<String> ordered = new ArrayList<>(spellings.keySet());
    ordered.sort(
        Comparator.<String>comparingInt(text -> -spellings.get(text).size()).thenComparingInt(String::length)
            .thenComparing(Comparator.naturalOrder()));
    List<Kind> kinds = new ArrayList<>();
    for (String text : ordered) {
      Kind kind = kinds.size() >= MOST_CLASSES ? null : find(kinds, text, equality);
      if (kind == null) {
        kind = new Kind(text, new ArrayList<>());
        kinds.add(kind);
      }
      kind.members().addAll(spellings.get(text));
    }
    kinds.forEach(kind -> kind.members().sort(null));
    // A stable sort: of classes as large, the one whose leader came first.
    kinds.sort(Comparator.comparingInt(kind -> -kind.votes()));
    return new AnswerClasses(List.copyOf(kinds), answers.size());
  }

  private static Kind find(List<Kind> kinds, String text, AnswerEquality equality) {
    for (Kind kind : kinds) {
      if (equality.same(kind.leader(), text)) {
        return kind;
      }
    }
    return null;
  }

  /** Samples with an answer. */
  public int answered() {
    return kinds.stream().mapToInt(Kind::votes).sum();
  }

  /**
   * The mean grade of the largest class, or where several tie the mean of theirs; 0 where nothing has one.
   *
   * @param grades of the samples, in their order; null for one that does not count. Added in ascending order, so that
   *     the order of the samples does not show in the last place
   */
  public double grade(List<Double> grades) {
    double sum = 0;
    List<Kind> largest = largest();
    for (Kind kind : largest) {
      double[] own =
          kind.members().stream().filter(i -> i < grades.size() && grades.get(i) != null)
              .mapToDouble(grades::get).sorted().toArray();
      double total = 0;
      for (double each : own) {
        total += each;
      }
      sum += own.length == 0 ? 0 : total / own.length;
    }
    return largest.isEmpty() ? 0 : sum / largest.size();
  }

  /** The classes that no other exceeds: one, several where they tie, none where no sample has an answer. */
  public List<Kind> largest() {
    return kinds.stream().filter(kind -> kind.votes() == kinds.get(0).votes()).toList();
  }
}
