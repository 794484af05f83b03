// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.io.Closeable;
import java.util.Arrays;

/** Text to token ids and back. Thread-safe. */
public interface Tokenizer extends Closeable {
  /** Encodes; special tokens in the text are recognised, nothing is added. */
  int[] encode(String text);

  /** Encodes text in which nothing is a special token, whatever it looks like. Nothing is added. */
  int[] encodePlain(String text);

  /** Encodes as the tokenizer's post-processor does (BOS, EOS where it has them). */
  int[] encodeWithSpecialTokens(String text);

  /** Decodes whole token sequences, without clean-up of spaces. */
  String decode(int[] ids, boolean skipSpecialTokens);

  /**
   * The bytes that this token adds in the middle of a text; empty for ids without a token. Not valid UTF-8 by itself in
   * general.
   */
  byte[] tokenBytes(int id);

  /**
   * The bytes that this token adds at the beginning of a text: sentencepiece tokenizers drop the space that they put
   * before the first word.
   */
  default byte[] firstBytes(int id) {
    byte[] bytes = tokenBytes(id);
    int spaces = 0;
    while (spaces < bytes.length && bytes[spaces] == ' ') {
      spaces++;
    }
    if (spaces == 0) {
      return bytes;
    }
    String text = decode(new int[] {id}, true);
    int kept = 0;
    while (kept < text.length() && kept < spaces && text.charAt(kept) == ' ') {
      kept++;
    }
    return Arrays.copyOfRange(bytes, spaces - kept, bytes.length);
  }

  /** Whether {@link #decode} leaves it out when special tokens are skipped. */
  boolean isSpecial(int id);

  /** Whether it is special, or steers the model although it is not marked so: no part of what a text says. */
  default boolean isControl(int id) {
    return isSpecial(id);
  }

  /** The id of exactly this token, or -1. */
  int tokenId(String token);

  int vocabSize();

  /** SHA-256 (hex) of the tokenizer's definition. */
  String fingerprint();

  @Override
  void close();
}
