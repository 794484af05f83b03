// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * One attention over a batch of rows.
 *
 * @param qkv float32 [rows][(heads + 2 × kvHeads) × headDim]: queries, keys, values, rotated already
 * @param out float32 [rows][heads × headDim]
 * @param cache where keys and values lie; the rows' own are stored by {@link Kernels#storeKv} before
 * @param layer which layer of the cache
 * @param heads query heads, a multiple of the cache's kv heads
 * @param scale factor of the scores, usually 1/sqrt(headDim)
 * @param window positions a query sees, itself included; 0 for all before it
 * @param rows the rows' sequences and positions
 */
public record AttentionArgs(
    NativeBuffer qkv, NativeBuffer out, KvCache cache, int layer, int heads, float scale, int window, RowMap rows) {}
