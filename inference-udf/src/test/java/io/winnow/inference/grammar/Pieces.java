// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import io.winnow.inference.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** A made-up vocabulary of byte strings; the last tokens are an end of sequence and a special one with a spelling. */
final class Pieces implements Tokenizer {
  final List<byte[]> tokens = new ArrayList<>();
  private final boolean dropsFirstSpace;

  Pieces(List<byte[]> pieces, boolean dropsFirstSpace) {
    tokens.addAll(pieces);
    tokens.add(new byte[0]);
    tokens.add("a".getBytes(StandardCharsets.UTF_8));
    this.dropsFirstSpace = dropsFirstSpace;
  }

  /** All bytes, pieces of JSON and words, some of them cut in the middle of a character. */
  static Pieces ofJson(Random random) {
    List<byte[]> pieces = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      pieces.add(new byte[] {(byte) b});
    }
    Set<String> more =
        new LinkedHashSet<>(
            List.of(
                "\": \"", "\", \"", "\"}", "{\"", "[]", ", ", ": ", "true", "alse", "null", "12", "345", "\\\"", "\\n",
                "-1", ".5", "e1", "ab", "abc", "yes", "no", "é", "世界", "😀", "\"]", "]}", "}, {", " \"", "a\"", "\"a"));
    for (int i = 0; i < 60; i++) {
      StringBuilder text = new StringBuilder();
      random.ints(1 + random.nextInt(4), 0, 20).forEach(c -> text.append("ab\"{}[]:, 0123e-\\né世".charAt(c)));
      more.add(text.toString());
    }
    more.forEach(text -> pieces.add(text.getBytes(StandardCharsets.UTF_8)));
    byte[] face = "😀".getBytes(StandardCharsets.UTF_8);
    pieces.add(new byte[] {face[0], face[1]});
    pieces.add(new byte[] {face[2], face[3], '"'});
    return new Pieces(pieces, false);
  }

  int end() {
    return tokens.size() - 2;
  }

  Vocabulary vocabulary() {
    return new Vocabulary(this, tokens.size() + 3, Set.of(end()));
  }

  String text(List<Integer> ids) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ids.forEach(id -> out.writeBytes(tokens.get(id)));
    return out.toString(StandardCharsets.UTF_8);
  }

  @Override
  public int[] encode(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int[] encodePlain(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int[] encodeWithSpecialTokens(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String decode(int[] ids, boolean skipSpecialTokens) {
    String text = text(java.util.Arrays.stream(ids).boxed().toList());
    return dropsFirstSpace && text.startsWith(" ") ? text.substring(1) : text;
  }

  @Override
  public byte[] tokenBytes(int id) {
    return tokens.get(id);
  }

  @Override
  public boolean isSpecial(int id) {
    return id >= end();
  }

  @Override
  public int tokenId(String token) {
    return -1;
  }

  @Override
  public int vocabSize() {
    return tokens.size();
  }

  @Override
  public String fingerprint() {
    return "";
  }

  @Override
  public void close() {}
}
