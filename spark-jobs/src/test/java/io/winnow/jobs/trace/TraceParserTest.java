// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TraceParserTest {
  @Test
  void splitsAtTheClosingTag() {
    String text = "<think>\n2+2\n</think>\n\nIt is 4.";
    assertEquals(new ParsedTrace(text.indexOf("\n\nIt"), "It is 4."), TraceParser.parse(text));
  }

  @Test
  void closesThinkingThatThePromptOpened() {
    assertEquals(new ParsedTrace(11, "4"), TraceParser.parse("2+2</think>\n4"));
    assertEquals(new ParsedTrace(11, "4"), TraceParser.parseInsideThinking("2+2</think>\n4"));
  }

  @Test
  void firstClosingTagCounts() {
    assertEquals(new ParsedTrace(16, "b</think>c"), TraceParser.parse("<think>a</think>b</think>c"));
    assertEquals(new ParsedTrace(16, "<think>b"), TraceParser.parse("<think>a</think><think>b"));
  }

  @Test
  void neverClosedHasNoAnswer() {
    assertTrue(TraceParser.parse("<think>2+2").unclosed());
    assertTrue(TraceParser.parse("Well. <think>2+2").unclosed());
    assertTrue(TraceParser.parseInsideThinking("2+2 is 4").unclosed());
    assertTrue(TraceParser.parseInsideThinking("").unclosed());
  }

  @Test
  void textWithoutThinkingIsAllAnswer() {
    assertEquals(new ParsedTrace(0, "It is 4.\n"), TraceParser.parse("\n It is 4.\n"));
    assertEquals(new ParsedTrace(0, ""), TraceParser.parse(""));
  }

  @Test
  void emptyAnswerAndEmptyThinkingAreKept() {
    assertEquals(new ParsedTrace(15, ""), TraceParser.parse("<think></think>"));
    assertEquals(new ParsedTrace(15, ""), TraceParser.parse("<think></think>\n "));
  }

  @Test
  void offsetsCountUtf16CodeUnits() {
    ParsedTrace trace = TraceParser.parse("<think>\uD83D\uDE42</think>ok");
    assertEquals(17, trace.thinkEnd());
    assertEquals("ok", trace.answer());
  }

  @Test
  void tagsAreMatchedExactly() {
    assertEquals(0, TraceParser.parse("<THINK>a</THINK>b").thinkEnd());
    assertEquals(0, TraceParser.parse("< think >a</ think>b").thinkEnd());
  }

  @Test
  void halfAnAnswerIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new ParsedTrace(3, null));
    assertThrows(IllegalArgumentException.class, () -> new ParsedTrace(null, "x"));
  }
}
