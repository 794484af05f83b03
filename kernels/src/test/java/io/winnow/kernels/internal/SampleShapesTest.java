// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Every instruction set draws what the Java reference draws: vocabularies of real models, all tails, hard cuts. */
@ExtendWith(Seeds.class)
class SampleShapesTest {
  private static final int KINDS = 8;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
    if (NativeLibrary.unusableReason() == null) {
      assertEquals(0, NativeLibrary.outstandingBytes());
    }
  }

  private static float[] logits(Random random, int vocab, int kind) {
    float[] out = Floats.normal(random, vocab);
    float level = (float) random.nextGaussian();
    for (int i = 0; i < vocab; i++) {
      out[i] = switch (kind) {
        case 0 -> out[i];
        case 1 -> out[i] * 4f;
        // Flat, then almost flat: neighbouring floats.
        case 2 -> level;
        case 3 -> Float.intBitsToFloat(Float.floatToIntBits(level) + random.nextInt(3));
        // Peaked: some tokens far above a floor.
        case 4 -> i % 997 == 5 ? 18f + out[i] : out[i] - 3f;
        // Ties of few values.
        case 5 -> random.nextInt(9) * 0.5f;
        // Each power of two: no split about a middle takes many away.
        case 6 -> Math.scalb(random.nextFloat() + 1f, random.nextInt(250) - 125) * (random.nextBoolean() ? 1 : -1);
        default -> -i * (20f / vocab);
      };
    }
    return out;
  }

  private static void assertAgree(Draws draws) {
    int[] expected = new int[draws.rows];
    float[] logprobs = new float[draws.rows];
    try (Kernels java = new JavaKernels(2)) {
      System.arraycopy(draws.run(java), 0, expected, 0, draws.rows);
      System.arraycopy(draws.logprob, 0, logprobs, 0, draws.rows);
    }
    KernelsUnderTest.each(2, kernels -> {
      draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        assertEquals(expected[r], draws.token[r], draws.describe(r));
        assertEquals(logprobs[r], draws.logprob[r], draws.describe(r));
      }
    });
  }

  private static Draws draws(Random random, int vocab, int each) {
    float[][] logits = new float[KINDS * each][];
    for (int r = 0; r < logits.length; r++) {
      logits[r] = r % each == 0 ? logits(random, vocab, r / each) : logits[r - 1];
    }
    Draws draws = new Draws(logits);
    for (int r = 0; r < draws.rows; r++) {
      draws.randomise(r, random);
    }
    return draws;
  }

  @Test
  void vocabulariesOfRealModels(Random random) {
    assertAgree(draws(random, 49_152, 8));
    assertAgree(draws(random, 151_936, 4));
  }

  @Test
  void everyTailOfVocabularyAndSurvivors(Random random) {
    for (int vocab = 1; vocab <= 80; vocab++) {
      assertAgree(draws(random, vocab, 4));
    }
    for (int vocab = 1024 - 9; vocab <= 1024 + 9; vocab++) {
      assertAgree(draws(random, vocab, 3));
    }
  }

  @Test
  void everyTopKOfEveryKind(Random random) {
    int vocab = 131;
    for (int kind = 0; kind < KINDS; kind++) {
      Draws draws = Draws.repeated(logits(random, vocab, kind), vocab + 2);
      for (int r = 0; r < draws.rows; r++) {
        draws.topK[r] = r;
        // Hot, so that each token is drawn as often, and a wrong one shows.
        draws.temperature[r] = r % 2 == 0 ? Float.POSITIVE_INFINITY : 1f;
        draws.topP[r] = r % 3 == 0 ? 0.7 : 1;
      }
      assertAgree(draws);
    }
  }

  @Test
  void topPAndMinPOfEveryKind(Random random) {
    int vocab = 300;
    for (int kind = 0; kind < KINDS; kind++) {
      Draws draws = Draws.repeated(logits(random, vocab, kind), 3000);
      Arrays.fill(draws.wantLogprob, false);
      for (int r = 0; r < draws.rows; r++) {
        draws.topP[r] = (r % 100 + 1) / 101.0;
        draws.minP[r] = r % 7 == 0 ? 0.3f : 0f;
      }
      assertAgree(draws);
    }
  }

  /** Rows whose random numbers are of the last 2^-bits: they draw the last of what the cuts leave. */
  private static Draws lastDraws(float[] logits, int rows, int bits) {
    Draws draws = Draws.repeated(logits, rows);
    int position = 0;
    for (int r = 0; r < rows; position++) {
      if (Philox.next64(0, position, 0, 0, 0) >>> 64 - bits == (1L << bits) - 1) {
        draws.position[r++] = position;
      }
    }
    return draws;
  }

  @Test
  void theLeastWeightsAreDrawnToo(Random random) {
    float[] line = new float[50_000];
    for (int i = 1; i < line.length; i++) {
      // From weight 2 to below a half, so that there are blocks of nothing else.
      line[i] = -20f - i * (1.6f / line.length);
    }
    for (float temperature : new float[] {1f, 0.3f, 1e30f}) {
      float[] scaled = new float[line.length];
      for (int i = 0; i < line.length; i++) {
        scaled[i] = line[i] * temperature;
      }
      Draws draws = lastDraws(scaled, 60, 15);
      Arrays.fill(draws.temperature, temperature);
      assertAgree(draws);
      assertTrue(Arrays.stream(draws.token).distinct().count() > 20, "unlikely tokens are drawn");
    }
  }

  @Test
  void aNucleusThatReachesJustIntoManyEqualTokens() {
    float[] line = new float[101];
    Arrays.fill(line, -3f);
    line[0] = 0f;
    int[] weights = PlainSampler.weights(line, 1f);
    double sum = Arrays.stream(weights).asLongStream().sum();
    for (int tokens = 0; tokens < 100; tokens += 3) {
      Draws draws = lastDraws(line, 40, 6);
      for (int r = 0; r < draws.rows; r++) {
        draws.topP[r] = ((double) weights[0] + (double) tokens * weights[1] + r % 3 - 1) / sum;
      }
      assertAgree(draws);
    }
  }

  @Test
  void settingsGrowAndShrinkBetweenDraws(Random random) {
    KernelsUnderTest.each(2, kernels -> {
      for (int rows : new int[] {1, 40, 3, 200, 1, 0}) {
        Draws draws = new Draws(rows == 0 ? new float[1][5] : new float[rows][300]);
        for (int r = 0; r < rows; r++) {
          draws.logits[r] = Floats.normal(random, 300);
          draws.randomise(r, random);
        }
        draws.run(kernels);
        for (int r = 0; r < rows; r++) {
          assertEquals(PlainSampler.draw(draws, r).token(), draws.token[r], draws.describe(r));
        }
      }
    });
  }

  private static void assertRefused(Class<? extends Exception> error, Consumer<Draws> fault) {
    KernelsUnderTest.each(1, kernels -> {
      if (kernels instanceof NativeKernels) {
        Draws draws = new Draws(new float[20], new float[20]);
        fault.accept(draws);
        assertThrows(error, () -> draws.run(kernels));
        Draws good = new Draws(new float[20], new float[20]);
        assertTrue(good.run(kernels)[1] >= 0, "the kernels draw on");
      }
    });
  }

  @Test
  void whatLiesOutsideMemoryIsRefused() {
    assertRefused(IndexOutOfBoundsException.class, d -> see(d, 20));
    assertRefused(IndexOutOfBoundsException.class, d -> see(d, -1));
    assertRefused(IndexOutOfBoundsException.class, d -> {
      see(d, 0);
      d.seenCount[1] = 3;
    });
    assertRefused(IndexOutOfBoundsException.class, d -> {
      see(d, 0);
      d.seenCount[1] = -1;
    });
    assertRefused(IndexOutOfBoundsException.class, d -> {
      see(d, 0);
      d.presence[1] = 1f;
      d.times[1] = new int[] {1};
    });
    assertRefused(IndexOutOfBoundsException.class, d -> bias(d, 20));
    assertRefused(IndexOutOfBoundsException.class, d -> bias(d, -1));
    assertRefused(IndexOutOfBoundsException.class, d -> {
      bias(d, 0);
      d.biasCount[1] = 3;
    });
    assertRefused(IndexOutOfBoundsException.class, d -> {
      bias(d, 0);
      d.biasCount[1] = -1;
    });
    assertRefused(IndexOutOfBoundsException.class, d -> {
      bias(d, 0);
      d.bias[1] = new float[1];
    });
    KernelsUnderTest.each(1, kernels -> {
      if (kernels instanceof NativeKernels) {
        try (NativeBuffer buffer = NativeBuffer.ofElements(39)) {
          Draws d = new Draws(new float[20], new float[20]);
          assertThrows(IndexOutOfBoundsException.class, () -> kernels.sample(d.args(buffer, 2, 20)));
          assertThrows(IndexOutOfBoundsException.class, () -> kernels.sample(d.args(buffer, 3, 5)));
          assertThrows(IllegalArgumentException.class, () -> kernels.sample(d.args(buffer, 1, 0)));
          assertThrows(IllegalArgumentException.class, () -> kernels.sample(d.args(buffer, -1, 5)));
          assertThrows(IllegalArgumentException.class, () -> kernels.sample(d.args(buffer, 0, (1 << 22) + 1)));
          kernels.sample(d.args(buffer, 1, 39));
          assertEquals(0, d.token[1]);
        }
      }
    });
  }

  private static void see(Draws draws, int id) {
    draws.penalty[1] = 2f;
    draws.seen[1] = new int[] {3, id};
    draws.seenCount[1] = 2;
  }

  private static void bias(Draws draws, int id) {
    draws.biased[1] = new int[] {3, id};
    draws.bias[1] = new float[2];
    draws.biasCount[1] = 2;
  }

  @Test
  void settingsOutsideTheirRangesEndNoProcess() {
    assertRefused(IllegalStateException.class, d -> d.temperature[1] = -1f);
    assertRefused(IllegalStateException.class, d -> d.temperature[1] = Float.NaN);
    assertRefused(IllegalStateException.class, d -> d.minP[1] = 2f);
  }

  @Test
  void seenTokensAreNotLookedAtWithoutAPenalty() {
    Draws draws = new Draws(new float[] {0, 1}, new float[] {3, 1});
    draws.seen[0] = new int[] {77};
    draws.seenCount[0] = 1;
    Arrays.fill(draws.temperature, 0f);
    KernelsUnderTest.each(1, kernels -> assertArrayEquals(new int[] {1, 0}, draws.run(kernels)));
  }
}
