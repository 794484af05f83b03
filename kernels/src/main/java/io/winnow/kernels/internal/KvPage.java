// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.RowMap;
import java.util.Arrays;

/**
 * What the reference holds in a page for a layer and kv head: keys [headDim][64 tokens], values [64 tokens][headDim],
 * as float32, bfloat16 or codes; then, of codes, the scales of the keys and those of the values. One thread's own.
 */
final class KvPage {
  private static final int PAGE = KvCache.PAGE_TOKENS;

  private final float[] scales = new float[PAGE];
  private short[] halves = new short[0];
  private int[] bits = new int[0];
  private byte[] codes = new byte[0];

  /** Stores the keys and values of all rows. */
  static void store(AttentionArgs args) {
    KvCache cache = args.cache();
    RowMap rows = args.rows();
    int dim = cache.headDim();
    int stride = (args.heads() + 2 * cache.kvHeads()) * dim;
    float[] line = new float[stride];
    QuantizedRows quantized = new QuantizedRows();
    quantized.fit(1, dim, 1);
    for (int r = 0; r < rows.count(); r++) {
      args.qkv().read((long) r * stride, line, 0, stride);
      int position = rows.position()[r];
      // Rounded down, so that a negative position has no page instead of a slot before the first.
      int page = rows.pages()[r][Math.floorDiv(position, PAGE)];
      int slot = position % PAGE;
      for (int h = 0; h < cache.kvHeads(); h++) {
        int k = (args.heads() + h) * dim;
        int v = k + cache.kvHeads() * dim;
        long keys = cache.keyAddress(page, args.layer(), h);
        long values = cache.valueAddress(page, args.layer(), h);
        put(cache.format(), quantized, Arrays.copyOfRange(line, k, k + dim), keys, slot, PAGE);
        float keyScale = quantized.scales[0];
        put(cache.format(), quantized, Arrays.copyOfRange(line, v, v + dim), values, slot * dim, 1);
        if (cache.format() == KvFormat.INT8) {
          long scale = cache.scaleAddress(page, args.layer(), h) + slot * 4L;
          Raw.putFloat(scale, keyScale);
          Raw.putFloat(scale + PAGE * 4L, quantized.scales[0]);
        }
      }
    }
  }

  /** Puts elements at {@code first}, {@code first + step} …; the scale of codes is left in {@code quantized}. */
  private static void put(KvFormat format, QuantizedRows quantized, float[] x, long address, int first, int step) {
    if (format == KvFormat.INT8) {
      quantized.quantize(x, 0, x.length, x.length, 1);
    }
    for (int d = 0; d < x.length; d++) {
      long at = first + (long) d * step;
      switch (format) {
        case F32 -> Raw.putFloat(address + at * 4, x[d]);
        case BF16 -> Raw.putShort(address + at * 2, (short) PackedWeight.bf16(x[d]));
        case INT8 -> Raw.putByte(address + at, (byte) quantized.codes[d]);
      }
    }
  }

  /** Keys of all tokens, line d of {@code out} the tokens' dimension d. */
  void keys(KvCache cache, int page, int layer, int head, float[][] out) {
    long from = cache.keyAddress(page, layer, head);
    for (int d = 0; d < cache.headDim(); d++) {
      read(cache.format(), from, d * PAGE, PAGE, out[d]);
    }
  }

  /** Values of the first tokens, a line each. */
  void values(KvCache cache, int page, int layer, int head, int tokens, float[][] out) {
    long from = cache.valueAddress(page, layer, head);
    for (int t = 0; t < tokens; t++) {
      read(cache.format(), from, t * cache.headDim(), cache.headDim(), out[t]);
    }
  }

  /** Scales of the tokens' keys; valid until the next call of this or {@link #valueScales}. */
  float[] keyScales(KvCache cache, int page, int layer, int head) {
    Raw.read(cache.scaleAddress(page, layer, head), scales, 0, PAGE);
    return scales;
  }

  /** As {@link #keyScales}, of the values. */
  float[] valueScales(KvCache cache, int page, int layer, int head) {
    Raw.read(cache.scaleAddress(page, layer, head) + PAGE * 4L, scales, 0, PAGE);
    return scales;
  }

  private void read(KvFormat format, long address, int first, int count, float[] out) {
    switch (format) {
      case F32 -> Raw.read(address + first * 4L, out, 0, count);
      case BF16 -> {
        if (halves.length < count) {
          halves = new short[count];
          bits = new int[count];
        }
        Raw.read(address + first * 2L, halves, 0, count);
        for (int i = 0; i < count; i++) {
          bits[i] = halves[i] << 16;
        }
        Raw.bitsToFloats(bits, out, 0, count);
      }
      case INT8 -> {
        if (codes.length < count) {
          codes = new byte[count];
        }
        Raw.read(address + first, codes, 0, count);
        for (int i = 0; i < count; i++) {
          out[i] = codes[i];
        }
      }
    }
  }
}
