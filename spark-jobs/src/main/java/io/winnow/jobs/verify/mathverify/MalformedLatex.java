// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

/**
 * Gives fractions, roots and exponents the braces that they lack, in the order of Math-Verify's passes and with their
 * slips: the second of {@link #digitBehindGroup} takes any digit behind any closing brace after a fraction.
 */
final class MalformedLatex {
  private MalformedLatex() {}

  static String repaired(String raw) {
    String text = raw;
    boolean round = text.indexOf('(') >= 0;
    if (round && text.indexOf('^') >= 0) {
      text = inBraces(text, "^", "^");
    }
    if (round && text.contains("sqrt")) {
      text = inBraces(text, "sqrt", "\\sqrt");
    }
    if (text.contains("\\frac")) {
      text = digitsBehind(text, "\\frac");
    }
    if (text.contains("\\log_")) {
      text = digitsBehind(text, "\\log_");
    }
    if (text.contains("\\frac")) {
      text = digitBehindGroup(text);
      text = groupBehindDigit(text);
    }
    boolean root = text.contains("\\sqrt");
    if (root) {
      text = roots(text, true);
    }
    if (text.contains("\\frac")) {
      text = fractions(text);
    }
    text = slash(text.strip());
    return root ? roots(text, false) : text;
  }

  /** {@code ^(x)} and {@code sqrt(x)}, up to the next closing bracket. */
  private static String inBraces(String text, String before, String after) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf(before, at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      int open = skipOne(text, found + before.length());
      int close = open < text.length() && text.charAt(open) == '(' ? text.indexOf(')', open) : -1;
      if (close < 0) {
        out.append(text, at, found + before.length());
        at = found + before.length();
      } else {
        out.append(text, at, found).append(after).append('{').append(text, open + 1, close).append('}');
        at = close + 1;
      }
    }
  }

  /** A digit and further digits behind a command: {@code \frac12}, {@code \log_28}. */
  private static String digitsBehind(String text, String command) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf(command, at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      int first = skipOne(text, found + command.length());
      int second = isDigit(text, first) ? skipOne(text, first + 1) : text.length();
      int end = digitsEnd(text, second);
      if (end > second) {
        out.append(text, at, found).append(command).append('{').append(text.charAt(first)).append("}{")
            .append(text, second, end).append('}');
        at = end;
      } else {
        out.append(text, at, found + command.length());
        at = found + command.length();
      }
    }
  }

  /** {@code \frac{1}2}: the first digit that follows a closing brace, however far. */
  private static String digitBehindGroup(String text) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf("\\frac", at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      int open = skipOne(text, found + 5);
      int close = open < text.length() && text.charAt(open) == '{' ? text.indexOf('}', open + 1) : -1;
      while (close >= 0 && !isDigit(text, skipOne(text, close + 1))) {
        close = text.indexOf('}', close + 1);
      }
      if (close < 0) {
        out.append(text, at, found + 5);
        at = found + 5;
      } else {
        int digit = skipOne(text, close + 1);
        out.append(text, at, found + 5).append(text, open, close + 1).append('{').append(text.charAt(digit))
            .append('}');
        at = digit + 1;
      }
    }
  }

  /** {@code \frac1{2}}. */
  private static String groupBehindDigit(String text) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf("\\frac", at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      int digit = skipOne(text, found + 5);
      int open = isDigit(text, digit) ? skipOne(text, digit + 1) : text.length();
      boolean group = open < text.length() && text.charAt(open) == '{' && text.indexOf('}', open) > 0;
      out.append(text, at, found + 5);
      at = found + 5;
      if (group) {
        out.append('{').append(text.charAt(digit)).append('}');
        at = open;
      }
    }
  }

  /** What is left without braces: the next two characters become numerator and denominator. */
  private static String fractions(String text) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf("\\frac", at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      out.append(text, at, found + 5);
      at = found + 5;
      int first = at;
      while (first < text.length() && Character.isWhitespace(text.charAt(first))) {
        first++;
      }
      if (first + 1 >= text.length() || text.charAt(first) == '{') {
        at = Math.min(first, text.length());
        continue;
      }
      out.append('{').append(text.charAt(first)).append('}');
      at = first + 1;
      if (text.charAt(at) != '{') {
        out.append('{').append(text.charAt(at)).append('}');
        at++;
      }
    }
  }

  /** {@code \sqrt2}: the next character alone becomes the radicand. */
  private static String roots(String text, boolean digitsOnly) {
    StringBuilder out = new StringBuilder();
    int at = 0;
    while (true) {
      int found = text.indexOf("\\sqrt", at);
      if (found < 0) {
        return out.append(text, at, text.length()).toString();
      }
      out.append(text, at, found + 5);
      at = found + 5;
      int next = at;
      while (next < text.length() && Character.isWhitespace(text.charAt(next))) {
        next++;
      }
      boolean group = next < text.length() && text.charAt(next) == '{';
      if (group && !digitsOnly) {
        at = next;
      } else if (!group && next < text.length() && text.charAt(next) != '['
          && (!digitsOnly || isDigit(text, next) && next <= at + 1)) {
        out.append('{').append(text.charAt(next)).append('}');
        at = next + 1;
      }
    }
  }

  /** A quotient of two whole numbers and nothing else. */
  private static String slash(String text) {
    int slash = text.indexOf('/');
    if (slash <= 0 || slash != text.lastIndexOf('/')) {
      return text;
    }
    String top = text.substring(0, slash);
    String bottom = text.substring(slash + 1);
    return isInteger(top) && isInteger(bottom) ? "\\frac{" + top + "}{" + bottom + "}" : text;
  }

  private static boolean isInteger(String text) {
    int start = text.startsWith("-") ? 1 : 0;
    return text.length() > start && digitsEnd(text, start) == text.length();
  }

  private static int skipOne(String text, int from) {
    return from < text.length() && Character.isWhitespace(text.charAt(from)) ? from + 1 : from;
  }

  private static int digitsEnd(String text, int from) {
    int end = from;
    while (isDigit(text, end)) {
      end++;
    }
    return end;
  }

  private static boolean isDigit(String text, int at) {
    return at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9';
  }
}
