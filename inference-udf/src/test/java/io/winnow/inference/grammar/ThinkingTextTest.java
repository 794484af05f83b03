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

  private static Automaton open(Expression answer) {
    return ThinkingText.open(answer, AutomatonBuilder.of(answer));
  }

  private static Automaton optional(Expression answer) {
    return ThinkingText.optional(answer, AutomatonBuilder.of(answer));
  }

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
    Automaton open = open(ANSWER);
    Automaton optional = optional(ANSWER);
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
  }

  private static void check(Automaton automaton, boolean allowed, String... texts) {
    for (String text : texts) {
      assertEquals(allowed, matches(automaton, text), text);
    }
  }

  @Test
  void blanksBelongToAnAnswerThatBeginsWithThem() {
    for (boolean optional : new boolean[] {false, true}) {
      String begin = optional ? "<think>" : "";
      for (String answer : new String[] {" yes|no", " yes| no", "\\n[yn]", "\\s{2}z", "x? ?y"}) {
        Expression e = RegexParser.parse(answer, false);
        Automaton automaton = optional ? optional(e) : open(e);
        String end = begin + "so</think>";
        switch (answer) {
          case " yes|no" -> check(automaton, true, end + " yes", end + "\n\nno", end + "   yes", end + "no");
          case " yes| no" -> check(automaton, true, end + " yes", end + "\n\n no", end + "   yes");
          case "\\n[yn]" -> check(automaton, true, end + "\ny", end + "\n\n\nn");
          case "\\s{2}z" -> check(automaton, true, end + "  z", end + "\n\nz", end + "\n\n\n z");
          default -> check(automaton, true, end + "x y", end + "\n\ny", end + "  xy", end + " y");
        }
        check(automaton, false, end, end + "\n\n", end + "so", begin + "so");
      }
    }
  }

  @Test
  void whatBeginsWithTheMarkIsThinkingThoughTheAnswerMightBeAnything() {
    Automaton any = optional(RegexParser.parse("[\\s\\S]*", false));
    check(any, true, "", "<", "<thin", "<thing", "so</think>", "<think></think>", "<think>a</think>\n\nb<think>");
    check(any, false, "<think>", "<think>a", "<think>a</thin");
  }

  /** As large as the answer's own automaton, however much the answer may hold. */
  @Test
  void longAnswersStaySmall() {
    for (String answer : new String[] {"[\\s\\S]{0,3000}", ".{1,200}", "\\w+(\\s\\w+){0,99}"}) {
      Expression e = RegexParser.parse(answer, false);
      int states = AutomatonBuilder.of(e).states();
      assertTrue(open(e).states() <= states + 20, answer);
      assertTrue(optional(e).states() <= states + 30, answer);
    }
  }
}
