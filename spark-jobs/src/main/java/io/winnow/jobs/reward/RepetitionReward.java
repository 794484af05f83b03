// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Punishes repetition: {@code (1 − distinct n-grams / n-grams) · max_penalty}; 0 for a text of fewer than n words.
 * Words are lower-cased and split at blanks; with {@code language=zh} each character that is no blank is a word.
 */
final class RepetitionReward extends RowReward {
  static final String NAME = "repetition_penalty";

  private final int size;
  private final double maxPenalty;
  private final boolean characters;

  RepetitionReward(RewardParams params) {
    super(NAME, params, Field.COMPLETION);
    size = params.whole("ngram_size", 3, 1);
    maxPenalty = params.number("max_penalty", -1.0);
    characters = params.choice("language", "en", "zh").equals("zh");
    if (maxPenalty > 0) {
      throw params.refused("max_penalty", String.valueOf(maxPenalty), "0 or less");
    }
  }

  @Override
  public Double of(Sample sample) {
    if (sample.completion() == null) {
      return null;
    }
    String text = PythonText.lower(sample.completion());
    int[] words = characters ? characters(text) : words(text);
    int total = words.length - size + 1;
    if (total < 1) {
      return 0.0;
    }
    // May be -0.0 where nothing repeats, as the original gives it.
    return (1 - distinct(words) / (double) total) * maxPenalty;
  }

  private static int[] words(String text) {
    List<String> words = PythonText.split(text);
    Map<String, Integer> ids = new HashMap<>();
    int[] out = new int[words.size()];
    for (int i = 0; i < out.length; i++) {
      Integer id = ids.putIfAbsent(words.get(i), ids.size());
      out[i] = id == null ? ids.size() - 1 : id;
    }
    return out;
  }

  private static int[] characters(String text) {
    return text.codePoints().filter(c -> !PythonText.isSpace(c)).toArray();
  }

  /**
   * How many distinct n-grams there are. Grams of twice a length are pairs of grams of that length, and one of length n
   * is a pair of two that overlap, so that a long n costs as little as a short one.
   */
  private int distinct(int[] words) {
    int[] ids = words;
    int length = 1;
    int kinds = 0;
    while (true) {
      int next = Math.min(size, 2 * length);
      int[] longer = new int[words.length - next + 1];
      Map<Long, Integer> pairs = new HashMap<>();
      for (int i = 0; i < longer.length; i++) {
        long pair = (long) ids[i] << 32 | ids[i + next - length];
        Integer id = pairs.putIfAbsent(pair, pairs.size());
        longer[i] = id == null ? pairs.size() - 1 : id;
      }
      kinds = pairs.size();
      if (next == size) {
        return kinds;
      }
      ids = longer;
      length = next;
    }
  }
}
