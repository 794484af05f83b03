// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.AttentionArgs;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Attention and storeKv over paged caches that are full of NaN wherever no test wrote. */
@ExtendWith(Seeds.class)
class AttentionTest {
  private static final int[] CONTEXTS = {1, 63, 64, 65, 255, 256, 257, 600};
  private static final int[] HEAD_DIMS = {16, 20, 46, 64, 128};
  private static final int[] SHARES = {1, 3, 7};
  private static final int[] WINDOWS = {0, 0, 1, 2, 63, 64, 100, 256, 257, 511};

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static KvFormat format(int trial) {
    return KvFormat.values()[trial % KvFormat.values().length];
  }

  @Test
  void mixedSequencesGiveTheBitsOfTheContract(Random random) {
    for (int headDim : HEAD_DIMS) {
      for (KvFormat format : KvFormat.values()) {
        int window = WINDOWS[random.nextInt(WINDOWS.length)];
        int share = SHARES[random.nextInt(SHARES.length)];
        PagedCase c = new PagedCase(format, random, 1 + random.nextInt(2), share, headDim, window, Floats::normal);
        for (int context : CONTEXTS) {
          c.addSequence(context);
        }
        int[] newRows = new int[CONTEXTS.length];
        for (int i = 0; i < newRows.length; i++) {
          newRows[i] = Math.min(CONTEXTS[i], new int[] {1, 1, 2, 7, 17}[random.nextInt(5)]);
        }
        List<float[]> expected = c.expected(newRows);
        KernelsUnderTest.each(kernels -> {
          try (PagedCase.Paged paged = c.paged(kernels)) {
            paged.storeAll();
            c.assertSame(expected, paged.attend(c.inOrder(), newRows), newRows);
          }
        });
      }
    }
  }

  @Test
  void aSequenceAloneGivesTheBitsItGivesInShuffledBatches(Random random) {
    for (int trial = 0; trial < 6; trial++) {
      int window = WINDOWS[random.nextInt(WINDOWS.length)];
      int headDim = HEAD_DIMS[random.nextInt(HEAD_DIMS.length)];
      PagedCase c = new PagedCase(
          format(trial), random, 1 + random.nextInt(3), SHARES[random.nextInt(SHARES.length)], headDim, window,
          Floats::normal);
      int[] newRows = new int[20];
      for (int i = 0; i < newRows.length; i++) {
        int context = 1 + random.nextInt(i == 0 ? 600 : 100);
        c.addSequence(context);
        newRows[i] = 1 + random.nextInt(Math.min(context, 20));
      }
      List<float[]> expected = c.expected(newRows);
      KernelsUnderTest.each(kernels -> {
        try (PagedCase.Paged paged = c.paged(kernels)) {
          paged.storeAll();
          List<Integer> order = new ArrayList<>(c.inOrder());
          for (int i = 0; i < 3; i++) {
            Collections.shuffle(order, random);
            c.assertSame(expected, paged.attend(order, newRows), newRows);
          }
          for (int sequence : order) {
            c.assertSame(expected, paged.attend(List.of(sequence), newRows), newRows);
          }
        }
      });
    }
  }

  @Test
  void prefillInAnyChunksGivesTheBitsOfOneByOne(Random random) {
    for (int trial = 0; trial < 6; trial++) {
      int window = trial < 3 ? 0 : 100;
      PagedCase c = new PagedCase(format(trial), random, 2, 3, 20, window, Floats::normal);
      c.addSequence(300);
      int round = trial;
      List<float[]> expected = c.expected(new int[] {300});
      KernelsUnderTest.each(kernels -> {
        for (int chunk : new int[] {1, 2, 15, 16, 17, 64, 100, 255, 300, 0}) {
          try (PagedCase.Paged paged = c.paged(kernels)) {
            float[] actual = new float[0];
            for (int at = 0; at < 300; ) {
              int rows = Math.min(chunk == 0 ? 1 + random.nextInt(90) : chunk, 300 - at);
              paged.store(0, at, rows);
              float[] part = paged.attend(0, at, rows);
              actual = Arrays.copyOf(actual, actual.length + part.length);
              System.arraycopy(part, 0, actual, actual.length - part.length, part.length);
              at += rows;
            }
            String way = format(round) + ", chunks of " + chunk + ", window " + window;
            Floats.assertSameBits(expected.get(0), actual, way);
          }
        }
      });
    }
  }

  @Test
  void theSharedPrefixOfTwoSequencesGivesTheBitsOfPrivateCopies(Random random) {
    for (KvFormat format : KvFormat.values()) {
      PagedCase c = new PagedCase(format, random, 2, 3, 20, 0, Floats::normal);
      c.addSequence(200);
      c.addSequenceLike(0, 128, 300);
      int[] rows = {200, 300};
      List<float[]> expected = c.expected(rows);
      KernelsUnderTest.each(kernels -> {
        try (PagedCase.Paged paged = c.paged(kernels)) {
          paged.sharePages(0, 1, 2);
          paged.storeAll();
          c.assertSame(expected, paged.attend(c.inOrder(), rows), rows);
        }
      });
    }
  }

  @Test
  void aCopiedPageHoldsWhatTheOriginalHeld(Random random) {
    for (KvFormat format : KvFormat.values()) {
      PagedCase c = new PagedCase(format, random, 2, 1, 16, 0, Floats::normal);
      c.addSequence(100);
      int[] rows = {3};
      List<float[]> expected = c.expected(rows);
      KernelsUnderTest.each(1, kernels -> {
        try (PagedCase.Paged paged = c.paged(kernels)) {
          paged.storeAll();
          paged.moveToSparePage(0, 1);
          c.assertSame(expected, paged.attend(List.of(0), rows), rows);
        }
      });
    }
  }

  @Test
  void hostileValuesGiveTheBitsOfTheContract(Random random) {
    for (int trial = 0; trial < 12; trial++) {
      boolean poisoned = trial % 2 == 0;
      int window = WINDOWS[random.nextInt(WINDOWS.length)];
      int headDim = trial % 4 < 2 ? 16 : 22;
      PagedCase c = new PagedCase(
          format(trial / 2), random, 2, 3, headDim, window, poisoned ? Floats::hostile : Floats::wild);
      int[] newRows = new int[8];
      for (int i = 0; i < newRows.length; i++) {
        int context = 1 + random.nextInt(i < 2 ? 600 : 20);
        c.addSequence(context);
        newRows[i] = 1 + random.nextInt(Math.min(context, 20));
      }
      List<float[]> expected = c.expected(newRows);
      KernelsUnderTest.each(kernels -> {
        try (PagedCase.Paged paged = c.paged(kernels)) {
          paged.storeAll();
          c.assertSame(expected, paged.attend(c.inOrder(), newRows), newRows);
        }
      });
    }
  }

  @Test
  void poisonStaysInItsSequenceAndBehindItsPosition(Random random) {
    for (KvFormat format : KvFormat.values()) {
      poisonStaysInItsSequence(format, random);
    }
  }

  private static void poisonStaysInItsSequence(KvFormat format, Random random) {
    PagedCase c = new PagedCase(format, random, 2, 3, 16, 0, Floats::normal);
    c.addSequence(70);
    c.addSequence(70);
    c.addSequence(70);
    c.fillKeys(1, 65, 66, Float.NaN);
    int[] rows = {70, 70, 70};
    List<float[]> expected = c.expected(rows);
    KernelsUnderTest.each(kernels -> {
      try (PagedCase.Paged paged = c.paged(kernels)) {
        paged.storeAll();
        List<float[]> actual = paged.attend(c.inOrder(), rows);
        c.assertSame(expected, actual, rows);
        for (int s = 0; s < 3; s++) {
          for (int i = 0; i < actual.get(s).length; i++) {
            int position = i / (2 * 3 * 16);
            assertEquals(s == 1 && position >= 65, Float.isNaN(actual.get(s)[i]), "sequence " + s + ", " + position);
          }
        }
      }
    });
  }

  @Test
  void scoresThatAreAllMinusInfinityInAnyChunkGiveNan() {
    for (int infinite = 0; infinite < 2; infinite++) {
      PagedCase c = new PagedCase(KvFormat.F32, new Random(1), 1, 1, 16, 0, (random, count) -> {
        float[] ones = new float[count];
        Arrays.fill(ones, 1f);
        return ones;
      });
      c.addSequence(400);
      c.fillKeys(0, infinite == 0 ? 0 : 256, infinite == 0 ? 256 : 400, -Float.MAX_VALUE);
      KernelsUnderTest.each(1, kernels -> {
        try (PagedCase.Paged paged = c.paged(kernels)) {
          paged.storeAll();
          float[] out = paged.attend(0, 399, 1);
          for (float value : out) {
            assertTrue(Float.isNaN(value), "an error of the model must not vanish in " + Arrays.toString(out));
          }
        }
      });
    }
  }

  @Test
  void rowsThatHaveNoPageAreRefused() {
    KernelsUnderTest.each(1, kernels -> {
      try (KvCache cache = new KvCache(1, 1, 16, 2); NativeBuffer qkv = NativeBuffer.ofElements(3 * 16)) {
        for (int position : new int[] {-1, -64, 128, Integer.MAX_VALUE}) {
          RowMap rows = new RowMap(1, new int[] {position}, new int[][] {{1, 0}});
          AttentionArgs args = new AttentionArgs(qkv, qkv, cache, 0, 1, 1f, 0, rows);
          assertThrows(IndexOutOfBoundsException.class, () -> kernels.storeKv(args), "position " + position);
        }
        for (int page : new int[] {-1, 2}) {
          RowMap rows = new RowMap(1, new int[] {5}, new int[][] {{page}});
          AttentionArgs args = new AttentionArgs(qkv, qkv, cache, 0, 1, 1f, 0, rows);
          assertThrows(IndexOutOfBoundsException.class, () -> kernels.storeKv(args), "page " + page);
        }
      }
    });
  }

  @Test
  void staysWithinItsRoundingError(Random random) {
    for (int context : new int[] {1, 65, 257, 600, 2000}) {
      for (KvFormat format : KvFormat.values()) {
        PagedCase c = new PagedCase(format, random, 1, 1, 64, 0, Floats::normal);
        c.addSequence(context);
        KernelsUnderTest.each(1, kernels -> {
          try (PagedCase.Paged paged = c.paged(kernels)) {
            paged.storeAll();
            c.assertWithinRounding(0, context - 1, paged.attend(0, context - 1, 1));
          }
        });
      }
    }
  }
}
