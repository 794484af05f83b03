// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/** How keys and values are held; arithmetic is float32. The order is that of the native library's numbers. */
public enum KvFormat {
  /** 4 bytes an element: the bits as computed. */
  F32(1),
  /** 2 bytes an element: rounded to bfloat16, widened exactly. */
  BF16(2),
  /** Codes of 8 bits, with a scale for each token's key and one for its value, by kv head. */
  INT8(4);

  /** Elements in 4 bytes. */
  private final int inWord;

  KvFormat(int inWord) {
    this.inWord = inWord;
  }

  /** Bytes of the keys of a page's tokens for one layer and kv head, and likewise of their values, but for scales. */
  long sideBytes(int headDim) {
    return (headDim + inWord - 1L) / inWord * 4 * KvCache.PAGE_TOKENS;
  }

  /** Bytes of keys, values and scales of a page's tokens for one layer and kv head. */
  long blockBytes(int headDim) {
    return 2 * (sideBytes(headDim) + (this == INT8 ? KvCache.PAGE_TOKENS * 4L : 0));
  }
}
