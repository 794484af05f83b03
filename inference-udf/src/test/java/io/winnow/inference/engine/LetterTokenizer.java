// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.tokenizer.Tokenizer;

/** The spelling of made-up tokens: each is the letter that {@link LetterText} makes of it. */
final class LetterTokenizer implements Tokenizer {
  private final int vocabSize;

  LetterTokenizer(int vocabSize) {
    this.vocabSize = vocabSize;
  }

  @Override
  public int[] encode(String text) {
    return text.chars().map(c -> c - 'a').toArray();
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
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append((char) tokenBytes(id)[0]);
    }
    return text.toString();
  }

  @Override
  public byte[] tokenBytes(int id) {
    return new byte[] {(byte) ('a' + id % 26)};
  }

  @Override
  public boolean isSpecial(int id) {
    return false;
  }

  @Override
  public int tokenId(String token) {
    return token.length() == 1 ? token.charAt(0) - 'a' : -1;
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public String fingerprint() {
    return "letters";
  }

  @Override
  public void close() {}
}
