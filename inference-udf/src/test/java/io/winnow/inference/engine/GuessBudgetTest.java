// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Jobs of made-up text on made-up machines: how long they take with guesses, against the same tokens without. */
class GuessBudgetTest {
  private static final double PLAIN_NANOS = 5e6;

  /**
   * A job.
   *
   * @param running sequences in each step
   * @param rowCost what a further row costs, as part of a step of {@code running} rows
   * @param noise largest part by which a step takes longer or shorter than it should
   * @param accepted probability that a guess comes true if the one before it did, by the step of the job
   */
  private record Job(int running, double rowCost, double noise, IntToDoubleFunction accepted) {
    /** Steps at the beginning that take twice as long, as on a machine that has just begun. */
    private static final int COLD = 4;

    /** Time with guesses over time without them. */
    double ratio(GuessBudget budget, int tokens, Random random) {
      double took = 0;
      int done = 0;
      for (int step = 0; done < tokens; step++) {
        int guesses = budget.allows(running) ? running * (PromptLookup.MOST_ROWS / running - 1) : 0;
        int came = running;
        for (int s = 0; s < running; s++) {
          for (int g = 0; g < guesses / running && random.nextDouble() < accepted.applyAsDouble(done); g++) {
            came++;
          }
        }
        double nanos = PLAIN_NANOS * (1 + rowCost * guesses) * (1 + noise * (2 * random.nextDouble() - 1));
        nanos *= step < COLD ? 2 : 1;
        budget.took(running, guesses, came, (long) nanos);
        took += nanos;
        done += came;
      }
      return took / (PLAIN_NANOS * (COLD + (double) done / running));
    }
  }

  @Test
  void noJobIsSlowerByMoreThanTwoPercent() {
    long seed = Script.seed("GuessBudgetTest");
    Random random = new Random(seed);
    for (int i = 0; i < 400; i++) {
      int running = 1 + random.nextInt(4);
      double rowCost = random.nextInt(4) == 0 ? 1.0 / running : random.nextDouble() * 0.3;
      double noise = random.nextInt(3) * 0.15;
      double before = random.nextDouble();
      double after = random.nextInt(3) == 0 ? 0 : random.nextDouble();
      int tokens = 1 << 6 + random.nextInt(8);
      int turn = random.nextInt(tokens);
      double ratio =
          new Job(running, rowCost, noise, done -> done < turn ? before : after)
              .ratio(new GuessBudget(4), tokens, random);
      // The bound, one step that loses, and what the noise of the job itself may be.
      double steps = (double) tokens / running;
      double most = 1.02 + rowCost * (8 - running) / steps + 2 * noise / Math.sqrt(steps);
      assertTrue(
          ratio < most,
          () -> String.format(
              "seed %d: %d sequences, %.2f a row, %d tokens, accepted %.2f then %.2f: %.3f of the time without",
              seed, running, rowCost, tokens, before, after, ratio));
    }
  }

  @Test
  void aJobBehindASlowerOneIsNotSlowerEither() {
    for (boolean idle : new boolean[] {true, false}) {
      GuessBudget budget = new GuessBudget(4);
      for (int i = 0; i < 200; i++) {
        budget.took(1, 0, 1, (long) (2.4 * PLAIN_NANOS));
      }
      if (idle) {
        budget.rests();
      }
      double ratio = new Job(1, 0.08, 0.01, done -> 0).ratio(budget, 600, new Random(1));
      assertTrue(ratio < (idle ? 1.02 : 1.04), "idle between: " + idle + ", " + ratio);
    }
  }

  @Test
  void whatPaysIsTaken() {
    for (int running : new int[] {1, 2, 4}) {
      double ratio = new Job(running, 0.02, 0.1, done -> 0.9).ratio(new GuessBudget(4), 2000, new Random(1));
      int each = PromptLookup.MOST_ROWS / running - 1;
      double tokens = 0;
      for (int g = 0; g <= each; g++) {
        tokens += Math.pow(0.9, g);
      }
      double always = (1 + 0.02 * (PromptLookup.MOST_ROWS - running)) / tokens;
      assertTrue(ratio < always * 1.15 + 0.02, running + " sequences: " + ratio + " where " + always + " could be had");
    }
  }

  @Test
  void textWithoutRepeatsCostsLittle() {
    double ratio = new Job(4, 0.083, 0, done -> 0).ratio(new GuessBudget(4), 40_000, new Random(1));
    assertTrue(ratio < 1.003, "cost " + ratio);
  }

  @Test
  void itIsLookedAtAgain() {
    Job job = new Job(2, 0.05, 0, done -> done < 20_000 ? 0 : 0.9);
    assertTrue(job.ratio(new GuessBudget(4), 60_000, new Random(1)) < 0.75, "text that begins to repeat itself");
  }

  @Test
  void nothingIsGuessedBeforeStepsAreKnownNorAmongMoreThanFew() {
    GuessBudget budget = new GuessBudget(4);
    for (int i = 0; i < 7; i++) {
      assertFalse(budget.allows(2));
      budget.took(2, 0, 2, 1000);
    }
    budget.took(0, 0, 100, 1000); // a prompt
    assertFalse(budget.allows(2));
    budget.took(2, 0, 2, 1000);
    assertTrue(budget.allows(2));
    assertFalse(budget.allows(3), "of three nothing is known");
    assertFalse(budget.allows(5));
    assertEquals(0.01, GuessBudget.PART);
  }
}
