// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class RewardCasesTest {
  private static String filled(String line) {
    RewardCases.Filled filled = new RewardCases().fill(line);
    assertNull(filled.error(), filled.error());
    return filled.line();
  }

  private static void failed(String expected, String why, String line) {
    RewardCases.Filled filled = new RewardCases().fill(line);
    assertTrue(filled.error() != null && filled.error().contains(why), filled.error());
    assertTrue(filled.line().startsWith(expected), filled.line());
    assertTrue(filled.line().contains("\"error\":"), filled.line());
  }

  @Test
  void allButTheRewardsStaysAsItIsWritten() {
    assertEquals(
        "{ \"n\": 1.50e1, \"reward\":\"format\", \"completions\": [\"\\ud800\\u00e9\"],\t\"x\": {\"rewards\": 3},"
            + " \"rewards\": [0.0], \"y\": null }",
        filled(
            "{ \"n\": 1.50e1, \"reward\":\"format\", \"completions\": [\"\\ud800\\u00e9\"],\t\"x\": {\"rewards\": 3},"
                + " \"rewards\": [9, {\"a\": []}], \"y\": null }"));
    assertEquals(
        "{\"reward\":\"tag_count\",\"completions\":[],\"params\":null, \"rewards\": []}",
        filled("{\"reward\":\"tag_count\",\"completions\":[],\"params\":null}"));
  }

  @Test
  void missingTextsHaveNoReward() {
    assertEquals(
        "{\"reward\":\"tag_count\",\"completions\":[null,\"<think>\\n\"], \"rewards\": [null, 0.25]}",
        filled("{\"reward\":\"tag_count\",\"completions\":[null,\"<think>\\n\"]}"));
    String tokens = "{\"reward\":\"soft_overlong_punishment\",\"completions\":null,"
        + "\"completion_lengths\":[16384,null,0]";
    assertEquals(tokens + ", \"rewards\": [-1.0, null, 0.0]}", filled(tokens + "}"));
  }

  @Test
  void minusZeroAndAllDigitsAreKept() {
    String line = "{\"reward\":\"repetition_penalty\",\"params\":{\"ngram_size\":1,\"max_penalty\":-1},"
        + "\"completions\":[\"a b\",\"a b a\"]";
    assertEquals(line + ", \"rewards\": [-0.0, -0.33333333333333337]}", filled(line + "}"));
  }

  @Test
  void wholeNumbersMayHaveAPoint() {
    String line = "{\"reward\":\"soft_overlong_punishment\",\"params\":{\"max_completion_len\":20.0,"
        + "\"soft_punish_cache\":1e1},\"completion_lengths\":[15, 15.0]";
    assertEquals(line + ", \"rewards\": [-0.5, -0.5]}", filled(line + "}"));
  }

  @Test
  void completionsMayBeMessages() {
    String messages = "[{\"role\":\"user\",\"content\":\"\\n<answer>\\n\"},"
        + "{\"role\":\"assistant\",\"content\":\"<think>\\n\"}]";
    String line = "{\"reward\":\"tag_count\",\"completions\":[" + messages + ",[{\"content\":\"\\n</answer>\"}],[]]";
    assertEquals(line + ", \"rewards\": [0.25, 0.25, null]}", filled(line + "}"));
  }

  @Test
  void aBadCaseIsThatLineWithTheReason() {
    failed("{\"line\":\"no\",\"error\":", "it is not JSON", "no");
    failed("{\"line\":\"[1]\"", "not an object in braces", "[1]");
    failed("{\"line\":\"{} {}\"", "it is not JSON", "{} {}");
    failed("{\"rewards\": null, \"error\": \"it names no reward", "it names no reward", "{}");
    failed("{\"a\":1, \"rewards\": null, \"error\": ", "it names no reward", "{\"a\":1}");
    failed("{\"reward\":\"x\",\"error\":\"Unknown", "Unknown reward 'x'",
        "{\"reward\":\"x\",\"error\":[1],\"completions\":[]}");
    failed("{\"rewards\":null,\"reward\":\"x\",\"error\":\"Unknown", "Unknown reward 'x'",
        "{\"rewards\":[1, 2],\"reward\":\"x\",\"error\":\"older\"}");
    failed("{\"error\":\"Unknown reward 'x'", "Unknown reward 'x'",
        "{\"error\":null,\"rewards\":[1.5],\"reward\":\"x\"}");
    failed("{\"reward\":\"format\"", "its completions are no list, but null",
        "{\"reward\":\"format\",\"completions\":null}");
    failed("{\"reward\":\"cosine\"", "its solutions are no list, but missing",
        "{\"reward\":\"cosine\",\"completions\":[\"a\"]}");
    failed("{\"reward\":\"accuracy\"", "its lists have 1 and 2 items",
        "{\"reward\":\"accuracy\",\"completions\":[\"a\"],\"solutions\":[\"1\",\"2\"]}");
    failed("{\"reward\":\"format\"", "its params are no object",
        "{\"reward\":\"format\",\"params\":[],\"completions\":[]}");
    failed("{\"reward\":\"format\"", "its completions hold an object",
        "{\"reward\":\"format\",\"completions\":[{\"content\":\"a\"}]}");
    failed("{\"reward\":\"soft_overlong_punishment\"", "they must be whole numbers",
        "{\"reward\":\"soft_overlong_punishment\",\"completion_lengths\":[1.5]}");
    failed("{\"reward\":\"format\"", "its parameter strict is a list",
        "{\"reward\":\"format\",\"params\":{\"strict\":[]},\"completions\":[]}");
  }
}
