// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Thinking in tokens of several kinds: single letters, marks of one token, and a tokenizer that puts blanks. */
class ThinkingStateTest {
  /** A byte a token, and some whole words. */
  private static final class Spelling implements Tokenizer {
    private final List<String> words;
    private final boolean blanks;
    private final boolean special;

    Spelling(boolean blanks, boolean special, String... words) {
      this.words = List.of(words);
      this.blanks = blanks;
      this.special = special;
    }

    @Override
    public int[] encode(String text) {
      List<Integer> out = new ArrayList<>();
      boolean begins = true;
      for (int i = 0; i < text.length(); ) {
        int at = i;
        int word = IntStream.range(0, words.size()).filter(w -> text.startsWith(words.get(w), at)).findFirst().orElse(-1);
        if (word < 0 && begins && blanks) {
          out.add((int) ' ');
        }
        begins = word >= 0;
        out.add(word < 0 ? text.charAt(i) : 256 + word);
        i += word < 0 ? 1 : words.get(word).length();
      }
      return out.stream().mapToInt(id -> id).toArray();
    }

    @Override
    public int[] encodePlain(String text) {
      return encode(text);
    }

    @Override
    public int[] encodeWithSpecialTokens(String text) {
      return encode(text);
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
      return IntStream.of(ids).filter(id -> !skipSpecialTokens || !isSpecial(id))
          .mapToObj(id -> new String(tokenBytes(id), StandardCharsets.ISO_8859_1)).collect(Collectors.joining());
    }

    @Override
    public byte[] tokenBytes(int id) {
      return id < 256 ? new byte[] {(byte) id} : words.get(id - 256).getBytes(StandardCharsets.ISO_8859_1);
    }

    @Override
    public byte[] firstBytes(int id) {
      return blanks && id == ' ' ? new byte[0] : tokenBytes(id);
    }

    @Override
    public boolean isSpecial(int id) {
      return special && id >= 256;
    }

    @Override
    public int tokenId(String token) {
      return words.contains(token) ? 256 + words.indexOf(token) : token.length() == 1 ? token.charAt(0) : -1;
    }

    @Override
    public int vocabSize() {
      return 256 + words.size();
    }

    @Override
    public String fingerprint() {
      return "spelling";
    }

    @Override
    public void close() {}
  }

  private static final Spelling LETTERS = new Spelling(false, false);
  private static final Spelling MARKS = new Spelling(false, false, "<think>", "</think>");
  private static final Spelling BLANKS = new Spelling(true, false, "<think>", "</think>");

  /** What is forced behind a text, and how many tokens of it could be drawn freely before. */
  private static String forced(Spelling spelling, String prompt, String text, int budget) {
    return forced(spelling, prompt, text, budget, false);
  }

  private static String forced(Spelling spelling, String prompt, String text, int budget, boolean first) {
    ThinkingState state =
        new ThinkingMarks(spelling, spelling.vocabSize()).start(spelling.encode(prompt), budget, first);
    for (int token : new Spelling(false, false, spelling.words.toArray(String[]::new)).encode(text)) {
      assertTrue(state.free() == 0 || state.mask() == null, "free to draw, and a mask");
      state.append(token);
    }
    StringBuilder out = new StringBuilder();
    for (int[] mask = state.mask(); mask != null; mask = state.mask()) {
      assertEquals(1, IntStream.of(mask).map(Integer::bitCount).sum());
      int word = IntStream.range(0, mask.length).filter(w -> mask(state)[w] != 0).findFirst().orElseThrow();
      int token = 32 * word + Integer.numberOfTrailingZeros(mask[word]);
      out.append(spelling.decode(new int[] {token}, false));
      assertEquals(0, state.free());
      state.append(token);
    }
    return out.toString();
  }

  private static int[] mask(ThinkingState state) {
    return state.mask();
  }

  @Test
  void openThinkingIsEndedAtItsBudget() {
    for (Spelling spelling : List.of(LETTERS, MARKS, BLANKS)) {
      assertEquals("\n</think>\n\n", forced(spelling, "Q<think>\n", "abcd", 4));
      assertEquals("", forced(spelling, "Q<think>\n", "abc", 4));
      assertEquals("\n</think>\n\n", forced(spelling, "Q", "<think>" + "abcdefghij", 10), "opened by the answer");
      assertEquals("", forced(spelling, "Q", "abcdefghij", 4), "nothing is open");
      assertEquals("", forced(spelling, "Q<think>\n", "ab</think>cdefghijk", 40), "ended by itself");
      assertEquals("", forced(spelling, "Q", "a</think><think>bcd", 1), "the first end counts");
      assertEquals("", forced(spelling, "<think> Q", "abcd", 2), "not at the prompt's end");
    }
  }

  @Test
  void tokensUntilTheBudgetAreFree() {
    ThinkingState state = new ThinkingMarks(LETTERS, 256).start(LETTERS.encode("<think>"), 3, false);
    int[] free = new int[4];
    for (int i = 0; i < 4; i++) {
      free[i] = state.free();
      if (i < 3) {
        assertNull(state.mask());
        state.append('x');
      }
    }
    assertArrayEquals(new int[] {3, 2, 1, 0}, free);
  }

  @Test
  void besideAFormatOnlyWhatBeginsTheAnswerIsThinking() {
    for (Spelling spelling : List.of(LETTERS, MARKS)) {
      assertEquals("\n</think>\n\n", forced(spelling, "Q", "<think>" + "abcdefghij", 10, true));
      assertEquals("", forced(spelling, "Q", "{<think>" + "abcdefghij", 10, true));
      assertEquals("", forced(spelling, "Q", "<thin<think>" + "abcdefghij", 10, true));
      assertEquals("", forced(spelling, "Q", "<think>a</think>{<think>" + "abcdefghij", 25, true));
      assertEquals("\n</think>\n\n", forced(spelling, "Q<think>", "abcd", 4, true));
    }
    Spelling spaced = new Spelling(true, false);
    assertEquals("\n</think>\n\n", forced(spaced, "Q", " <think>abcdefghij", 12, true), "a blank that texts drop");
  }

  @Test
  void neitherACharacterNorAMarkIsCut() {
    String euro = new String("€".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    assertEquals("", forced(LETTERS, "<think>", "abc" + euro.substring(0, 1), 4));
    assertEquals("", forced(LETTERS, "<think>", "abc" + euro.substring(0, 2), 4));
    assertEquals("\n</think>\n\n", forced(LETTERS, "<think>", "abc" + euro, 4));
    assertEquals("\n</think>\n\n", forced(LETTERS, "<think>", "abc" + euro.substring(0, 1) + "d", 4), "no character");
    assertEquals("", forced(LETTERS, "<think>", "abc</th", 4));
    assertEquals("", forced(LETTERS, "<think>", "abc</think>d", 4), "it ended by itself");
    assertEquals("\n</think>\n\n", forced(LETTERS, "<think>", "abc</b", 4));
    assertEquals("\n</think>\n\n", forced(LETTERS, "<think>", "abc" + "<".repeat(9), 4), "not for ever");
  }

  /** It goes on from tokens that were made without a budget, or with another. */
  @Test
  void anEndThatWasNotForcedIsSeen() {
    assertEquals("", forced(MARKS, "<think>", "ab\n</think>\nSo", 2));
    assertEquals("\n</think>\n\n", forced(MARKS, "<think>", "ab\nc", 2));
  }

  @Test
  void whatCannotBeSpelledIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new ThinkingMarks(LETTERS, '<'));
    Spelling special = new Spelling(false, true, "<think>", "</think>");
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> new ThinkingMarks(special, special.vocabSize()))
            .getMessage().contains("special"));
  }
}
