// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

/**
 * Whether two answers are equal, and why.
 *
 * @param outcome what was decided
 * @param kind what was compared: number, expression, tuple, set, interval, matrix, equation, inequality, choice,
 * text, kinds (two different kinds) or none
 * @param detail the normalized forms, or why it could not be decided
 */
public record Decision(Outcome outcome, String kind, String detail) {
  private static final int MAX_DETAIL = 300;

  /** Three values: unknown is neither equal nor different. */
  public enum Outcome { EQUAL, DIFFERENT, UNKNOWN }

  public Decision {
    detail = shortened(detail, MAX_DETAIL);
  }

  static Decision unknown(String kind, String why) {
    return new Decision(Outcome.UNKNOWN, kind, why);
  }

  /** Equal or different by a test that decides. */
  static Decision of(boolean equal, String kind, Object gold, Object answer) {
    return new Decision(
        equal ? Outcome.EQUAL : Outcome.DIFFERENT,
        kind,
        equal ? gold + " = " + answer : "gold " + gold + " ≠ answer " + answer);
  }

  public boolean equal() {
    return outcome == Outcome.EQUAL;
  }

  /** The text, or its beginning with the number of characters left out. */
  public static String shortened(String text, int most) {
    if (text.length() <= most) {
      return text;
    }
    // Half a surrogate pair could not be stored as UTF-8.
    int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
    return text.substring(0, end) + "… (" + (text.length() - end) + " more)";
  }
}
