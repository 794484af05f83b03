// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Draws follow the softmax; seeds are fixed, so a failure is a change of arithmetic and no accident. */
class SampleDistributionTest {
  private static final int DRAWS = 24_000;
  private static final int VOCAB = 40;

  private static float[] logits() {
    return Floats.normal(new Random(11), VOCAB);
  }

  /** Probabilities in double precision; ids outside {@code kept} have none. */
  private static double[] softmax(float[] logits, double temperature, boolean[] kept) {
    double[] p = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = kept[i] ? Math.exp(logits[i] / temperature) : 0;
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private static boolean[] all() {
    boolean[] kept = new boolean[VOCAB];
    Arrays.fill(kept, true);
    return kept;
  }

  /** Chi-square against p; the critical value is that of a probability of 3e-5 (Wilson and Hilferty 1931). */
  private static void check(String what, float[] logits, double[] p, Consumer<Draws> settings) {
    Draws draws = Draws.repeated(logits, DRAWS);
    Arrays.fill(draws.wantLogprob, false);
    settings.accept(draws);
    KernelsUnderTest.each(2, kernels -> {
      long[] counts = new long[p.length];
      for (int token : draws.run(kernels)) {
        counts[token]++;
      }
      double chi = 0;
      int bins = 0;
      double restExpected = 0;
      long restCount = 0;
      for (int i = 0; i < p.length; i++) {
        double expected = p[i] * DRAWS;
        if (expected >= 5) {
          chi += (counts[i] - expected) * (counts[i] - expected) / expected;
          bins++;
        } else {
          assertTrue(p[i] > 0 || counts[i] == 0, what + ": token " + i + " was cut and drawn");
          restExpected += expected;
          restCount += counts[i];
        }
      }
      if (restExpected > 1) {
        chi += (restCount - restExpected) * (restCount - restExpected) / restExpected;
        bins++;
      }
      double df = Math.max(1, bins - 1);
      double critical = df * Math.pow(1 - 2 / (9 * df) + 4 * Math.sqrt(2 / (9 * df)), 3);
      System.out.printf("%s: chi-square %.1f with %.0f degrees of freedom, critical %.1f%n", what, chi, df, critical);
      assertTrue(chi < critical, what + ": chi-square " + chi + " over " + critical);
    });
  }

  @Test
  void drawsFollowTheSoftmaxAtSeveralTemperatures() {
    for (float temperature : new float[] {0.3f, 0.6f, 1f, 1.7f, 100f}) {
      check("temperature " + temperature, logits(), softmax(logits(), temperature, all()),
          d -> Arrays.fill(d.temperature, temperature));
    }
  }

  @Test
  void drawsAreIndependentOverEachPartOfTheCounterAndTheKey() {
    double[] p = softmax(logits(), 1, all());
    check("samples", logits(), p, d -> {
      Arrays.fill(d.position, 3);
      Arrays.setAll(d.sample, i -> i);
    });
    check("streams, low half", logits(), p, d -> {
      Arrays.fill(d.position, 3);
      Arrays.setAll(d.stream, i -> (long) i);
    });
    check("streams, high half", logits(), p, d -> {
      Arrays.fill(d.position, 3);
      Arrays.setAll(d.stream, i -> (long) i << 32);
    });
    check("seeds, low half", logits(), p, d -> {
      Arrays.fill(d.position, 3);
      Arrays.setAll(d.seed, i -> (long) i);
    });
    check("seeds, high half", logits(), p, d -> {
      Arrays.fill(d.position, 3);
      Arrays.setAll(d.seed, i -> (long) i << 32);
    });
  }

  @Test
  void whatTheCutsLeaveKeepsItsProportions() {
    float[] logits = logits();
    double[] p = softmax(logits, 1, all());
    Integer[] order = new Integer[VOCAB];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Float.compare(logits[b], logits[a]));
    boolean[] topK = new boolean[VOCAB];
    for (int i = 0; i < 7; i++) {
      topK[order[i]] = true;
    }
    check("top-k 7", logits, softmax(logits, 1, topK), d -> Arrays.fill(d.topK, 7));
    boolean[] topP = new boolean[VOCAB];
    double mass = 0;
    for (int i = 0; mass < 0.8; i++) {
      topP[order[i]] = true;
      mass += p[order[i]];
    }
    check("top-p 0.8", logits, softmax(logits, 1, topP), d -> Arrays.fill(d.topP, 0.8));
    boolean[] minP = new boolean[VOCAB];
    for (int i = 0; i < VOCAB; i++) {
      minP[i] = p[i] >= 0.25 * p[order[0]];
    }
    check("min-p 0.25", logits, softmax(logits, 1, minP), d -> Arrays.fill(d.minP, 0.25f));
  }
}
