// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Finds formulas between math delimiters, and numbers, in a line of prose. */
final class Formulas {
  private Formulas() {}

  /** The contents of {@code $…$}, {@code $$…$$}, {@code \(…\)} and {@code \[…\]}, in order. */
  static List<String> in(String text) {
    return spans(text).stream().map(span -> text.substring(span[1], span[2]).strip()).toList();
  }

  /** The last formula, with those before it that only commas, "and" or "or" part from it; null without any. */
  static String lastGroup(String text) {
    List<int[]> spans = spans(text);
    if (spans.isEmpty()) {
      return null;
    }
    int last = spans.size() - 1;
    int first = last;
    while (first > 0 && connects(text.substring(spans.get(first - 1)[3], spans.get(first)[0]))) {
      first--;
    }
    StringBuilder group = new StringBuilder();
    for (int[] span : spans.subList(first, last + 1)) {
      group.append(group.isEmpty() ? "" : ", ").append(text.substring(span[1], span[2]).strip());
    }
    return group.toString();
  }

  /** What stands outside formulas. */
  static String outside(String text) {
    StringBuilder out = new StringBuilder();
    int from = 0;
    for (int[] span : spans(text)) {
      out.append(text, from, span[0]).append(' ');
      from = span[3];
    }
    return out.append(text.substring(from)).toString();
  }

  private static boolean connects(String between) {
    return Set.of(",", ";", "and", "or", ", and", ", or").contains(between.strip());
  }

  /** Of each formula: where it opens, its content's start and end, and where it is closed. */
  private static List<int[]> spans(String text) {
    List<int[]> found = new ArrayList<>();
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
        at = end + close.length();
        found.add(new int[] {start - close.length(), start, end, at});
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
    char before = start > 0 ? text.charAt(start - 1) : ' ';
    if (Character.isLetter(before) || "/^_\\".indexOf(before) >= 0) {
      return null;
    }
    if (before == ',' && isDigit(text, start - 2)) {
      // 2,74 is one number or two, but never 74.
      int whole = start - 2;
      while (isDigit(text, whole - 1)) {
        whole--;
      }
      start = whole;
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

  /** The number that a text begins with, unless a calculation follows; else null. */
  static String leadingNumber(String text) {
    int start = 0;
    while (start < text.length() && " $€£".indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    int end = start + (start < text.length() && text.charAt(start) == '-' ? 1 : 0);
    if (!isDigit(text, end)) {
      return null;
    }
    while (isDigit(text, end) || ((text.startsWith(".", end) || text.startsWith(",", end)) && isDigit(text, end + 1)
        && (text.charAt(end) == '.' || groupOfThree(text, end + 1)))) {
      end++;
    }
    String rest = text.substring(end).stripLeading();
    boolean goesOn = rest.indexOf('=') >= 0 || (!rest.isEmpty() && "+-*/×÷^:,".indexOf(rest.charAt(0)) >= 0);
    for (String word : new String[] {"times", "plus", "minus", "x ", "divided", "and", "or", "to", "less", "more"}) {
      goesOn |= rest.startsWith(word);
    }
    return goesOn ? null : text.substring(start, end);
  }

  private static boolean groupOfThree(String text, int start) {
    return isDigit(text, start) && isDigit(text, start + 1) && isDigit(text, start + 2) && !isDigit(text, start + 3);
  }

  private static boolean isDigit(String text, int at) {
    return at >= 0 && at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9';
  }
}
