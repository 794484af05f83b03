// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class NativeBufferTest {
  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static void assertOutside(Executable access) {
    assertThrows(IndexOutOfBoundsException.class, access);
  }

  @Test
  void isZeroedAndAlignedWhateverItsSize() {
    for (int elements : new int[] {0, 1, 3, 15, 16, 17, 1000, 100_001}) {
      for (int round = 0; round < 3; round++) {
        try (NativeBuffer buffer = NativeBuffer.ofElements(elements)) {
          assertEquals(0, buffer.address() % 64);
          assertEquals(4L * elements, buffer.sizeBytes());
          int[] content = new int[elements];
          buffer.read(0, content, 0, elements);
          assertArrayEquals(new int[elements], content);
          Arrays.fill(content, -1);
          buffer.write(0, content, 0, elements);
        }
      }
    }
  }

  @Test
  void givesBackWhatWasWrittenBitForBit() {
    float[] values = {1f, -0f, Float.MIN_VALUE, Float.NEGATIVE_INFINITY, Float.MAX_VALUE};
    try (NativeBuffer buffer = NativeBuffer.ofElements(10)) {
      buffer.write(5, values, 0, 5);
      float[] back = new float[7];
      buffer.read(5, back, 2, 5);
      for (int i = 0; i < 5; i++) {
        assertEquals(Float.floatToRawIntBits(values[i]), Float.floatToRawIntBits(back[i + 2]));
      }
      assertEquals(0f, back[0] + back[1]);
      buffer.write(0, new int[] {7, 8, 9}, 1, 2);
      int[] ints = new int[3];
      buffer.read(0, ints, 0, 3);
      assertArrayEquals(new int[] {8, 9, 0}, ints);
      buffer.copy(20, 0, 8);
      buffer.read(0, back, 0, 2);
      assertEquals(1f, back[0]);
      assertEquals(-0f, back[1]);
    }
  }

  @Test
  void refusesElementsOutside() {
    try (NativeBuffer buffer = NativeBuffer.ofElements(10)) {
      float[] f = new float[11];
      int[] i = new int[11];
      for (long index : new long[] {-1, 1, 10, 11, 1L << 61, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE}) {
        assertOutside(() -> buffer.read(index, f, 0, 10));
        assertOutside(() -> buffer.write(index, f, 0, 10));
        assertOutside(() -> buffer.read(index, i, 0, 10));
        assertOutside(() -> buffer.write(index, i, 0, 10));
      }
      assertOutside(() -> buffer.read(0, f, 0, 11));
      assertOutside(() -> buffer.read(0, f, 0, -1));
    }
  }

  @Test
  void refusesPlacesOutsideTheArray() {
    try (NativeBuffer buffer = NativeBuffer.ofElements(10)) {
      float[] f = new float[5];
      int[] i = new int[5];
      for (int[] place : new int[][] {{0, 6}, {1, 5}, {-1, 2}, {5, 1}, {Integer.MAX_VALUE, 2}}) {
        assertOutside(() -> buffer.read(0, f, place[0], place[1]));
        assertOutside(() -> buffer.write(0, f, place[0], place[1]));
        assertOutside(() -> buffer.read(0, i, place[0], place[1]));
        assertOutside(() -> buffer.write(0, i, place[0], place[1]));
      }
      buffer.read(0, f, 5, 0);
    }
  }

  @Test
  void refusesCopiesOutside() {
    try (NativeBuffer buffer = NativeBuffer.allocate(100)) {
      buffer.copy(0, 50, 50);
      long[][] wrong = {{-1, 0, 1}, {0, -1, 1}, {0, 0, -1}, {0, 51, 50}, {51, 0, 50}, {Long.MAX_VALUE, 0, 1},
        {0, Long.MAX_VALUE, 1}, {1, 0, Long.MAX_VALUE}};
      for (long[] w : wrong) {
        assertOutside(() -> buffer.copy(w[0], w[1], w[2]));
      }
    }
  }

  @Test
  void closingTwiceIsClosingOnceAndAClosedBufferRefusesEverything() {
    NativeBuffer other = NativeBuffer.allocate(40);
    NativeBuffer buffer = NativeBuffer.allocate(80);
    assertEquals(120, NativeBuffer.outstandingBytes());
    buffer.close();
    buffer.close();
    assertEquals(40, NativeBuffer.outstandingBytes());
    assertOutside(() -> buffer.read(0, new float[1], 0, 1));
    assertOutside(() -> buffer.write(0, new float[1], 0, 1));
    assertOutside(() -> buffer.copy(0, 40, 4));
    other.close();
  }

  @Test
  void refusesSizesThatCannotBe() {
    for (long size : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 64, 1L << 60}) {
      KernelException e = assertThrows(KernelException.class, () -> NativeBuffer.allocate(size));
      assertTrue(e.getMessage().startsWith("Cannot allocate"), e.getMessage());
    }
    for (long elements : new long[] {-1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 61}) {
      assertThrows(KernelException.class, () -> NativeBuffer.ofElements(elements));
    }
  }

  @Test
  void pagesOfACacheDoNotOverlapAndThoseOutsideAreRefused() {
    for (KvFormat format : KvFormat.values()) {
      pagesDoNotOverlap(format, 20);
      pagesDoNotOverlap(format, 22);
    }
  }

  private static void pagesDoNotOverlap(KvFormat format, int headDim) {
    try (KvCache cache = new KvCache(format, 2, 3, headDim, 4)) {
      assertEquals(4 * KvCache.bytesPerPage(format, 2, 3, headDim), cache.sizeBytes());
      long elements = (long) headDim * KvCache.PAGE_TOKENS;
      long block = switch (format) {
        case F32 -> elements * 4;
        case BF16 -> elements * 2;
        case INT8 -> elements;
      };
      // What begins at an address, and how many bytes it takes.
      TreeMap<Long, Long> parts = new TreeMap<>();
      for (int page = 0; page < 4; page++) {
        for (int layer = 0; layer < 2; layer++) {
          for (int head = 0; head < 3; head++) {
            parts.put(cache.keyAddress(page, layer, head), block);
            parts.put(cache.valueAddress(page, layer, head), block);
            if (format == KvFormat.INT8) {
              parts.put(cache.scaleAddress(page, layer, head), 2 * KvCache.PAGE_TOKENS * 4L);
            }
          }
        }
      }
      assertEquals((format == KvFormat.INT8 ? 3 : 2) * 4 * 2 * 3, parts.size());
      long end = cache.keyAddress(0, 0, 0);
      for (Map.Entry<Long, Long> part : parts.entrySet()) {
        assertTrue(part.getKey() >= end, format + " overlaps");
        end = part.getKey() + part.getValue();
      }
      assertTrue(end <= cache.keyAddress(0, 0, 0) + cache.sizeBytes(), format + " ends beyond its memory");
      assertOutside(() -> cache.copyPage(0, 4));
      assertOutside(() -> cache.copyPage(-1, 0));
      assertOutside(() -> cache.keyAddress(4, 0, 0));
      assertOutside(() -> cache.keyAddress(-1, 0, 0));
      assertOutside(() -> cache.keyAddress(0, 2, 0));
      assertOutside(() -> cache.valueAddress(0, 0, 3));
    }
  }
}
