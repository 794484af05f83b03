// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import io.winnow.jobs.reward.PythonText;

/** How a text becomes words. The same is said in expressions of Spark SQL by what the constants hold. */
public enum Wording {
  /** As Open-R1: in lower case, words are what stands between blanks, punctuation and all. */
  OPEN_R1,
  /**
   * In lower case; punctuation and signs are blanks. In n-grams all numbers are alike, and numbers beside one another
   * are one number, since 1,000 and 1.5 are read as two. Texts that are too short for an n-gram are compared whole,
   * with their numbers.
   */
  STRICT;

  /** What Python takes for blanks. */
  public static final String BLANKS = blanks();
  /** What strict wording takes for blanks besides. */
  public static final String PUNCTUATION = punctuation();
  /** Digits other than ASCII's that strict wording reads as those; {@link #DIGITS_READ} has what they are read as. */
  public static final String DIGITS = digits();
  public static final String DIGITS_READ = "0123456789".repeat(DIGITS.length() / 10);
  /** What stands for any number. */
  public static final String NUMBER = "0";
  /** A number in the words of a strict text, for regular expressions. */
  public static final String NUMBERS = "[0-9]+( [0-9]+)*";

  /** For ASCII: the character it becomes. */
  private static final char[] OPEN_ASCII = ascii(false);
  private static final char[] STRICT_ASCII = ascii(true);
  /** For all characters, which are in lower case. */
  private static final char[] OPEN_WIDE = wide(false);
  private static final char[] STRICT_WIDE = wide(true);

  /** The words of a text with one blank between them; empty when there is none. */
  public String words(String text) {
    String words = joined(text, this == STRICT ? STRICT_ASCII : OPEN_ASCII);
    return words != null ? words : joined(PythonText.lower(text), this == STRICT ? STRICT_WIDE : OPEN_WIDE);
  }

  /** The text by a map of its characters, runs of blanks as one between words; null where the map lacks one. */
  private static String joined(String text, char[] map) {
    StringBuilder out = new StringBuilder(text.length());
    boolean blank = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= map.length) {
        return null;
      }
      char read = map[c];
      if (read == ' ') {
        blank = true;
        continue;
      }
      if (blank && out.length() > 0) {
        out.append(' ');
      }
      blank = false;
      out.append(read);
    }
    return out.toString();
  }

  /** The words of n-grams, given {@link #words}: in strict wording, numbers are masked. */
  public String masked(String words) {
    if (this != STRICT) {
      return words;
    }
    StringBuilder out = new StringBuilder(words.length());
    for (int i = 0; i < words.length(); ) {
      if (!isDigit(words.charAt(i))) {
        out.append(words.charAt(i++));
        continue;
      }
      out.append(NUMBER);
      while (i < words.length() && isDigit(words.charAt(i))) {
        i++;
        if (i + 1 < words.length() && words.charAt(i) == ' ' && isDigit(words.charAt(i + 1))) {
          i++;
        }
      }
    }
    return out.toString();
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /** Number of words in what {@link #words} gives. */
  public static int count(String words) {
    if (words.isEmpty()) {
      return 0;
    }
    int count = 1;
    for (int i = 0; i < words.length(); i++) {
      count += words.charAt(i) == ' ' ? 1 : 0;
    }
    return count;
  }

  private static String blanks() {
    StringBuilder out = new StringBuilder();
    for (char c = 0; c < 0xFFFF; c++) {
      if (PythonText.isSpace(c)) {
        out.append(c);
      }
    }
    return out.toString();
  }

  private static String punctuation() {
    // By their places and not by Java's tables, so that every Java and every accelerator folds the same.
    int[][] ranges = {
      {0x21, 0x2F}, {0x3A, 0x40}, {0x5B, 0x60}, {0x7B, 0x7E}, {0xA1, 0xA9}, {0xAB, 0xB1}, {0xB4, 0xB4}, {0xB6, 0xB8},
      {0xBB, 0xBB}, {0xBF, 0xBF}, {0xD7, 0xD7}, {0xF7, 0xF7}, {0x2010, 0x2027}, {0x2030, 0x205E}, {0x20A0, 0x20C0},
      {0x2190, 0x23FF}, {0x2500, 0x27BF}, {0x27E6, 0x27EF}, {0x2980, 0x2BFF}, {0x3001, 0x3003}, {0x3008, 0x3011},
      {0x3014, 0x301F}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}
    };
    StringBuilder out = new StringBuilder();
    for (int[] range : ranges) {
      for (int c = range[0]; c <= range[1]; c++) {
        out.append((char) c);
      }
    }
    return out.toString();
  }

  private static String digits() {
    StringBuilder out = new StringBuilder();
    for (int zero : new int[] {0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10}) {
      for (int d = 0; d < 10; d++) {
        out.append((char) (zero + d));
      }
    }
    return out.toString();
  }

  private static char[] ascii(boolean strict) {
    char[] map = new char[0x80];
    for (char c = 0; c < map.length; c++) {
      boolean blank = PythonText.isSpace(c) || strict && PUNCTUATION.indexOf(c) >= 0;
      map[c] = blank ? ' ' : c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
    }
    return map;
  }

  private static char[] wide(boolean strict) {
    char[] map = new char[Character.MAX_VALUE + 1];
    for (int c = 0; c < map.length; c++) {
      map[c] = PythonText.isSpace(c) ? ' ' : (char) c;
    }
    if (!strict) {
      return map;
    }
    PUNCTUATION.chars().forEach(c -> map[c] = ' ');
    for (int i = 0; i < DIGITS.length(); i++) {
      map[DIGITS.charAt(i)] = DIGITS_READ.charAt(i);
    }
    return map;
  }
}
