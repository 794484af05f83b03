// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import io.winnow.inference.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How a model's tokens spell that thinking begins and ends, and how it is ended by force: {@code "\n</think>\n\n"}, as
 * reasoning models themselves go over to their answer. Immutable.
 */
public final class ThinkingMarks {
  static final String OPEN = "<think>";
  static final String CLOSE = "</think>";
  private static final String FORCED = "\n" + CLOSE + "\n\n";
  /** Tokens of a prompt in which it is looked for: blanks may stand behind it, and a mark may be in several tokens. */
  private static final int TAIL = 32;

  private final Tokenizer tokenizer;
  private final int[] closing;
  private final int[][] masks;

  /**
   * For a model.
   *
   * @param vocabSize tokens that the model has logits for
   * @throws IllegalArgumentException when these cannot spell the end of thinking
   */
  ThinkingMarks(Tokenizer tokenizer, int vocabSize) {
    this.tokenizer = tokenizer;
    closing = spell();
    if (Arrays.stream(closing).anyMatch(id -> id < 0 || id >= vocabSize) || !letters(closing).equals(FORCED)) {
      throw new IllegalArgumentException("the model's tokens do not spell " + CLOSE);
    }
    if (!tokenizer.decode(closing, true).contains(CLOSE)) {
      throw new IllegalArgumentException(CLOSE + " is a special token of the model, which texts leave out");
    }
    masks = new int[closing.length][(vocabSize + 31) / 32];
    for (int i = 0; i < closing.length; i++) {
      masks[i][closing[i] / 32] |= 1 << closing[i] % 32;
    }
  }

  /**
   * The thinking of an answer of which there is nothing yet.
   *
   * @param prompt token ids; where they end in {@code <think>} and blanks, the answer begins within it
   * @param budget tokens of the answer after which it is ended, at least 1
   * @param first whether {@code <think>} counts at the answer's very beginning alone, as where a format follows
   */
  public ThinkingState start(int[] prompt, int budget, boolean first) {
    return new ThinkingState(this, budget, opens(tokenizer, prompt), first);
  }

  /** Whether a prompt ends in {@code <think>} and blanks. */
  static boolean opens(Tokenizer tokenizer, int[] prompt) {
    int[] tail = Arrays.copyOfRange(prompt, Math.max(0, prompt.length - TAIL), prompt.length);
    return tokenizer.decode(tail, false).stripTrailing().endsWith(OPEN);
  }

  /** As it stands within a text: sentencepiece tokenizers put a blank before a text, and some behind an added token. */
  private int[] spell() {
    int[] whole = tokenizer.encode(FORCED);
    if (letters(whole).equals(FORCED)) {
      return whole;
    }
    int mark = tokenizer.tokenId(CLOSE);
    return IntStream.concat(
        IntStream.concat(within("\n"), mark < 0 ? within(CLOSE) : IntStream.of(mark)), within("\n\n")).toArray();
  }

  private IntStream within(String text) {
    return Arrays.stream(tokenizer.encode("a" + text)).skip(tokenizer.encode("a").length);
  }

  private String letters(int[] tokens) {
    return Arrays.stream(tokens).mapToObj(this::letters).collect(Collectors.joining());
  }

  /** What a token adds to the text, a letter a byte. */
  String letters(int token) {
    return new String(tokenizer.tokenBytes(token), StandardCharsets.ISO_8859_1);
  }

  /** What it adds as the first of a text. */
  String firstLetters(int token) {
    return new String(tokenizer.firstBytes(token), StandardCharsets.ISO_8859_1);
  }

  /** Tokens that end it. */
  int[] closing() {
    return closing;
  }

  /** Leaves one of {@link #closing}: bit i mod 32 of word i / 32 for token i. Not to be changed. */
  int[] mask(int place) {
    return masks[place];
  }
}
