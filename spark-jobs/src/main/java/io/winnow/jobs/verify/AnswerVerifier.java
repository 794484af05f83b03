// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.math.Decision;
import java.util.Map;

/**
 * What the verifiers have alike that compare the answer of a completion with the gold as texts of some kind. An empty
 * gold is undecided; a truncated completion is incorrect ({@code truncated}), whatever it holds; a completion without
 * an answer is incorrect ({@code no answer found}).
 */
abstract class AnswerVerifier implements Verifier {
  static final String EXTRACT = "extract";
  private static final int MAX_TEXT = 500;

  private final String name;
  private final String version;
  private final Map<String, String> params;
  private final FinalAnswer.Take take;

  AnswerVerifier(String name, String version, VerifierParams params) {
    this.name = name;
    this.version = version;
    this.params = params.all();
    this.take = params.choice(EXTRACT, FinalAnswer.Take.FINAL);
  }

  /**
   * What was found.
   *
   * @param extracted the answer, null when there was none
   * @param rule what decided, null when nothing was compared
   */
  record Judgement(Value value, String extracted, String rule, String detail) {
    static Judgement of(boolean correct, FinalAnswer answer, String comparison, String detail) {
      Value value = correct ? Value.CORRECT : Value.INCORRECT;
      return new Judgement(value, answer.text(), answer.rule() + ":" + comparison, detail);
    }

    /** The gold cannot be used. */
    static Judgement undecided(String why) {
      return new Judgement(Value.UNDECIDED, null, null, why);
    }

    /** The answer cannot be judged. */
    static Judgement undecided(FinalAnswer answer, String comparison, String why) {
      return new Judgement(Value.UNDECIDED, answer.text(), answer.rule() + ":" + comparison, why);
    }

    static Judgement none(String what) {
      return new Judgement(Value.INCORRECT, null, null, what);
    }

    /** {@code gold x = y} or {@code gold x ≠ answer y}. */
    static String compared(boolean equal, String gold, String answer) {
      return equal ? gold + " = " + answer : "gold " + gold + " ≠ answer " + answer;
    }
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String version() {
    return version;
  }

  @Override
  public final Map<String, String> params() {
    return params;
  }

  @Override
  public final boolean boundedBySteps() {
    return true;
  }

  /** The answer of a completion, null when there is none. */
  FinalAnswer extract(String completion) {
    return FinalAnswer.of(completion, take);
  }

  /** The answer of a completion as people would give it, null when there is none. */
  String answer(String completion) {
    FinalAnswer answer = extract(completion);
    return answer == null ? null : answer.text();
  }

  /** Judges an answer; neither is empty. */
  abstract Judgement judge(String gold, FinalAnswer answer);

  /** Whether the gold says nothing in itself, whatever the answer; null if it does not. */
  String unusable(String gold) {
    return null;
  }

  @Override
  public final Verdict verify(VerificationRequest request) {
    long start = System.nanoTime();
    Judgement j = judged(request);
    Double score = switch (j.value()) {
      case CORRECT -> 1.0;
      case INCORRECT -> 0.0;
      case UNDECIDED, ERROR -> null;
    };
    String extracted = j.extracted() == null ? null : Decision.shortened(j.extracted(), MAX_TEXT);
    String detail = j.detail() == null ? null : Decision.shortened(j.detail().replaceAll("\\s+", " "), MAX_TEXT);
    return new Verdict(
        j.value(), score, extracted, j.rule(), detail, params, version, (System.nanoTime() - start) / 1000);
  }

  private Judgement judged(VerificationRequest request) {
    String gold = request.gold() == null ? "" : request.gold().strip();
    if (gold.isEmpty()) {
      return Judgement.undecided(request.gold() == null ? "the gold is null" : "the gold is empty");
    }
    String unusable = unusable(gold);
    if (unusable != null) {
      return Judgement.undecided(unusable);
    }
    if (request.truncated()) {
      return Judgement.none("truncated");
    }
    try {
      FinalAnswer answer = request.text() == null ? null : extract(request.text());
      return answer == null ? Judgement.none("no answer found") : judge(gold, answer);
    } catch (RuntimeException | StackOverflowError e) {
      Judgement judgement = withoutEnd(e);
      if (judgement == null) {
        throw e;
      }
      return judgement;
    }
  }

  /** What a failure means that says no more than that the work was too much; null where it means something else. */
  Judgement withoutEnd(Throwable e) {
    return null;
  }
}
