// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.Arrays;

/**
 * The distinct tokens of a sequence, in the order of their coming, and how often each was generated. What the penalties
 * of a draw are made of. The arrays may be replaced when a token is added.
 */
final class SeenTokens {
  /** Tokens; the first {@link #count} are in use. */
  int[] ids;
  /** How often each of them was generated; 0 for those of the prompt alone. */
  int[] times;
  int count;
  /** Where a token is in {@link #ids}, plus 1, by its hash; a power of two and never more than half full. */
  private int[] places = new int[128];

  SeenTokens() {
    ids = new int[64];
    times = new int[64];
  }

  /** Takes a token of the prompt. */
  void prompt(int token) {
    place(token);
  }

  /** Takes a generated token. */
  void generated(int token) {
    int at = place(token); // first, because it may replace the array
    times[at]++;
  }

  private int place(int token) {
    int at = slot(token);
    if (places[at] != 0) {
      return places[at] - 1;
    }
    if (count == ids.length) {
      ids = Arrays.copyOf(ids, count * 2);
      times = Arrays.copyOf(times, count * 2);
      places = new int[places.length * 2];
      for (int i = 0; i < count; i++) {
        places[slot(ids[i])] = i + 1;
      }
      at = slot(token);
    }
    ids[count] = token;
    places[at] = ++count;
    return count - 1;
  }

  /** The token's slot, or the free one that it would get. */
  private int slot(int token) {
    int mask = places.length - 1;
    int at = token * 0x9E3779B9 >>> 7 & mask;
    while (places[at] != 0 && ids[places[at] - 1] != token) {
      at = at + 1 & mask;
    }
    return at;
  }
}
