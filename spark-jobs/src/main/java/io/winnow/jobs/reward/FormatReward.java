// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/** 1 for a completion in the layout {@code <think>…</think><answer>…</answer>}, else 0. */
final class FormatReward extends RowReward {
  static final String NAME = "format";

  private final boolean strict;

  FormatReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION);
    strict = params.strict();
  }

  @Override
  public Double of(Sample sample) {
    String text = sample.completion();
    if (text == null) {
      return null;
    }
    if (strict) {
      return Layout.strictAnswer(text) == null ? 0.0 : 1.0;
    }
    int answer = Layout.answerStart(text);
    return answer >= 0 && Layout.closesLine(text, answer) ? 1.0 : 0.0;
  }
}
