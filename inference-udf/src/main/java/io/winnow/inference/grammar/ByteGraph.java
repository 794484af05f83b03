// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A nondeterministic automaton over the bytes of UTF-8 (Thompson 1968), built from its end to its beginning, so that
 * equal ends are one. A node is either a byte range with the node behind it, or a fork to several nodes.
 */
final class ByteGraph {
  /** The node at which a text is complete. */
  static final int END = 0;

  private static final int MOST_NODES = 400_000;
  private static final int MOST_WORK = 2_000_000;
  private static final int[] NOWHERE = {};

  private int count;
  private int work;
  private int[] low = new int[64];
  private int[] high = new int[64];
  private int[] next = new int[64];
  private int[][] fork = new int[64][];
  private final Map<Long, Integer> ranges = new HashMap<>();
  private final Map<Place, Integer> places = new HashMap<>();

  /** An expression, by its identity, before a node. */
  private record Place(Expression expression, int behind) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Place that && expression == that.expression && behind == that.behind;
    }

    @Override
    public int hashCode() {
      return 31 * System.identityHashCode(expression) + behind;
    }
  }

  ByteGraph() {
    node(-1, -1, -1, NOWHERE);
  }

  /** Bounds of a byte range, −1 for a fork. */
  int low(int node) {
    return low[node];
  }

  int high(int node) {
    return high[node];
  }

  /** The node behind a byte range. */
  int next(int node) {
    return next[node];
  }

  /** Where a fork goes, null for a byte range. */
  int[] fork(int node) {
    return fork[node];
  }

  int count() {
    return count;
  }

  private int node(int from, int to, int behind, int[] paths) {
    if (count == MOST_NODES) {
      throw GrammarRefusal.tooLarge(MOST_NODES + " parts");
    }
    if (count == low.length) {
      low = Arrays.copyOf(low, 2 * count);
      high = Arrays.copyOf(high, 2 * count);
      next = Arrays.copyOf(next, 2 * count);
      fork = Arrays.copyOf(fork, 2 * count);
    }
    low[count] = from;
    high[count] = to;
    next[count] = behind;
    fork[count] = paths;
    return count++;
  }

  /**
   * Puts an expression before a node and returns the node with which it begins.
   *
   * @throws GrammarRefusal when it grows too large
   */
  int before(Expression expression, int behind) {
    if (++work > MOST_WORK) {
      throw GrammarRefusal.tooLarge(MOST_WORK + " steps of building");
    }
    Place place = new Place(expression, behind);
    Integer known = places.get(place);
    if (known != null) {
      return known;
    }
    int start = build(expression, behind);
    places.put(place, start);
    return start;
  }

  private int build(Expression expression, int behind) {
    if (expression instanceof Expression.Chars chars) {
      return chars(chars.set(), behind);
    }
    if (expression instanceof Expression.Parts parts) {
      int start = behind;
      for (int i = parts.parts().size() - 1; i >= 0; i--) {
        start = before(parts.parts().get(i), start);
      }
      return start;
    }
    if (expression instanceof Expression.AnyOf any) {
      int[] paths = new int[any.alternatives().size()];
      for (int i = 0; i < paths.length; i++) {
        paths[i] = before(any.alternatives().get(i), behind);
      }
      return node(-1, -1, -1, paths);
    }
    Expression.Repeat repeat = (Expression.Repeat) expression;
    int start = behind;
    if (repeat.most() < 0) {
      start = node(-1, -1, -1, NOWHERE);
      int again = before(repeat.inner(), start);
      // Only now: the arrays may have grown.
      fork[start] = new int[] {again, behind};
    }
    for (int i = repeat.least(); i < repeat.most(); i++) {
      start = node(-1, -1, -1, new int[] {before(repeat.inner(), start), behind});
    }
    for (int i = 0; i < repeat.least(); i++) {
      start = before(repeat.inner(), start);
    }
    return start;
  }

  private int chars(CharSet set, int behind) {
    List<Integer> starts = new ArrayList<>();
    for (int i = 0; i < set.ranges().length; i += 2) {
      encode(set.ranges()[i], set.ranges()[i + 1], behind, starts);
    }
    int[] paths = starts.stream().mapToInt(n -> n).distinct().toArray();
    return paths.length == 1 ? paths[0] : node(-1, -1, -1, paths);
  }

  /** Splits a range of characters until the bytes of each part are a range in every place, whatever the others are. */
  private void encode(int first, int last, int behind, List<Integer> starts) {
    for (int end : new int[] {0x7F, 0x7FF, 0xFFFF}) {
      if (first <= end && end < last) {
        encode(first, end, behind, starts);
        encode(end + 1, last, behind, starts);
        return;
      }
    }
    int length = last <= 0x7F ? 1 : last <= 0x7FF ? 2 : last <= 0xFFFF ? 3 : 4;
    for (int i = 1; i < length; i++) {
      int below = (1 << 6 * i) - 1;
      if ((first | below) != (last | below)) {
        if ((first & below) != 0) {
          encode(first, first | below, behind, starts);
          encode((first | below) + 1, last, behind, starts);
          return;
        }
        if ((last & below) != below) {
          encode(first, (last & ~below) - 1, behind, starts);
          encode(last & ~below, last, behind, starts);
          return;
        }
      }
    }
    int node = behind;
    for (int i = length - 1; i >= 0; i--) {
      node = range(encoded(first, length, i), encoded(last, length, i), node);
    }
    starts.add(node);
  }

  private static int encoded(int c, int length, int place) {
    int bits = c >> 6 * (length - 1 - place);
    if (place > 0) {
      return 0x80 | bits & 0x3F;
    }
    return length == 1 ? bits : (0xF00 >> length & 0xFF) | bits;
  }

  private int range(int from, int to, int behind) {
    long key = (long) behind << 16 | from << 8 | to;
    Integer known = ranges.get(key);
    if (known == null) {
      known = node(from, to, behind, null);
      ranges.put(key, known);
    }
    return known;
  }
}
