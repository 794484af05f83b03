// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * Scales right and wrong by length: with c = cos(π · length / max_len) the reward is a + (b − a)(1 + c) / 2, where
 * (a, b) is (min_value_correct, max_value_correct) for a right answer and (max_value_wrong, min_value_wrong) for a
 * wrong one. Lengths are code points.
 *
 * <p>Plainly, c swings on beyond max_len, and an answer whose gold cannot be read gets 1; strictly, lengths end at
 * max_len, and such an answer gets none.
 */
final class CosineReward extends RowReward {
  static final String NAME = "cosine";

  private final boolean strict;
  private final double minWrong;
  private final double maxWrong;
  private final double minCorrect;
  private final double maxCorrect;
  private final double maxLength;
  private final AnswerCheck check;

  CosineReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION, Field.GOLD);
    strict = params.strict();
    minWrong = params.number("min_value_wrong", -1.0);
    maxWrong = params.number("max_value_wrong", -0.5);
    minCorrect = params.number("min_value_correct", 0.5);
    maxCorrect = params.number("max_value_correct", 1.0);
    maxLength = params.number("max_len", 1000);
    if (maxLength <= 0) {
      throw params.refused("max_len", String.valueOf(maxLength), "more than 0");
    }
    if (strict && minWrong > maxWrong) {
      throw params.refused("min_value_wrong", String.valueOf(minWrong), "at most max_value_wrong");
    }
    if (strict && minCorrect > maxCorrect) {
      throw params.refused("min_value_correct", String.valueOf(minCorrect), "at most max_value_correct");
    }
    check = strict ? AnswerCheck.strict() : AnswerCheck.openR1Swapped();
  }

  @Override
  public String version() {
    return NAME + "/1+" + check.version();
  }

  @Override
  public Double of(Sample sample) {
    if (sample.completion() == null) {
      return null;
    }
    return switch (check.of(sample)) {
      case RIGHT -> scaled(sample.completion(), minCorrect, maxCorrect);
      case WRONG -> scaled(sample.completion(), maxWrong, minWrong);
      case NO_GOLD -> strict ? null : Double.valueOf(1.0);
      case UNKNOWN -> null;
    };
  }

  /** In the order of the original's operations, which decides the last bits. */
  private double scaled(String text, double from, double to) {
    double length = PythonText.length(text);
    double progress = (strict ? Math.min(length, maxLength) : length) / maxLength;
    return from + 0.5 * (to - from) * (1.0 + ExactCosine.cos(progress * Math.PI));
  }
}
