// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import java.util.Arrays;

/**
 * The n-grams of a text in one pass, or the text as a single one: where each begins and ends, and its hash. Used again
 * for the next text; for one thread.
 */
final class Ngrams {
  private static final long LETTER = 0x9E3779B97F4A7C15L;
  private static final long WORD = 0xD6E8FEB86659FD93L;

  private final int n;
  private final long bits;
  /** WORD to the power of n. */
  private final long first;
  private int[] starts = new int[256];
  private int[] ends = new int[256];
  private long[] words = new long[256];
  private long[] hashes = new long[256];
  private int wordCount;
  /** Words of an n-gram of this text. */
  private int width;
  private int count;

  Ngrams(int n) {
    this(n, -1);
  }

  /** @param bits of a hash that count; fewer than all let n-grams collide, for tests */
  Ngrams(int n, long bits) {
    this.n = n;
    this.bits = bits;
    long power = 1;
    for (int i = 0; i < n; i++) {
      power *= WORD;
    }
    first = power;
  }

  /**
   * Reads a text of words with one blank between them.
   *
   * @param whole whether all of it is one n-gram, however many words it has
   */
  void read(String text, boolean whole) {
    wordCount = 0;
    count = 0;
    long hash = 0;
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == ' ') {
        word(start, i, hash);
        hash = 0;
        start = i + 1;
      } else {
        hash = (hash ^ c) * LETTER;
        hash ^= hash >>> 29;
      }
    }
    if (!text.isEmpty()) {
      word(start, text.length(), hash);
    }
    width = whole ? wordCount : n;
    if (wordCount >= width) {
      roll();
    }
  }

  private void word(int start, int end, long hash) {
    if (wordCount == starts.length) {
      int more = wordCount * 2;
      starts = Arrays.copyOf(starts, more);
      ends = Arrays.copyOf(ends, more);
      words = Arrays.copyOf(words, more);
      hashes = new long[more];
    }
    starts[wordCount] = start;
    ends[wordCount] = end;
    words[wordCount++] = hash;
  }

  private void roll() {
    long sum = 0;
    for (int i = 0; i < wordCount; i++) {
      sum = sum * WORD + words[i];
      if (i >= width) {
        sum -= first * words[i - n];
      }
      if (i >= width - 1) {
        hashes[count++] = mixed(sum) & bits;
      }
    }
  }

  /** All bits of a hash depend on all bits of the sum. */
  private static long mixed(long sum) {
    long hash = (sum ^ sum >>> 32) * LETTER;
    hash = (hash ^ hash >>> 29) * WORD;
    return hash ^ hash >>> 32;
  }

  int count() {
    return count;
  }

  int wordCount() {
    return wordCount;
  }

  long hash(int gram) {
    return hashes[gram];
  }

  /** The place of its first letter. */
  int from(int gram) {
    return starts[gram];
  }

  /** The place behind its last letter. */
  int to(int gram) {
    return ends[gram + width - 1];
  }
}
