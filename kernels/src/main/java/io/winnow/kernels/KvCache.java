// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Keys and values of all layers in pages of {@value #PAGE_TOKENS} tokens. The layout inside a page is the owner {@link
 * Kernels}' own; a page is copied as a whole, scales included.
 */
public final class KvCache implements AutoCloseable {
  public static final int PAGE_TOKENS = 64;
  /** Largest headDim of {@link KvFormat#INT8}: beyond it 32 bits could not hold a score. */
  public static final int MOST_CODES = 1040;

  private final KvFormat format;
  private final int layers;
  private final int kvHeads;
  private final int headDim;
  private final int pages;
  private final NativeBuffer memory;

  public KvCache(KvFormat format, int layers, int kvHeads, int headDim, int pages) {
    if (format == KvFormat.INT8 && headDim > MOST_CODES) {
      throw new IllegalArgumentException(
          "A head of " + headDim + " elements is too wide for keys and values in int8, which takes at most "
              + MOST_CODES + "; use bf16 or f32.");
    }
    this.format = format;
    this.layers = layers;
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.pages = pages;
    this.memory = NativeBuffer.allocate(pages * bytesPerPage(format, layers, kvHeads, headDim));
  }

  /** A cache of float32. */
  public KvCache(int layers, int kvHeads, int headDim, int pages) {
    this(KvFormat.F32, layers, kvHeads, headDim, pages);
  }

  /** Bytes of one page over all layers. */
  public static long bytesPerPage(KvFormat format, int layers, int kvHeads, int headDim) {
    return layers * (long) kvHeads * format.blockBytes(headDim);
  }

  public KvFormat format() {
    return format;
  }

  public int layers() {
    return layers;
  }

  public int kvHeads() {
    return kvHeads;
  }

  public int headDim() {
    return headDim;
  }

  public int pages() {
    return pages;
  }

  /** Address of the key block of a page for one layer and kv head; the value block follows it. */
  public long keyAddress(int page, int layer, int kvHead) {
    if (page < 0 || page >= pages || layer < 0 || layer >= layers || kvHead < 0 || kvHead >= kvHeads) {
      throw new IndexOutOfBoundsException(
          String.format(
              "page %d, layer %d, kv head %d of a cache of %d pages, %d layers, %d kv heads",
              page, layer, kvHead, pages, layers, kvHeads));
    }
    long block = ((long) page * layers + layer) * kvHeads + kvHead;
    return memory.address() + block * format.blockBytes(headDim);
  }

  /** Address of the value block. */
  public long valueAddress(int page, int layer, int kvHead) {
    return keyAddress(page, layer, kvHead) + format.sideBytes(headDim);
  }

  /** Address of the keys' scales, float32 [64], where there are codes; those of the values follow them. */
  public long scaleAddress(int page, int layer, int kvHead) {
    return keyAddress(page, layer, kvHead) + 2 * format.sideBytes(headDim);
  }

  /** Copies one page over all layers. */
  public void copyPage(int from, int to) {
    long bytes = bytesPerPage(format, layers, kvHeads, headDim);
    memory.copy(from * bytes, to * bytes, bytes);
  }

  public long sizeBytes() {
    return memory.sizeBytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}
