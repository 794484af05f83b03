// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Finds states that tokens cannot tell apart: from both, the same texts of a token's length lead to live states. In a
 * text of at most a thousand characters they are all places but the last ones, which so need one mask and not a
 * thousand.
 */
final class AlikeStates {
  private static final long MOST_WORK = 60_000_000;

  private AlikeStates() {}

  /**
   * For each state the first one that is like it. Where it would take long to find out, each is like itself alone.
   *
   * @param live states that a token may lead to
   * @param length bytes of the longest token
   */
  static int[] of(Automaton automaton, BitSet live, int length) {
    int states = automaton.states();
    int[] group = new int[states];
    for (int s = 0; s < states; s++) {
      group[s] = (live.get(s) ? 1 : 0) + (automaton.accepts(s) ? 2 : 0);
    }
    int groups = 0;
    long work = 0;
    // After n rounds a group holds what texts of n bytes do not tell apart. One that splits nothing is the last.
    for (int round = 0; round < length; round++) {
      work += (long) states * automaton.classes();
      int[] next = work > MOST_WORK ? null : split(automaton, group);
      if (next == null) {
        return each(states);
      }
      int found = next[states];
      group = next;
      if (found == groups) {
        break;
      }
      groups = found;
    }
    int[] first = new int[states];
    Map<Integer, Integer> firsts = new HashMap<>();
    for (int s = 0; s < states; s++) {
      Integer known = firsts.putIfAbsent(group[s], s);
      first[s] = known == null ? s : known;
    }
    return first;
  }

  private static int[] each(int states) {
    int[] all = new int[states];
    for (int s = 0; s < states; s++) {
      all[s] = s;
    }
    return all;
  }

  /** Groups by the groups of the next states, and behind them their number; null if two hashes are equal by chance. */
  private static int[] split(Automaton automaton, int[] group) {
    int states = automaton.states();
    int[] out = new int[states + 1];
    int[] firsts = new int[states];
    int groups = 0;
    Map<Long, Integer> byHash = new HashMap<>();
    for (int s = 0; s < states; s++) {
      long hash = group[s];
      for (int c = 0; c < automaton.classes(); c++) {
        int to = automaton.nextOfClass(s, c);
        hash = (hash ^ (to == Automaton.DEAD ? -1 : group[to])) * 0x9E3779B97F4A7C15L;
        hash ^= hash >>> 29;
      }
      Integer known = byHash.putIfAbsent(hash, groups);
      if (known == null) {
        firsts[groups] = s;
        out[s] = groups++;
      } else if (same(automaton, group, firsts[known], s)) {
        out[s] = known;
      } else {
        return null;
      }
    }
    out[states] = groups;
    return out;
  }

  private static boolean same(Automaton automaton, int[] group, int a, int b) {
    if (group[a] != group[b]) {
      return false;
    }
    for (int c = 0; c < automaton.classes(); c++) {
      int fromA = automaton.nextOfClass(a, c);
      int fromB = automaton.nextOfClass(b, c);
      if ((fromA == Automaton.DEAD ? -1 : group[fromA]) != (fromB == Automaton.DEAD ? -1 : group[fromB])) {
        return false;
      }
    }
    return true;
  }
}
