// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Arrays;
import java.util.List;

/**
 * Self-consistency: the answer that most samples of a prompt give, where answers that mean the same are one class.
 *
 * <p>How classes are made, {@link AnswerClasses} says.
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

  /**
   * Counts the answers of a prompt's samples.
   *
   * @param answers as {@link AnswerEquality#extract} gives them, null for a sample without one
   */
  public static Majority of(List<String> answers, AnswerEquality equality) {
    return of(AnswerClasses.of(answers, equality));
  }

  /** The largest of the classes that are found already. */
  public static Majority of(AnswerClasses classes) {
    boolean[] members = new boolean[classes.samples()];
    List<AnswerClasses.Kind> kinds = classes.kinds();
    if (kinds.isEmpty()) {
      return new Majority(null, 0, 0, members.length, 0, 0, members);
    }
    AnswerClasses.Kind first = kinds.get(0);
    first.members().forEach(place -> members[place] = true);
    int second = kinds.size() > 1 ? kinds.get(1).votes() : 0;
    return new Majority(
        first.leader(), first.votes(), classes.answered(), members.length, first.votes() - second, kinds.size(),
        members);
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
