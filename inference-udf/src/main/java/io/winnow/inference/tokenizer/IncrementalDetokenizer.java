// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Turns token ids into text one by one, and finds stop strings in it. Special tokens add nothing. One sequence each;
 * not thread-safe.
 *
 * <p>Stop strings are looked for in the bytes, so that one may begin or end within a token. The text is cut before the
 * stop string that begins first among those complete when the first is complete.
 */
public final class IncrementalDetokenizer {
  private final Tokenizer tokenizer;
  private final byte[][] stops;
  private final int longestStop;
  private int[] ids = new int[64];
  private int idCount;
  private byte[] bytes = new byte[256];
  private int length;
  private int stoppedAt = -1;
  private boolean atStart = true;
  private final StringBuilder text = new StringBuilder();
  private int decoded;

  /** @param stop strings that end the text, none of them empty */
  public IncrementalDetokenizer(Tokenizer tokenizer, List<String> stop) {
    this.tokenizer = tokenizer;
    this.stops =
        stop.stream()
            .map(s -> NativeTokenizer.wellFormed(s).getBytes(StandardCharsets.UTF_8))
            .toArray(byte[][]::new);
    this.longestStop = Arrays.stream(stops).mapToInt(s -> s.length).max().orElse(0);
  }

  /** As {@link #add(int, boolean)}, where every stop string ends the text. */
  public boolean add(int id) {
    return add(id, true);
  }

  /**
   * Takes the next token. After a stop string nothing more is taken.
   *
   * @param mayStop whether a stop string that ends within this token ends the text; one that does not is text for good
   * @return whether a stop string has been found
   */
  public boolean add(int id, boolean mayStop) {
    if (stoppedAt >= 0) {
      return true;
    }
    if (idCount == ids.length) {
      ids = Arrays.copyOf(ids, 2 * idCount);
    }
    ids[idCount++] = id;
    if (tokenizer.isSpecial(id)) {
      return false;
    }
    byte[] added = tokenizer.tokenBytes(id);
    if (added.length == 0) {
      return false;
    }
    int before = length;
    append(atStart ? tokenizer.firstBytes(id) : added);
    atStart = false;
    if (mayStop) {
      stoppedAt = stopFrom(Math.max(0, before - longestStop + 1), before);
    }
    return stoppedAt >= 0;
  }

  private void append(byte[] added) {
    int n = added.length;
    if (length + n > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + n));
    }
    System.arraycopy(added, 0, bytes, length, n);
    length += n;
  }

  /** Position of the earliest stop string that begins at {@code from} or later and ends behind {@code before}, or -1. */
  private int stopFrom(int from, int before) {
    for (int at = from; at < length; at++) {
      for (byte[] stop : stops) {
        if (at + stop.length > before && stop.length <= length - at && Arrays.equals(bytes, at, at + stop.length, stop, 0, stop.length)) {
          return at;
        }
      }
    }
    return -1;
  }

  /** Whether a stop string has been found. */
  public boolean stopped() {
    return stoppedAt >= 0;
  }

  /**
   * The text so far, without a character whose bytes are not all there, and without an end that may be the beginning
   * of a stop string. Each call returns an extension of what the call before returned.
   */
  public String text() {
    int end = stoppedAt >= 0 ? stoppedAt : completeUntil(length - openStop());
    if (end > decoded) {
      text.append(LossyUtf8.decode(bytes, decoded, end));
      decoded = end;
    }
    return text.toString();
  }

  /** Length of the longest end of the bytes that a stop string begins with. */
  private int openStop() {
    for (int n = Math.min(length, longestStop - 1); n > 0; n--) {
      for (byte[] stop : stops) {
        if (n < stop.length && Arrays.equals(bytes, length - n, length, stop, 0, n)) {
          return n;
        }
      }
    }
    return 0;
  }

  /** The last position up to {@code end} that is not inside a character, as far as the bytes before it tell. */
  private int completeUntil(int end) {
    for (int at = end - 1; at >= Math.max(decoded, end - 4); at--) {
      int b = bytes[at] & 0xff;
      if (b < 0x80) {
        return end;
      }
      if (b >= 0xc0) {
        return LossyUtf8.isOpen(bytes, at, end) ? at : end;
      }
    }
    return end;
  }

  /**
   * The final text: the decoding of all ids without special tokens, cut before the stop string where one was found.
   * Bytes that are not UTF-8 become U+FFFD.
   */
  public String finish() {
    if (stoppedAt < 0) {
      return tokenizer.decode(Arrays.copyOf(ids, idCount), true);
    }
    return LossyUtf8.decode(bytes, 0, stoppedAt);
  }
}
