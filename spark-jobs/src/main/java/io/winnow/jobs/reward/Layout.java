// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * The layout that Open-R1 asks of a completion: thinking in {@code <think>}, then the answer in {@code <answer>}, each
 * tag on a line of its own. All searches are linear in the text.
 */
final class Layout {
  static final String OPEN = "<think>\n";
  static final String MIDDLE = "\n</think>\n<answer>\n";
  static final String CLOSE = "\n</answer>";

  private Layout() {}

  /**
   * Where the answer begins: behind the first end of thinking that an answer follows. −1 without one.
   *
   * <p>Open-R1's pattern may match from any such place; the first leaves most to the rest of it.
   */
  static int answerStart(String text) {
    if (!text.startsWith(OPEN)) {
      return -1;
    }
    int at = text.indexOf(MIDDLE, OPEN.length());
    return at < 0 ? -1 : at + MIDDLE.length();
  }

  /** Whether some closing tag from {@code from} on ends its line (not necessarily the text: {@code $} is multiline). */
  static boolean closesLine(String text, int from) {
    for (int at = text.indexOf(CLOSE, from); at >= 0; at = text.indexOf(CLOSE, at + 1)) {
      int end = at + CLOSE.length();
      if (end == text.length() || text.charAt(end) == '\n') {
        return true;
      }
    }
    return false;
  }

  /**
   * The answer of a text that has exactly the layout: each tag once, both parts with more than blanks in them, nothing
   * but blanks behind it. Null for any other.
   */
  static String strictAnswer(String text) {
    int start = answerStart(text);
    if (start < 0) {
      return null;
    }
    int end = text.indexOf(CLOSE, start);
    for (String tag : new String[] {"<think>", "</think>", "<answer>", "</answer>"}) {
      if (PythonText.count(text, tag) != 1) {
        return null;
      }
    }
    boolean thinks = !PythonText.isBlank(text, OPEN.length(), start - MIDDLE.length());
    boolean ends = end >= 0 && PythonText.isBlank(text, end + CLOSE.length(), text.length());
    return thinks && ends && !PythonText.isBlank(text, start, end) ? text.substring(start, end) : null;
  }
}
