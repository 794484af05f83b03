// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

import java.util.Objects;

/**
 * Finds where thinking ends and the answer begins.
 *
 * <p>Thinking is what stands between {@code <think>} and the first {@code </think>} after it. The first closing tag
 * counts, because a later one is text that the answer quotes. A closing tag with no opening one before it closes
 * thinking that the prompt opened (the chat templates of the R1 distillations end in {@code <think>}). A text with
 * neither tag is a text without thinking: its {@code thinkEnd} is 0 and all of it is the answer, unless the caller
 * knows that the prompt opened the thinking. Tags are matched exactly: lower case, no spaces.
 */
public final class TraceParser {
  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";

  private TraceParser() {}

  /** Splits a text whose prompt did not open the thinking, or of which that is not known. */
  public static ParsedTrace parse(String text) {
    return split(text, false);
  }

  /** Splits a text that goes on inside thinking which the prompt opened; a text without tags is then never closed. */
  public static ParsedTrace parseInsideThinking(String text) {
    return split(text, true);
  }

  private static ParsedTrace split(String text, boolean insideThinking) {
    Objects.requireNonNull(text, "text");
    int close = text.indexOf(CLOSE);
    if (close >= 0) {
      int end = close + CLOSE.length();
      return new ParsedTrace(end, text.substring(end).stripLeading());
    }
    if (insideThinking || text.contains(OPEN)) {
      return new ParsedTrace(null, null);
    }
    return new ParsedTrace(0, text.stripLeading());
  }
}
