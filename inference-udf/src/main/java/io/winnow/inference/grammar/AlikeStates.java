// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Finds states that tokens cannot tell apart: from both, the same texts of a token's length lead to live states. In a
 * text of at most a thousand characters they are all places but the last ones, which so need one mask and not a
 * thousand.
 *
 * <p>States are split into groups, in rounds, by the groups of the states behind them: after n rounds a group holds what
 * texts of n bytes do not tell apart. As in Hopcroft's minimization (1971) a round looks at those states alone of which
 * one behind has come into a new group, and those that it does not look at keep their number, or the largest part where
 * there are none: so the places of a long text cost a few states a round and not all of them.
 */
final class AlikeStates {
  private static final long MOST_WORK = 60_000_000;

  private final Automaton automaton;
  private final int states;
  private final int[] group;
  private final int[] size;
  private int groups;
  /** Members of each group, as a ring without order. */
  private final int[] first;
  private final int[] next;
  private final int[] previous;
  /** States before each one, each once: those of state s from {@code before[s]} to {@code before[s + 1]}. */
  private final int[] before;
  private final int[] by;
  /** The round in which a state was looked at last. */
  private final int[] looked;
  /** Of a candidate one of its group with the same groups behind it: all of those have the same one. */
  private final int[] part;
  /** Of a group the part that keeps its number. */
  private final int[] stays;
  private long work;

  private AlikeStates(Automaton automaton, BitSet live) {
    this.automaton = automaton;
    states = automaton.states();
    group = new int[states];
    size = new int[states + 4];
    first = new int[states + 4];
    next = new int[states];
    previous = new int[states];
    looked = new int[states];
    part = new int[states];
    stays = new int[states + 4];
    Arrays.fill(first, -1);
    before = new int[states + 1];
    by = before();
    groups = 4;
    for (int s = 0; s < states; s++) {
      put(s, (live.get(s) ? 1 : 0) + (automaton.accepts(s) ? 2 : 0));
    }
  }

  /**
   * For each state the first one that is like it. Where it would take long to find out, each is like itself alone.
   *
   * @param live states that a token may lead to
   * @param length bytes of the longest token
   */
  static int[] of(Automaton automaton, BitSet live, int length) {
    AlikeStates alike = new AlikeStates(automaton, live);
    int[] out = new int[alike.states];
    if (!alike.refine(length)) {
      Arrays.setAll(out, s -> s);
      return out;
    }
    int[] firsts = new int[alike.groups];
    Arrays.fill(firsts, -1);
    for (int s = 0; s < out.length; s++) {
      int g = alike.group[s];
      firsts[g] = firsts[g] < 0 ? s : firsts[g];
      out[s] = firsts[g];
    }
    return out;
  }

  private int[] before() {
    int[] seen = new int[states];
    int[] out = null;
    int[] end = null;
    for (int round = 0; round < 2; round++) {
      Arrays.fill(seen, -1);
      for (int s = 0; s < states; s++) {
        for (int c = 0; c < automaton.classes(); c++) {
          int to = automaton.nextOfClass(s, c);
          if (to == Automaton.DEAD || seen[to] == s) {
            continue;
          }
          seen[to] = s;
          if (round == 0) {
            before[to + 1]++;
          } else {
            out[end[to]++] = s;
          }
        }
      }
      if (round == 0) {
        for (int s = 0; s < states; s++) {
          before[s + 1] += before[s];
        }
        out = new int[before[states]];
        end = before.clone();
      }
    }
    return out;
  }

  private void put(int state, int to) {
    group[state] = to;
    size[to]++;
    int head = first[to];
    if (head < 0) {
      next[state] = state;
      previous[state] = state;
      first[to] = state;
    } else {
      next[state] = head;
      previous[state] = previous[head];
      next[previous[head]] = state;
      previous[head] = state;
    }
  }

  private void take(int state) {
    int from = group[state];
    size[from]--;
    next[previous[state]] = next[state];
    previous[next[state]] = previous[state];
    first[from] = size[from] == 0 ? -1 : first[from] == state ? next[state] : first[from];
  }

  /** False where it takes too long, or two hashes are equal by chance. */
  private boolean refine(int length) {
    int[] candidates = new int[states];
    Arrays.setAll(candidates, s -> s);
    int count = states;
    for (int round = 1; round <= length && count > 0; round++) {
      if (!look(candidates, count, round)) {
        return false;
      }
      BitSet moved = move(candidates, count);
      count = 0;
      for (int s = moved.nextSetBit(0); s >= 0; s = moved.nextSetBit(s + 1)) {
        for (int i = before[s]; i < before[s + 1]; i++) {
          if (looked[by[i]] != -round) {
            looked[by[i]] = -round;
            candidates[count++] = by[i];
          }
        }
      }
    }
    return true;
  }

  /** Finds {@link #part} of each candidate, and {@link #stays} of each group with one. */
  private boolean look(int[] candidates, int count, int round) {
    for (int i = 0; i < count; i++) {
      looked[candidates[i]] = round;
      stays[group[candidates[i]]] = -1;
    }
    work += (long) count * automaton.classes();
    if (work > MOST_WORK) {
      return false;
    }
    Map<Long, Integer> byHash = new HashMap<>();
    BitSet met = new BitSet();
    for (int i = 0; i < count; i++) {
      int s = candidates[i];
      int g = group[s];
      if (!met.get(g)) {
        met.set(g);
        // Those that are no candidates, if there are any, are all alike.
        int other = first[g];
        for (int k = size[g]; k > 0 && looked[other] == round; k--) {
          other = next[other];
        }
        if (looked[other] != round) {
          stays[g] = other;
          byHash.put(hash(other), other);
        }
      }
      Integer known = byHash.putIfAbsent(hash(s), s);
      part[s] = known == null ? s : known;
      if (known != null && !same(known, s)) {
        return false;
      }
    }
    return true;
  }

  /** Gives all parts of a group but one a group of their own each; the states that are in another one now. */
  private BitSet move(int[] candidates, int count) {
    int[] members = new int[states];
    for (int i = 0; i < count; i++) {
      int one = part[candidates[i]];
      members[one]++;
      int stay = stays[group[one]];
      // The largest, where all are candidates. Others than candidates have no members here.
      if (stay < 0 || looked[stay] == looked[candidates[i]] && members[one] > members[stay]) {
        stays[group[one]] = one;
      }
    }
    BitSet moved = new BitSet();
    int made = 0;
    int[] number = new int[states];
    for (int i = 0; i < count; i++) {
      int s = candidates[i];
      int one = part[s];
      if (number[one] == 0) {
        // A part's group is asked before any of it has moved.
        number[one] = one == stays[group[s]] ? -1 : ++made;
      }
      if (number[one] > 0) {
        moved.set(s);
      }
    }
    for (int s = moved.nextSetBit(0); s >= 0; s = moved.nextSetBit(s + 1)) {
      take(s);
      put(s, groups + number[part[s]] - 1);
    }
    groups += made;
    return moved;
  }

  private long hash(int state) {
    long hash = group[state];
    for (int c = 0; c < automaton.classes(); c++) {
      hash = (hash ^ behind(state, c)) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  private boolean same(int a, int b) {
    boolean same = group[a] == group[b];
    for (int c = 0; c < automaton.classes() && same; c++) {
      same = behind(a, c) == behind(b, c);
    }
    return same;
  }

  private int behind(int state, int byteClass) {
    int to = automaton.nextOfClass(state, byteClass);
    return to == Automaton.DEAD ? -1 : group[to];
  }
}
