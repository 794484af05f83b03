// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.StopWhen;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of {@code --stop-when}, and when they are asked. */
class AdaptiveSamplingTest {
  private static final List<Integer> ENDS = List.of(2, 4, 8);

  /** c correct, w wrong, u undecided, f failed, - not known; a digit is the answer of an undecided sample. */
  private static SampleOutcome[] known(String samples) {
    SampleOutcome[] out = new SampleOutcome[8];
    for (int i = 0; i < samples.length(); i++) {
      char c = samples.charAt(i);
      Boolean correct = c == 'c' ? Boolean.TRUE : c == 'w' ? Boolean.FALSE : null;
      out[i] = c == '-' ? null : new SampleOutcome(correct, Character.isDigit(c) ? "" + c : null, c == 'f');
    }
    return out;
  }

  private static AdaptiveSampling.Standing standing(String rule, String samples) {
    return new AdaptiveSampling(SampleControllers.of(StopWhen.parse(rule)), ENDS).standing(known(samples));
  }

  @ParameterizedTest
  @CsvSource({
    "correct:2, '',       2, '0 1'",
    "correct:2, c-,       2, 1",
    "correct:2, cc,       2, ''",
    "correct:2, cw,       4, '2 3'",
    // The second one is known and does not count before its block is whole.
    "correct:2, cw-c,     4, 2",
    "correct:2, cwwc,     4, ''",
    "correct:2, uwwc----, 8, '4 5 6 7'",
    "correct:2, uwwcwwww, 8, ''",
    "correct,   wc,       2, ''",
    // A block without a sample that could be made is the last one.
    "correct:2, ff,       2, ''",
    "correct:2, cf,       4, '2 3'",
    "correct:2, cfwf,     8, '4 5 6 7'",
    "correct:2, cwff,     4, ''",
    // What was made beyond a decision changes nothing.
    "correct:2, ccwwwwww, 2, ''",
    "majority,  '77',     4, '2 3'",
    "majority,  '777',    4, 3",
    "majority,  '7777',   8, '4 5 6 7'",
    "majority:0.6, '77',  2, ''",
    "majority:0.6, '7u',  4, '2 3'",
    "majority:0.6, '7u7u', 8, '4 5 6 7'",
    "majority:0.7, '7u77', 4, ''",
  })
  void aRuleIsAskedWhenABlockIsWhole(String rule, String samples, int end, String lacking) {
    AdaptiveSampling.Standing standing = standing(rule, samples);
    assertEquals(end, standing.end());
    TreeSet<Integer> expected = new TreeSet<>();
    Arrays.stream(lacking.split(" ")).filter(word -> !word.isEmpty()).map(Integer::valueOf).forEach(expected::add);
    assertEquals(expected, standing.lacking());
    assertEquals(lacking.isEmpty(), standing.settled());
  }

  private static boolean enough(String rule, String samples, int most) {
    List<SampleOutcome> so = Arrays.asList(known(samples)).subList(0, samples.length());
    return SampleControllers.of(StopWhen.parse(rule)).enough(so, most);
  }

  @Test
  void aMajorityIsCertainWhenTheRestCannotChangeIt() {
    assertTrue(enough("majority", "77771", 7));
    assertFalse(enough("majority", "77771", 8), "three more could make it a tie");
    assertFalse(enough("majority", "uuuu", 4), "nobody has answered");
    // As doubles, 0.56 times 25 is more than 14.
    SampleOutcome[] all = new SampleOutcome[25];
    Arrays.setAll(all, i -> new SampleOutcome(null, i < 14 ? "7" : null, false));
    assertTrue(SampleControllers.of(StopWhen.parse("majority:0.56")).enough(Arrays.asList(all), 64), "14 of 25");
  }

  @Test
  void aPassRateIsDecidedByItsIntervalAlone() {
    assertTrue(enough("decided:.1:.9", "wcwcwcwc", 64), "from 0.215 to 0.785 lies between");
    assertFalse(enough("decided:.1:.9", "cccccccc", 64), "from 0.676 to 1 lies across 0.9");
    assertFalse(enough("decided:.1:.9", "wwwwwwwc", 64), "from 0.022 to 0.471 lies across 0.1");
    assertTrue(enough("decided:.5:.9", "wwwwwwwc", 64), "wholly below 0.5");
    assertTrue(enough("decided:.1:.5", "cccccccc", 64), "wholly above 0.5");
    assertFalse(enough("decided:.1:.9", "ucucucuc", 64), "what is undecided does not count: 4 of 4");
    assertTrue(enough("decided:.1:.9", "wcwcwcwc".substring(0, 6) + "cu", 64), "4 of 7: from 0.250 to 0.842");
    assertFalse(enough("decided:.1:.9", "uuuu", 64), "nothing is known");
  }

  @ParameterizedTest
  @CsvSource({
    "correct:0", "correct:1.5", "correct:2:3", "correct:x", "decided:.9", "decided:.9:.1", "decided:-1:.5",
    "decided:.1:.9:1", "majority:.5", "majority:1.1", "majority:", "always", "''"
  })
  void otherRulesAreRefused(String rule) {
    assertThrows(IllegalArgumentException.class, () -> StopWhen.parse(rule));
  }
}
