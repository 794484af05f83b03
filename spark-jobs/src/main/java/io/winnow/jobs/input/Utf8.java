// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Bytes to text, with a count of what was not valid UTF-8. */
final class Utf8 {
  private static final char REPLACEMENT = '\uFFFD';

  private Utf8() {}

  /**
   * @param text the text, each malformed sequence read as one U+FFFD
   * @param replacedBytes bytes of those sequences
   */
  record Decoded(String text, long replacedBytes) {}

  static Decoded decode(byte[] bytes, int offset, int length) {
    String text = new String(bytes, offset, length, StandardCharsets.UTF_8);
    if (text.indexOf(REPLACEMENT) < 0) {
      return new Decoded(text, 0);
    }
    CharsetDecoder decoder =
        StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes, offset, length);
    CharBuffer out = CharBuffer.allocate(length + 1);
    long replaced = 0;
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      if (!result.isError()) {
        return new Decoded(out.flip().toString(), replaced);
      }
      replaced += result.length();
      in.position(in.position() + result.length());
      out.put(REPLACEMENT);
    }
  }

  static long replacedBytes(byte[] bytes) {
    return bytes == null ? 0 : decode(bytes, 0, bytes.length).replacedBytes();
  }

  /** Replaces halves of surrogate pairs, which JSON escapes can make and UTF-8 cannot hold; null stays null. */
  static String withoutLoneSurrogates(String text) {
    if (text == null || text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
      return text;
    }
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> clean.appendCodePoint(c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? REPLACEMENT : c));
    return clean.toString();
  }
}
