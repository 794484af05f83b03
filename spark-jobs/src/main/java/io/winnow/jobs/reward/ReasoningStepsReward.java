// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * A third for each mark of a step, at most 1: {@code Step 1:}, a number with a point, a bullet, or a word such as
 * {@code First,}. Plainly, numbers count only at the text's start; strictly, numbers and bullets count at the start of
 * each line, with a blank behind them.
 */
final class ReasoningStepsReward extends RowReward {
  static final String NAME = "reasoning_steps";
  private static final String STEP = "Step ";
  private static final int ENOUGH = 3;

  private final boolean strict;

  ReasoningStepsReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION);
    strict = params.strict();
  }

  @Override
  public Double of(Sample sample) {
    String text = sample.completion();
    return text == null ? null : Math.min(1.0, count(text) / (double) ENOUGH);
  }

  /** Marks that do not overlap; more than enough are not told apart. */
  private int count(String text) {
    int count = 0;
    for (int at = 0; at < text.length() && count < ENOUGH; ) {
      int end = strict ? strictMark(text, at) : mark(text, at);
      count += end > at ? 1 : 0;
      at = Math.max(end, at + 1);
    }
    return count;
  }

  /** Where a mark that begins here ends, −1 without one. */
  private static int mark(String text, int at) {
    int number = at == 0 ? number(text, 0) : -1;
    if (number > 0) {
      return number;
    }
    if (text.charAt(at) == '\n') {
      return text.startsWith("-", at + 1) || text.startsWith("*", at + 1) ? at + 2 : -1;
    }
    return words(text, at);
  }

  private static int strictMark(String text, int at) {
    if (at > 0 && text.charAt(at - 1) != '\n') {
      return words(text, at);
    }
    boolean bullet = text.charAt(at) == '-' || text.charAt(at) == '*';
    int end = bullet ? at + 1 : number(text, at);
    boolean blank = end > at && end < text.length() && PythonText.isSpace(text.charAt(end));
    return blank ? end : words(text, at);
  }

  /** Digits and a point. */
  private static int number(String text, int at) {
    int end = digits(text, at);
    return end > at && text.startsWith(".", end) ? end + 1 : -1;
  }

  private static int words(String text, int at) {
    return switch (text.charAt(at)) {
      case 'F' -> text.startsWith("First,", at) ? at + 6 : text.startsWith("Finally,", at) ? at + 8 : -1;
      case 'N' -> text.startsWith("Next,", at) ? at + 5 : -1;
      case 'S' -> text.startsWith("Second,", at) ? at + 7 : step(text, at);
      default -> -1;
    };
  }

  private static int step(String text, int at) {
    int from = at + STEP.length();
    int end = text.startsWith(STEP, at) ? digits(text, from) : -1;
    return end > from && text.startsWith(":", end) ? end + 1 : -1;
  }

  /** Where the digits that begin here end. */
  private static int digits(String text, int from) {
    int at = from;
    while (at < text.length() && PythonText.isDigit(text.codePointAt(at))) {
      at += Character.charCount(text.codePointAt(at));
    }
    return at;
  }
}
