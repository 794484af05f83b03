// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.verify.math.AnswerExtractor;
import io.winnow.jobs.verify.math.AnswerExtractor.Candidate;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What two answers mean to a verifier: whether it would take the one for the other. Safe for any number of threads.
 *
 * <p>No equivalence in general: with a tolerance, a may equal b and b equal c where a and c differ; and what is
 * undecided is neither equal nor different.
 */
public final class AnswerEquality {
  private final Verifier verifier;
  private final boolean mathematics;
  private final FinalAnswer.Take take;

  private AnswerEquality(VerifierSpec spec) {
    verifier = spec.verifier();
    mathematics = spec.name().equals(MathVerifier.NAME);
    String extract = mathematics ? null : spec.params().get(AnswerVerifier.EXTRACT);
    take = extract == null ? FinalAnswer.Take.FINAL : FinalAnswer.Take.valueOf(extract.toUpperCase(Locale.ROOT));
  }

  /**
   * By a verifier.
   *
   * @throws IllegalArgumentException for an unknown verifier, parameter or value
   */
  public static AnswerEquality by(VerifierSpec spec) {
    return new AnswerEquality(spec);
  }

  /** By mathematics, as verifier {@code math} without parameters has it. */
  public static AnswerEquality byMathematics() {
    return new AnswerEquality(new VerifierSpec(MathVerifier.NAME, Map.of()));
  }

  /** Verifier and version. */
  public String version() {
    return verifier.version();
  }

  /**
   * The answer that a completion ends with, in its own words; null when it has none.
   *
   * @param completion thinking included; may be null
   */
  public String extract(String completion) {
    if (completion == null) {
      return null;
    }
    if (mathematics) {
      List<Candidate> candidates = AnswerExtractor.candidates(completion);
      return candidates.isEmpty() ? null : candidates.get(0).answer();
    }
    if (verifier instanceof GuardedVerifier guarded && guarded.guarded() instanceof AnswerVerifier own) {
      return own.answer(completion);
    }
    FinalAnswer answer = FinalAnswer.of(completion, take);
    return answer == null ? null : answer.text();
  }

  /**
   * Whether an answer is taken for another one that is known to be right.
   *
   * @return correct: the same; incorrect: another; undecided; or error
   */
  public Verdict compare(String reference, String answer) {
    return verifier.verify(VerificationRequest.of(reference, asCompletion(answer)));
  }

  /** Whether either is taken for the other; then both mean the same. */
  public boolean same(String a, String b) {
    return a.equals(b) || compare(a, b).value() == Verdict.Value.CORRECT
        || compare(b, a).value() == Verdict.Value.CORRECT;
  }

  /** Judges answers as {@link #compare} does: what it is given as a completion is the answer alone. */
  public Verifier asVerifier() {
    return new Verifier() {
      @Override
      public String name() {
        return verifier.name();
      }

      @Override
      public String version() {
        return verifier.version();
      }

      @Override
      public Map<String, String> params() {
        return verifier.params();
      }

      @Override
      public Verdict verify(VerificationRequest request) {
        return request.text() == null ? verifier.verify(request) : compare(request.gold(), request.text());
      }
    };
  }

  /** A completion that holds this answer and nothing else. */
  private String asCompletion(String answer) {
    boolean boxes = mathematics || take == FinalAnswer.Take.FINAL || take == FinalAnswer.Take.BOXED;
    return boxes && balanced(answer) ? "\\boxed{" + answer + "}" : answer;
  }

  private static boolean balanced(String text) {
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        i++;
        if (i == text.length()) {
          return false;
        }
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth < 0) {
        return false;
      }
    }
    return depth == 0;
  }
}
