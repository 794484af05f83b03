// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Overlaps by the index beside those by plain sets of n-grams. */
class OverlapSearchTest {
  private static List<Overlap> found(Wording wording, int n, List<String> benchmark, String... texts) {
    List<NgramIndex.Source> sources = new ArrayList<>();
    for (int row = 0; row < benchmark.size(); row++) {
      sources.add(new NgramIndex.Source(0, row, wording.words(benchmark.get(row))));
    }
    return new OverlapSearch(new NgramIndex(wording, n, sources)).find(Arrays.asList(texts));
  }

  @Test
  void tellsTheLongestStretchOfEachRow() {
    List<String> benchmark = List.of("a b c d e f g", "x y z", "c d e q a b c", "B  C\td");
    assertEquals(
        List.of(
            new Overlap(0, 0, "b c d e", false), new Overlap(0, 2, "c d e", false), new Overlap(0, 3, "b c d", false)),
        found(Wording.OPEN_R1, 3, benchmark, "b c d e x e f g", null, "y z", ""));
    assertEquals(
        List.of(new Overlap(0, 0, "d e f g", false)),
        found(Wording.OPEN_R1, 4, benchmark, "x y z", "d e f g", "a b c d"));
  }

  @Test
  void shortTextsAreComparedWholeInStrictWordingAlone() {
    List<String> benchmark = List.of("What is 2+2?", "", "1 2 3 4 5 6", "what is two plus two today");
    assertEquals(List.of(), found(Wording.OPEN_R1, 5, benchmark, "what is 2+2?"));
    assertEquals(
        List.of(new Overlap(0, 0, "what is 2 2", true)), found(Wording.STRICT, 5, benchmark, "what is 2 2 !"));
    assertEquals(List.of(), found(Wording.STRICT, 5, benchmark, "what is 3+3?", "...", "what is 2 2 then"));
    assertEquals(
        List.of(new Overlap(0, 2, "1 2 3 4 5 6", true)), found(Wording.STRICT, 5, benchmark, "1, 2, 3, 4, 5, 6"));
    assertEquals(
        List.of(new Overlap(0, 0, "so 0 apples and 0 pears", false)),
        found(Wording.STRICT, 5, List.of("So 12.5 apples, and 7 pears"), "I say: so 3 apples and 1,000 pears"));
  }

  @Test
  void anAnswerLongerThanThePromptIsNoWholeMatch() {
    assertEquals(List.of(), found(Wording.STRICT, 4, List.of("two words"), "two words more"));
  }

  @Test
  void agreesWithPlainSetsEvenIfHashesCollide() {
    long seed = Long.getLong("winnow.seed", new Random().nextLong());
    Random random = new Random(seed);
    for (int trial = 0; trial < 300; trial++) {
      int n = 1 + random.nextInt(5);
      int vocabulary = 2 + random.nextInt(6);
      List<NgramIndex.Source> sources = new ArrayList<>();
      for (int i = random.nextInt(12); i > 0; i--) {
        sources.add(
            new NgramIndex.Source(random.nextInt(3), random.nextInt(4), words(random, vocabulary)));
      }
      long bits = trial % 3 == 0 ? 1 : trial % 3 == 1 ? 7 : -1;
      OverlapSearch search = new OverlapSearch(new NgramIndex(Wording.OPEN_R1, n, sources, bits));
      for (int i = 0; i < 5; i++) {
        List<String> texts = List.of(words(random, vocabulary), words(random, vocabulary));
        assertEquals(
            plain(n, sources, texts), search.find(texts), "REPRO -Dwinnow.seed=" + seed + " trial " + trial);
      }
    }
  }

  private static String words(Random random, int vocabulary) {
    StringBuilder out = new StringBuilder();
    for (int i = random.nextInt(30); i > 0; i--) {
      out.append(out.length() == 0 ? "" : " ").append("w".repeat(1 + random.nextInt(2)));
      out.append(random.nextInt(vocabulary));
    }
    return out.toString();
  }

  private static List<String> grams(int n, String words) {
    String[] parts = words.isEmpty() ? new String[0] : words.split(" ");
    List<String> out = new ArrayList<>();
    for (int i = 0; i + n <= parts.length; i++) {
      out.add(String.join(" ", Arrays.asList(parts).subList(i, i + n)));
    }
    return out;
  }

  private static List<Overlap> plain(int n, List<NgramIndex.Source> sources, List<String> texts) {
    TreeMap<Long, Set<String>> rows = new TreeMap<>();
    for (NgramIndex.Source source : sources) {
      rows.computeIfAbsent(source.benchmark() * 100L + source.row(), key -> new HashSet<>())
          .addAll(grams(n, source.words()));
    }
    List<Overlap> out = new ArrayList<>();
    rows.forEach(
        (key, grams) -> {
          String best = null;
          int longest = 0;
          for (String text : texts) {
            List<String> own = grams(n, text);
            for (int from = 0; from < own.size(); from++) {
              int to = from;
              while (to < own.size() && grams.contains(own.get(to))) {
                to++;
              }
              if (to - from > longest) {
                longest = to - from;
                best = String.join(" ", Arrays.asList(text.split(" ")).subList(from, to + n - 1));
              }
            }
          }
          if (best != null) {
            out.add(new Overlap((int) (key / 100), key % 100, best, false));
          }
        });
    return out;
  }

  @Test
  void wordsBeyondAnyBufferAreFound() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 5000; i++) {
      text.append("w").append(i).append(' ');
    }
    List<Overlap> all = found(Wording.OPEN_R1, 8, List.of(text.toString()), "before " + text);
    assertEquals(1, all.size());
    assertTrue(all.get(0).span().startsWith("w0 w1") && all.get(0).span().endsWith("w4999"));
  }
}
