// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.ArrayList;
import java.util.List;

/** Finds formulas between delimiters at given places of a text. */
final class FormulaMatcher {
  private static final int MAX_GROUP = 6;

  private final String text;
  private int lineFrom;
  private int lineEnd = -1;
  private int boxFrom;
  private int nextBox = -1;
  /** For each closing delimiter, where no further one was found. */
  private final int[] noneFrom = {Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE};

  FormulaMatcher(String text) {
    this.text = text;
  }

  /** One formula: where its content begins and ends, and where its delimiter ends. */
  private record Span(int begin, int end, int behind) {}

  /** Formulas joined by commas, "and" or "or" that begin here, or null. */
  Candidate groupAt(int at) {
    return groupAt(at, false);
  }

  /** The same, all with a box in them when {@code boxed}. */
  Candidate groupAt(int at, boolean boxed) {
    Span span = spanAt(at, boxed);
    if (span == null) {
      return null;
    }
    List<String> parts = new ArrayList<>();
    List<Boolean> percents = new ArrayList<>();
    int end = at;
    for (int i = 0; i < MAX_GROUP && span != null; i++) {
      parts.add(text.substring(span.begin, span.end));
      int percent = percentEnd(text, span.behind);
      percents.add(percent > 0);
      end = percent > 0 ? percent : span.behind;
      int next = separatorEnd(end);
      span = next < 0 ? null : spanAt(next, boxed);
    }
    return new Candidate(Candidate.Kind.FORMULAS, at, end, parts, percents, boxed ? "boxed" : "none");
  }

  private Span spanAt(int at, boolean boxed) {
    String open = opening(at);
    if (open == null) {
      return boxed ? null : fractionAt(at);
    }
    int begin = at + open.length();
    boolean oneLine = !open.equals("$$") && !open.equals("\\[");
    if (boxed && (nextBox(begin) == text.length() || oneLine && nextBox(begin) > lineEnd(begin))) {
      return null;
    }
    int end = closeFrom(begin + 1, closing(open), open);
    if (end < 0) {
      return null;
    }
    if (oneLine && end > lineEnd(begin)) {
      return null;
    }
    if (boxed) {
      int box = nextBox(begin);
      if (box >= end || text.lastIndexOf('}', end - 1) <= box + "\\boxed{".length()) {
        return null;
      }
    }
    return new Span(begin, end, end + closing(open).length());
  }

  /** The opening delimiter here, or null. */
  private String opening(int at) {
    if (at >= text.length()) {
      return null;
    }
    char c = text.charAt(at);
    char before = at == 0 ? '\n' : text.charAt(at - 1);
    if (c == '$' && before != '\\') {
      if (text.startsWith("$$", at)) {
        return "$$";
      }
      return before >= '0' && before <= '9' ? null : "$";
    }
    if (c == '\\' && before != '\\' && at + 1 < text.length()) {
      return text.charAt(at + 1) == '[' ? "\\[" : text.charAt(at + 1) == '(' ? "\\(" : null;
    }
    if (Character.isWhitespace(c) && at + 1 < text.length() && text.charAt(at + 1) == '[') {
      return " [";
    }
    return null;
  }

  private static String closing(String open) {
    return switch (open) {
      case "\\[" -> "\\]";
      case "\\(" -> "\\)";
      case " [" -> "] ";
      default -> open;
    };
  }

  /** Where the delimiter that closes begins, at or behind {@code from}; -1 when there is none. */
  private int closeFrom(int from, String close, String open) {
    if (close.equals("] ")) {
      for (int i = from; i + 1 < text.length(); i++) {
        char c = text.charAt(i);
        if (c == '\n' || c == '$' && text.charAt(i - 1) != '\\') {
          return -1;
        }
        if (c == ']' && Character.isWhitespace(text.charAt(i + 1))) {
          return i;
        }
      }
      return -1;
    }
    if (open.equals("$")) {
      for (int i = from; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c == '\n') {
          return -1;
        }
        if (c == '$' && text.charAt(i - 1) != '\\') {
          return i;
        }
      }
      return -1;
    }
    int kind = close.equals("$$") ? 0 : close.equals("\\]") ? 1 : 2;
    if (from >= noneFrom[kind]) {
      return -1;
    }
    for (int i = text.indexOf(close, from); i >= 0; i = text.indexOf(close, i + 1)) {
      if (text.charAt(i - 1) != '\\') {
        return i;
      }
    }
    noneFrom[kind] = from;
    return -1;
  }

  /** The end of the line that {@code from} is in; remembered, as one line is asked for many times. */
  private int lineEnd(int from) {
    if (from < lineFrom || from > lineEnd) {
      int end = text.indexOf('\n', from);
      lineFrom = from;
      lineEnd = end < 0 ? text.length() : end;
    }
    return lineEnd;
  }

  /** Where the next box begins at or behind {@code from}; the length of the text when there is none. */
  private int nextBox(int from) {
    if (from < boxFrom || from > nextBox) {
      int box = text.indexOf("\\boxed{", from);
      boxFrom = from;
      nextBox = box < 0 ? text.length() : box;
    }
    return nextBox;
  }

  /** {@code -\frac{1}{2}} without delimiters, numbers only. */
  private Span fractionAt(int at) {
    int i = at < text.length() && text.charAt(at) == '-' ? at + 1 : at;
    if (!text.startsWith("\\frac{", i)) {
      return null;
    }
    int end = numberGroupEnd(i + 5);
    end = end < 0 ? -1 : numberGroupEnd(end);
    return end < 0 ? null : new Span(at, end, end);
  }

  private int numberGroupEnd(int open) {
    if (open >= text.length() || text.charAt(open) != '{') {
      return -1;
    }
    int i = open + 1;
    if (i < text.length() && text.charAt(i) == '-') {
      i++;
    }
    int start = i;
    while (i < text.length() && (isDigit(text.charAt(i)) || i > start && (text.charAt(i) == '.'
        || text.charAt(i) == ',') && i + 1 < text.length() && isDigit(text.charAt(i + 1)))) {
      i++;
    }
    return i > start && i < text.length() && text.charAt(i) == '}' ? i + 1 : -1;
  }

  private int separatorEnd(int from) {
    int i = skipSpace(text, from);
    int end = text.startsWith(",", i) ? i + 1 : text.startsWith("and", i) ? i + 3 : text.startsWith("or", i) ? i + 2
        : -1;
    return end < 0 ? -1 : skipSpaceBeforeFormula(end);
  }

  /** Space before a bracketed formula belongs to the formula. */
  private int skipSpaceBeforeFormula(int from) {
    int i = skipSpace(text, from);
    return i > from && i < text.length() && text.charAt(i) == '[' ? i - 1 : i;
  }

  static int skipSpace(String text, int from) {
    int i = from;
    while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    return i;
  }

  /** End of a percent sign or word behind {@code from}, with space before; 0 when there is none. */
  static int percentEnd(String text, int from) {
    int i = skipSpace(text, from);
    for (String sign : new String[] {"%", "\\%", "percentage", "Percentage", "percent", "Percent", "pct", "Pct"}) {
      if (text.startsWith(sign, i)) {
        return i + sign.length();
      }
    }
    return 0;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }
}
