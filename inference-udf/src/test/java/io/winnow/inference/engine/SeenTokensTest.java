// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SeenTokensTest {
  private static Map<Integer, Integer> counts(SeenTokens seen) {
    Map<Integer, Integer> out = new LinkedHashMap<>();
    for (int i = 0; i < seen.count; i++) {
      assertNull(out.put(seen.ids[i], seen.times[i]), "an id twice");
    }
    return out;
  }

  @Test
  void holdsEachTokenOnceAndCountsWhatWasGenerated() {
    long seed = Script.seed("SeenTokensTest");
    for (int trial = 0; trial < 200; trial++) {
      Random random = new Random(seed + trial);
      // From one id to all that there are; multiples of powers of two fall together in a bad hash.
      int ids = 1 + random.nextInt(1 << 1 + random.nextInt(12));
      int stride = 1 << random.nextInt(10);
      SeenTokens seen = new SeenTokens();
      Map<Integer, Integer> expected = new LinkedHashMap<>();
      for (int i = random.nextInt(5000); i > 0; i--) {
        int token = random.nextInt(ids) * stride;
        if (random.nextInt(4) == 0) {
          seen.prompt(token);
          expected.merge(token, 0, Integer::sum);
        } else {
          seen.generated(token);
          expected.merge(token, 1, Integer::sum);
        }
      }
      assertEquals(List.copyOf(expected.entrySet()), List.copyOf(counts(seen).entrySet()), "seed " + (seed + trial));
    }
  }

  private static Sequence sequence(SamplingParams params, int[] prompt, int... generated) {
    GenerationRequest request = new GenerationRequest(1, prompt, new int[] {0}, params, new int[][] {generated});
    return new Admission(Script.limits(2, 4), 100, LetterText::new).sequence(new OpenRequest(request, null), 0);
  }

  @Test
  void thePromptCountsForTheRepetitionPenaltyAlone() {
    int[] prompt = {7, 8, 7};
    SamplingParams plain = Script.params(30);
    assertNull(sequence(plain, prompt, 8, 9).seen);
    SamplingParams repetition = new SamplingParams(1, 1, 0, 0, 1.2, 30, List.of(), 0, false, 0);
    assertEquals(Map.of(7, 0, 8, 1, 9, 2), counts(sequence(repetition, prompt, 9, 8, 9).seen));
    for (SamplingParams byCount : List.of(plain.withPenalties(0.1, 0), plain.withPenalties(0, -0.1))) {
      Sequence s = sequence(byCount, prompt, 9);
      s.append(8, 0);
      s.append(9, 0);
      assertEquals(Map.of(9, 2, 8, 1), counts(s.seen), Arrays.toString(s.seen.ids));
    }
  }
}
