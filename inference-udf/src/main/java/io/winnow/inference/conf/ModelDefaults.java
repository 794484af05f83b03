// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.ScriptParams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Sampling settings that a model folder's generation_config.json suggests, taken where {@code --generation-config auto}
 * asks for it. What was given wins. The values are as if they had been given: they are in the keys of the traces and in
 * the run's lineage, and another file at the same place makes other traces.
 */
public final class ModelDefaults {
  private static final String FILE = "generation_config.json";
  private static final long MOST_BYTES = 1 << 20;

  /** Their names in the file. */
  private static final Map<String, Setting<?>> SETTINGS = new LinkedHashMap<>();

  static {
    SETTINGS.put("temperature", GenerateSettings.TEMPERATURE);
    SETTINGS.put("top_p", GenerateSettings.TOP_P);
    SETTINGS.put("top_k", GenerateSettings.TOP_K);
    SETTINGS.put("min_p", GenerateSettings.MIN_P);
    SETTINGS.put("repetition_penalty", GenerateSettings.REPETITION_PENALTY);
  }

  private ModelDefaults() {}

  /**
   * The values with those of the model's file where they are asked for; on what it has given it changes nothing.
   *
   * @param values settings of {@code generate}
   * @throws UsageException when the file is there and cannot be used
   */
  public static SettingValues applied(SettingValues values) {
    Path file = file(values);
    if (file == null || !Files.exists(file)) {
      return values;
    }
    JsonNode config = read(file);
    SettingValues out = values;
    for (Map.Entry<String, Setting<?>> entry : SETTINGS.entrySet()) {
      JsonNode value = config.get(entry.getKey());
      boolean open = !values.isGiven(entry.getValue()) && !values.origins().containsKey(entry.getValue().name());
      if (value != null && !value.isNull() && open) {
        out = out.withDefault(entry.getValue(), text(entry.getKey(), value), entry.getKey() + " of " + file, FILE);
      }
    }
    return out;
  }

  /** What {@link #applied} has taken, in words; null where it was not asked for. */
  public static String described(SettingValues applied) {
    Path file = file(applied);
    if (file == null) {
      return null;
    }
    if (!Files.exists(file)) {
      return "no " + file + ": --generation-config auto changes nothing";
    }
    Map<String, String> canonical = applied.canonical();
    String taken =
        applied.origins().keySet().stream()
            .map(name -> name + " " + canonical.get(name))
            .collect(Collectors.joining(", "));
    return (taken.isEmpty() ? "nothing" : taken) + " from " + file;
  }

  /** The file that is asked for; null where none is. */
  private static Path file(SettingValues values) {
    String model = values.get(GenerateSettings.MODEL).get(0);
    if (values.get(GenerateSettings.GENERATION_CONFIG).equals("none") || ScriptParams.isScripted(model)) {
      return null;
    }
    if (ModelAddress.isRemote(model)) {
      throw new UsageException(
          "Cannot take defaults from " + model + ": --generation-config auto reads a folder of this host. Give"
              + " --temperature, --top-p and the others, or --generation-config none.");
    }
    return Path.of(model).resolve(FILE);
  }

  private static JsonNode read(Path file) {
    String why;
    try {
      if (Files.size(file) > MOST_BYTES) {
        why = "it has more than " + MOST_BYTES + " bytes";
      } else {
        JsonNode config = new ObjectMapper().readTree(Files.readString(file));
        if (config.isObject()) {
          return config;
        }
        why = "it is no JSON object";
      }
    } catch (JsonProcessingException e) {
      why = "it is no JSON, " + e.getOriginalMessage();
    } catch (IOException e) {
      why = String.valueOf(e.getMessage());
    }
    throw new UsageException(
        "Cannot take defaults from " + file + ": " + why + ". Mend the file, or give --generation-config none.");
  }

  private static String text(String name, JsonNode value) {
    // Both mean that all tokens stay, here and in vLLM.
    if (name.equals("top_k") && value.isNumber() && value.asDouble() == -1) {
      return "0";
    }
    // Numbers alone: the text "0.5" or true would read like one.
    return value.isNumber() ? value.asText() : value.toString();
  }
}
