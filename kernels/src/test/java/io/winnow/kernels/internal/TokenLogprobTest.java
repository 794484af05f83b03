// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.ScoreArgs;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Log-probabilities of given tokens: the contract's, and those of tokens that were drawn, to the bit. */
@ExtendWith(Seeds.class)
class TokenLogprobTest {
  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
    if (NativeLibrary.unusableReason() == null) {
      assertEquals(0, NativeLibrary.outstandingBytes());
    }
  }

  private static float[] score(Kernels kernels, float[][] logits, int[] token) {
    int vocab = logits[0].length;
    float[] logprob = new float[token.length];
    Arrays.fill(logprob, 7f);
    try (NativeBuffer buffer = NativeBuffer.ofElements((long) logits.length * vocab)) {
      for (int r = 0; r < logits.length; r++) {
        buffer.write((long) r * vocab, logits[r], 0, vocab);
      }
      kernels.score(new ScoreArgs(buffer, logits.length, vocab, token, logprob, 0));
    }
    return logprob;
  }

  @Test
  void alikeLogitsShareTheProbability() {
    KernelsUnderTest.each(kernels -> {
      for (int vocab : new int[] {1, 2, 17, 64, 1000}) {
        float[] flat = new float[vocab];
        Arrays.fill(flat, -3.25f);
        float[] got = score(kernels, new float[][] {flat, flat}, new int[] {0, vocab - 1});
        assertEquals((float) -Math.log(vocab), got[0], 1e-6 * Math.log(vocab));
        assertEquals(got[0], got[1]);
      }
    });
  }

  @Test
  void everyTokenOfARowIsAsTheContractSays(Random random) {
    for (int vocab : new int[] {1, 5, 16, 33, 63, 64, 65, 130, 400}) {
      float[] line = Floats.normal(random, vocab);
      for (int i = 0; i < vocab; i++) {
        line[i] *= 6;
      }
      float[][] logits = new float[vocab][];
      Arrays.fill(logits, line);
      int[] token = new int[vocab];
      Arrays.setAll(token, i -> i);
      double max = 0;
      for (float l : line) {
        max = Math.max(max, l);
      }
      double sum = 0;
      for (float l : line) {
        sum += Math.exp(l - max);
      }
      double exact = max + Math.log(sum);
      KernelsUnderTest.each(2, kernels -> {
        float[] got = score(kernels, logits, token);
        for (int i = 0; i < token.length; i++) {
          assertEquals(PlainSampler.logprob(line, i), got[i], "token " + i + " of " + token.length);
          assertEquals(line[i] - exact, got[i], Math.ulp(got[i]) + 3e-7, "token " + i + " of " + token.length);
        }
      });
    }
  }

  @Test
  void aDrawnTokenHasTheSameBits(Random random) {
    for (int vocab : new int[] {7, 256, 32003}) {
      float[][] logits = new float[9][];
      for (int r = 0; r < logits.length; r++) {
        logits[r] = Floats.normal(random, vocab);
        for (int i = 0; i < vocab; i++) {
          logits[r][i] *= r + 1;
        }
      }
      Draws draws = new Draws(logits);
      for (int r = 0; r < draws.rows; r++) {
        draws.randomise(r, random);
        draws.wantLogprob[r] = true;
        draws.biasCount[r] = 0;
        if (draws.mask[r] != null) {
          draws.mask[r][0] |= 1;  // one token at least, or none is drawn that could be scored
        }
      }
      KernelsUnderTest.each(2, kernels -> {
        int[] token = draws.run(kernels);
        assertArrayEquals(draws.logprob, score(kernels, logits, token));
      });
    }
  }

  @Test
  void aRowThatIsNotFiniteIsNaNAndTouchesNoOther() {
    float[] good = {1, 2, 3};
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      KernelsUnderTest.each(1, kernels -> {
        float[] alone = score(kernels, new float[][] {good}, new int[] {1});
        float[] got = score(kernels, new float[][] {good, {1, bad, 3}, good}, new int[] {1, 0, 1});
        assertTrue(Float.isNaN(got[1]), "a row with " + bad);
        assertArrayEquals(new float[] {alone[0], Float.NaN, alone[0]}, got);
      });
    }
  }

  @Test
  void rowsStandWhereTheCallerWantsThem(Random random) {
    float[][] logits = {Floats.normal(random, 50), Floats.normal(random, 50)};
    int[] token = {49, 3, 7, 20, 49};
    KernelsUnderTest.each(2, kernels -> {
      float[] logprob = {9, 9, 9, 9, 9};
      try (NativeBuffer buffer = NativeBuffer.ofElements(100)) {
        buffer.write(0, logits[0], 0, 50);
        buffer.write(50, logits[1], 0, 50);
        kernels.score(new ScoreArgs(buffer, 2, 50, token, logprob, 2));
        kernels.score(new ScoreArgs(buffer, 0, 50, token, logprob, 5));
      }
      float[] expected = {9, 9, PlainSampler.logprob(logits[0], 7), PlainSampler.logprob(logits[1], 20), 9};
      assertArrayEquals(expected, logprob);
    });
  }

  @Test
  void whatDoesNotFitIsRefused() {
    KernelsUnderTest.each(1, kernels -> {
      try (NativeBuffer buffer = NativeBuffer.ofElements(20)) {
        refused(kernels, new ScoreArgs(buffer, 3, 10, new int[3], new float[3], 0));
        refused(kernels, new ScoreArgs(buffer, 2, 10, new int[] {0, 10}, new float[2], 0));
        refused(kernels, new ScoreArgs(buffer, 2, 10, new int[] {-1, 0}, new float[2], 0));
        refused(kernels, new ScoreArgs(buffer, 2, 10, new int[2], new float[1], 0));
        refused(kernels, new ScoreArgs(buffer, 2, 10, new int[2], new float[3], 1));
        refused(kernels, new ScoreArgs(buffer, 2, 10, new int[2], new float[2], -1));
        assertThrows(
            IllegalArgumentException.class,
            () -> kernels.score(new ScoreArgs(buffer, 1, 0, new int[1], new float[1], 0)));
      }
    });
  }

  private static void refused(Kernels kernels, ScoreArgs args) {
    assertThrows(IndexOutOfBoundsException.class, () -> kernels.score(args));
  }
}
