// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Each flaw of the original: what it says, and what its strict sibling says instead. */
class StrictRewardsTest {
  private static final String GOOD = "<think>\nadd\n</think>\n<answer>\n42\n</answer>";

  private static void check(String name, Map<String, String> params, Sample sample, Double plain, Double strict) {
    Map<String, String> strictParams = new TreeMap<>(params);
    strictParams.put("strict", "true");
    assertEquals(plain, Rewards.byName(name, params).of(sample), () -> name + " of " + sample);
    assertEquals(strict, Rewards.byName(name, strictParams).of(sample), () -> name + ":strict=true of " + sample);
  }

  private static void check(String name, String text, double plain, double strict) {
    check(name, Map.of(), Sample.of(text), plain, strict);
  }

  @Test
  void formatAsksForOneThoughtAndOneAnswerAndNothingBehind() {
    check("format", GOOD, 1, 1);
    check("format", GOOD + "\n \n", 1, 1);
    check("format", GOOD + "\nmore", 1, 0);
    check("format", GOOD + "\n" + GOOD, 1, 0);
    check("format", GOOD + " x\n</answer>", 1, 0);
    check("format", "<think>\na\n</think>\nb\n</think>\n<answer>\n1\n</answer>", 1, 0);
    check("format", "<think>\n\n</think>\n<answer>\n1\n</answer>", 1, 0);
    check("format", "<think>\na\n</think>\n<answer>\n \n</answer>", 1, 0);
    check("format", "<think>\na <answer>\n</think>\n<answer>\n1\n</answer>", 1, 0);
    check("format", " " + GOOD, 0, 0);
    check("format", "", 0, 0);
  }

  @Test
  void tagsCountInTheirOrder() {
    check("tag_count", GOOD, 1, 1);
    check("tag_count", "\n</answer>\n<answer>\n\n</think>\n<think>\n", 1, 0.25);
    check("tag_count", "\n</think>\n<think>\n\n<answer>\n\n</answer>", 1, 0.75);
    check("tag_count", "<think>\n<think>\na\n</think>\n\n<answer>\n", 0.5, 0.5);
  }

  @Test
  void stepsAreCountedAtTheStartOfEachLine() {
    check("reasoning_steps", "1. one\n2. two\n3. three", 1 / 3.0, 1);
    check("reasoning_steps", "\n1. one\n- two", 1 / 3.0, 2 / 3.0);
    check("reasoning_steps", "- one\n\n* two", 1 / 3.0, 2 / 3.0);
    check("reasoning_steps", "\n---\n**Bold**\n-5", 1, 0);
    check("reasoning_steps", "1.5 is\n2.5", 1 / 3.0, 0);
    check("reasoning_steps", "Step 1: a\nFirst, b. Next, c", 1, 1);
    check("reasoning_steps", "-", 0, 0);
    check("reasoning_steps", "Next, a. Finally, b", 2 / 3.0, 2 / 3.0);
    check("reasoning_steps", "Finally,Second,", 2 / 3.0, 2 / 3.0);
    check("reasoning_steps", "Step 12:Step 3: x", 2 / 3.0, 2 / 3.0);
  }

  @Test
  void aLanguageIsItsNameAlone() {
    String block = "<think>\na\n</think>\n<answer>\n```%s\nx\n```\n</answer>";
    check("code_format", Map.of(), Sample.of(String.format(block, "python")), 1.0, 1.0);
    check("code_format", Map.of(), Sample.of(String.format(block, "pythonic")), 1.0, 0.0);
    check("code_format", Map.of("language", "c++"), Sample.of(String.format(block, "cpp")), 1.0, 0.0);
    check("code_format", Map.of("language", "c++"), Sample.of(String.format(block, "c++")), 1.0, 1.0);
    check("code_format", Map.of("language", ".net"), Sample.of(String.format(block, "xnet")), 1.0, 0.0);
    check("code_format", Map.of(), Sample.of(String.format(block, "python") + "\nmore"), 1.0, 0.0);
    check("code_format", Map.of(), Sample.of("<think>\na\n</think>\n<answer>\n```python x```\n</answer>"), 1.0, 0.0);
    String open = "<think>\na\n</think>\n<answer>\n```python\nx = '```'\n</answer>";
    check("code_format", Map.of(), Sample.of(open), 1.0, 0.0);
    // A row's own language wins, and one that is no pattern gets nothing.
    Sample own = new Sample(String.format(block, "c("), null, null, "c(");
    check("code_format", Map.of(), own, null, 1.0);
  }

  @Test
  void anAnswerNeedsNoBox() {
    check("accuracy", Map.of(), Sample.of("So it is $42$.", "$42$"), 0.0, 1.0);
    check("accuracy", Map.of(), Sample.of("So the answer is $42$.", "$42$"), 1.0, 1.0);
    check("accuracy", Map.of(), Sample.of("So it is $41$.", "$42$"), 0.0, 0.0);
    check("cosine", Map.of(), Sample.of("", "42"), 1.0, -1.0);
  }

  @Test
  void anUnreadableGoldIsNoRightAnswer() {
    Sample noGold = Sample.of("\\boxed{42}", "");
    check("cosine", Map.of(), noGold, 1.0, null);
    check("accuracy", Map.of(), noGold, null, null);
    List<Sample> group =
        List.of(noGold, Sample.of("so \\boxed{42}", "$42$"), Sample.of("so it is \\boxed{41}", "$42$"));
    double middle = 0.5 - 3 / 9.0;
    assertEquals(List.of(0.5, middle, -0.5), Rewards.byName("length", Map.of()).of(group));
    assertEquals(
        Arrays.asList(null, middle, -0.5), Rewards.byName("length", Map.of("strict", "true")).of(group));
  }

  @Test
  void lengthBeyondTheLongestGetsNoBetter() {
    Map<String, String> params = Map.of("max_len", "100");
    Sample twice = Sample.of("a".repeat(190) + "\\boxed{42}", "$42$");
    check("cosine", params, twice, 1.0, 0.5);
    Sample wrong = Sample.of("a".repeat(190) + "\\boxed{41}", "$42$");
    check("cosine", params, wrong, -1.0, -0.5);
  }

  @Test
  void siblingsAreFound() {
    Reward plain = Rewards.byName("cosine", Map.of("max_len", "50"));
    Reward strict = Rewards.strictSibling(plain);
    assertEquals("true", strict.params().get("strict"));
    assertEquals("50.0", strict.params().get("max_len"));
    assertNull(Rewards.strictSibling(strict));
    assertNull(Rewards.strictSibling(Rewards.byName("repetition_penalty", Map.of())));
    assertNull(Rewards.strictSibling(Rewards.byName("soft_overlong_punishment", Map.of())));
  }
}
