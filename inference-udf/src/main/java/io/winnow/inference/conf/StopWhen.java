// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.io.Serializable;
import java.util.Locale;

/**
 * When a prompt has samples enough, as {@code --stop-when} says it.
 *
 * @param kind which rule
 * @param correct {@code correct:N}: so many samples are correct, 1 or more
 * @param low {@code decided:LOW:HIGH}: lower bound of the pass rates that are kept, 0 to 1
 * @param high upper bound, above {@code low} and at most 1
 * @param confidence {@code decided:LOW:HIGH:CONFIDENCE}: of the interval, 0.000001 to 0.999999
 * @param share {@code majority:SHARE}: the most frequent answer has this share of the samples, above 0.5 and at most 1;
 *     0 for {@code majority}, where no later sample can change the winner
 */
public record StopWhen(Kind kind, int correct, double low, double high, double confidence, double share)
    implements Serializable {

  /** The rules. */
  public enum Kind {
    CORRECT,
    DECIDED,
    MAJORITY
  }

  /** How a rule is written. */
  static final String ALLOWED =
      "correct[:N], decided[:LOW:HIGH[:CONFIDENCE]] with 0 <= LOW < HIGH <= 1 and CONFIDENCE from 0.000001 to 0.999999, or"
          + " majority[:SHARE] with SHARE above 0.5 and at most 1";

  private static final double CONFIDENCE = 0.95;
  private static final double LEAST = 0.000001;
  private static final double LOW = 0.1;
  private static final double HIGH = 0.9;

  /**
   * Reads a rule.
   *
   * @throws IllegalArgumentException saying what is allowed
   */
  public static StopWhen parse(String text) {
    String[] words = text.strip().split(":", -1);
    try {
      StopWhen rule =
          switch (words[0].toLowerCase(Locale.ROOT)) {
            case "correct" -> new StopWhen(Kind.CORRECT, (int) number(words, 1, 1), 0, 0, 0, 0);
            case "decided" ->
                new StopWhen(
                    Kind.DECIDED, 0, number(words, 1, LOW), number(words, 2, HIGH), number(words, 3, CONFIDENCE), 0);
            case "majority" -> new StopWhen(Kind.MAJORITY, 0, 0, 0, 0, number(words, 1, 0));
            default -> null;
          };
      if (rule != null && rule.allowed(words)) {
        return rule;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new IllegalArgumentException(ALLOWED);
  }

  private static double number(String[] words, int at, double absent) {
    return at < words.length ? Double.parseDouble(words[at]) : absent;
  }

  private boolean allowed(String[] words) {
    return switch (kind) {
      case CORRECT -> words.length <= 2 && correct >= 1 && number(words, 1, 1) == correct;
      case DECIDED ->
          words.length != 2 && words.length <= 4 && low >= 0 && low < high && high <= 1 && confidence >= LEAST
              && confidence <= 1 - LEAST;
      case MAJORITY -> words.length <= 2 && (words.length == 1 || share > 0.5 && share <= 1);
    };
  }

  static boolean isRule(String text) {
    try {
      parse(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
