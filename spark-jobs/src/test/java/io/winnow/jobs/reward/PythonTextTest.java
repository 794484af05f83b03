// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Texts as Python 3.11.7 sees them; the hashes are of what it printed for the same texts. */
class PythonTextTest {
  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, String line) {
    digest.update((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void allCharactersAreAsPythonHasThem() throws NoSuchAlgorithmException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
        String text = Character.toString(c);
        int space = PythonText.isSpace(c) ? 1 : 0;
        int digit = PythonText.isDigit(c) ? 1 : 0;
        add(digest, Integer.toHexString(c) + " " + PythonText.lower(text) + " " + space + " " + digit);
      }
    }
    assertEquals("66427ecc4e9c5b1764f20d0b8e397e98525b290f59715c1339c6beef623ba521", hex(digest));
  }

  /** A capital sigma is another letter at the end of a word. */
  @Test
  void sigmasAreAsPythonHasThem() throws NoSuchAlgorithmException {
    String[] parts = {
      "\u03a3", "a", "A", "\u0301", "'", ".", ":", " ", "-", "\u00ad", "1", "\u02b0", "\u01c5", "\uD835\uDC00",
      "\u2019", "\u03c3", "_", "^"
    };
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    long x = 1;
    for (int n = 0; n < 20_000; n++) {
      x = next(x);
      int length = (int) (x >> 16) % 9;
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < length; i++) {
        x = next(x);
        text.append(parts[(int) (x >> 16) % parts.length]);
      }
      add(digest, PythonText.lower(text.toString()));
    }
    assertEquals("1821ce0168160c57f32d4f38be482b05a6711c075d91cdabc2b3be8c4b7b5aa9", hex(digest));
  }

  private static long next(long x) {
    return (x * 1_103_515_245L + 12_345L) % (1L << 31);
  }

  @Test
  void splitsAndCountsAsPython() {
    assertEquals(List.of(), PythonText.split(" \n\u3000\u001f"));
    assertEquals(List.of("a", "b\u200bc", "\ud800"), PythonText.split("\u0085a\u00a0\u00a0b\u200bc \ud800"));
    assertEquals(2, PythonText.count("aaaaa", "aa"));
    assertEquals(3, PythonText.length("a\uD83D\uDE00\ud800"));
  }
}
