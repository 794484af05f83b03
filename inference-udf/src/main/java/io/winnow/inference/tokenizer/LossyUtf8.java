// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.nio.charset.StandardCharsets;

/**
 * UTF-8 with one U+FFFD for each maximal part of a broken character (Unicode 15, section 3.9, table 3-8), as the
 * tokenizers library decodes. Java's own decoder differs in one case: it makes one U+FFFD of an encoded surrogate,
 * not three.
 */
final class LossyUtf8 {
  private LossyUtf8() {}

  static String decode(byte[] bytes, int from, int to) {
    StringBuilder out = null;
    int sound = from;
    for (int at = from; at < to; ) {
      int length = length(bytes, at, to);
      if (length > 0) {
        at += length;
        continue;
      }
      out = out == null ? new StringBuilder() : out;
      out.append(new String(bytes, sound, at - sound, StandardCharsets.UTF_8)).append('\ufffd');
      at += -length;
      sound = at;
    }
    String rest = new String(bytes, sound, to - sound, StandardCharsets.UTF_8);
    return out == null ? rest : out.append(rest).toString();
  }

  /** Whether the bytes up to {@code to} are the beginning of a character that further bytes can complete. */
  static boolean isOpen(byte[] bytes, int at, int to) {
    return needed(bytes[at] & 0xff) > to - at && -length(bytes, at, to) == to - at;
  }

  private static int needed(int lead) {
    return lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  }

  /** Bytes of the character at {@code at}; negative: bytes of the maximal part of a broken one. */
  private static int length(byte[] bytes, int at, int to) {
    int lead = bytes[at] & 0xff;
    int needed = needed(lead);
    if (needed == 0) {
      return -1;
    }
    for (int i = 1; i < needed; i++) {
      int low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
      int high = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
      if (at + i >= to || (bytes[at + i] & 0xff) < low || (bytes[at + i] & 0xff) > high) {
        return -i;
      }
    }
    return needed;
  }
}
