// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelDefaultsTest {
  @TempDir Path folder;

  private SettingValues asked(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(Map.of("model", folder.toString(), "generation-config", "auto"));
    all.putAll(more);
    return SettingValues.ofMap(GenerateSettings.ALL, all, key -> null);
  }

  private SettingValues applied(String json, Map<String, String> more) throws IOException {
    Files.writeString(folder.resolve("generation_config.json"), json);
    return ModelDefaults.applied(asked(more));
  }

  private String refusal(String json) {
    return assertThrows(UsageException.class, () -> applied(json, Map.of())).getMessage();
  }

  @Test
  void takesWhatTheFileSaysAndWasNotGiven() throws IOException {
    String json =
        "{\"temperature\": 0.7, \"top_p\": 0.8, \"top_k\": 20, \"min_p\": 0.01, \"repetition_penalty\": 1.05,"
            + " \"eos_token_id\": [1, 2], \"max_new_tokens\": 5, \"do_sample\": true, \"_from\": \"model config\"}";
    SettingValues values = applied(json, Map.of("top-p", "0.9", "seed", "3"));
    assertEquals(0.7, values.get(GenerateSettings.TEMPERATURE));
    assertEquals(0.9, values.get(GenerateSettings.TOP_P));
    assertEquals(20, values.get(GenerateSettings.TOP_K));
    assertEquals(0.01, values.get(GenerateSettings.MIN_P));
    assertEquals(1.05, values.get(GenerateSettings.REPETITION_PENALTY));
    assertEquals(1024, values.get(GenerateSettings.MAX_TOKENS));
    assertEquals(Set.of("temperature", "top-k", "min-p", "repetition-penalty"), values.origins().keySet());
    assertEquals(
        "min-p 0.01, repetition-penalty 1.05, temperature 0.7, top-k 20 from "
            + folder.resolve("generation_config.json"),
        ModelDefaults.described(values));
    // The file may be another one meanwhile: what was taken once stays.
    Files.writeString(folder.resolve("generation_config.json"), "{\"temperature\": 0.1}");
    assertEquals(values, ModelDefaults.applied(values));
  }

  @Test
  void sayWhereTheyComeFromUntilTheyAreReplaced() throws IOException {
    SettingValues values = applied("{\"temperature\": 0.7}", Map.of());
    assertEquals(Map.of("temperature", "generation_config.json"), values.origins());
    assertEquals(Map.of(), values.with(GenerateSettings.TEMPERATURE, "0.8").origins());
  }

  @Test
  void neutralValuesOfTheFileAreNeutral() throws IOException {
    SettingValues values = applied("{\"top_p\": 1.0, \"top_k\": -1, \"min_p\": null}", Map.of());
    assertEquals(Set.of("seed", "temperature", "weights"), values.affectingTokens().keySet());
    assertEquals(0, values.get(GenerateSettings.TOP_K));
    assertEquals(Set.of("top-p", "top-k"), values.origins().keySet());
  }

  @Test
  void noneAndScriptsAndFoldersWithoutTheFileChangeNothing() throws IOException {
    SettingValues without = asked(Map.of());
    assertSame(without, ModelDefaults.applied(without));
    assertTrue(ModelDefaults.described(without).contains("changes nothing"));
    Files.writeString(folder.resolve("generation_config.json"), "{\"temperature\": 0.7}");
    for (Map<String, String> more :
        List.of(Map.of("generation-config", "none"), Map.of("model", "scripted:tokens=9"))) {
      SettingValues values = asked(more);
      assertSame(values, ModelDefaults.applied(values));
      assertNull(ModelDefaults.described(values));
    }
    SettingValues plain =
        SettingValues.ofMap(GenerateSettings.ALL, Map.of("model", folder.toString()), key -> null);
    assertSame(plain, ModelDefaults.applied(plain), "without the option nothing is taken");
    Path gguf = Files.writeString(folder.resolve("m.gguf"), "x");
    SettingValues file = asked(Map.of("model", gguf.toString()));
    assertSame(file, ModelDefaults.applied(file));
  }

  @Test
  void refusesFilesAndValuesThatCannotBe() {
    String file = folder.resolve("generation_config.json").toString();
    assertEquals(
        "Cannot use temperature of " + file + " '-1': it must be 0 or more.", refusal("{\"temperature\": -1}"));
    for (String json :
        List.of(
            "{\"temperature\": \"0.7\"}", "{\"temperature\": true}", "{\"temperature\": [0.7]}",
            "{\"temperature\": 1e999}", "{\"top_p\": 0}", "{\"top_p\": 1.5}", "{\"top_k\": 2.5}", "{\"top_k\": -2}",
            "{\"top_k\": 99999999999}", "{\"min_p\": {}}", "{\"repetition_penalty\": 0}")) {
      assertTrue(refusal(json).contains(file), json);
    }
    for (String json : List.of("", "[]", "3", "{", "{\"temperature\": NaN}", " ".repeat((1 << 20) + 1))) {
      assertTrue(refusal(json).contains("Cannot take defaults from " + file), json.strip());
    }
  }

  @Test
  void refusesToTakeThemFromElsewhere() {
    SettingValues values = asked(Map.of("model", "hdfs://host/models/m"));
    String refusal = assertThrows(UsageException.class, () -> ModelDefaults.applied(values)).getMessage();
    assertTrue(refusal.contains("hdfs://host/models/m") && refusal.contains("--generation-config none"), refusal);
  }
}
