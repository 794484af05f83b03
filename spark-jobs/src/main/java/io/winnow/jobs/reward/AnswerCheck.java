// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.Verifiers;
import java.util.Map;

/** Whether a completion's answer is the gold, by the verifier that a reward goes by. */
final class AnswerCheck {
  /** What is known of an answer. */
  enum Outcome { RIGHT, WRONG, NO_GOLD, UNKNOWN }

  private final Verifier verifier;

  private AnswerCheck(Verifier verifier) {
    this.verifier = verifier;
  }

  /** As Open-R1's accuracy reward reads and compares. */
  static AnswerCheck openR1() {
    return compatible("open-r1");
  }

  /** As Open-R1's length and cosine rewards do: golds in LaTeX alone, and answer and gold in each other's place. */
  static AnswerCheck openR1Swapped() {
    return compatible("open-r1-length");
  }

  private static AnswerCheck compatible(String config) {
    return new AnswerCheck(Verifiers.byName("math", Map.of("compat", "math-verify", "config", config)));
  }

  /** By mathematics, whatever the original says. */
  static AnswerCheck strict() {
    return new AnswerCheck(Verifiers.byName("math", Map.of()));
  }

  Outcome of(Sample sample) {
    Verdict verdict = verifier.verify(VerificationRequest.of(sample.gold(), sample.completion()));
    return switch (verdict.value()) {
      case CORRECT -> Outcome.RIGHT;
      case INCORRECT -> Outcome.WRONG;
      case UNDECIDED -> Outcome.NO_GOLD;
      case ERROR -> Outcome.UNKNOWN;
    };
  }

  /** Names the verifier: its verdicts are part of the numbers. */
  String version() {
    return verifier.version();
  }
}
