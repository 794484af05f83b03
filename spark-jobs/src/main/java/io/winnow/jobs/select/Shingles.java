// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.select;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The set of word n-grams of a text, as hashes. Words are what stands between white space, in lower case; a text of
 * fewer words is one n-gram of all of them. Two n-grams have the same hash with a chance of 2^-64, which moves a
 * distance by one n-gram.
 */
final class Shingles {
  private static final long PRIME = 0x100000001b3L;
  private static final long OFFSET = 0xcbf29ce484222325L;

  private final long[] sorted;

  private Shingles(long[] sorted) {
    this.sorted = sorted;
  }

  static Shingles of(String text, int n) {
    List<Long> words = new ArrayList<>();
    String lower = text.toLowerCase(Locale.ROOT);
    int i = 0;
    while (i < lower.length()) {
      while (i < lower.length() && Character.isWhitespace(lower.charAt(i))) {
        i++;
      }
      long hash = OFFSET;
      int start = i;
      while (i < lower.length() && !Character.isWhitespace(lower.charAt(i))) {
        hash = (hash ^ lower.charAt(i++)) * PRIME;
      }
      if (i > start) {
        words.add(mixed(hash));
      }
    }
    int grams = words.isEmpty() ? 0 : Math.max(1, words.size() - n + 1);
    long[] out = new long[grams];
    for (int g = 0; g < grams; g++) {
      long hash = OFFSET;
      for (int w = g; w < Math.min(words.size(), g + n); w++) {
        hash = mixed(hash * PRIME + words.get(w));
      }
      out[g] = hash;
    }
    return new Shingles(Arrays.stream(out).sorted().distinct().toArray());
  }

  /** MurmurHash3's finalizer, a permutation that spreads each bit over all. */
  private static long mixed(long hash) {
    long h = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    h = (h ^ (h >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return h ^ (h >>> 33);
  }

  /** 1 − |A ∩ B| / |A ∪ B|; 0 for two empty texts. */
  double distance(Shingles other) {
    int i = 0;
    int j = 0;
    int both = 0;
    while (i < sorted.length && j < other.sorted.length) {
      int order = Long.compare(sorted[i], other.sorted[j]);
      both += order == 0 ? 1 : 0;
      i += order <= 0 ? 1 : 0;
      j += order >= 0 ? 1 : 0;
    }
    int union = sorted.length + other.sorted.length - both;
    return union == 0 ? 0 : 1 - (double) both / union;
  }
}
