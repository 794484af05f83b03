// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.Arrays;

/**
 * A set of Unicode characters, without surrogates, which no UTF-8 text holds.
 *
 * @param ranges first and last code point of each range, ascending; ranges neither touch nor overlap
 */
record CharSet(int[] ranges) {
  static final CharSet NONE = new CharSet(new int[0]);
  static final CharSet ALL = new CharSet(new int[] {0, 0xD7FF, 0xE000, 0x10FFFF});
  static final CharSet DIGITS = of('0', '9');
  static final CharSet WORD = DIGITS.or(of('A', 'Z')).or(of('a', 'z')).or(of('_', '_'));
  static final CharSet SPACES = of('\t', '\r').or(of(' ', ' '));

  /** The characters from first to last; surrogates among them are left out. */
  static CharSet of(int first, int last) {
    if (first > 0xD7FF || last < 0xD800) {
      boolean all = first >= 0xD800 && last <= 0xDFFF;
      return all ? NONE : new CharSet(new int[] {first <= 0xDFFF && first >= 0xD800 ? 0xE000 : first, last});
    }
    return last <= 0xDFFF
        ? new CharSet(new int[] {first, 0xD7FF})
        : new CharSet(new int[] {first, 0xD7FF, 0xE000, last});
  }

  boolean isEmpty() {
    return ranges.length == 0;
  }

  boolean contains(int c) {
    for (int i = 0; i < ranges.length; i += 2) {
      if (c >= ranges[i] && c <= ranges[i + 1]) {
        return true;
      }
    }
    return false;
  }

  /** The union. */
  CharSet or(CharSet other) {
    int[][] all = new int[(ranges.length + other.ranges.length) / 2][];
    int n = 0;
    for (int[] from : new int[][] {ranges, other.ranges}) {
      for (int i = 0; i < from.length; i += 2) {
        all[n++] = new int[] {from[i], from[i + 1]};
      }
    }
    Arrays.sort(all, (a, b) -> Integer.compare(a[0], b[0]));
    int[] out = new int[2 * n];
    int end = 0;
    for (int[] range : all) {
      if (end > 0 && range[0] <= out[end - 1] + 1) {
        out[end - 1] = Math.max(out[end - 1], range[1]);
      } else {
        out[end++] = range[0];
        out[end++] = range[1];
      }
    }
    return new CharSet(Arrays.copyOf(out, end));
  }

  /** All characters that are not in it. */
  CharSet not() {
    int[] gaps = new int[ranges.length + 2];
    int end = 0;
    int from = 0;
    for (int i = 0; i < ranges.length; i += 2) {
      if (ranges[i] > from) {
        gaps[end++] = from;
        gaps[end++] = ranges[i] - 1;
      }
      from = ranges[i + 1] + 1;
    }
    if (from <= 0x10FFFF) {
      gaps[end++] = from;
      gaps[end++] = 0x10FFFF;
    }
    CharSet out = NONE;
    for (int i = 0; i < end; i += 2) {
      out = out.or(of(gaps[i], gaps[i + 1]));
    }
    return out;
  }

  /** Those that the other set lacks. */
  CharSet without(CharSet other) {
    return not().or(other).not();
  }
}
