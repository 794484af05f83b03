// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeds.class)
class SampleTest {
  private static final int[] VOCABS = {1, 2, 3, 17, 503};

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static float[] logits(Random random, int vocab) {
    float[] out = new float[vocab];
    int kind = random.nextInt(6);
    float spread = new float[] {0.5f, 3f, 10f}[random.nextInt(3)];
    for (int i = 0; i < vocab; i++) {
      out[i] = switch (kind) {
        case 0 -> 0.25f;
        case 1 -> random.nextInt(4);
        case 2 -> random.nextBoolean() ? 0f : -0f;
        case 3 -> (i % 7 == 3 ? 20f : -20f) + (float) random.nextGaussian();
        default -> (float) random.nextGaussian() * spread;
      };
    }
    return kind == 5 && spread == 10f ? Floats.wild(random, vocab) : out;
  }

  private static Draws randomDraws(Random random, int rows, int vocab) {
    float[][] logits = new float[rows][];
    for (int r = 0; r < rows; r++) {
      logits[r] = logits(random, vocab);
    }
    Draws draws = new Draws(logits);
    for (int r = 0; r < rows; r++) {
      draws.randomise(r, random);
    }
    return draws;
  }

  private static void check(Kernels kernels, Draws draws) {
    draws.run(kernels);
    for (int r = 0; r < draws.rows; r++) {
      PlainSampler.Drawn expected = PlainSampler.draw(draws, r);
      assertEquals(expected.token(), draws.token[r], draws.describe(r));
      if (draws.wantLogprob[r]) {
        assertEquals(expected.logprob(), draws.logprob[r], draws.describe(r));
      } else {
        assertTrue(Float.isNaN(draws.logprob[r]), "log-probability only where asked for");
      }
    }
  }

  @Test
  void drawsTheTokensOfTheContract(Random random) {
    for (int vocab : VOCABS) {
      for (int trial = 0; trial < 3; trial++) {
        Draws draws = randomDraws(random, 200, vocab);
        KernelsUnderTest.each(2, kernels -> check(kernels, draws));
      }
    }
  }

  @Test
  void drawsTheTokensOfTheContractFromALargeVocabulary(Random random) {
    Draws draws = randomDraws(random, 24, 49_152);
    KernelsUnderTest.each(2, kernels -> check(kernels, draws));
  }

  @Test
  void neitherBatchNorOrderNorThreadsChangeADraw(Random random) {
    Draws all = randomDraws(random, 100, 503);
    int[] expected = new int[all.rows];
    float[] logprobs = new float[all.rows];
    for (int r = 0; r < all.rows; r++) {
      expected[r] = PlainSampler.draw(all, r).token();
      logprobs[r] = PlainSampler.draw(all, r).logprob();
    }
    KernelsUnderTest.each(kernels -> {
      for (int size : new int[] {1, 1, 1, 2, 7, 63, 64, 100, 130}) {
        int[] rows = random.ints(size, 0, all.rows).toArray();
        Draws some = new Draws(new float[size][503]);
        for (int i = 0; i < size; i++) {
          some.take(all, rows[i], i);
        }
        some.run(kernels);
        for (int i = 0; i < size; i++) {
          assertEquals(expected[rows[i]], some.token[i], some.describe(i));
          if (some.wantLogprob[i]) {
            assertEquals(logprobs[rows[i]], some.logprob[i], some.describe(i));
          }
        }
      }
    });
  }

  @Test
  void temperatureZeroTakesTheLowestIdOfTheMostLikely() {
    float[][] logits = {
      {1, 3, 2, 3, 3}, {5, 5, 5, 5, 5}, {-0f, 0f, -0f, 0f, -1}, {-9, -9, -8, -8, -9}, {0, 1, 2, 3, 4}
    };
    Draws draws = new Draws(logits);
    Arrays.fill(draws.temperature, 0f);
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {1, 0, 0, 2, 4}, draws.run(kernels)));
  }

  @Test
  void tinyTopPAndFullMinPAndTopOneAreGreedyWhereNothingTies(Random random) {
    float[] logits = Floats.normal(random, 503);
    logits[77] = 10f;
    logits[78] = 9.9f;
    Draws draws = Draws.repeated(logits, 300);
    for (int r = 0; r < draws.rows; r++) {
      draws.temperature[r] = r % 5 == 0 ? 0.05f : 100f;
      switch (r % 3) {
        case 0 -> draws.topP[r] = new double[] {Double.MIN_VALUE, 1e-300, 1e-12}[r / 3 % 3];
        case 1 -> draws.minP[r] = 1f;
        default -> draws.topK[r] = 1;
      }
    }
    int[] expected = new int[draws.rows];
    Arrays.fill(expected, 77);
    KernelsUnderTest.each(2, kernels -> assertArrayEquals(expected, draws.run(kernels)));
  }

  @Test
  void tiesAtTheCutGoToTheLowerIdForTopKAndTopPAndAllStayForMinP() {
    float[] logits = {1, 2, 2, 2, 2, 0};
    for (int cut = 0; cut < 3; cut++) {
      Draws draws = Draws.repeated(logits, 2000);
      Arrays.fill(draws.temperature, 1f);
      if (cut == 0) {
        Arrays.fill(draws.topK, 2);
      } else if (cut == 1) {
        Arrays.fill(draws.topP, 0.4);
      } else {
        Arrays.fill(draws.minP, 1f);
      }
      int last = cut == 2 ? 4 : 2;
      KernelsUnderTest.each(2, kernels -> {
        int[] counts = new int[6];
        for (int token : draws.run(kernels)) {
          counts[token]++;
        }
        for (int id = 0; id < 6; id++) {
          assertEquals(id >= 1 && id <= last, counts[id] > 0, Arrays.toString(counts));
        }
      });
    }
  }

  @Test
  void minPKeepsExactlyTheWeightsThatReachIt() {
    float[] logits = new float[300];
    Arrays.fill(logits, -5.8f);
    logits[0] = 0f;
    int weight = PlainSampler.weights(logits, 1f)[1];
    for (float step : new float[] {0f, 0.5f}) {
      Draws draws = Draws.repeated(logits, 200);
      Arrays.fill(draws.minP, (weight + step) / 0x1p30f);
      assertEquals(weight + step, draws.minP[0] * 0x1p30, "half a weight has to be exact here");
      KernelsUnderTest.each(2, kernels -> {
        long unlikely = Arrays.stream(draws.run(kernels)).filter(token -> token > 0).count();
        assertEquals(step == 0f, unlikely > 0);
      });
    }
  }

  @Test
  void theRepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits() {
    // Penalised: 4 becomes 2, −1 becomes −2, 0 stays.
    Draws draws = new Draws(new float[] {4, 3, 0}, new float[] {-1, -1.5f, -3}, new float[] {0, -0.5f, -1});
    Arrays.fill(draws.temperature, 0f);
    for (int r = 0; r < 3; r++) {
      draws.penalty[r] = 2f;
      draws.seen[r] = new int[] {0, 2};
      draws.seenCount[r] = 1;
    }
    KernelsUnderTest.each(kernels -> {
      assertArrayEquals(new int[] {1, 1, 0}, draws.run(kernels));
      // Log-probabilities are of the raw logits.
      assertEquals(logSoftmax(draws.logits[0], 1), draws.logprob[0], 1e-6);
      assertEquals(logSoftmax(draws.logits[1], 1), draws.logprob[1], 1e-6);
    });
  }

  private static double logSoftmax(float[] logits, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (float l : logits) {
      max = Math.max(max, l);
    }
    double sum = 0;
    for (float l : logits) {
      sum += Math.exp(l - max);
    }
    return logits[token] - max - Math.log(sum);
  }

  @Test
  void logProbabilitiesAreThoseOfDoublePrecision(Random random) {
    for (int vocab : new int[] {1, 2, 503, 49_152}) {
      float[][] logits = new float[20][];
      for (int r = 0; r < logits.length; r++) {
        float[] line = Floats.normal(random, vocab);
        for (int i = 0; i < vocab; i++) {
          line[i] = line[i] * (0.1f + r) + 20f;
        }
        logits[r] = line;
      }
      Draws draws = new Draws(logits);
      for (int r = 0; r < draws.rows; r++) {
        // Hot enough to draw unlikely tokens too.
        draws.temperature[r] = r % 3 == 0 ? 0f : r % 3 == 1 ? 1f : 50f;
        draws.seed[r] = random.nextLong();
      }
      KernelsUnderTest.each(2, kernels -> {
        draws.run(kernels);
        for (int r = 0; r < draws.rows; r++) {
          double exact = logSoftmax(logits[r], draws.token[r]);
          assertEquals(exact, draws.logprob[r], 1e-5, draws.describe(r));
        }
      });
    }
  }

  @Test
  void logProbabilitiesOfVeryUnlikelyTokensAreRoundedOnce(Random random) {
    float[][] logits = new float[2000][];
    for (int r = 0; r < logits.length; r++) {
      float max = random.nextFloat() * 100;
      // Two of the largest: the log of the sum is not 0, so a rounded difference would be rounded again.
      logits[r] = new float[] {max, -random.nextFloat() * 155, max};
    }
    Draws draws = new Draws(logits);
    Arrays.fill(draws.temperature, Float.POSITIVE_INFINITY);
    Arrays.setAll(draws.position, i -> i);
    KernelsUnderTest.each(2, kernels -> {
      draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        double exact = logSoftmax(logits[r], draws.token[r]);
        assertEquals(exact, draws.logprob[r], 0.5 * Math.ulp((float) exact) + 3e-7, draws.describe(r));
      }
    });
  }

  @Test
  void aRowWithALogitThatIsNotFiniteIsRefusedAndTouchesNoOther(Random random) {
    Draws clean = randomDraws(random, 60, 17);
    for (int r = 0; r < clean.rows; r++) {
      clean.logits[r] = Floats.normal(random, 17);
    }
    float[] poison = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
    KernelsUnderTest.each(kernels -> {
      int[] expected = clean.run(kernels);
      Draws draws = new Draws(new float[60][17]);
      for (int r = 0; r < 60; r++) {
        draws.take(clean, r, r);
        if (r % 2 == 0) {
          draws.logits[r] = draws.logits[r].clone();
          draws.logits[r][random.nextInt(17)] = poison[r / 2 % 3];
          expected[r] = -1;
        }
      }
      assertArrayEquals(expected, draws.run(kernels));
    });
  }

  @Test
  void aPenaltyThatOverflowsRefusesTheRow() {
    Draws draws = new Draws(new float[] {3e38f, 1}, new float[] {-3e38f, 1}, new float[] {3e38f, 1});
    for (int r = 0; r < 3; r++) {
      draws.seen[r] = new int[] {0};
      draws.seenCount[r] = 1;
    }
    draws.penalty[0] = 0.5f;
    draws.penalty[1] = 2f;
    draws.penalty[2] = 2f;
    KernelsUnderTest.each(kernels -> assertArrayEquals(new int[] {-1, -1, 0}, draws.run(kernels)));
  }

  @Test
  void flatDistributionsOverManyTokensAreCutByIdWithoutStalling() {
    Draws draws = Draws.repeated(new float[50_000], 64);
    for (int r = 0; r < draws.rows; r++) {
      draws.topP[r] = 0.9;
      draws.topK[r] = r % 2 == 0 ? 0 : 20_000;
    }
    KernelsUnderTest.each(2, kernels -> Assertions.assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
      int[] tokens = draws.run(kernels);
      for (int r = 0; r < draws.rows; r++) {
        assertTrue(tokens[r] < (r % 2 == 0 ? 45_000 : 18_000), "token " + tokens[r]);
        assertEquals(-Math.log(50_000), draws.logprob[r], 1e-5);
      }
      assertTrue(Arrays.stream(tokens).distinct().count() > 55, "spread over the ids");
    }));
  }

  @Test
  void extremeTemperaturesAreGreedyAndUniform(Random random) {
    float[] logits = Floats.normal(random, 100);
    logits[42] = 8f;
    Draws cold = Draws.repeated(logits, 200);
    Arrays.fill(cold.temperature, 1e-3f);
    Draws hot = Draws.repeated(logits, 20_000);
    Arrays.fill(hot.temperature, 1e9f);
    Arrays.fill(hot.wantLogprob, false);
    KernelsUnderTest.each(2, kernels -> {
      for (int token : cold.run(kernels)) {
        assertEquals(42, token);
      }
      int[] counts = new int[100];
      for (int token : hot.run(kernels)) {
        counts[token]++;
      }
      for (int count : counts) {
        assertTrue(count > 100 && count < 300, Arrays.toString(counts));
      }
    });
  }
}
