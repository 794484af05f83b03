// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.SidecarSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SidecarSettingsTest {
  private static SettingValues values(String... words) {
    Map<String, List<String>> options = new HashMap<>();
    options.put("prompts", List.of("p.jsonl"));
    options.put("out", List.of("t"));
    for (int i = 0; i < words.length; i += 2) {
      options.merge(
          words[i], List.of(words[i + 1]),
          (a, b) -> Stream.concat(a.stream(), b.stream()).toList());
    }
    return SettingValues.resolve(GenerateSettings.ALL, options, key -> null);
  }

  private static String refusal(String... words) {
    SettingValues values = values(words);
    return assertThrows(UsageException.class, () -> GenerateSettings.validate(values)).getMessage();
  }

  /** Else the plugin would start one server and the first task another. */
  @Test
  void thePluginReadsFromTheSessionWhatTasksAreGiven() {
    SettingValues values =
        values(
            "model", "deepseek-ai/R1@sidecar", "sidecar", " vllm ", "sidecar-args", "--max-model-len 8", "sidecar-env",
            "A=1", "sidecar-env", "B=x=y z", "sidecar-grace", "5", "sidecar-startup-timeout", "2h", "sidecar-gpus", "8",
            "sidecar-discovery", "/opt/gpus.sh");
    GenerateSettings.validate(values);
    SidecarSpec spec = GenerateSettings.hosting(values).sidecar();
    assertEquals("deepseek-ai/R1", spec.name());
    assertEquals("deepseek-ai/R1", spec.model());
    assertEquals("vllm", spec.command());
    assertEquals(Map.of("A", "1", "B", "x=y z"), spec.environment());
    Map<String, String> conf = SidecarSettings.sessionConf(values, "a.Plugin");
    assertEquals("a.Plugin," + SidecarSettings.PLUGIN, conf.get("spark.plugins"));
    assertEquals(Optional.of(spec), SidecarSettings.ofConf(conf::get));
  }

  @Test
  void aSessionWithoutAModelOfASidecarIsLeftAlone() {
    SettingValues plain = values("model", "examples/model");
    assertEquals(Map.of(), SidecarSettings.sessionConf(plain, null));
    assertEquals(Optional.empty(), SidecarSettings.spec(plain));
    assertEquals(Optional.empty(), SidecarSettings.ofConf(key -> null));
    assertEquals(
        Optional.empty(), SidecarSettings.ofConf(Map.of("spark.winnow.sidecar", "vllm")::get), "without a model");
  }

  @Test
  void noSecretGetsIntoTheRuns() {
    assertTrue(
        assertThrows(UsageException.class, () -> values("model", "r@sidecar", "sidecar-env", "HF_TOKEN=x")).getMessage()
            .contains("spark.executorEnv.NAME"));
    values("model", "r@sidecar", "sidecar-env", "NCCL_DEBUG=a key=b");
  }

  @Test
  void halvesAreRefused() {
    assertTrue(refusal("model", "r1@sidecar").contains("without --sidecar"));
    assertTrue(refusal("model", "r1@sidecar:").contains("without --sidecar"));
    assertTrue(refusal("model", "r1@http://a/v1", "sidecar", "vllm").contains("no model is one of a side-car"));
    assertTrue(refusal("model", "examples/model", "sidecar", "vllm").contains("no model is one of a side-car"));
    assertTrue(
        refusal("model", "r1@sidecar", "sidecar", "vllm", "api-key-env", "K").contains("each server gets a key of its"));
  }
}
