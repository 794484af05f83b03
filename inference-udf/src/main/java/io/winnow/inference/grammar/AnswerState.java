// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

/** How far one answer has come. Belongs to the thread that draws its tokens. */
public final class AnswerState {
  private final TokenMasks masks;
  private int state;

  AnswerState(TokenMasks masks) {
    this.masks = masks;
    this.state = masks.start();
  }

  /**
   * Takes the next token.
   *
   * @return false for one that is not allowed, and for an end of sequence; behind it nothing more can be taken
   */
  public boolean append(int token) {
    if (state != Automaton.DEAD) {
      state = masks.next(state, token);
    }
    return state != Automaton.DEAD;
  }

  /**
   * The tokens that may come next: bit i mod 32 of word i / 32 for token i. Answers in the same state have the same
   * array; it is not to be changed.
   *
   * @throws IllegalStateException when nothing more can be taken
   */
  public int[] mask() {
    if (state == Automaton.DEAD) {
      throw new IllegalStateException("the answer has taken a token that its format does not allow");
    }
    return masks.mask(state);
  }

  /** Whether the answer is whole and no token goes on from it, so that nothing is left to draw. */
  public boolean complete() {
    return state != Automaton.DEAD && masks.complete(state);
  }
}
