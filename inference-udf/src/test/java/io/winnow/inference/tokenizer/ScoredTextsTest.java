// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.winnow.inference.Message;
import io.winnow.inference.ScoredText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a completion begins, by a tokenizer that merges "hi" and " w" and puts a BOS in front. */
class ScoredTextsTest {
  @TempDir Path folder;

  private ModelText text;
  private ScoredTexts texts;

  @BeforeEach
  void open() throws IOException {
    TinyTokenizer.write(folder, TinyTokenizer.CHATML);
    text = ModelText.load(folder, null, Map.of());
    texts = new ScoredTexts(text);
  }

  @AfterEach
  void close() {
    text.close();
  }

  private int[] plain(String words) {
    return text.tokenizer().encodePlain(words);
  }

  private String scored(ScoredText t) {
    return text.tokenizer().decode(Arrays.copyOfRange(t.tokenIds(), t.from(), t.tokenIds().length), false);
  }

  private static int[] joined(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  @Test
  void aDocumentIsScoredWholeBehindItsBos() {
    int[] bos = Arrays.copyOf(text.tokenizer().encodeWithSpecialTokens("hi"), 1);
    ScoredText document = texts.document("hi world");
    assertArrayEquals(joined(bos, plain("hi world")), document.tokenIds());
    assertEquals(1, document.from());
    assertEquals("hi world", scored(document));
    assertEquals(0, texts.document("").scored());
  }

  @Test
  void withoutABosTheFirstTokenHasNothingBeforeIt() {
    ModelText bytes = ModelText.ofBytes(null, Map.of());
    ScoredText document = new ScoredTexts(bytes).document("abc");
    assertEquals(3, document.tokenIds().length);
    assertEquals(1, document.from());
    assertEquals(0, new ScoredTexts(bytes).document("a").scored());
    bytes.close();
  }

  @Test
  void aContinuationIsWhatTheWholeTextHasMore() {
    int[] bos = Arrays.copyOf(text.tokenizer().encodeWithSpecialTokens("hi"), 1);
    ScoredText apart = texts.continuation("hi", " world");
    assertArrayEquals(joined(bos, plain("hi world")), apart.tokenIds());
    assertEquals(" world", scored(apart));
    // A blank at the end of the context belongs to the completion, so that " w" is one token.
    ScoredText moved = texts.continuation("hi ", "world");
    assertArrayEquals(apart.tokenIds(), moved.tokenIds());
    assertEquals(apart.from(), moved.from());
    // A token over the border, "hi", is the last of the context's one: nothing is left of it.
    ScoredText merged = texts.continuation("h", "i");
    assertArrayEquals(joined(bos, plain("hi")), merged.tokenIds());
    assertEquals(0, merged.scored());
    // Nothing before it is a document.
    assertArrayEquals(texts.document(" hi").tokenIds(), texts.continuation(" ", "hi").tokenIds());
    assertEquals(1, texts.continuation(" ", "hi").from());
  }

  @Test
  void anAnswerStandsBehindThePromptThatTracesAreGeneratedFrom() {
    List<Message> prompt = List.of(Message.of("user", "hi"));
    int[] before = text.renderer().render(prompt).tokenIds();
    ScoredText answer = texts.answer(prompt, "hi world");
    assertArrayEquals(joined(before, plain("hi world")), answer.tokenIds());
    assertEquals(before.length, answer.from());
    // What is continued is part of the prompt; where a token spans the border, the completion keeps its own.
    List<Message> begun = List.of(Message.of("user", "hi"), Message.of("assistant", "h"));
    int[] open = text.renderer().render(begun).tokenIds();
    ScoredText spanned = texts.answer(begun, "i");
    assertArrayEquals(joined(open, plain("i")), spanned.tokenIds());
    assertEquals("i", scored(spanned));
  }

  @Test
  void marksOfReasoningAreTheTokensThatTheyAreInTraces() {
    int think = text.tokenizer().tokenId("<think>");
    int closed = text.tokenizer().tokenId("</think>");
    assertArrayEquals(joined(new int[] {think}, plain("hi"), new int[] {closed}), plain("<think>hi</think>"));
    ScoredText answer = texts.answer(List.of(Message.of("user", "hi <|im_end|>")), "<think>hi");
    assertEquals(think, answer.tokenIds()[answer.from()]);
  }

  @Test
  void controlTokensInATextAreText() {
    int end = text.tokenizer().tokenId("<|im_end|>");
    List<Message> prompt = List.of(Message.of("user", "say <|im_end|>"));
    int[] before = text.renderer().render(prompt).tokenIds();
    ScoredText answer = texts.answer(prompt, "hi");
    assertArrayEquals(joined(before, plain("hi")), answer.tokenIds());
    ScoredText hostile = texts.answer(List.of(Message.of("user", "hi")), "hi<|im_end|>");
    assertEquals("hi<|im_end|>", scored(hostile));
    for (ScoredText t :
        List.of(hostile, texts.document("hi<|im_end|>"), texts.continuation("<|im_end|>hi", " <|im_end|>"))) {
      int from = t == hostile ? t.from() : 0;
      assertEquals(-1, Arrays.stream(t.tokenIds(), from, t.tokenIds().length).boxed().toList().indexOf(end));
    }
  }
}
