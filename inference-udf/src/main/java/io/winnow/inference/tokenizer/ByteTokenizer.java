// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A token for each byte of UTF-8, and one, {@link #END}, that ends a text. That one has no spelling, so no text can
 * hold it. For models that are made up.
 */
public final class ByteTokenizer implements Tokenizer {
  /** The token that ends a text; the only special one. */
  public static final int END = 256;

  private static final byte[] NOTHING = {};

  private final byte[][] bytes = new byte[END][];
  private final String fingerprint = HfTokenizer.sha256("bytes-1: ids 0 to 255 are bytes of UTF-8, 256 is the end");

  public ByteTokenizer() {
    Arrays.setAll(bytes, id -> new byte[] {(byte) id});
  }

  @Override
  public int[] encode(String text) {
    byte[] utf8 = NativeTokenizer.wellFormed(text).getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[utf8.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = utf8[i] & 0xff;
    }
    return ids;
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
    byte[] utf8 = new byte[ids.length];
    int length = 0;
    for (int id : ids) {
      if (id >= 0 && id < END) {
        utf8[length++] = (byte) id;
      }
    }
    return LossyUtf8.decode(utf8, 0, length);
  }

  @Override
  public byte[] tokenBytes(int id) {
    return id >= 0 && id < END ? bytes[id] : NOTHING;
  }

  @Override
  public boolean isSpecial(int id) {
    return id == END;
  }

  @Override
  public int tokenId(String token) {
    int[] ids = encode(token);
    return ids.length == 1 ? ids[0] : -1;
  }

  @Override
  public int vocabSize() {
    return END + 1;
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public void close() {}
}
