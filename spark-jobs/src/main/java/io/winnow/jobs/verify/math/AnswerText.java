// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The outer shape of an answer's text: delimiters, markup, spacing, choice letters. All of it linear in the text. */
public final class AnswerText {
  private static final String[] WRAPPERS = {
    "\\text", "\\textbf", "\\textit", "\\textrm", "\\mathrm", "\\mathbf", "\\mbox", "\\boxed", "\\fbox", "\\boldsymbol"
  };
  /** What is only layout; longer before shorter where one begins another. */
  private static final String[] LAYOUT = {
    "\\left", "\\right", "\\displaystyle", "\\qquad", "\\quad", "\\,", "\\!", "\\;", "\\:", "\\ ", "~", "$"
  };
  private static final Map<String, String> SAME =
      Map.of("\\dfrac", "\\frac", "\\tfrac", "\\frac", "\\cfrac", "\\frac", "{,}", ",");

  private static final int MAX_KEY = 1 << 15;

  private AnswerText() {}

  /** Without white space, math delimiters, markdown stars and final punctuation around it. */
  public static String unwrapped(String text) {
    int from = 0;
    int to = text.length();
    boolean again = true;
    while (again && from < to) {
      again = false;
      if (isSpace(text.charAt(from))) {
        from++;
        again = true;
      } else if (isSpace(text.charAt(to - 1)) && !(to - from > 1 && text.charAt(to - 2) == '\\')) {
        to--;
        again = true;
      } else if (endsWithFullStop(text, from, to)) {
        to--;
        again = true;
      } else {
        for (String[] pair : new String[][] {{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}, {"**", "**"},
            {"<answer>", "</answer>"}}) {
          if (to - from > pair[0].length() + pair[1].length() && text.startsWith(pair[0], from)
              && text.startsWith(pair[1], to - pair[1].length())) {
            from += pair[0].length();
            to -= pair[1].length();
            again = true;
            break;
          }
        }
      }
    }
    return text.substring(from, to);
  }

  private static boolean endsWithFullStop(String text, int from, int to) {
    char last = text.charAt(to - 1);
    return to - from > 1 && (last == '.' || last == '。' || last == ',') && !text.startsWith("..", to - 2)
        && text.charAt(to - 2) != '\\';
  }

  private static boolean isSpace(char c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c);
  }

  /**
   * Whether two texts differ by nothing but layout; texts above {@link #MAX_KEY} characters only when they are
   * identical.
   */
  public static boolean same(String a, String b) {
    if (a.equals(b)) {
      return true;
    }
    if (a.length() > MAX_KEY || b.length() > MAX_KEY) {
      return false;
    }
    String left = key(a);
    String right = key(b);
    return left.equals(right) || plainWord(left).equals(plainWord(right));
  }

  /** The letters inside a text command around the whole: {@code \text{DNE}} is DNE; anything else as it is. */
  private static String plainWord(String key) {
    int open = key.indexOf('{');
    boolean wrapped = key.endsWith("}") && open > 0 && List.of(WRAPPERS).contains(key.substring(0, open));
    String inner = wrapped ? key.substring(open + 1, key.length() - 1) : key;
    return inner.chars().allMatch(Character::isLetter) ? inner : key;
  }

  private static String key(String text) {
    String rest = unwrapped(text);
    StringBuilder out = new StringBuilder(rest.length());
    int at = 0;
    while (at < rest.length()) {
      int skip = layoutAt(rest, at);
      if (skip > 0) {
        at += skip;
        continue;
      }
      char c = rest.charAt(at);
      String spelling = c == '\\' || c == '{' ? spellingAt(rest, at) : null;
      if (spelling != null) {
        out.append(SAME.get(spelling));
        at += spelling.length();
      } else if (c == '\\' && at + 1 < rest.length()) {
        out.append(c).append(rest.charAt(at + 1));
        at += 2;
      } else {
        if (!isSpace(c)) {
          out.append(c);
        }
        at++;
      }
    }
    return out.toString();
  }

  /** The key of {@link #SAME} that stands here, or null. */
  private static String spellingAt(String text, int at) {
    for (String spelling : SAME.keySet()) {
      if (text.startsWith(spelling, at)) {
        return spelling;
      }
    }
    return null;
  }

  private static int layoutAt(String text, int at) {
    char c = text.charAt(at);
    if (c != '\\' && c != '~' && c != '$') {
      return 0;
    }
    for (String layout : LAYOUT) {
      int end = at + layout.length();
      // \left must not eat the beginning of \leftarrow.
      if (text.startsWith(layout, at)
          && (layout.length() <= 2 || end == text.length() || !Character.isLetter(text.charAt(end)))) {
        return layout.length();
      }
    }
    return 0;
  }

  /** Words for comparison: lower case, one space between, letters and digits alone. */
  static String words(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isLetterOrDigit(c)) {
        out.append(Character.toLowerCase(c));
      } else if (out.length() > 0 && out.charAt(out.length() - 1) != ' ' && c != '\'' && c != '’') {
        out.append(' ');
      }
    }
    return out.toString().strip();
  }

  /**
   * The letter A to J when the text is one letter of a multiple choice: {@code B}, {@code (b)}, {@code B.},
   * {@code \text{(B)}}.
   *
   * @param withText whether a text may follow the letter and its {@code )}, {@code .} or {@code :}
   * @return the upper-case letter, or null
   */
  public static String choice(String text, boolean withText) {
    String rest = unwrapped(text.length() > 400 ? text.substring(0, 400) : text);
    for (boolean again = true; again;) {
      again = false;
      for (String wrapper : WRAPPERS) {
        int close = rest.startsWith(wrapper + "{") ? rest.indexOf('}') : -1;
        if (close > 0 && (withText || close == rest.length() - 1)) {
          rest = unwrapped(rest.substring(wrapper.length() + 1, close) + rest.substring(close + 1));
          again = true;
        }
      }
    }
    boolean opened = rest.startsWith("(");
    int at = opened ? 1 : 0;
    if (rest.length() <= at || "ABCDEFGHIJ".indexOf(Character.toUpperCase(rest.charAt(at))) < 0) {
      return null;
    }
    String letter = rest.substring(at, at + 1).toUpperCase(Locale.ROOT);
    String after = rest.substring(at + 1);
    if (opened ? after.equals(")") : after.isEmpty() || after.equals(")")) {
      return letter;
    }
    boolean marked = after.startsWith(")") || (!opened && (after.startsWith(". ") || after.startsWith(":")));
    return withText && marked ? letter : null;
  }
}
