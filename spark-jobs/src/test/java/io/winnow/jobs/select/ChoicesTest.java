// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Diverse texts, and pairs of alike lengths. */
class ChoicesTest {
  private static List<Integer> places(List<DiverseTexts.Pick> picks) {
    return picks.stream().map(DiverseTexts.Pick::place).toList();
  }

  @Test
  void theFarthestComesNext() {
    List<String> texts = List.of("a b c d", "a b c e", "x y z w", "a b c d", "x y z v");
    List<DiverseTexts.Pick> picks = DiverseTexts.of(texts, 4, 2);
    // {ab bc cd} {ab bc ce} {xy yz zw} {ab bc cd} {xy yz zv}: two of four are alike, so .5.
    assertEquals(List.of(0, 2, 1, 4), places(picks));
    assertNull(picks.get(0).distance());
    assertEquals(1.0, picks.get(1).distance());
    assertEquals(0.5, picks.get(2).distance());
    assertEquals(0.5, picks.get(3).distance());
    // What is there already is taken last.
    DiverseTexts.Pick last = DiverseTexts.of(texts, 9, 2).get(4);
    assertEquals(3, last.place());
    assertEquals(0.0, last.distance());
  }

  @Test
  void wordsAreInLowerCaseAndShortTextsAreOneGram() {
    // Case and white space aside the same; the third has other words.
    assertEquals(List.of(0, 2), places(DiverseTexts.of(List.of("Two  words", "two\nWORDS", "three"), 2, 5)));
    // Empty texts are alike; what is null is never taken.
    assertEquals(List.of(1, 2), places(DiverseTexts.of(Arrays.asList(null, "", " "), 5, 3)));
    assertEquals(0.0, DiverseTexts.of(Arrays.asList(null, "", " "), 5, 3).get(1).distance());
    assertEquals(List.of(), places(DiverseTexts.of(List.of(), 5, 3)));
  }

  /** Jaccard's distance by sets of texts, the plain way. */
  private static double plain(String a, String b, int n) {
    Set<String> one = grams(a, n);
    Set<String> other = grams(b, n);
    Set<String> union = new HashSet<>(one);
    union.addAll(other);
    one.retainAll(other);
    return union.isEmpty() ? 0 : 1 - (double) one.size() / union.size();
  }

  private static Set<String> grams(String text, int n) {
    List<String> words = Arrays.stream(text.toLowerCase().split("\\s+")).filter(word -> !word.isEmpty()).toList();
    Set<String> out = new HashSet<>();
    for (int i = 0; i < words.size() && (i == 0 || i + n <= words.size()); i++) {
      out.add(String.join(" ", words.subList(i, Math.min(words.size(), i + n))));
    }
    return out;
  }

  @Test
  void distancesAreThoseOfSetsOfTexts() {
    long seed = Long.getLong("winnow.seed", new Random().nextInt(1 << 30));
    Random random = new Random(seed);
    for (int trial = 0; trial < 300; trial++) {
      int n = 1 + random.nextInt(4);
      List<String> texts = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        StringBuilder text = new StringBuilder();
        for (int w = random.nextInt(12); w > 0; w--) {
          text.append("aBcD".charAt(random.nextInt(4))).append(random.nextBoolean() ? " " : "\n ");
        }
        texts.add(text.toString());
      }
      double found = DiverseTexts.of(texts, 2, n).get(1).distance();
      assertEquals(plain(texts.get(0), texts.get(1), n), found, () -> texts + ", n " + n + ", seed " + seed);
    }
  }

  @Test
  void pairsAreAlikeInLength() {
    List<Double> chosen = List.of(100.0, 10.0, 50.0);
    List<Double> rejected = List.of(48.0, 400.0, 11.0);
    assertEquals(
        List.of(new LengthPairs.Pair(2, 0), new LengthPairs.Pair(1, 2), new LengthPairs.Pair(0, 1)),
        LengthPairs.matched(chosen, rejected, 9, Double.POSITIVE_INFINITY));
    assertEquals(List.of(new LengthPairs.Pair(2, 0)), LengthPairs.matched(chosen, rejected, 1, 2));
    assertEquals(2, LengthPairs.matched(chosen, rejected, 9, 3.9).size());
    assertEquals(3, LengthPairs.matched(chosen, rejected, 9, 4).size());
    // Of pairs as good the first of both lists; nobody stands in two.
    assertEquals(
        List.of(new LengthPairs.Pair(0, 0), new LengthPairs.Pair(1, 1)),
        LengthPairs.matched(List.of(5.0, 5.0), List.of(5.0, 5.0), 9, 1));
    assertEquals(List.of(), LengthPairs.matched(List.of(), rejected, 9, 9));
    // Lengths of 0 are alike, and nothing else is alike to them.
    assertEquals(List.of(new LengthPairs.Pair(0, 1)), LengthPairs.matched(List.of(0.0), List.of(1.0, 0.0), 9, 50));
  }

  @Test
  void pairsInOrderTakeTheFirstThatFits() {
    List<LengthPairs.Pair> pairs = LengthPairs.inOrder(List.of(10.0, 100.0), List.of(99.0, 12.0), 9, 2);
    assertEquals(List.of(new LengthPairs.Pair(0, 1), new LengthPairs.Pair(1, 0)), pairs);
    pairs = LengthPairs.inOrder(List.of(10.0, 100.0), List.of(99.0, 12.0), 1, Double.POSITIVE_INFINITY);
    assertEquals(List.of(new LengthPairs.Pair(0, 0)), pairs);
    assertTrue(LengthPairs.inOrder(List.of(10.0), List.of(99.0), 1, 2).isEmpty());
  }
}
