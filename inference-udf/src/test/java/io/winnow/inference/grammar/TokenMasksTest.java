// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Masks against a search through all tokens. */
@Timeout(120)
class TokenMasksTest {
  private static List<byte[]> bytes(String... texts) {
    return Stream.of(texts).map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
  }

  private static TokenMasks masks(AnswerFormat format, Pieces pieces) {
    return new TokenMasks(AnswerGrammars.automaton(format), pieces.vocabulary());
  }

  private static Set<Integer> allowed(int[] mask) {
    Set<Integer> out = new TreeSet<>();
    for (int id = 0; id < 32 * mask.length; id++) {
      if ((mask[id / 32] >>> id % 32 & 1) != 0) {
        out.add(id);
      }
    }
    return out;
  }

  private static int walk(Automaton automaton, int state, byte[] bytes) {
    for (int i = 0; i < bytes.length && state >= 0; i++) {
      state = automaton.next(state, bytes[i]);
    }
    return bytes.length == 0 ? -1 : state;
  }

  /** States from which tokens lead to an end, by going on until nothing is new. */
  private static Set<Integer> live(Automaton automaton, Pieces pieces) {
    Set<Integer> live = new TreeSet<>();
    int before = -1;
    while (live.size() != before) {
      before = live.size();
      for (int s = 0; s < automaton.states(); s++) {
        for (int id = 0; id < pieces.end() && !live.contains(s); id++) {
          if (automaton.accepts(s) || live.contains(walk(automaton, s, pieces.tokens.get(id)))) {
            live.add(s);
          }
        }
      }
    }
    return live;
  }

  @Test
  void everyStateAllowsExactlyTheTokensFromWhichAnEndCanBeReached() {
    Random random = Seed.random("TokenMasksTest");
    int impossible = 0;
    int narrowed = 0;
    String letters = "abc01 é世\"";
    for (int round = 0; round < 300; round++) {
      // Few pieces, so that whole parts of a pattern cannot be spelled.
      List<byte[]> pieces = new ArrayList<>();
      for (int i = 4 + random.nextInt(20); i > 0; i--) {
        StringBuilder text = new StringBuilder();
        random.ints(1 + random.nextInt(3), 0, letters.length()).forEach(c -> text.append(letters.charAt(c)));
        byte[] all = text.toString().getBytes(StandardCharsets.UTF_8);
        pieces.add(random.nextInt(4) > 0 ? all : Arrays.copyOf(all, 1 + random.nextInt(all.length)));
      }
      Pieces vocabulary = new Pieces(pieces, false);
      String pattern =
          List.of("(a|bc|01)+é?", "[abc]{2,5}(世|0)", "(ab|ba)*c{1,3}", "[^a]{1,4}|a+", "é{2}|[01]{3}c", "(.\"?){2,6}")
              .get(random.nextInt(6));
      Automaton automaton = AnswerGrammars.automaton(AnswerFormat.regex(pattern));
      Set<Integer> live = live(automaton, vocabulary);
      if (!live.contains(0)) {
        impossible++;
        GrammarRefusal e =
            assertThrows(GrammarRefusal.class, () -> new TokenMasks(automaton, vocabulary.vocabulary()));
        assertTrue(e.getMessage().contains("no tokens that spell"), e.getMessage());
        continue;
      }
      narrowed += live.size() < automaton.states() ? 1 : 0;
      TokenMasks masks = new TokenMasks(automaton, vocabulary.vocabulary());
      for (int s : live) {
        Set<Integer> expected = new TreeSet<>();
        for (int id = 0; id < vocabulary.end(); id++) {
          int to = walk(automaton, s, vocabulary.tokens.get(id));
          if (live.contains(to)) {
            expected.add(id);
          }
          assertEquals(live.contains(to) ? to : -1, masks.next(s, id));
        }
        assertEquals(expected.isEmpty(), masks.complete(s));
        if (automaton.accepts(s)) {
          expected.add(vocabulary.end());
        }
        assertEquals(expected, allowed(masks.mask(s)), pattern + " in state " + s);
        assertFalse(expected.isEmpty());
      }
    }
    assertTrue(impossible > 10 && impossible < 250, impossible + " were impossible");
    assertTrue(narrowed > 10, narrowed + " had states that tokens cannot leave");
  }

  @Test
  void aWayThatTokensCannotFinishIsClosed() {
    // There is an x and no y: behind x the vocabulary is at a loss, though the pattern is not.
    TokenMasks masks = masks(AnswerFormat.regex("xy|xz|a"), new Pieces(bytes("x", "xz", "a"), false));
    assertEquals(Set.of(1, 2), allowed(masks.mask(masks.start())));
  }

  @Test
  void specialTokensAreNoTextAndEndsComeWhereTheTextMayEnd() {
    Pieces pieces = new Pieces(bytes("a", "b"), false);
    TokenMasks masks = masks(AnswerFormat.regex("ab?"), pieces);
    // The special token is spelled as a is.
    assertEquals(Set.of(0), allowed(masks.mask(masks.start())));
    int behind = masks.next(masks.start(), 0);
    assertEquals(Set.of(1, pieces.end()), allowed(masks.mask(behind)));
    assertFalse(masks.complete(behind));
    assertTrue(masks.complete(masks.next(behind, 1)));
    assertEquals(Automaton.DEAD, masks.next(behind, pieces.end()));
    assertEquals(Automaton.DEAD, masks.next(masks.start(), pieces.end() + 1));
    assertEquals(Automaton.DEAD, masks.next(masks.start(), 1000));
  }

  @Test
  void theSpaceThatATokenizerDropsAtTheBeginningIsNoPartOfTheAnswer() {
    Pieces pieces = new Pieces(bytes(" yes", "yes", " ", "  yes", "y", "es"), true);
    TokenMasks masks = masks(AnswerFormat.choice(List.of("yes")), pieces);
    assertEquals(Set.of(0, 1, 4), allowed(masks.mask(masks.start())));
    assertTrue(masks.complete(masks.next(masks.start(), 0)));
    // Within the answer the space is one.
    TokenMasks two = masks(AnswerFormat.choice(List.of("yes yes")), pieces);
    int behind = two.next(two.start(), 0);
    assertEquals(Set.of(0, 2), allowed(two.mask(behind)));
    // And where the answer itself begins with one, the token has to bring two.
    TokenMasks spaced = masks(AnswerFormat.choice(List.of(" yes")), pieces);
    assertEquals(Set.of(3), allowed(spaced.mask(spaced.start())));
  }

  @Test
  void statesThatAllowTheSameTokensShareTheirMask() {
    Pieces pieces = Pieces.ofJson(new Random(1));
    TokenMasks masks = masks(AnswerFormat.regex("[ab]{50}x"), pieces);
    int state = masks.start();
    int[] first = masks.mask(state);
    for (int i = 0; i < 20; i++) {
      state = masks.next(state, 'a');
      assertSame(first, masks.mask(state));
    }
    for (int i = 20; i < 50; i++) {
      state = masks.next(state, 'b');
    }
    assertNotSame(first, masks.mask(state));
    assertSame(first, masks.mask(masks.start()));
    // Only places as near to the end as a token is long differ.
    assertTrue(masks.made() <= pieces.vocabulary().longest() + 3, masks.made() + " masks");
  }

  @Test
  void placesOfALongTextThatTokensCannotTellApartAreOne() {
    Pieces pieces = Pieces.ofJson(new Random(1));
    for (String pattern : List.of("[\\s\\S]{0,900}", "(ab|c){900}")) {
      Automaton automaton = AnswerGrammars.automaton(AnswerFormat.regex(pattern));
      TokenMasks masks = new TokenMasks(automaton, pieces.vocabulary());
      for (int s = 0; s < automaton.states(); s++) {
        masks.mask(s);
      }
      assertTrue(automaton.states() > 1700 && masks.made() < 150, masks.made() + " of " + automaton.states());
    }
  }
}
