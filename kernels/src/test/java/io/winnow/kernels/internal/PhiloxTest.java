// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Against the known answers that the authors of Philox publish for philox4x32-10 (Random123, file kat_vectors). */
class PhiloxTest {
  private static int[] words(long... words) {
    int[] out = new int[words.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (int) words[i];
    }
    return out;
  }

  private static void check(int[] counter, int[] key, int[] answer) {
    long wholeKey = (long) key[1] << 32 | key[0] & 0xFFFFFFFFL;
    assertArrayEquals(answer, Philox.block(wholeKey, counter[0], counter[1], counter[2], counter[3]));
    assertEquals(
        (long) answer[1] << 32 | answer[0] & 0xFFFFFFFFL,
        Philox.next64(wholeKey, counter[0], counter[1], counter[2], counter[3]));
  }

  @Test
  void zeros() {
    check(new int[4], new int[2], words(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  }

  @Test
  void ones() {
    check(words(-1, -1, -1, -1), words(-1, -1), words(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  }

  @Test
  void digitsOfPi() {
    check(
        words(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344),
        words(0xa4093822, 0x299f31d0),
        words(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
  }
}
