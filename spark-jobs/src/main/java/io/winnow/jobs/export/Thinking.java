// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import io.winnow.jobs.trace.ParsedTrace;
import io.winnow.jobs.trace.TraceParser;

/** What becomes of the thinking in front of an answer. */
public enum Thinking {
  KEEP,
  STRIP,
  FIELD;

  private static final String OPEN = "<think>";
  private static final String CLOSE = "</think>";

  /**
   * A completion as its message shows it.
   *
   * @param content the text of the message; null where there is no answer
   * @param thoughts the thinking, for a field of its own; null where it is not wanted or the model did not think
   * @param ended whether the thinking ended, or there was none
   */
  public record Shown(String content, String thoughts, boolean ended) {}

  /**
   * Shows a completion.
   *
   * @param text as it was generated. Where the prompt opened the thinking, the text lacks the opening tag; where
   *     thinking stays it is put in front, because the assistant's whole turn begins with it
   * @param known whether the place where the thinking ends is known
   * @param thinkEnd that place, in UTF-16 units; null where the thinking never ended
   */
  public Shown show(String text, boolean known, Integer thinkEnd) {
    ParsedTrace parsed = TraceParser.parse(text);
    Integer end = parsed.thinkEnd();
    if (known && (thinkEnd == null || thinkEnd >= 0 && thinkEnd <= text.length())) {
      end = thinkEnd;
    }
    boolean ended = end != null;
    if (this == KEEP) {
      boolean thinks = !ended || end > 0;
      String head = ended ? text.substring(0, end) : text;
      return new Shown(thinks && !head.contains(OPEN) ? OPEN + "\n" + text : text, null, ended);
    }
    if (!ended) {
      return new Shown(null, null, false);
    }
    String answer = text.substring(end).stripLeading();
    return new Shown(answer, this == FIELD && end > 0 ? thoughts(text.substring(0, end)) : null, true);
  }

  private static String thoughts(String head) {
    int open = head.indexOf(OPEN);
    String inside = open < 0 ? head : head.substring(0, open) + head.substring(open + OPEN.length());
    int close = inside.lastIndexOf(CLOSE);
    return (close < 0 ? inside : inside.substring(0, close)).strip();
  }
}
