// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Groups of states beside rounds that look at all of them each time. */
@Timeout(120)
class AlikeStatesTest {
  private static int[] plain(Automaton automaton, BitSet live, int length) {
    int states = automaton.states();
    int[] group = new int[states];
    for (int s = 0; s < states; s++) {
      group[s] = (live.get(s) ? 1 : 0) + (automaton.accepts(s) ? 2 : 0);
    }
    for (int round = 0; round < length; round++) {
      Map<List<Integer>, Integer> numbers = new HashMap<>();
      int[] next = new int[states];
      for (int s = 0; s < states; s++) {
        List<Integer> all = new ArrayList<>(List.of(group[s]));
        for (int c = 0; c < automaton.classes(); c++) {
          int to = automaton.nextOfClass(s, c);
          all.add(to == Automaton.DEAD ? -1 : group[to]);
        }
        next[s] = numbers.computeIfAbsent(all, k -> numbers.size());
      }
      group = next;
    }
    int[] out = new int[states];
    for (int s = 0; s < states; s++) {
      int g = group[s];
      int[] now = group;
      out[s] = IntStream.range(0, states).filter(o -> now[o] == g).findFirst().orElseThrow();
    }
    return out;
  }

  private static String regex(Random random, int depth) {
    StringBuilder out = new StringBuilder();
    for (int n = random.nextInt(3); n >= 0; n--) {
      String one = depth == 0 ? "abc[bc]".substring(0, 1 + random.nextInt(3)) : "(" + regex(random, depth - 1) + ")";
      int low = random.nextInt(4);
      String times = new String[] {"", "*", "?", "{" + low + "," + (low + random.nextInt(9)) + "}"}[random.nextInt(4)];
      out.append(out.isEmpty() || random.nextInt(3) > 0 ? "" : "|").append(one).append(times);
    }
    return out.toString();
  }

  /** Null for one that is too large for plain rounds. */
  private static Automaton small(String pattern) {
    try {
      Automaton automaton = AnswerGrammars.automaton(AnswerFormat.regex(pattern));
      return automaton.states() > 400 ? null : automaton;
    } catch (GrammarRefusal e) {
      return null;
    }
  }

  @Test
  void groupsAreThoseOfPlainRounds() {
    Random random = Seed.random("AlikeStatesTest");
    int split = 0;
    for (int i = 0; i < 600; i++) {
      String pattern = regex(random, 2) + "x";
      Automaton automaton = small(pattern);
      if (automaton == null) {
        continue;
      }
      BitSet live = new BitSet();
      for (int s = 0; s < automaton.states(); s++) {
        live.set(s, random.nextInt(8) > 0);
      }
      int length = random.nextInt(12);
      int[] expected = plain(automaton, live, length);
      assertArrayEquals(expected, AlikeStates.of(automaton, live, length), pattern + " in " + length + " bytes");
      long groups = Arrays.stream(expected).distinct().count();
      split += groups > 4 && groups < automaton.states() ? 1 : 0;
    }
    assertTrue(split > 100, split + " had groups of several states");
  }

  /** A label with a long reason, in a vocabulary of long tokens: each state by itself would be a mask of its own. */
  @Test
  void longTextsInLongTokensAreAlike() {
    String schema = "{\"type\": \"object\", \"properties\": {\"why\": {\"type\": \"string\", \"maxLength\": 4000},"
        + " \"level\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 5}}, \"required\": [\"why\", \"level\"]}";
    Automaton automaton = AnswerGrammars.automaton(AnswerFormat.jsonSchema(schema));
    BitSet live = new BitSet();
    live.set(0, automaton.states());
    int[] alike = AlikeStates.of(automaton, live, 128);
    assertEquals(0, alike[0]);
    long groups = Arrays.stream(alike).distinct().count();
    assertTrue(automaton.states() > 30_000 && groups < 2000, groups + " of " + automaton.states());
  }
}
