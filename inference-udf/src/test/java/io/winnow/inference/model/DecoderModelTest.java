// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.ForwardingCheckpoint;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DecoderModelTest {
  private static final int ROWS = 320;

  @TempDir Path folder;

  @BeforeEach
  @AfterEach
  void nothingIsAllocated() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** A checkpoint whose nth read fails, as a file does whose disk goes away. */
  private static Checkpoint failing(Checkpoint inner, int reads, RuntimeException failure) {
    return new ForwardingCheckpoint(inner) {
      private int readsLeft = reads;

      @Override
      public void readRows(String name, long firstRow, int rows, float[] out) {
        if (readsLeft-- == 0) {
          throw failure;
        }
        super.readRows(name, firstRow, rows, out);
      }
    };
  }

  private DecoderModel load(Checkpoint checkpoint, Kernels kernels, WeightPrecision format) {
    return new DecoderModel(checkpoint, kernels, format, ROWS, 8, TinyCheckpoint.CONTEXT);
  }

  @Test
  void aReadThatFailsAnywhereWhileLoadingLeavesNoMemoryBehind() throws IOException {
    TinyCheckpoint.write(folder, "qwen2", "BF16", 1);
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(1)) {
      int failures = 0;
      for (int reads = 0; ; reads++) {
        RuntimeException failure = new IllegalStateException("read " + reads);
        Checkpoint failing = failing(checkpoint, reads, failure);
        try (DecoderModel whole = load(failing, kernels, WeightPrecision.BF16)) {
          break;
        } catch (IllegalStateException e) {
          assertSame(failure, e);
          failures++;
          assertEquals(0, NativeBuffer.outstandingBytes(), "after " + reads + " reads");
        }
      }
      assertTrue(failures > 20, failures + " reads");
    }
  }

  @Test
  void closingTwiceIsHarmless() throws IOException {
    TinyCheckpoint.write(folder, "llama", "F32", 1);
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(1)) {
      DecoderModel model = load(checkpoint, kernels, WeightPrecision.F32);
      assertTrue(NativeBuffer.outstandingBytes() > 0);
      model.close();
      model.close();
    }
  }

  @Test
  void weightsOutliveTheirFiles() throws IOException {
    TinyCheckpoint.write(folder, "llama", "F32", 1);
    try (Kernels kernels = KernelsLadder.open(1)) {
      DecoderModel model;
      try (Checkpoint checkpoint = Checkpoints.open(folder)) {
        model = load(checkpoint, kernels, WeightPrecision.F32);
      }
      try (model;
          KvCache cache = cache(model, 1)) {
        assertEquals(TinyCheckpoint.VOCAB, lastLogits(model, cache, new int[] {5, 6, 7}, 3, new int[] {0}).length);
      }
    }
  }

  /** However a prompt is cut into steps, wherever its pages lie, whatever stands beside it: the same logits. */
  @Test
  void logitsDoNotDependOnHowAPromptIsFed() throws IOException {
    for (String type : new String[] {"llama", "qwen2"}) {
      TinyCheckpoint.write(folder.resolve(type), type, "F32", 3);
      try (Checkpoint checkpoint = Checkpoints.open(folder.resolve(type));
          Kernels kernels = KernelsLadder.open(2);
          DecoderModel model = load(checkpoint, kernels, WeightPrecision.F32);
          KvCache cache = cache(model, 12)) {
        Random random = new Random(9);
        int[] tokens = random.ints(300, 0, TinyCheckpoint.VOCAB).toArray();
        float[] whole = lastLogits(model, cache, tokens, 300, new int[] {0, 1, 2, 3, 4});
        for (int chunk : new int[] {1, 7, 64, 100, 299}) {
          float[] got = lastLogits(model, cache, tokens, chunk, new int[] {11, 3, 8, 6, 5});
          assertArrayEquals(whole, got, 0f, type + " in chunks of " + chunk);
        }
        assertArrayEquals(whole, beside(model, cache, tokens, random), 0f, type + " beside another");
      }
    }
  }

  /** The last token of one sequence and of another in one step; gives the logits of the first, asked for twice. */
  private static float[] beside(DecoderModel model, KvCache cache, int[] tokens, Random random) {
    int[] pages = {4, 3, 2, 1, 0};
    int[] otherPages = {10, 9};
    int[] other = random.ints(90, 0, TinyCheckpoint.VOCAB).toArray();
    lastLogits(model, cache, Arrays.copyOf(tokens, tokens.length - 1), 300, pages);
    lastLogits(model, cache, Arrays.copyOf(other, 40), 40, otherPages);
    int[] step = new int[51];
    int[] positions = new int[51];
    int[][] tables = new int[51][];
    for (int i = 0; i < 50; i++) {
      step[i] = other[40 + i];
      positions[i] = 40 + i;
      tables[i] = otherPages;
    }
    step[50] = tokens[tokens.length - 1];
    positions[50] = tokens.length - 1;
    tables[50] = pages;
    NativeBuffer out = model.step(step, new RowMap(51, positions, tables), new int[] {50, 3, 50}, 3, cache);
    float[] first = new float[TinyCheckpoint.VOCAB];
    float[] third = new float[TinyCheckpoint.VOCAB];
    out.read(0, first, 0, first.length);
    out.read(2L * third.length, third, 0, third.length);
    assertArrayEquals(first, third, 0f);
    return first;
  }

  @Test
  void weightsThatOverflowGiveLogitsThatAreNotFiniteAndNoFault() throws IOException {
    TinyCheckpoint.write(folder, "llama", "F32", 1);
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(1);
        DecoderModel model =
            load(huge(checkpoint), kernels, WeightPrecision.F32);
        KvCache cache = cache(model, 1)) {
      float[] logits = lastLogits(model, cache, new int[] {5, 6, 7}, 3, new int[] {0});
      boolean finite = true;
      for (float logit : logits) {
        finite &= Float.isFinite(logit);
      }
      assertTrue(!finite);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> lastLogits(model, cache, new int[] {5}, 1, new int[0]),
          "a row without a page");
    }
  }

  /** Every number of the head is the largest there is. */
  private static Checkpoint huge(Checkpoint inner) {
    return new ForwardingCheckpoint(inner) {
      @Override
      public void readRows(String name, long firstRow, int rows, float[] out) {
        super.readRows(name, firstRow, rows, out);
        if (name.equals("lm_head.weight")) {
          Arrays.fill(out, Float.MAX_VALUE);
        }
      }
    };
  }

  private static KvCache cache(DecoderModel model, int pages) {
    ModelConfig config = model.config();
    return new KvCache(config.layers(), config.kvHeads(), config.headDim(), pages);
  }

  private static float[] lastLogits(DecoderModel model, KvCache cache, int[] tokens, int chunk, int[] pages) {
    NativeBuffer out = null;
    for (int from = 0; from < tokens.length; from += chunk) {
      int count = Math.min(chunk, tokens.length - from);
      int[] positions = new int[count];
      int[][] tables = new int[count][];
      for (int i = 0; i < count; i++) {
        positions[i] = from + i;
        tables[i] = pages;
      }
      int[] part = Arrays.copyOfRange(tokens, from, from + count);
      out = model.step(part, new RowMap(count, positions, tables), new int[] {count - 1}, 1, cache);
    }
    float[] logits = new float[model.config().vocabSize()];
    out.read(0, logits, 0, logits.length);
    return logits;
  }
}
