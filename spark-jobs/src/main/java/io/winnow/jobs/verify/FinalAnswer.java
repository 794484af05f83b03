// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.trace.ParsedTrace;
import io.winnow.jobs.trace.TraceParser;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The answer that a completion ends with, for verifiers that compare texts. One pass or a few over the text.
 *
 * @param text the answer, without white space around it
 * @param rule how it was found: the name of a rule of {@link Take}, or {@code whole}, {@code all}
 */
record FinalAnswer(String text, String rule) {
  /** Where the answer stands. Parameter {@code extract} of verifiers, in lower case. */
  enum Take {
    /**
     * The first of these that there is behind the thinking: {@code tag}, what the last {@code <answer>} holds;
     * {@code boxed}, the last {@code \boxed{…}}; {@code marked}, the line after the last {@code ####}; {@code phrase},
     * the line after the last "answer is" or "answer:"; {@code line}, the last line.
     */
    FINAL,
    /** The last {@code \boxed{…}} behind the thinking, and nothing else. */
    BOXED,
    /** All that follows the thinking. */
    WHOLE,
    /** The completion, thinking included. */
    ALL
  }

  private static final Pattern PHRASE = Pattern.compile("(?i)\\banswer(?:\\s+is\\s*:?|\\s*:|\\*\\*\\s*:|:\\*\\*)");
  private static final String[] BOXES = {"\\boxed{", "\\fbox{"};
  /** Each box that never closes is a pass over all that follows. */
  private static final int MAX_OPEN_BOXES = 8;

  /** The answer of a completion, null when there is none. */
  static FinalAnswer of(String completion, Take take) {
    if (take == Take.ALL) {
      return answer(completion, "all");
    }
    ParsedTrace trace = TraceParser.parse(completion);
    if (trace.unclosed()) {
      return null;
    }
    String text = trace.answer();
    return switch (take) {
      case WHOLE -> answer(text, "whole");
      case BOXED -> answer(lastBox(text), "boxed");
      default -> last(text);
    };
  }

  private static FinalAnswer last(String text) {
    int close = text.lastIndexOf("</answer>");
    int open = close < 0 ? -1 : text.lastIndexOf("<answer>", close);
    if (open >= 0) {
      String inner = text.substring(open + "<answer>".length(), close);
      String box = lastBox(inner);
      return answer(box == null ? inner : box, "tag");
    }
    String box = lastBox(text);
    if (box != null) {
      return answer(box, "boxed");
    }
    int mark = text.lastIndexOf("####");
    if (mark >= 0) {
      return answer(firstLine(text.substring(mark + 4)), "marked");
    }
    Matcher phrase = PHRASE.matcher(text);
    int from = -1;
    while (phrase.find()) {
      from = phrase.end();
    }
    FinalAnswer said = from < 0 ? null : answer(plain(firstLine(text.substring(from))), "phrase");
    if (said != null) {
      return said;
    }
    String stripped = text.strip();
    return answer(plain(stripped.substring(stripped.lastIndexOf('\n') + 1)), "line");
  }

  private static FinalAnswer answer(String text, String rule) {
    String stripped = text == null ? "" : text.strip();
    return stripped.isEmpty() ? null : new FinalAnswer(stripped, rule);
  }

  private static String firstLine(String text) {
    String rest = text.stripLeading();
    int end = rest.indexOf('\n');
    return end < 0 ? rest : rest.substring(0, end);
  }

  /** Without the stars, dollars and the full stop that stand around an answer in a sentence. */
  static String plain(String text) {
    String rest = text.strip();
    for (boolean again = true; again && !rest.isEmpty(); ) {
      String before = rest;
      if (rest.endsWith(".") && !rest.endsWith("..")) {
        rest = rest.substring(0, rest.length() - 1).strip();
      }
      if (rest.startsWith("**")) {
        rest = rest.substring(2).strip();
      }
      if (rest.endsWith("**")) {
        rest = rest.substring(0, rest.length() - 2).strip();
      }
      if (rest.length() > 2 && rest.startsWith("$") && rest.endsWith("$")) {
        rest = rest.substring(1, rest.length() - 1).strip();
      }
      again = !rest.equals(before);
    }
    return rest;
  }

  /** The content of the last box that is complete, null when there is none. */
  static String lastBox(String text) {
    int before = text.length();
    for (int tries = 0; tries < MAX_OPEN_BOXES; tries++) {
      int begin = -1;
      int inside = -1;
      for (String box : BOXES) {
        int at = text.lastIndexOf(box, before - 1);
        if (at > begin) {
          begin = at;
          inside = at + box.length();
        }
      }
      if (begin < 0) {
        return null;
      }
      int end = closing(text, inside);
      if (end >= 0) {
        return text.substring(inside, end);
      }
      before = begin;
    }
    return null;
  }

  private static int closing(String text, int from) {
    int depth = 1;
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '{') {
        depth++;
      } else if (c == '}' && --depth == 0) {
        return i;
      }
    }
    return -1;
  }
}
