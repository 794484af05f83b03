// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The formulas, on their published values and beside plain ones of them. */
class RewardsTest {
  private static final Pattern FORMAT =
      Pattern.compile("^<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$", Pattern.DOTALL | Pattern.MULTILINE
          | Pattern.UNIX_LINES);
  private static final Pattern STEPS =
      Pattern.compile("Step \\d+:|\\A\\d+\\.|\n-|\n\\*|First,|Second,|Next,|Finally,");
  private static final String[] PIECES = {
    "<think>", "</think>", "<answer>", "</answer>", "\n", "\n", "\n", "x", " ", "```", "python", "-", "*", "1", ".",
    "23.", "Step ", ":", "First,", "Next,", "\r", "\u2028", "<think>\n", "\n</think>\n<answer>\n", "\n</answer>"
  };

  private final long seed = Long.getLong("winnow.seed", new Random().nextInt(1 << 30));

  private static Double of(String name, Map<String, String> params, String text) {
    return Rewards.byName(name, params).of(Sample.of(text, "$20$"));
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder(random.nextInt(3) == 0 ? "" : "<think>\n");
    for (int n = random.nextInt(14); n > 0; n--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return text.toString();
  }

  private void manyTexts(java.util.function.Consumer<String> check) {
    Random random = new Random(seed);
    System.out.println("reward texts of -Dwinnow.seed=" + seed);
    for (int i = 0; i < 200_000; i++) {
      check.accept(text(random));
    }
  }

  @Test
  void formatIsThePatternOfOpenR1() {
    Reward format = Rewards.byName("format", Map.of());
    Set<Double> seen = new HashSet<>();
    manyTexts(
        text -> {
          double expected = FORMAT.matcher(text).lookingAt() ? 1.0 : 0.0;
          seen.add(expected);
          assertEquals(expected, format.of(Sample.of(text)), () -> "for " + text + ", seed " + seed);
        });
    assertEquals(Set.of(0.0, 1.0), seen);
  }

  @Test
  void codeFormatIsThePatternOfOpenR1() {
    Pattern pattern =
        Pattern.compile(
            "^<think>\n.*?\n</think>\n<answer>\n.*?```python.*?```.*?\n</answer>$",
            Pattern.DOTALL | Pattern.MULTILINE | Pattern.UNIX_LINES);
    Reward literal = Rewards.byName("code_format", Map.of());
    Reward special = Rewards.byName("code_format", Map.of("language", "pytho[n]"));
    Set<Double> seen = new HashSet<>();
    manyTexts(
        rest -> {
          String text = rest.hashCode() % 2 == 0 ? "<think>\na\n</think>\n<answer>\n```python" + rest : rest;
          double expected = pattern.matcher(text).lookingAt() ? 1.0 : 0.0;
          seen.add(expected);
          assertEquals(expected, literal.of(Sample.of(text)), () -> "for " + text + ", seed " + seed);
          assertEquals(expected, special.of(Sample.of(text)), () -> "for " + text + ", seed " + seed);
        });
    assertEquals(Set.of(0.0, 1.0), seen);
  }

  @Test
  void reasoningStepsCountsThePatternOfOpenR1() {
    Reward steps = Rewards.byName("reasoning_steps", Map.of());
    Set<Double> seen = new HashSet<>();
    manyTexts(
        text -> {
          Matcher matcher = STEPS.matcher(text);
          int count = 0;
          while (matcher.find()) {
            count++;
          }
          double expected = Math.min(1.0, count / 3.0);
          seen.add(expected);
          assertEquals(expected, steps.of(Sample.of(text)), () -> "for " + text + ", seed " + seed);
        });
    assertEquals(4, seen.size());
  }

  @Test
  void tagCountIsAQuarterForEachTagThatIsThereOnce() {
    Reward tags = Rewards.byName("tag_count", Map.of());
    Set<Double> seen = new HashSet<>();
    manyTexts(
        text -> {
          double expected = 0;
          for (String tag : new String[] {"<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"}) {
            expected += text.split(Pattern.quote(tag), -1).length == 2 ? 0.25 : 0;
          }
          seen.add(expected);
          assertEquals(expected, tags.of(Sample.of(text)), () -> "for " + text + ", seed " + seed);
        });
    assertEquals(5, seen.size());
  }

  @Test
  void repetitionIsThatOfSetsOfWords() {
    Random random = new Random(seed);
    for (int i = 0; i < 3_000; i++) {
      int kinds = 1 + random.nextInt(4);
      List<String> words = new ArrayList<>();
      for (int n = random.nextInt(40); n > 0; n--) {
        words.add((random.nextBoolean() ? "w" : "W") + random.nextInt(kinds));
      }
      int size = 1 + random.nextInt(12);
      double expected = 0;
      if (words.size() >= size) {
        List<String> lower = words.stream().map(word -> word.toLowerCase(Locale.ROOT)).toList();
        Set<List<String>> grams = new HashSet<>();
        for (int at = 0; at + size <= lower.size(); at++) {
          grams.add(lower.subList(at, at + size));
        }
        expected = (1 - grams.size() / (double) (words.size() - size + 1)) * -0.7;
      }
      Map<String, String> params = Map.of("ngram_size", "" + size, "max_penalty", "-0.7");
      assertEquals(
          expected, of("repetition_penalty", params, String.join("  ", words)), () -> words + ", seed " + seed);
    }
  }

  /** The values of Open-R1's own tests, to the places that they are given in. */
  @Test
  void publishedValuesHold() {
    String right = "\\boxed{20}";
    Map<String, String> wide = Map.of("max_len", "100");
    assertEquals(0.942628, of("cosine", wide, "a".repeat(22 - right.length()) + right), 5e-7);
    assertEquals(0.547746, of("cosine", wide, "a".repeat(80 - right.length()) + right), 5e-7);
    String wrong = "\\boxed{21}";
    assertEquals(-0.942628, of("cosine", wide, "a".repeat(22 - wrong.length()) + wrong), 5e-7);
    assertEquals(-0.547746, of("cosine", wide, "a".repeat(80 - wrong.length()) + wrong), 5e-7);
    assertEquals(-0.75, of("repetition_penalty", Map.of("ngram_size", "2"), "this this this this this"));
    String test = "this is a this is a test";
    assertEquals(-1.0 / 3, of("repetition_penalty", Map.of("ngram_size", "2"), test), 1e-15);
    assertEquals(-0.4, of("repetition_penalty", Map.of("ngram_size", "3", "max_penalty", "-2"), test), 1e-15);
    assertEquals(-0.3846, of("repetition_penalty", Map.of(), "A B C A B C E F G A B C A B C"), 5e-5);
    // The registry's parameters turn the punishment of wrong answers round.
    Map<String, String> registry = Map.of("min_value_wrong", "0", "max_value_wrong", "-0.5");
    assertEquals(0.0, of("cosine", registry, ""));
    assertEquals(-0.5, of("cosine", registry, "a".repeat(1000)));
  }

  @Test
  void lengthsAreCodePoints() {
    String faces = "\uD83D\uDE00".repeat(50);
    assertEquals(of("cosine", Map.of("max_len", "100"), "a".repeat(50)), of("cosine", Map.of("max_len", "100"), faces));
    List<Sample> group = List.of(Sample.of(faces, "$1$"), Sample.of("a".repeat(50), "$1$"));
    assertEquals(List.of(0.0, 0.0), Rewards.byName("length", Map.of()).of(group));
  }

  @Test
  void lengthGoesByTheGroup() {
    String right = "\\boxed{20}";
    List<Sample> group =
        Arrays.asList(
            Sample.of(right, "$20$"), Sample.of("so " + right, "$20$"), Sample.of("a".repeat(18), "$20$"),
            Sample.of("", "$20$"), Sample.of(null, "$20$"), Sample.of("a".repeat(20), "$20$"));
    List<Double> expected =
        Arrays.asList(0.5 - 10 / 20.0, 0.5 - 13 / 20.0, Math.min(0, 0.5 - 18 / 20.0), 0.0, null, -0.5);
    assertEquals(expected, Rewards.byName("length", Map.of()).of(group));
    assertEquals(List.of(), Rewards.byName("length", Map.of()).of(List.of()));
  }

  @Test
  void whatIsMissingGetsNoReward() {
    for (String name : Rewards.names()) {
      assertNull(Rewards.byName(name, Map.of()).of(new Sample(null, "$1$", null, null)), name);
    }
  }

  @Test
  void chineseCountsCharacters() {
    Map<String, String> params = Map.of("language", "zh", "ngram_size", "2");
    // Grams: 北京 京北 北京 京人, of which three are distinct.
    assertEquals(-0.25, of("repetition_penalty", params, "\u5317\u4eac \u5317\u4eac\u3000\u4eba"));
    assertEquals(0.0, of("repetition_penalty", params, "\u5317"));
  }

  @Test
  void hugeTextsEnd() {
    String words = "again ".repeat(1_000_000);
    assertEquals(-1 + 1 / 999_998.0, of("repetition_penalty", Map.of(), words), 1e-9);
    String grams = "1000000";
    assertEquals(-0.0, of("repetition_penalty", Map.of("ngram_size", grams), words));
    String tags = "<think>\n" + "\n</think>\n<answer>\n".repeat(200_000);
    assertEquals(0.0, of("format", Map.of(), tags));
    assertEquals(0.0, of("code_format", Map.of(), tags + "```".repeat(200_000)));
    assertEquals(0.25, of("tag_count", Map.of(), tags));
    assertEquals(1.0, of("reasoning_steps", Map.of(), "\n-".repeat(500_000)));
    assertEquals(0.0, of("reasoning_steps", Map.of(), "9".repeat(2_000_000)));
    assertEquals(0.0, of("reasoning_steps", Map.of(), "Step ".repeat(500_000)));
    // A language that is a pattern: what would take for ever gets no reward.
    String fences = "<think>\na\n</think>\n<answer>\n" + "```c".repeat(100_000);
    assertNull(of("code_format", Map.of("language", "c+"), fences));
  }

  @Test
  void unknownNamesAndValuesAreRefused() {
    refused("Unknown reward 'acuracy'. Known rewards: accuracy, code_format,", "acuracy", Map.of());
    refused("Unknown parameter 'n' of reward repetition_penalty. Known parameters: ngram_size,", "repetition_penalty",
        Map.of("n", "2"));
    refused("max_penalty of reward repetition_penalty: it must be 0 or less", "repetition_penalty",
        Map.of("max_penalty", "0.5"));
    refused("it must be a whole number of at least 1", "repetition_penalty", Map.of("ngram_size", "0"));
    refused("it must be a number", "cosine", Map.of("min_value_wrong", "NaN"));
    refused("it must be more than 0", "cosine", Map.of("max_len", "0"));
    refused("it must be one of en, zh", "repetition_penalty", Map.of("language", "de"));
    refused("it must be true or false", "format", Map.of("strict", "yes"));
    refused("it must be a name or a regular expression", "code_format", Map.of("language", "c("));
    refused("Unknown parameter 'strict'", "soft_overlong_punishment", Map.of("strict", "true"));
    refused("min_value_wrong of reward cosine: it must be at most max_value_wrong", "cosine",
        Map.of("strict", "true", "min_value_wrong", "0"));
  }

  private static void refused(String message, String name, Map<String, String> params) {
    String said =
        assertThrows(IllegalArgumentException.class, () -> Rewards.byName(name, params)).getMessage();
    assertTrue(said.contains(message), said);
  }

  @Test
  void rewardsSayWhatTheyAre() {
    Reward reward = Rewards.byName("repetition_penalty", Map.of("ngram_size", "4"));
    assertEquals("repetition_penalty/1", reward.version());
    assertEquals(
        Map.of("ngram_size", "4", "max_penalty", "-1.0", "language", "en"), reward.params());
    assertEquals("accuracy/1+", Rewards.byName("accuracy", Map.of()).version().substring(0, 11));
    assertEquals(Set.of("length"), Set.copyOf(
        Rewards.names().stream().filter(name -> Rewards.byName(name, Map.of()).ofGroup()).toList()));
  }

  @Test
  void samplesAndMessagesAreWhatTheySay() {
    assertEquals(-1.0, Rewards.byName("soft_overlong_punishment", Map.of()).of(Sample.ofTokens(16_385)));
    String messages = "[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"},"
        + "{\"role\":\"tool\",\"content\":\"t\"}]";
    assertEquals("a", Messages.completion(messages));
    assertEquals("b", Messages.completion("[{\"content\":\"b\"}]"));
    assertNull(Messages.completion("[{\"role\":\"user\",\"content\":\"q\"}]"));
    assertNull(Messages.completion("[{\"role\":\"assistant\",\"content\":[\"x\"]}]"));
    assertNull(Messages.completion("no JSON"));
  }

  @Test
  void missingRewardsCountNothingInTheSum() {
    double[] weights = {1, 0.5, 2};
    assertEquals(1 + 0.25 - 2, Rewards.weightedSum(List.of(1.0, 0.5, -1.0), weights));
    assertEquals(-1.5, Rewards.weightedSum(Arrays.asList(null, 1.0, -1.0), weights));
    assertNull(Rewards.weightedSum(Arrays.asList(null, null, null), weights));
    assertThrows(IllegalArgumentException.class, () -> Rewards.weightedSum(List.of(1.0), weights));
  }
}
