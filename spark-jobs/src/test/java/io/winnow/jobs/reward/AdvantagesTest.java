// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static io.winnow.jobs.reward.Advantages.Scale.GRPO;
import static io.winnow.jobs.reward.Advantages.Scale.UNBIASED;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AdvantagesTest {
  @Test
  void areOverTheSamplesDeviation() {
    // Mean 0.25, squares 0.5625 + 3 · 0.0625 = 0.75, variance 0.25, deviation 0.5.
    List<Double> rewards = List.of(1.0, 0.0, 0.0, 0.0);
    assertEquals(List.of(0.75, -0.25, -0.25, -0.25), Advantages.of(rewards, UNBIASED, 1e-4));
    assertEquals(
        List.of(0.75 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001), Advantages.of(rewards, GRPO, 1e-4));
    assertEquals(List.of(0.75, -0.25, -0.25, -0.25), Advantages.of(rewards, GRPO, 0.5));
  }

  @Test
  void whoIsAloneOrLikeTheOthersHasNone() {
    assertEquals(List.of(), Advantages.of(List.of(), GRPO, 1e-4));
    assertEquals(List.of(0.0), Advantages.of(List.of(0.7), GRPO, 1e-4));
    List<Double> tenths = Collections.nCopies(10, 0.1);
    assertEquals(Collections.nCopies(10, 0.0), Advantages.of(tenths, GRPO, 1e-4));
    assertEquals(Collections.nCopies(10, 0.0), Advantages.of(tenths, UNBIASED, 1e-4));
  }

  @Test
  void aMissingRewardIsNotPartOfTheMean() {
    List<Double> rewards = Arrays.asList(null, 3.0, null, 1.0);
    assertEquals(Arrays.asList(null, 1.0, null, -1.0), Advantages.of(rewards, UNBIASED, 1e-4));
    assertEquals(Arrays.asList(null, null), Advantages.of(Arrays.asList(null, null), GRPO, 1e-4));
  }

  /** Spark brings a group together in any order. */
  @Test
  void doNotDependOnTheOrder() {
    long seed = Long.getLong("winnow.seed", new Random().nextInt(1 << 30));
    Random random = new Random(seed);
    for (int i = 0; i < 200; i++) {
      List<double[]> pairs = new ArrayList<>();
      List<Double> rewards = random.doubles(2 + random.nextInt(9), -1, 1).boxed().toList();
      List<Double> advantages = Advantages.of(rewards, GRPO, 1e-4);
      for (int k = 0; k < rewards.size(); k++) {
        pairs.add(new double[] {rewards.get(k), advantages.get(k)});
      }
      Collections.shuffle(pairs, random);
      List<Double> again = Advantages.of(pairs.stream().map(pair -> pair[0]).toList(), GRPO, 1e-4);
      assertEquals(pairs.stream().map(pair -> pair[1]).toList(), again, () -> "seed " + seed);
    }
  }
}
