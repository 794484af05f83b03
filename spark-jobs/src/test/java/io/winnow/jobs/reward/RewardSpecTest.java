// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.conf.UsageException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewardSpecTest {
  @Test
  void readsNameParametersWeightAndColumn() {
    assertEquals(new RewardSpec("format", Map.of(), "format", 1), RewardSpec.parse("format"));
    assertEquals(
        new RewardSpec("format", Map.of("strict", "true"), "format_strict", -0.5),
        RewardSpec.parse("format:weight=-0.5,strict=true"));
    assertEquals(
        new RewardSpec("code_format", Map.of("language", "c++"), "cc", 1),
        RewardSpec.parse("code_format:language=c++,as=cc"));
    assertEquals("c++", RewardSpec.parse("code_format:language=c++,as=cc").reward().params().get("language"));
  }

  @Test
  void refusesWhatCannotBe() {
    refused("after the colon come KEY=VALUE pairs", "format:");
    refused("after the colon come KEY=VALUE pairs", "format:strict");
    refused("it gives strict twice", "format:strict=true,strict=false");
    refused("weight must be a number, not 'much'", "format:weight=much");
    refused("weight must be a number", "format:weight=Infinity");
    refused("letters, digits and _", "format:as=a b");
    refused("Cannot use --reward 'fromat': Unknown reward 'fromat'.", "fromat");
    refused("Unknown parameter 'size'", "repetition_penalty:size=3");
  }

  private static void refused(String message, String text) {
    String said = assertThrows(UsageException.class, () -> RewardSpec.parse(text)).getMessage();
    assertTrue(said.contains(message), said);
  }
}
