// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import io.winnow.jobs.verify.Verdict;
import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.VerificationRequest;
import io.winnow.jobs.verify.Verifier;
import io.winnow.jobs.verify.math.Decision;
import io.winnow.jobs.verify.math.WorkLimit;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Gives the verdicts of Math-Verify 0.9.0 under one of its configurations: {@code default} (the library's defaults on
 * both sides), {@code open-r1} (as Open-R1's accuracy reward calls it) or {@code open-r1-length} (as its length and
 * cosine rewards do: golds are formulas alone, and answer and gold change places). A truncated completion is judged
 * like any other, as Math-Verify knows no truncation.
 *
 * <p>Correct or incorrect as there. Undecided where it gives no reward: under the latter two, for a gold that cannot
 * be read. Its time-out counts as false there, so what passes the limits of work here is incorrect by rule
 * {@code limit}, unless both texts are the same.
 */
public final class MathVerifyVerifier implements Verifier {
  /** The value of parameter {@code compat} that stands for this verifier. */
  public static final String COMPAT = "math-verify";

  private static final String VERSION = "math-verify-0.9.0/1";
  private static final Set<String> CONFIGS = Set.of("open-r1", "open-r1-length", "default");
  private static final int STEPS = 150_000;
  private static final int MAX_EXTRACTED = 500;
  private static final int MAX_DETAIL = 300;

  private final Map<String, String> params;
  private final boolean openR1;
  private final boolean swapped;

  /**
   * A verifier with parameters {@code compat=math-verify} and {@code config} (default {@code default}).
   *
   * @throws IllegalArgumentException for an unknown parameter or value
   */
  public MathVerifyVerifier(Map<String, String> params) {
    for (Map.Entry<String, String> param : params.entrySet()) {
      boolean known = switch (param.getKey()) {
        case "compat" -> COMPAT.equals(param.getValue());
        case "config" -> CONFIGS.contains(param.getValue());
        default -> throw new IllegalArgumentException("Unknown parameter '" + param.getKey() + "' of verifier math with"
            + " compat=math-verify. Known parameters: compat, config.");
      };
      if (!known) {
        throw new IllegalArgumentException("Unknown value '" + param.getValue() + "' of parameter " + param.getKey()
            + " of verifier math. Known values: " + (param.getKey().equals("compat") ? COMPAT
            : "open-r1, open-r1-length, default (with compat=math-verify), winnow (without)") + ".");
      }
    }
    this.params = Map.copyOf(new TreeMap<>(params));
    swapped = "open-r1-length".equals(params.get("config"));
    openR1 = swapped || "open-r1".equals(params.get("config"));
  }

  @Override
  public String name() {
    return "math";
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

  private record Judgement(Value value, String extracted, String rule, String detail) {}

  @Override
  public Verdict verify(VerificationRequest request) {
    long start = System.nanoTime();
    Judgement judgement;
    try {
      judgement = judge(request.gold() == null ? "" : request.gold(), request.text() == null ? "" : request.text());
    } catch (RuntimeException | StackOverflowError e) {
      judgement = new Judgement(Value.ERROR, null, null, "internal failure: " + e);
    }
    Double score = switch (judgement.value) {
      case CORRECT -> 1.0;
      case INCORRECT -> 0.0;
      default -> null;
    };
    return new Verdict(judgement.value, score, judgement.extracted == null ? null
        : Decision.shortened(judgement.extracted, MAX_EXTRACTED), judgement.rule,
        Decision.shortened(judgement.detail, MAX_DETAIL), params, VERSION, (System.nanoTime() - start) / 1000);
  }

  private Judgement judge(String goldText, String answerText) {
    WorkLimit work = new WorkLimit(STEPS);
    Parsed gold = parsed(goldText, goldMode(), work);
    if (openR1 && gold.isEmpty()) {
      return new Judgement(Value.UNDECIDED, null, null, "the gold cannot be read: " + gold.reason());
    }
    Parsed answer = parsed(answerText, answerMode(), work);
    if (answer.isEmpty()) {
      boolean limit = answer.reason().startsWith("limit");
      return new Judgement(Value.INCORRECT, null, limit ? "limit" : null, answer.reason());
    }
    String extracted = answer.read() == null ? answer.text() : answer.read();
    String rule = answer.anchor() + ":";
    if (gold.isEmpty()) {
      return new Judgement(Value.INCORRECT, extracted, rule + "none", "the gold cannot be read: " + gold.reason());
    }
    if (gold.text() != null && answer.text() != null && !gold.text().isBlank()
        && gold.text().strip().equals(answer.text().strip())) {
      return new Judgement(Value.CORRECT, extracted, rule + "text", "the same text: " + gold.text());
    }
    if (gold.term() == null || answer.term() == null) {
      return new Judgement(Value.INCORRECT, extracted, rule + "none", gold.term() == null
          ? "the gold cannot be read: " + gold.reason() : "the answer cannot be read: " + answer.reason());
    }
    Comparison comparison = new Comparison(work);
    try {
      boolean equal =
          swapped ? comparison.equal(answer.term(), gold.term()) : comparison.equal(gold.term(), answer.term());
      return new Judgement(equal ? Value.CORRECT : Value.INCORRECT, extracted, rule + comparison.rule(),
          equal ? gold.read() + " = " + answer.read() : "gold " + gold.read() + " ≠ answer " + answer.read());
    } catch (WorkLimit.Exceeded e) {
      return new Judgement(Value.INCORRECT, extracted, rule + "limit", "limit: " + e.getMessage());
    } catch (ArithmeticException e) {
      return new Judgement(Value.INCORRECT, extracted, rule + "none", e.getMessage());
    }
  }

  private AnswerParser.Mode goldMode() {
    return swapped
        ? AnswerParser.Mode.OPEN_R1_FORMULA_GOLD
        : openR1 ? AnswerParser.Mode.OPEN_R1_GOLD : AnswerParser.Mode.DEFAULT;
  }

  private AnswerParser.Mode answerMode() {
    return swapped
        ? AnswerParser.Mode.OPEN_R1_BOXED_ANSWER
        : openR1 ? AnswerParser.Mode.OPEN_R1_ANSWER : AnswerParser.Mode.DEFAULT;
  }

  private static Parsed parsed(String text, AnswerParser.Mode mode, WorkLimit work) {
    try {
      return new AnswerParser(mode, work).parse(text);
    } catch (WorkLimit.Exceeded e) {
      return new Parsed(null, null, null, "none", "limit: " + e.getMessage());
    } catch (ArithmeticException e) {
      return new Parsed(null, null, null, "none", e.getMessage());
    }
  }
}
