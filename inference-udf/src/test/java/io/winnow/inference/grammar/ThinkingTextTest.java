// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Thinking before an answer, beside a search for its first mark. */
class ThinkingTextTest {
  private static final Expression ANSWER = RegexParser.parse("a|bb", false);
  private static final String[] PIECES =
      {"<", "</", "</think", "</think>", "<think>", ">", "t", "think>", "/", " ", "\n", "a", "bb", "b", "é", "</thin"};

  private static boolean isAnswer(String text) {
    return text.equals("a") || text.equals("bb");
  }

  private static boolean isBehindThinking(String text) {
    int end = text.indexOf("</think>");
    if (end < 0) {
      return false;
    }
    String rest = text.substring(end + "</think>".length());
    int blanks = 0;
    while (blanks < rest.length() && " \n".indexOf(rest.charAt(blanks)) >= 0) {
      blanks++;
    }
    return blanks <= 8 && isAnswer(rest.substring(blanks));
  }

  private static boolean matches(Automaton automaton, String text) {
    return automaton.matches(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void theFirstMarkEndsIt() {
    Automaton open = AutomatonBuilder.of(ThinkingText.open(ANSWER));
    Automaton optional = AutomatonBuilder.of(ThinkingText.optional(ANSWER));
    Random random = Seed.random("ThinkingTextTest");
    int good = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(7); n >= 0; n--) {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
      if (random.nextInt(3) > 0) {
        text.append("</think>").append("\n".repeat(random.nextInt(10))).append(random.nextBoolean() ? "a" : "bb");
      }
      String one = text.toString();
      boolean behind = isBehindThinking(one);
      good += behind ? 1 : 0;
      assertEquals(behind, matches(open, one), one);
      assertEquals(behind, matches(optional, "<think>" + one), one);
      boolean thinks = one.startsWith("<think>") && isBehindThinking(one.substring(7));
      assertEquals(thinks || isAnswer(one), matches(optional, one), one);
    }
    assertTrue(good > 20_000 && good < 180_000, good + " were right");
    assertTrue(open.states() < 30, open.states() + " states");
  }
}
