// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

/** The replacements of the first cleaning step, tried at each place of a text from left to right. */
final class CleanupRules {
  private static final String[] PERCENT = {"percentage", "percent", "pct"};

  private CleanupRules() {}

  /**
   * Tries all rules at one place.
   *
   * @return where to go on; {@code at} when none applies
   */
  static int apply(String text, int at, boolean matrix, StringBuilder out) {
    char c = text.charAt(at);
    switch (c) {
      case '\\' -> {
        return command(text, at, matrix, out);
      }
      case '$', '"', '\'' -> {
        return at + 1;
      }
      case '{' -> {
        if (text.startsWith("{.", at)) {
          out.append("{0.");
          return at + 2;
        }
        return commaInBraces(text, at, at, out);
      }
      case '~' -> {
        if (text.startsWith("~=", at)) {
          out.append("\\approx");
          return at + 2;
        }
        return at;
      }
      default -> { }
    }
    if (c == ',' || Character.isWhitespace(c)) {
      return spaceOrComma(text, at, out);
    }
    if (c == 'a' || c == 'o') {
      int end = conjunction(text, at);
      if (end > 0) {
        out.append(',');
        return end;
      }
    } else if (c == 'p') {
      int end = percentWord(text, at);
      if (end > 0) {
        out.append("\\%");
        return end;
      }
    } else if (c == 'i' && text.startsWith("inf", at)) {
      if (text.startsWith("infinity", at)) {
        out.append("\\infty");
        return at + 8;
      }
      out.append("\\infty");
      return at + 3;
    }
    return at;
  }

  private static int spaceOrComma(String text, int at, StringBuilder out) {
    char c = text.charAt(at);
    int behind = at + (c == ',' ? 1 : 0);
    while (behind < text.length() && Character.isWhitespace(text.charAt(behind))) {
      behind++;
    }
    if (c != ',' && at + 1 < text.length() && text.charAt(at + 1) == '.') {
      out.append(" 0.");
      return at + 2;
    }
    if (c != ',' && behind < text.length() && text.charAt(behind) == '{') {
      int end = commaInBraces(text, behind, at, out);
      if (end > at) {
        return end;
      }
    }
    int word = conjunction(text, behind);
    if (word == 0 && text.startsWith("\\text{", behind)) {
      word = conjunctionInText(text, behind);
    }
    boolean letterBefore = at > 0 && Character.isLetter(text.charAt(at - 1)) && behind == at;
    if (word > 0 && !letterBefore && (behind > at)) {
      // A letter directly before stops the rule where the comma or space begins, as the word is looked for from there.
      if (at > 0 && isAsciiLetter(text.charAt(at - 1)) && conjunction(text, behind) > 0) {
        return skipOne(text, at, behind, word, out);
      }
      out.append(',');
      return word;
    }
    if (c == ',' && text.startsWith("\\ldots", at + 1)) {
      out.append(' ');
      return at + 7;
    }
    if (c != ',') {
      int percent = percentWord(text, behind);
      if (percent > 0) {
        out.append("\\%");
        return percent;
      }
      if (c == ' ' && text.startsWith("sqrt", at + 1)) {
        out.append("\\sqrt");
        return at + 5;
      }
      if (c == '\n') {
        out.append(' ');
        return at + 1;
      }
      if (c == '\t') {
        out.append(' ');
        return at + 1;
      }
    }
    return at;
  }

  /** After a letter the first space or comma stays and the rest goes with the word. */
  private static int skipOne(String text, int at, int behind, int word, StringBuilder out) {
    out.append(Character.isWhitespace(text.charAt(at)) ? ' ' : text.charAt(at));
    out.append(',');
    return word;
  }

  private static boolean isAsciiLetter(char c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
  }

  /** End of "and" or "or" as a word here; 0 when there is none. */
  private static int conjunction(String text, int at) {
    int end = text.startsWith("and", at) ? at + 3 : text.startsWith("or", at) ? at + 2 : 0;
    if (end == 0 || end < text.length() && isAsciiLetter(text.charAt(end))
        || at > 0 && isAsciiLetter(text.charAt(at - 1))) {
      return 0;
    }
    return end;
  }

  /** End of {@code \text{ and }} here; 0 when there is none. */
  private static int conjunctionInText(String text, int at) {
    int close = text.indexOf('}', at);
    if (close < 0 || close - at > 40) {
      return 0;
    }
    String word = text.substring(at + "\\text{".length(), close).strip();
    return word.equals("and") || word.equals("or") ? close + 1 : 0;
  }

  /** End of a word for percent here; 0 when there is none. */
  private static int percentWord(String text, int at) {
    if (at > 0 && Character.isLetterOrDigit(text.charAt(at - 1))) {
      return 0;
    }
    for (String word : PERCENT) {
      int end = at + word.length();
      if (text.startsWith(word, at) && (end >= text.length() || !Character.isLetterOrDigit(text.charAt(end)))) {
        return end;
      }
    }
    return 0;
  }

  /** A comma in braces, with space around, as a comma. */
  private static int commaInBraces(String text, int brace, int at, StringBuilder out) {
    int i = brace + 1;
    while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    if (i >= text.length() || text.charAt(i) != ',') {
      return at;
    }
    i++;
    while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
      i++;
    }
    if (i < text.length() && text.charAt(i) == '}') {
      out.append(',');
      return i + 1;
    }
    return at;
  }

  private static int command(String text, int at, boolean matrix, StringBuilder out) {
    if (at + 1 >= text.length()) {
      return at;
    }
    char c = text.charAt(at + 1);
    if (c == '!') {
      return FormulaMatcher.skipSpace(text, at + 2);
    }
    if (c == '$') {
      return at + 2;
    }
    if (c == '\\') {
      boolean halved = !matrix && at + 2 < text.length() && isAsciiLetter(text.charAt(at + 2));
      if (halved) {
        int end = command(text, at + 1, false, out);
        if (end > at + 1) {
          return end;
        }
        out.append('\\');
        return at + 2;
      }
      boolean layout = !matrix && at + 2 < text.length() && text.charAt(at + 2) == '\\';
      out.append('\\');
      if (!layout) {
        out.append('\\');
      }
      return layout ? at + 1 : at + 2;
    }
    if (Character.isWhitespace(c)) {
      out.append(' ');
      return at + 2;
    }
    int stretch = stretchEnd(text, at + 1);
    if (stretch > 0) {
      return stretch;
    }
    return word(text, at, out);
  }

  private static final String[] DELIMITERS = {
    "langle", "rangle", "lvert", "rvert", "lVert", "rVert", "vert", "Vert", "lfloor", "rfloor", "lceil", "rceil",
    "lbrace", "rbrace", "lbrack", "rbrack", "lgroup", "rgroup", "lparen", "rparen", "ulcorner", "urcorner", "llcorner",
    "lrcorner"
  };

  /** End of {@code left} or {@code right} before a delimiter; 0 when there is none. */
  private static int stretchEnd(String text, int at) {
    int start = text.startsWith("m", at) ? at + 1 : at;
    int end = text.startsWith("left", start) ? start + 4 : text.startsWith("right", start) ? start + 5 : 0;
    if (end == 0 || end >= text.length()) {
      return 0;
    }
    char c = text.charAt(end);
    if (c != '\\') {
      return "([{|)]".indexOf(c) >= 0 ? end : 0;
    }
    if (end + 1 < text.length() && "{}|".indexOf(text.charAt(end + 1)) >= 0) {
      return end;
    }
    for (String delimiter : DELIMITERS) {
      if (text.startsWith(delimiter, end + 1)) {
        return end;
      }
    }
    return 0;
  }

  private static int word(String text, int at, StringBuilder out) {
    if (text.startsWith("\\text{", at)) {
      int end = conjunctionInText(text, at);
      if (end > 0) {
        out.append(',');
        return end;
      }
      for (String percent : PERCENT) {
        if (text.startsWith(percent + "}", at + 6)) {
          out.append('%');
          return at + 7 + percent.length();
        }
      }
      return at;
    }
    for (String name : new String[] {"\\mathrm", "\\mathit", "\\mathbf", "\\textnormal", "\\textbf", "\\textit",
        "\\textrm"}) {
      if (text.startsWith(name, at)) {
        out.append("\\text");
        return at + name.length();
      }
    }
    for (String name : new String[] {"\\dfrac", "\\tfrac", "\\cfrac"}) {
      if (text.startsWith(name, at)) {
        out.append("\\frac");
        return at + name.length();
      }
    }
    if (text.startsWith("\\displaystyle", at)) {
      return at + "\\displaystyle".length();
    }
    if (text.startsWith("\\ldots", at)) {
      out.append(' ');
      return at + "\\ldots".length();
    }
    if (text.startsWith("\\inf", at)) {
      out.append("\\inf");
      return at + 4;
    }
    return at;
  }
}
