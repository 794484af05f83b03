// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Penalties by count, biases and masks: by hand, where {@link PlainSampler} could share a mistake. */
@ExtendWith(Seeds.class)
class SampleBiasTest {
  private static final float NEVER = Float.NEGATIVE_INFINITY;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static Draws greedy(float[]... logits) {
    Draws draws = new Draws(logits);
    Arrays.fill(draws.temperature, 0f);
    return draws;
  }

  private static void see(Draws draws, int row, int[] ids, int[] times) {
    draws.seen[row] = ids;
    draws.times[row] = times;
    draws.seenCount[row] = ids.length;
  }

  private static void bias(Draws draws, int row, int[] ids, float... bias) {
    draws.biased[row] = ids;
    draws.bias[row] = bias;
    draws.biasCount[row] = ids.length;
  }

  @Test
  void frequencyCountsThePlacesInTheOutputAndPresenceThatThereIsOne() {
    float[] line = {5, 4, 3};
    Draws draws = greedy(line, line, line, line, line);
    // 5 − 3 · 0.5 = 3.5: below 4; 5 − 0.5: above 4.
    see(draws, 0, new int[] {0}, new int[] {3});
    draws.frequency[0] = 0.5f;
    see(draws, 1, new int[] {0}, new int[] {3});
    draws.presence[1] = 0.5f;
    // In the prompt alone: nothing is taken off.
    see(draws, 2, new int[] {0}, new int[] {0});
    draws.presence[2] = 2f;
    draws.frequency[2] = 2f;
    // Below 0 both add: 3 + 2 · 1 + 1 = 6.
    see(draws, 3, new int[] {2, 1}, new int[] {2, 0});
    draws.frequency[3] = -1f;
    draws.presence[3] = -1f;
    // Repetition first, in the prompt too: 5 / 2, 4 / 2 and then + 1, against 3.
    see(draws, 4, new int[] {0, 1}, new int[] {0, 1});
    draws.penalty[4] = 2f;
    draws.presence[4] = -1.5f;
    KernelsUnderTest.each(kernels -> {
      assertArrayEquals(new int[] {1, 0, 0, 2, 1}, draws.run(kernels));
      assertEquals((float) Math.log(1 / (1 + Math.exp(1) + Math.exp(-1))), draws.logprob[0], 1e-6);
    });
  }

  @Test
  void eachStepOfAPenaltyIsRounded() {
    float often = 0.1f * 3;
    assertTrue(Math.fma(-0.1f, 3f, often) != 0, "the example must tell a fused product");
    // What is left is exactly 0 and ties; in the third row 3 is too little to be taken off 1e8, and 6 is not.
    Draws draws = greedy(new float[] {0, often}, new float[] {often, 0}, new float[] {1e8f, 1e8f});
    for (int r = 0; r < 3; r++) {
      see(draws, r, new int[] {r == 0 ? 1 : 0}, new int[] {3});
      draws.frequency[r] = r == 2 ? 1f : 0.1f;
    }
    draws.presence[2] = 3f;
    assertTrue(1e8f - 6f < 1e8f);
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[3], draws.run(kernels)));
  }

  @Test
  void aBiasIsAddedAfterThePenalties() {
    Draws draws = greedy(new float[] {4, 3, 0}, new float[] {4, 3, 0}, new float[] {4, 3, 0});
    bias(draws, 0, new int[] {2, 1}, 4.5f, 0.5f);
    bias(draws, 1, new int[] {0}, -1.5f);
    // 4 / 2 + 2 = 4; were it added first, (4 + 2) / 2 = 3 would tie with 3 and win all the same: 3.5 tells.
    draws.logits[2][1] = 3.5f;
    bias(draws, 2, new int[] {0}, 2f);
    see(draws, 2, new int[] {0}, new int[] {0});
    draws.penalty[2] = 2f;
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {2, 1, 0}, draws.run(kernels)));
  }

  @Test
  void whatIsMaskedIsNeverDrawnWhateverTheCutsKeep(Random random) {
    int vocab = 67;
    Draws draws = Draws.repeated(Floats.normal(random, vocab), 4000);
    int[] masked = random.ints(0, vocab).distinct().limit(40).toArray();
    float[] never = new float[masked.length];
    Arrays.fill(never, NEVER);
    boolean[] open = new boolean[vocab];
    Arrays.fill(open, true);
    for (int id : masked) {
      open[id] = false;
    }
    for (int r = 0; r < draws.rows; r++) {
      bias(draws, r, masked, never);
      // top-k reaches into what is masked.
      draws.topK[r] = new int[] {0, 1, 26, 27, 28, 60, vocab - 1}[r % 7];
      draws.topP[r] = new double[] {1, 0.5, Math.nextDown(1.0)}[r % 3];
      draws.minP[r] = r % 5 == 0 ? Float.MIN_VALUE : 0;
      draws.temperature[r] = new float[] {1, Float.POSITIVE_INFINITY, 100, 0}[r % 4];
    }
    KernelsUnderTest.each(2, kernels -> {
      boolean[] drawn = new boolean[vocab];
      draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        assertEquals(PlainSampler.draw(draws, r).token(), draws.token[r], draws.describe(r));
        drawn[draws.token[r]] = true;
        assertEquals(PlainSampler.logprob(draws.logits[r], draws.token[r]), draws.logprob[r]);
      }
      assertArrayEquals(open, drawn, "all that is open is drawn, and nothing else");
    });
  }

  @Test
  void withoutTheLikeliestTheNextOneIsTheMeasure() {
    // Weights, min-p and the greedy choice go by the largest logit that is left.
    Draws draws = new Draws(new float[] {100, 1, 1, 0}, new float[] {100, 1, 1, 0}, new float[] {1, 100, 1, 0});
    draws.temperature[0] = 0f;
    for (int r = 0; r < 3; r++) {
      bias(draws, r, new int[] {r / 2}, NEVER);
      draws.minP[r] = 1f;
      draws.position[r] = r;
    }
    KernelsUnderTest.each(kernels -> {
      int[] tokens = draws.run(kernels);
      assertEquals(1, tokens[0]);
      assertTrue(tokens[1] == 1 || tokens[1] == 2);
      assertTrue(tokens[2] == 0 || tokens[2] == 2);
    });
  }

  @Test
  void aRowWithNothingLeftOrNoNumberIsRefusedAndTouchesNoOther() {
    float[] line = {1, 2, 3};
    Draws draws = greedy(line, line, line, line, line, new float[] {-3e38f, 1, 0}, new float[] {3e38f, 1, 0}, line);
    bias(draws, 0, new int[] {0, 1, 2}, NEVER, NEVER, NEVER);
    bias(draws, 1, new int[] {0}, Float.NaN);
    bias(draws, 2, new int[] {2}, Float.POSITIVE_INFINITY);
    see(draws, 3, new int[] {0}, new int[] {2});
    draws.frequency[3] = -3e38f;
    bias(draws, 4, new int[] {1, 2}, NEVER, NEVER);
    // Below every number is −∞, which is a mask; above is nothing that can be drawn from.
    bias(draws, 5, new int[] {0}, -3e38f);
    bias(draws, 6, new int[] {0}, 3e38f);
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {-1, -1, -1, -1, 0, 1, -1, 2}, draws.run(kernels)));
  }

  @Test
  void countsAndBiasesAreNotLookedAtWhereThereAreNone() {
    Draws draws = greedy(new float[] {0, 1}, new float[] {3, 1});
    draws.seen[0] = new int[] {1};
    draws.times[0] = new int[] {9};
    draws.seenCount[0] = 1;
    draws.biased[0] = new int[] {77};
    KernelsUnderTest.each(1, kernels -> assertArrayEquals(new int[] {1, 0}, draws.run(kernels)));
  }
}
