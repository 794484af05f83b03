// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.util.Arrays;
import java.util.BitSet;

/**
 * A deterministic automaton over bytes. States count from 0, with which it starts. Bytes that no state tells apart are
 * of one class. Immutable.
 */
final class Automaton {
  /** No text goes on from here. */
  static final int DEAD = -1;

  private final int[] classOf;
  private final int classes;
  private final int[] next;
  private final BitSet accepting;

  /**
   * Made by {@link AutomatonBuilder}.
   *
   * @param classOf class of each byte
   * @param next for each state and class the state behind it, or {@link #DEAD}
   */
  Automaton(int[] classOf, int classes, int[] next, BitSet accepting) {
    this.classOf = classOf;
    this.classes = classes;
    this.next = next;
    this.accepting = accepting;
  }

  int states() {
    return next.length / classes;
  }

  int classes() {
    return classes;
  }

  int classOf(byte b) {
    return classOf[b & 0xFF];
  }

  int nextOfClass(int state, int byteClass) {
    return next[state * classes + byteClass];
  }

  /** The state behind a byte, or {@link #DEAD}. */
  int next(int state, byte b) {
    return next[state * classes + classOf[b & 0xFF]];
  }

  /** Whether a text may end here. */
  boolean accepts(int state) {
    return accepting.get(state);
  }

  /** Whether there is no text but the empty one. */
  boolean isOfTheEmptyText() {
    return states() == 1 && Arrays.stream(next).allMatch(to -> to == DEAD);
  }

  /** Whether the whole text is one of those that it stands for. */
  boolean matches(byte[] text) {
    int state = 0;
    for (int i = 0; i < text.length && state != DEAD; i++) {
      state = next(state, text[i]);
    }
    return state != DEAD && accepts(state);
  }
}
