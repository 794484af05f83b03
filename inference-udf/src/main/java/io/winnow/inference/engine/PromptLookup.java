// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static io.winnow.kernels.KvCache.PAGE_TOKENS;

import java.util.Arrays;

/**
 * Guesses the next tokens of a sequence: those that stood behind its last {@value #GRAM} where they occurred before, in
 * prompt or answer. A step computes them as rows of their own behind the sequence's last token; the ones that are drawn
 * as guessed are kept, so a sequence comes forward by several tokens in a step and has the tokens that it would have had
 * alone.
 *
 * <p>It pays where a step reads all weights for a few rows, so there are guesses only while few sequences run, and only
 * as long as they win more time than they cost, see {@link GuessBudget}. (Prompt lookup decoding: Saxena 2023;
 * speculative decoding: Leviathan et al. 2023.)
 */
final class PromptLookup {
  /** Rows of a step, guesses included, up to which it costs about as much as one row. */
  static final int MOST_ROWS = 8;

  private static final int GRAM = 3;
  private final int rows;
  private final GuessBudget budget;

  /** Where groups of tokens of one sequence stand. */
  static final class Index {
    private int[] tokens = new int[256];
    private int count;
    /** Place behind the latest occurrence of a group, by its hash; 0 for none. */
    private int[] places = new int[512];
    private int entered = GRAM - 1;

    /** Takes in what the sequence has got since the last time. */
    private void follow(Sequence s) {
      int[] prompt = s.request.prompt();
      int length = prompt.length + s.count;
      if (tokens.length < length) {
        tokens = Arrays.copyOf(tokens, Math.max(length, 2 * tokens.length));
      }
      for (; count < length; count++) {
        tokens[count] = count < prompt.length ? prompt[count] : s.generated[count - prompt.length];
      }
      if (places.length < 2 * count) {
        places = new int[Integer.highestOneBit(count) * 4];
        entered = GRAM - 1;
      }
      // All groups but the last, which is what is looked for.
      for (; entered < count - 1; entered++) {
        places[slot(entered + 1)] = entered + 1;
      }
    }

    /** A later group with the same slot takes it over: what is lost is a guess. */
    private int slot(int end) {
      int h = 0;
      for (int i = end - GRAM; i < end; i++) {
        h = (h ^ tokens[i]) * 0x9E3779B1;
        h ^= h >>> 15;
      }
      return h & places.length - 1;
    }

    /** The place behind an earlier occurrence of the last tokens; 0 for none. */
    private int before() {
      if (count <= GRAM) {
        return 0;
      }
      int place = places[slot(count)];
      return place > 0 && Arrays.equals(tokens, place - GRAM, place, tokens, count - GRAM, count) ? place : 0;
    }
  }

  /** @param maxRows rows of a step at most */
  PromptLookup(int maxRows) {
    this(maxRows, new GuessBudget(MOST_ROWS / 2));
  }

  PromptLookup(int maxRows, GuessBudget budget) {
    rows = Math.min(MOST_ROWS, maxRows);
    this.budget = budget;
  }

  /** Whether this step may hold guesses. */
  boolean pays(int running) {
    return 2 * running <= rows && budget.allows(running);
  }

  /**
   * Adds the rows of a sequence's guesses behind that of its last token.
   *
   * @param running sequences that share the step
   */
  void guess(Sequence s, int running, StepBatch batch) {
    if (s.seen != null || s.answer != null) {
      return; // what may be drawn next depends on what was drawn before
    }
    int room = s.pageCount * PAGE_TOKENS - s.computed - 1;
    int most = Math.min(rows / running - 1, Math.min(room, s.limit - s.count - 1));
    if (s.thinking != null) {
      most = Math.min(most, s.thinking.free() - 1);
    }
    if (most <= 0) {
      return;
    }
    if (s.index == null) {
      s.index = new Index();
    }
    s.index.follow(s);
    int place = s.index.before();
    for (int i = 0; place > 0 && i < most && place + i < s.index.count; i++) {
      int row = batch.add(s.index.tokens[place + i], s.computed + 1 + i, s.pages);
      batch.draw(row, s, i + 1);
    }
  }

  /** Nothing is computed for a while. */
  void rests() {
    budget.rests();
  }

  /** Takes in what a step cost, see {@link GuessBudget#took}. */
  void took(int running, int guesses, int tokens, long nanos) {
    budget.took(running, guesses, tokens, nanos);
  }
}
