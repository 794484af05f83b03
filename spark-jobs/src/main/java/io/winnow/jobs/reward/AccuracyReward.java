// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/** 1 for a right answer, 0 for a wrong one, none where the gold cannot be read. */
final class AccuracyReward extends RowReward {
  static final String NAME = "accuracy";

  private final AnswerCheck check;

  AccuracyReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION, Field.GOLD);
    check = params.strict() ? AnswerCheck.strict() : AnswerCheck.openR1();
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
      case RIGHT -> 1.0;
      case WRONG -> 0.0;
      case NO_GOLD, UNKNOWN -> null;
    };
  }
}
