// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * A quarter for each of four tags that is there exactly once; strictly, for each that also stands behind those before.
 */
final class TagCountReward extends RowReward {
  static final String NAME = "tag_count";
  private static final String[] TAGS = {"<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"};

  private final boolean strict;

  TagCountReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION);
    strict = params.strict();
  }

  @Override
  public Double of(Sample sample) {
    String text = sample.completion();
    if (text == null) {
      return null;
    }
    double reward = 0;
    int last = -1;
    for (String tag : TAGS) {
      int at = text.indexOf(tag);
      boolean once = at >= 0 && text.indexOf(tag, at + tag.length()) < 0;
      if (once && (!strict || at > last)) {
        reward += 0.25;
        last = at;
      }
    }
    return reward;
  }
}
