// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import java.nio.charset.StandardCharsets;

/**
 * A regular expression as answers are held to it. It reads a text once, in time that its length alone decides, where a
 * matcher that backtracks may give up on a text that is right. Immutable.
 */
public final class AnswerPattern {
  private final Automaton automaton;

  private AnswerPattern(String pattern, boolean anywhere) {
    try {
      automaton = AutomatonBuilder.of(RegexParser.parse(pattern, anywhere));
    } catch (GrammarRefusal e) {
      throw new IllegalArgumentException("the pattern cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Matches whole texts.
   *
   * @throws IllegalArgumentException when answers could not be held to the pattern
   */
  public static AnswerPattern whole(String pattern) {
    return new AnswerPattern(pattern, false);
  }

  /** As above, anywhere in a text but for the pattern's anchors, as {@code pattern} of JSON Schema. */
  public static AnswerPattern anywhere(String pattern) {
    return new AnswerPattern(pattern, true);
  }

  /** Whether a text matches. */
  public boolean matches(String text) {
    return automaton.matches(text.getBytes(StandardCharsets.UTF_8));
  }
}
