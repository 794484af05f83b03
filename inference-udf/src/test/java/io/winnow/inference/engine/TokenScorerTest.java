// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.TinyCheckpoint;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import io.winnow.inference.model.WeightPrecision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Log-probabilities of given tokens against a plain softmax in double precision over the decoder's logits. */
class TokenScorerTest {
  @TempDir Path folder;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  @Test
  void givesTheLogarithmOfTheSoftmax() throws IOException {
    long seed = Long.getLong("winnow.seed", new Random().nextLong());
    Random random = new Random(seed);
    Path checkpoint = TinyCheckpoint.write(folder.resolve("m"), "llama", "F32", 5);
    try (TokenScorer scorer = TokenScorer.load(EngineSpec.ofModel(checkpoint.toString()), 400)) {
      // Shorter than a page, several pages, and more than one step takes.
      for (int length : new int[] {1, 64, 150, 256, 257, 400}) {
        int[] context = random.ints(length, 0, TinyCheckpoint.VOCAB).toArray();
        float[] logits = logits(checkpoint, context);
        double max = Double.NEGATIVE_INFINITY;
        for (float l : logits) {
          max = Math.max(max, l);
        }
        double sum = 0;
        for (float l : logits) {
          sum += Math.exp(l - max);
        }
        for (int token : new int[] {0, random.nextInt(TinyCheckpoint.VOCAB), TinyCheckpoint.VOCAB - 1}) {
          double expected = logits[token] - max - Math.log(sum);
          assertEquals(expected, scorer.logprob(context, token), 1e-5, "seed " + seed + ", length " + length);
        }
      }
      assertThrows(IllegalArgumentException.class, () -> scorer.logprob(new int[] {1}, TinyCheckpoint.VOCAB));
      assertThrows(IllegalArgumentException.class, () -> scorer.logprob(new int[] {-1}, 0));
      assertThrows(IllegalArgumentException.class, () -> scorer.logprob(new int[0], 0));
      assertThrows(IllegalArgumentException.class, () -> scorer.logprob(new int[401], 0));
    }
  }

  /** One token a step: nothing of the scorer's own chunks. */
  private static float[] logits(Path folder, int[] context) {
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(1);
        DecoderModel model = new DecoderModel(checkpoint, kernels, WeightPrecision.F32, 1, 1, 448);
        KvCache cache =
            new KvCache(model.config().layers(), model.config().kvHeads(), model.config().headDim(), 7)) {
      int[][] pages = {{6, 5, 4, 3, 2, 1, 0}};
      NativeBuffer out = null;
      for (int i = 0; i < context.length; i++) {
        out = model.step(new int[] {context[i]}, new RowMap(1, new int[] {i}, pages), new int[] {0}, 1, cache);
      }
      float[] logits = new float[model.config().vocabSize()];
      out.read(0, logits, 0, logits.length);
      return logits;
    }
  }
}
