// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * Finds golds that are probably wrong.
 *
 * @param suspicion what is suspicious, null when nothing is: {@code unreadable} (no answer can be judged against it),
 *     {@code inconsistent} (the rows of a prompt have golds that differ), or {@code contradicted} (at least two samples
 *     have an answer, all of them agree with each other, and none with the gold)
 * @param detail why, for a reader
 * @param majority of the samples' answers
 */
public record GoldCheck(String suspicion, String detail, Majority majority) {
  public static final String UNREADABLE = "unreadable";
  public static final String INCONSISTENT = "inconsistent";
  public static final String CONTRADICTED = "contradicted";

  /** Plain answers: a gold against which neither can be judged cannot be read. */
  private static final List<String> PROBES = List.of("1", "A", "2");

  /**
   * Looks at a prompt.
   *
   * @param golds for each of its rows those that are right there
   * @param texts the completions, null for a row without one
   */
  public static GoldCheck of(VerifierSpec spec, List<List<String>> golds, List<String> texts) {
    Verifier verifier = spec.verifier();
    AnswerEquality equality = AnswerEquality.by(spec);
    Majority majority = Majority.of(texts.stream().map(equality::extract).toList(), equality);
    Set<List<String>> several = new LinkedHashSet<>();
    golds.forEach(each -> several.add(each.stream().filter(Objects::nonNull).map(String::strip).toList()));
    if (several.size() > 1 && !same(several, equality)) {
      return new GoldCheck(INCONSISTENT, "the rows have " + several.size() + " golds: " + shown(several), majority);
    }
    List<String> all = several.iterator().next();
    for (String gold : all.isEmpty() ? Arrays.asList((String) null) : all) {
      String why = unreadable(verifier, equality, gold);
      if (why != null) {
        return new GoldCheck(UNREADABLE, why, majority);
      }
    }
    if (majority.unanimous()) {
      for (String gold : all) {
        Verdict.Value value = equality.compare(gold, majority.answer()).value();
        if (value != Verdict.Value.INCORRECT) {
          return new GoldCheck(null, null, majority);
        }
      }
      return new GoldCheck(
          CONTRADICTED,
          "all " + majority.answered() + " answers are " + majority.answer() + ", the gold is "
              + String.join(" | ", all),
          majority);
    }
    return new GoldCheck(null, null, majority);
  }

  /** Whether all are single golds that mean the same. */
  private static boolean same(Set<List<String>> golds, AnswerEquality equality) {
    List<String> first = golds.iterator().next();
    return golds.stream().allMatch(
        each -> each.size() == 1 && first.size() == 1 && equality.same(first.get(0), each.get(0)));
  }

  private static String shown(Set<List<String>> golds) {
    return String.join(", ", golds.stream().limit(5).map(each -> String.join(" | ", each)).toList());
  }

  private static String unreadable(Verifier verifier, AnswerEquality equality, String gold) {
    String why = null;
    for (String probe : PROBES) {
      Verdict verdict = gold == null
          ? verifier.verify(VerificationRequest.of(null, probe)) : equality.compare(gold, probe);
      if (verdict.value() != Verdict.Value.UNDECIDED) {
        return null;
      }
      why = why == null ? verdict.detail() : why;
    }
    return why;
  }
}
