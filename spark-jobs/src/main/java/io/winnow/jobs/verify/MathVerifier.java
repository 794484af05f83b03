// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.math.AnswerExtractor;
import io.winnow.jobs.verify.math.AnswerExtractor.Candidate;
import io.winnow.jobs.verify.math.AnswerText;
import io.winnow.jobs.verify.math.Decision;
import io.winnow.jobs.verify.math.Equivalence;
import io.winnow.jobs.verify.math.Expr;
import io.winnow.jobs.verify.math.MathReader;
import io.winnow.jobs.verify.math.UnreadableException;
import io.winnow.jobs.verify.math.WorkLimit;
import java.util.List;
import java.util.Map;

/**
 * Compares the answer of a completion with the gold by mathematics.
 *
 * <p>Order: a gold that says nothing is undecided, with its reason; a truncated completion is incorrect ({@code truncated}), whatever
 * it holds; no answer is incorrect ({@code no answer found}); then choice letters, then values
 * ({@link Equivalence}), then texts: equal but for layout is correct, and two texts of which one cannot be read are
 * undecided.
 *
 * <p>Parameters: {@code config} ({@code winnow}, the default and only one). Verdicts depend on the input alone.
 */
public final class MathVerifier implements Verifier {
  static final String NAME = "math";
  private static final String VERSION = "math/2";
  private static final int MAX_EXTRACTED = 500;

  private final Map<String, String> params;
  private final int maxSteps;

  /** A verifier with default parameters. */
  public MathVerifier() {
    this(Map.of());
  }

  /**
   * A verifier with parameters.
   *
   * @throws IllegalArgumentException for an unknown parameter or value
   */
  public MathVerifier(Map<String, String> params) {
    this(params, WorkLimit.DEFAULT_STEPS);
  }

  MathVerifier(Map<String, String> params, int maxSteps) {
    for (Map.Entry<String, String> param : params.entrySet()) {
      if (!param.getKey().equals("config")) {
        throw new IllegalArgumentException(
            "Unknown parameter '" + param.getKey() + "' of verifier math. Known parameters: config, compat.");
      }
      if (!"winnow".equals(param.getValue())) {
        throw new IllegalArgumentException(
            "Unknown value '" + param.getValue() + "' of parameter config of verifier math. Known values: winnow; with"
                + " compat=math-verify: default, open-r1.");
      }
    }
    this.params = Map.copyOf(params);
    this.maxSteps = maxSteps;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String version() {
    return VERSION;
  }

  @Override
  public Map<String, String> params() {
    return params;
  }

  @Override
  public boolean boundedBySteps() {
    return true;
  }

  @Override
  public Verdict verify(VerificationRequest request) {
    long start = System.nanoTime();
    Judgement judgement;
    try {
      judgement = judge(request);
    } catch (RuntimeException | StackOverflowError e) {
      judgement = new Judgement(Value.ERROR, null, null, "internal failure: " + e);
    }
    Double score = switch (judgement.value) {
      case CORRECT -> 1.0;
      case INCORRECT -> 0.0;
      default -> null;
    };
    String extracted = judgement.extracted == null ? null : Decision.shortened(judgement.extracted, MAX_EXTRACTED);
    return new Verdict(judgement.value, score, extracted, judgement.rule, judgement.detail, params, VERSION,
        (System.nanoTime() - start) / 1000);
  }

  private record Judgement(Value value, String extracted, String rule, String detail) {}

  /** What was read from one text: an expression, or why not. */
  private record Reading(Expr expr, String reason) {
    boolean isWords() {
      return expr instanceof Expr.Words;
    }
  }

  private Judgement judge(VerificationRequest request) {
    String gold = goldText(request.gold());
    if (gold.isEmpty() || !AnswerExtractor.saysSomething(gold)) {
      return new Judgement(Value.UNDECIDED, null, null,
          request.gold() == null ? "the gold is null" : "the gold is empty");
    }
    if (request.truncated()) {
      return new Judgement(Value.INCORRECT, null, null, "truncated");
    }
    List<Candidate> candidates = AnswerExtractor.candidates(request.text() == null ? "" : request.text());
    if (candidates.isEmpty()) {
      return new Judgement(Value.INCORRECT, null, null, "no answer found");
    }
    WorkLimit work = new WorkLimit(maxSteps);
    Reading goldReading = read(gold, work);
    if (goldReading.expr == null && gold.contains("\\\\")) {
      // LaTeX that was escaped once too often, as JSON inside JSON makes it.
      Reading unescaped = read(gold.replace("\\\\", "\\"), work);
      goldReading = unescaped.expr == null ? goldReading : unescaped;
    }
    if (goldReading.expr == null && gold.length() <= WorkLimit.MAX_CHARS) {
      // A gold that is a sentence: "The answer is $5$."
      for (Candidate candidate : AnswerExtractor.candidates(gold)) {
        Reading inner = candidate.rule().equals("phrase") ? read(candidate.answer(), work) : goldReading;
        if (inner.expr != null) {
          goldReading = inner;
          gold = candidate.answer();
          break;
        }
      }
    }
    Candidate chosen = candidates.get(0);
    String goldChoice = AnswerText.choice(gold, goldReading.expr == null);
    if (goldChoice != null && (goldReading.expr instanceof Expr.Sym || goldReading.expr == null)) {
      for (Candidate candidate : candidates) {
        String choice = AnswerText.choice(candidate.answer(), true);
        if (choice != null) {
          boolean equal = choice.equals(goldChoice);
          return judgement(equal, candidate, "choice", equal ? "choice " + choice : "gold choice " + goldChoice
              + ", answer " + choice);
        }
      }
    }
    Reading answer = read(chosen.answer(), work);
    for (int i = 1; i < candidates.size() && needsAnother(answer, goldReading); i++) {
      if (candidates.get(i).rule().endsWith("boxes")) {
        continue;
      }
      Reading next = read(candidates.get(i).answer(), work);
      if (next.expr != null && !(next.isWords() && answer.expr != null)) {
        answer = next;
        chosen = candidates.get(i);
      }
    }
    Judgement judgement = compare(gold, goldReading, chosen, answer, work);
    if (judgement.value != Value.CORRECT && candidates.size() > 1 && candidates.get(1).rule().endsWith("boxes")) {
      Candidate boxes = candidates.get(1);
      Judgement joined = compare(gold, goldReading, boxes, read(boxes.answer(), work), work);
      judgement = joined.value == Value.CORRECT ? joined : judgement;
    }
    return judgement;
  }

  /** Whether another candidate may serve better: this one was not read, or holds words where the gold does not. */
  private static boolean needsAnother(Reading answer, Reading gold) {
    return answer.expr == null || (answer.isWords() && !gold.isWords());
  }

  private Judgement compare(String gold, Reading goldReading, Candidate candidate, Reading answer, WorkLimit work) {
    String why = goldReading.expr == null ? "the gold cannot be read: " + goldReading.reason
        : "the answer cannot be read: " + answer.reason;
    String kind = "none";
    if (goldReading.expr != null && answer.expr != null) {
      if (AnswerText.choice(gold, false) != null && goldReading.expr instanceof Expr.Sym
          && answer.expr instanceof Expr.Num num) {
        return judgement(false, candidate, "kinds", "gold choice " + gold + " against answer " + num.value());
      }
      Decision decision;
      try {
        decision = new Equivalence(work).compare(goldReading.expr, answer.expr);
      } catch (WorkLimit.Exceeded e) {
        decision = new Decision(Decision.Outcome.UNKNOWN, "none", "limit: " + e.getMessage());
      }
      if (decision.outcome() != Decision.Outcome.UNKNOWN) {
        return judgement(decision.equal(), candidate, decision.kind(), decision.detail());
      }
      why = decision.detail();
      kind = decision.kind();
    }
    if (AnswerText.same(gold, candidate.answer())) {
      return judgement(true, candidate, "text", "the same text");
    }
    return new Judgement(Value.UNDECIDED, candidate.answer(), candidate.rule() + ":" + kind, why);
  }

  private static Judgement judgement(boolean correct, Candidate candidate, String kind, String detail) {
    return new Judgement(
        correct ? Value.CORRECT : Value.INCORRECT, candidate.answer(), candidate.rule() + ":" + kind, detail);
  }

  private static Reading read(String text, WorkLimit work) {
    try {
      return new Reading(MathReader.read(text, work), null);
    } catch (UnreadableException | ArithmeticException e) {
      return new Reading(null, e.getMessage());
    } catch (WorkLimit.Exceeded e) {
      return new Reading(null, "limit: " + e.getMessage());
    }
  }

  /** The gold without what stands around it: a worked solution before {@code ####}, a box, delimiters. */
  private static String goldText(String gold) {
    if (gold == null) {
      return "";
    }
    String rest = gold;
    int mark = rest.lastIndexOf("####");
    if (mark >= 0) {
      rest = rest.substring(mark + 4);
    }
    String box = AnswerExtractor.lastBox(rest);
    return AnswerText.unwrapped(box == null ? rest : box);
  }
}
