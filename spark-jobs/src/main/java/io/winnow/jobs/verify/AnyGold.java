// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.List;
import java.util.Objects;

/** Several golds of which any is right. */
public final class AnyGold {
  private static final int SHOWN = 5;

  private AnyGold() {}

  /**
   * Judges a completion against each gold until one is met. Correct if any is; else an error if one of them could not
   * be judged for a failure, else undecided if one could not be decided, else incorrect. The evidence is that of the
   * gold that decided, and {@code detail} names them all where several were tried.
   *
   * @param golds null ones do not count; with none at all the verifier judges against a null gold
   */
  public static Verdict verify(Verifier verifier, List<String> golds, String text, boolean truncated) {
    List<String> there = golds.stream().filter(Objects::nonNull).toList();
    if (there.size() <= 1) {
      return verifier.verify(new VerificationRequest(there.isEmpty() ? null : there.get(0), text, truncated));
    }
    Verdict last = null;
    long micros = 0;
    for (String gold : there) {
      Verdict verdict = verifier.verify(new VerificationRequest(gold, text, truncated));
      micros += verdict.micros();
      if (last == null || rank(verdict.value()) > rank(last.value())) {
        last = verdict;
      }
      if (verdict.value() == Verdict.Value.CORRECT) {
        break;
      }
    }
    List<String> shown = there.subList(0, Math.min(SHOWN, there.size()));
    String among = " (any of " + String.join(" | ", shown) + (there.size() > SHOWN ? " | …" : "") + ")";
    return new Verdict(
        last.value(), last.score(), last.extracted(), last.rule(), (last.detail() == null ? "" : last.detail()) + among,
        last.params(), last.version(), micros);
  }

  private static int rank(Verdict.Value value) {
    return switch (value) {
      case INCORRECT -> 0;
      case UNDECIDED -> 1;
      case ERROR -> 2;
      case CORRECT -> 3;
    };
  }
}
