// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.ArrayList;
import java.util.List;

/** Finds formulas between math delimiters, and numbers, in a line of prose. */
final class Formulas {
  private Formulas() {}

  /** The contents of {@code $…$}, {@code $$…$$}, {@code \(…\)} and {@code \[…\]}, in order. */
  static List<String> in(String text) {
    List<String> found = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      String close = closing(text, at);
      if (close == null) {
        at += text.charAt(at) == '\\' ? 2 : 1;
        continue;
      }
      int start = at + close.length();
      int end = text.indexOf(close, start);
      String inner = end < 0 ? "" : text.substring(start, end).strip();
      // "$5 and $6" is money: a formula's closing dollar has no space before it.
      boolean money = close.equals("$") && end > start && Character.isWhitespace(text.charAt(end - 1))
          && !Character.isWhitespace(text.charAt(start));
      if (end < 0 || inner.isEmpty() || money) {
        at = start;
      } else {
        found.add(inner);
        at = end + close.length();
      }
    }
    return found;
  }

  /** The delimiter that closes the formula which opens here, or null. */
  private static String closing(String text, int at) {
    if (text.charAt(at) == '$') {
      return text.startsWith("$$", at) ? "$$" : "$";
    }
    return text.startsWith("\\(", at) ? "\\)" : text.startsWith("\\[", at) ? "\\]" : null;
  }

  /** Index of the last ASCII digit, or -1. */
  static int lastDigit(String text) {
    for (int i = text.length() - 1; i >= 0; i--) {
      if (isDigit(text, i)) {
        return i;
      }
    }
    return -1;
  }

  /** The last number, with its sign, digit groups, decimals, fraction bar and percent sign; null if there is none. */
  static String lastNumber(String text) {
    int last = lastDigit(text);
    if (last < 0) {
      return null;
    }
    int start = last;
    while (start > 0) {
      char c = text.charAt(start - 1);
      boolean joins = (c == ',' || c == '.' || c == '/') && isDigit(text, start - 2)
          && (c != ',' || groupOfThree(text, start));
      if (!isDigit(text, start - 1) && !joins) {
        break;
      }
      start--;
    }
    if (start > 0 && Character.isLetter(text.charAt(start - 1))) {
      return null;
    }
    if (start > 0 && text.charAt(start - 1) == '.') {
      start--;
    }
    int sign = start - 1;
    if (sign >= 0 && text.charAt(sign) == '$') {
      sign--;
    }
    boolean minus = sign >= 0 && (text.charAt(sign) == '-' || text.charAt(sign) == '−')
        && (sign == 0 || " =(:$".indexOf(text.charAt(sign - 1)) >= 0);
    int end = last + 1;
    boolean percent = text.startsWith("%", end) || text.startsWith("\\%", end) || text.startsWith(" percent", end);
    return (minus ? "-" : "") + text.substring(start, end) + (percent ? "%" : "");
  }

  private static boolean groupOfThree(String text, int start) {
    return isDigit(text, start) && isDigit(text, start + 1) && isDigit(text, start + 2) && !isDigit(text, start + 3);
  }

  private static boolean isDigit(String text, int at) {
    return at >= 0 && at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9';
  }
}
