// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

import java.util.List;

/** Finds numbers and arithmetic in prose at given places of a text. */
final class NumberMatcher {
  private static final String CURRENCIES = "$€£¥₹₽₩฿₫₴₺₦₱₪¢";

  private final String text;
  private int runFrom;
  private int runEnd = -1;

  NumberMatcher(String text) {
    this.text = text;
  }

  /**
   * Where what is introduced here begins: behind space or "=" or at the start of the text, and then behind a currency
   * sign or two asterisks; -1 when nothing may begin here.
   */
  private int behindPrefix(int at, boolean currency) {
    int i;
    char c = at < text.length() ? text.charAt(at) : 'x';
    if (Character.isWhitespace(c) || c == '=') {
      i = at + 1;
    } else if (at == 0) {
      i = 0;
    } else {
      return -1;
    }
    if (currency && i < text.length() && CURRENCIES.indexOf(text.charAt(i)) >= 0) {
      return i + 1;
    }
    return text.startsWith("**", i) ? i + 2 : i;
  }

  /** Arithmetic, or else a number, introduced at {@code at}, or null. */
  Candidate at(int at, boolean anchored) {
    Candidate arithmetic = arithmeticAt(at, anchored);
    return arithmetic == null ? numberAt(at, anchored) : arithmetic;
  }

  /** A number introduced at {@code at}, or null; {@code anchored} ones are not followed by an equals sign. */
  Candidate numberAt(int at, boolean anchored) {
    int start = behindPrefix(at, true);
    if (start < 0 || start >= text.length()) {
      return null;
    }
    int digits = text.charAt(start) == '-' ? start + 1 : start;
    String sign = digits > start ? "-" : "";
    int whole = digitsEnd(digits);
    if (whole == digits) {
      if (sign.isEmpty() && digits < text.length() && text.charAt(digits) == '.') {
        for (int end = digitsEnd(digits + 1); end > digits + 1; end--) {
          Candidate found = ended(at, end, sign + "0" + text.substring(digits, end), anchored);
          if (found != null) {
            return found;
          }
        }
      }
      return null;
    }
    int grouped = groupsEnd(digits, whole);
    if (grouped > whole) {
      String number = sign + text.substring(digits, grouped).replace(" ", "").replace(",", "");
      if (grouped < text.length() && text.charAt(grouped) == '.') {
        for (int end = digitsEnd(grouped + 1); end > grouped + 1; end--) {
          Candidate found = ended(at, end, number + text.substring(grouped, end), anchored);
          if (found != null) {
            return found;
          }
        }
      }
      Candidate found = ended(at, grouped, number, anchored);
      if (found != null) {
        return found;
      }
    }
    if (whole < text.length() && (text.charAt(whole) == '.' || text.charAt(whole) == ',')) {
      for (int end = digitsEnd(whole + 1); end > whole + 1; end--) {
        String number = sign + text.substring(digits, whole) + "." + text.substring(whole + 1, end);
        Candidate found = ended(at, end, number, anchored);
        if (found != null) {
          return found;
        }
      }
    }
    for (int end = whole; end > digits; end--) {
      Candidate found = ended(at, end, sign + text.substring(digits, end), anchored);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private Candidate ended(int at, int end, String number, boolean anchored) {
    int percent = FormulaMatcher.percentEnd(text, end);
    if (percent > 0 && text.startsWith("\\", FormulaMatcher.skipSpace(text, end))) {
      percent = 0;
    }
    if (percent > 0 && !(anchored && isEquals(percent))) {
      return new Candidate(Candidate.Kind.NUMBER, at, percent, List.of(withoutZeros(number)), List.of(true), "none");
    }
    return anchored && isEquals(end) ? null
        : new Candidate(Candidate.Kind.NUMBER, at, end, List.of(withoutZeros(number)), List.of(false), "none");
  }

  private static String withoutZeros(String number) {
    if (number.startsWith("-")) {
      return number;
    }
    int i = 0;
    while (i + 1 < number.length() && number.charAt(i) == '0' && Character.isDigit(number.charAt(i + 1))) {
      i++;
    }
    return number.substring(i);
  }

  private boolean isEquals(int from) {
    int i = FormulaMatcher.skipSpace(text, from);
    return i < text.length() && text.charAt(i) == '=';
  }

  /** End of groups of three digits between commas or spaces; {@code whole} when there are none. */
  private int groupsEnd(int digits, int whole) {
    if (whole - digits > 3) {
      return whole;
    }
    int end = whole;
    while (end + 3 < text.length() && (text.charAt(end) == ',' || text.charAt(end) == ' ')
        && isDigit(end + 1) && isDigit(end + 2) && isDigit(end + 3)) {
      end += 4;
    }
    return end;
  }

  /** Arithmetic introduced at {@code at}, or null. */
  Candidate arithmeticAt(int at, boolean anchored) {
    int start = behindPrefix(at, false);
    if (start < 0 || start >= text.length()) {
      return null;
    }
    int i = start;
    if (text.charAt(i) == '-') {
      i++;
    }
    if (i < text.length() && text.charAt(i) == '(') {
      i++;
      if (i < text.length() && text.charAt(i) == '-') {
        i++;
      }
    }
    if (!isDigit(i)) {
      return null;
    }
    int operator = digitsAndSpaceEnd(i);
    if (operator >= text.length() || !isOperator(text.charAt(operator))) {
      return null;
    }
    int run = operator + 1;
    while (run < text.length() && isOfArithmetic(text.charAt(run))) {
      run++;
    }
    for (int end = run; end > operator + 1; end--) {
      if (mayFollow(end) && !(anchored && isEquals(end))) {
        return new Candidate(Candidate.Kind.ARITHMETIC, at, end, List.of(text.substring(start, end)), List.of(false),
            "none");
      }
    }
    return null;
  }

  /** Behind digits, points and space from {@code from} on; remembered, as one run is asked for many times. */
  private int digitsAndSpaceEnd(int from) {
    if (from < runFrom || from > runEnd) {
      int end = from;
      while (end < text.length() && (isDigit(end) || text.charAt(end) == '.'
          || Character.isWhitespace(text.charAt(end)))) {
        end++;
      }
      runFrom = from;
      runEnd = end;
    }
    return runEnd;
  }

  private boolean mayFollow(int end) {
    if (end >= text.length()) {
      return true;
    }
    char c = text.charAt(end);
    return Character.isWhitespace(c) || ".,$)".indexOf(c) >= 0;
  }

  private static boolean isOperator(char c) {
    return "+-*/^()×÷".indexOf(c) >= 0;
  }

  private static boolean isOfArithmetic(char c) {
    return c >= '0' && c <= '9' || c == '.' || isOperator(c) || Character.isWhitespace(c);
  }

  private int digitsEnd(int from) {
    int i = from;
    while (isDigit(i)) {
      i++;
    }
    return i;
  }

  private boolean isDigit(int i) {
    return i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9';
  }
}
