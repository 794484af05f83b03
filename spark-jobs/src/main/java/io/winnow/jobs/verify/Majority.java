// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Self-consistency: the answer that most samples of a prompt give, where answers that mean the same are one class.
 *
 * <p>To mean the same is not transitive in general, so classes are made around answers that lead them, and not along
 * chains: answers written alike are one; then, the most frequent first (of those as frequent the shortest, then the
 * first in the alphabet), each joins the first class whose leader means the same ({@link AnswerEquality#same}), or
 * leads one of its own. So each member equals its leader, the result does not depend on the order of the samples, and
 * what is undecided counts as different. After {@link #MOST_CLASSES} classes answers are no more compared and lead
 * classes of their own.
 *
 * @param answer the leader of the largest class, null when no sample has an answer
 * @param votes samples in that class
 * @param answered samples with an answer
 * @param samples all of them
 * @param margin votes less those of the second largest class
 * @param classes how many there are
 * @param members for each sample whether it is in the largest class
 */
public record Majority(
    String answer, int votes, int answered, int samples, int margin, int classes, boolean[] members) {
  /** A prompt has some dozens of samples; more classes than this mean that there is no majority to find. */
  static final int MOST_CLASSES = 200;

  /** Whether another class is as large as that of {@link #answer}, which is then the one whose leader comes first. */
  public boolean tie() {
    return answer != null && margin == 0;
  }

  /** Votes over samples, those without an answer included; 0 where there are none. */
  public double share() {
    return samples == 0 ? 0 : (double) votes / samples;
  }

  /** Whether all samples that have an answer agree, and there are at least two of them. */
  public boolean unanimous() {
    return answered >= 2 && votes == answered;
  }

  private static final class Kind {
    final String leader;
    int votes;

    Kind(String leader) {
      this.leader = leader;
    }
  }

  /**
   * Counts the answers of a prompt's samples.
   *
   * @param answers as {@link AnswerEquality#extract} gives them, null for a sample without one
   */
  public static Majority of(List<String> answers, AnswerEquality equality) {
    Map<String, Integer> spellings = new LinkedHashMap<>();
    for (String answer : answers) {
      if (answer != null) {
        spellings.merge(answer.strip(), 1, Integer::sum);
      }
    }
    List<String> ordered = new ArrayList<>(spellings.keySet());
    ordered.sort(
        Comparator.<String>comparingInt(text -> -spellings.get(text)).thenComparingInt(String::length)
            .thenComparing(Comparator.naturalOrder()));
    List<Kind> kinds = new ArrayList<>();
    Map<String, Kind> kindOf = new LinkedHashMap<>();
    for (String text : ordered) {
      Kind kind = kinds.size() >= MOST_CLASSES ? null : find(kinds, text, equality);
      if (kind == null) {
        kind = new Kind(text);
        kinds.add(kind);
      }
      kind.votes += spellings.get(text);
      kindOf.put(text, kind);
    }
    // A stable sort: of classes as large, the one whose leader came first.
    kinds.sort(Comparator.comparingInt(kind -> -kind.votes));
    boolean[] members = new boolean[answers.size()];
    if (kinds.isEmpty()) {
      return new Majority(null, 0, 0, answers.size(), 0, 0, members);
    }
    Kind first = kinds.get(0);
    int answered = 0;
    for (int i = 0; i < members.length; i++) {
      answered += answers.get(i) == null ? 0 : 1;
      members[i] = answers.get(i) != null && kindOf.get(answers.get(i).strip()) == first;
    }
    int second = kinds.size() > 1 ? kinds.get(1).votes : 0;
    return new Majority(
        first.leader, first.votes, answered, answers.size(), first.votes - second, kinds.size(), members);
  }

  private static Kind find(List<Kind> kinds, String text, AnswerEquality equality) {
    for (Kind kind : kinds) {
      if (equality.same(kind.leader, text)) {
        return kind;
      }
    }
    return null;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Majority that && toString().equals(that.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }

  @Override
  public String toString() {
    return votes + " of " + samples + " say " + answer + " (" + answered + " answered, margin " + margin + ", "
        + classes + " classes) " + Arrays.toString(members);
  }
}
