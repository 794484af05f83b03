// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

/**
 * Where one answer is with its thinking, which is what stands before its first {@code </think>}, behind a
 * {@code <think>} in it or at the end of the prompt. From the budget on, thinking that is open is ended: each next
 * token is one of {@link ThinkingMarks}. Belongs to the thread that draws the tokens.
 */
public final class ThinkingState {
  private final ThinkingMarks marks;
  private final int budget;
  private boolean open;
  private boolean closed;
  private int count;
  /** Tokens of the forced end that are there. */
  private int forced;
  /** The last letters of the text: a mark may lie in several tokens. */
  private String tail = "";

  ThinkingState(ThinkingMarks marks, int budget, boolean open) {
    this.marks = marks;
    this.budget = budget;
    this.open = open;
  }

  /** Takes the next token of the answer. */
  public void append(int token) {
    boolean due = due();
    count++;
    if (closed) {
      return;
    }
    if (due && token == marks.closing()[forced]) {
      forced++;
      closed = forced == marks.closing().length;
      return;
    }
    String text = tail + marks.letters(token);
    closed = text.contains(ThinkingMarks.CLOSE);
    open |= text.contains(ThinkingMarks.OPEN);
    tail = text.substring(Math.max(0, text.length() - ThinkingMarks.CLOSE.length() + 1));
  }

  private boolean due() {
    return !closed && (forced > 0 || open && count >= budget);
  }

  /** The one token that may come next, as a mask; null where any may. */
  public int[] mask() {
    return due() ? marks.mask(forced) : null;
  }

  /** Tokens that can be drawn before one is forced at the earliest. */
  public int free() {
    return closed ? Integer.MAX_VALUE : forced > 0 ? 0 : Math.max(0, budget - count);
  }
}
