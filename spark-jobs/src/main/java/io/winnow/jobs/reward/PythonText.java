// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Texts as Python 3.11 sees them (Unicode 14), on every version of Java: what is a blank, a digit, a lower-case letter.
 * Lone surrogates are characters of their own, there as here.
 */
public final class PythonText {
  private static final int SIGMA = 0x3A3;
  private static final int SMALL_SIGMA = 0x3C3;
  private static final int FINAL_SIGMA = 0x3C2;

  /** The zeros of Unicode 14; nine digits follow each of them. */
  private static final int[] ZEROS = {
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60,
    0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0
  };

  /** Punctuation that stands within words (MidLetter, MidNumLet and Single_Quote of Unicode's word breaks). */
  private static final String MID_WORD = "':.\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55"
      + "\uFF07\uFF0E\uFF1A";

  private PythonText() {}

  /** Length in code points. */
  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** {@code str.isspace} of one character; none of them is beyond the basic plane. */
  public static boolean isSpace(int c) {
    return c >= 0x9 && c <= 0xD || c >= 0x1C && c <= 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680
        || c >= 0x2000 && c <= 0x200A || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
  }

  /** {@code \d} of Python's {@code re}. */
  static boolean isDigit(int c) {
    if (c < 0x80) {
      return c >= '0' && c <= '9';
    }
    int at = Arrays.binarySearch(ZEROS, c);
    int zero = at >= 0 ? c : ZEROS[-at - 2];
    return c - zero < 10;
  }

  /** Whether there is nothing but blanks. */
  static boolean isBlank(String text, int from, int to) {
    for (int i = from; i < to; i++) {
      if (!isSpace(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  /** {@code str.split()}. */
  static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    int from = -1;
    for (int i = 0; i <= text.length(); i++) {
      boolean space = i == text.length() || isSpace(text.charAt(i));
      if (space && from >= 0) {
        words.add(text.substring(from, i));
      }
      from = space ? -1 : from < 0 ? i : from;
    }
    return words;
  }

  /** {@code str.count}: occurrences that do not overlap. */
  static int count(String text, String part) {
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  /** {@code str.lower()}. */
  public static String lower(String text) {
    StringBuilder out = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      if (c == SIGMA) {
        out.appendCodePoint(endsWord(text, i) ? FINAL_SIGMA : SMALL_SIGMA);
      } else if (c == 0x130) {
        out.append("i\u0307");
      } else {
        out.appendCodePoint(lower(c));
      }
      i += Character.charCount(c);
    }
    return out.toString();
  }

  /** Letters of Unicode 14 that Java 17 does not know yet are here by their numbers. */
  private static int lower(int c) {
    if (c >= 0x10570 && c <= 0x10595 && c != 0x1057B && c != 0x1058B && c != 0x10593) {
      return c + 0x27;
    }
    return switch (c) {
      case 0x2C2F -> 0x2C5F;
      case 0xA7C0, 0xA7D0, 0xA7D6, 0xA7D8 -> c + 1;
      default -> Character.toLowerCase(c);
    };
  }

  /** Whether a capital sigma stands behind a letter and before none, what letters do not mind aside. */
  private static boolean endsWord(String text, int at) {
    int i = at;
    int before = 0;
    while (i > 0) {
      before = text.codePointBefore(i);
      if (!ignoredByCase(before)) {
        break;
      }
      i -= Character.charCount(before);
    }
    if (i == 0 || !isCased(before)) {
      return false;
    }
    for (i = at + 1; i < text.length(); ) {
      int after = text.codePointAt(i);
      if (!ignoredByCase(after)) {
        return !isCased(after);
      }
      i += Character.charCount(after);
    }
    return true;
  }

  private static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  private static boolean ignoredByCase(int c) {
    return switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT, Character.MODIFIER_LETTER,
          Character.MODIFIER_SYMBOL -> true;
      default -> c < 0x10000 && MID_WORD.indexOf(c) >= 0;
    };
  }
}
