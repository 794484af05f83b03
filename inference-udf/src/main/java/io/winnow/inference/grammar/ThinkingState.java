// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

/**
 * Where one answer is with its thinking, which is what stands before its first {@code </think>}, behind a
 * {@code <think>} in it or at the end of the prompt. From the budget on, thinking that is open is ended: each next
 * token is one of {@link ThinkingMarks}; a few tokens later where that would cut a character or a mark. Belongs to the
 * thread that draws the tokens.
 */
public final class ThinkingState {
  /** Tokens that it waits for the end of a character or of a mark that was begun. */
  private static final int MOST_LATE = 8;

  private final ThinkingMarks marks;
  private final int budget;
  /** Whether only what begins the answer is thinking. */
  private final boolean first;
  private boolean open;
  private boolean closed;
  /** Whether the text has the mark. */
  private boolean ended;
  private int count;
  /** Tokens of the forced end that are there. */
  private int forced;
  /** The last letters of the text: a mark may lie in several tokens. */
  private String tail = "";
  /** The first letters, as long as they may become a mark and nothing else counts. */
  private String head = "";

  ThinkingState(ThinkingMarks marks, int budget, boolean open, boolean first) {
    this.first = first;
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
    String text = tail + marks.letters(token);
    ended |= text.contains(ThinkingMarks.CLOSE);
    look(text, token);
    tail = text.substring(Math.max(0, text.length() - ThinkingMarks.CLOSE.length() + 1));
    if (due && token == marks.closing()[forced]) {
      forced++;
      closed = forced == marks.closing().length;
    } else {
      // An answer that was begun without this budget may leave the end that it had begun by itself.
      forced = 0;
      closed = ended;
    }
  }

  private void look(String text, int token) {
    if (!first || open) {
      open |= text.contains(ThinkingMarks.OPEN);
      return;
    }
    // A tokenizer that drops the first blank of a text drops it here.
    head += head.isEmpty() ? marks.firstLetters(token) : marks.letters(token);
    open = head.startsWith(ThinkingMarks.OPEN);
    // Something else is there: what comes now is the answer, whatever it says.
    ended |= !open && !ThinkingMarks.OPEN.startsWith(head);
  }

  private boolean due() {
    return !closed && (forced > 0 || open && count >= budget && !(count < budget + MOST_LATE && midway()));
  }

  /** Whether the text ends within a character or within a mark. */
  private boolean midway() {
    for (int n = 1; n < ThinkingMarks.CLOSE.length() && n <= tail.length(); n++) {
      if (ThinkingMarks.CLOSE.startsWith(tail.substring(tail.length() - n))) {
        return true;
      }
    }
    // UTF-8: a first byte says how many follow.
    int at = tail.length() - 1;
    while (at >= 0 && (tail.charAt(at) & 0xC0) == 0x80) {
      at--;
    }
    int first = at < 0 ? 0 : tail.charAt(at);
    int bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    return tail.length() - at < bytes;
  }

  /** The one token that may come next, as a mask; null where any may. */
  public int[] mask() {
    return due() ? marks.mask(forced) : null;
  }

  /** Tokens that can be drawn before one is forced at the earliest, if none of them opens thinking. */
  public int free() {
    return closed || !open ? Integer.MAX_VALUE : forced > 0 ? 0 : Math.max(0, budget - count);
  }
}
