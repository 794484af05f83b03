// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What tokens and engines cost, in US dollars: the file of {@code --prices}.
 *
 * <pre>
 * {
 *   "models": {
 *     "examples/model": {"prompt_per_million": 0.10, "completion_per_million": 0.40}
 *   },
 *   "engine_hour": 2.50
 * }
 * </pre>
 *
 * A model is found by its name on the command line, by the last part of its path or by its fingerprint. {@code
 * engine_hour} is the price of one engine (one executor) for an hour; a trace pays its share of it for the time it is
 * in the engine, 1 / {@code --max-sequences} (where that is 0, what the engine takes), so that a full engine is
 * paid for exactly and idle room not at all.
 * Either part may be left out and then costs nothing.
 */
public final class PriceTable {
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final String MODELS = "models";
  private static final String ENGINE_HOUR = "engine_hour";
  private static final String PROMPT = "prompt_per_million";
  private static final String COMPLETION = "completion_per_million";

  private record Tokens(double prompt, double completion) {}

  private final String file;
  private final Map<String, Tokens> models;
  private final Double engineHour;

  private PriceTable(String file, Map<String, Tokens> models, Double engineHour) {
    this.file = file;
    this.models = models;
    this.engineHour = engineHour;
  }

  /**
   * What a trace of one model costs.
   *
   * @param promptToken US dollars a token of the prompt
   * @param completionToken US dollars a generated token
   * @param engineMilli US dollars a millisecond that a trace is in the engine
   */
  public record Price(double promptToken, double completionToken, double engineMilli) implements Serializable {
    /** US dollars of one trace. */
    public double of(long promptTokens, long completionTokens, long engineMillis) {
      return promptTokens * promptToken + completionTokens * completionToken + engineMillis * engineMilli;
    }
  }

  /**
   * Reads a table.
   *
   * @param file its name, for messages
   * @throws UsageException when it is no JSON, has an unknown or a missing field, or a price that is no number from 0
   */
  public static PriceTable parse(String file, String json) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw refused(file, "it is not JSON (" + where(e) + e.getOriginalMessage() + ")");
    }
    knownFields(file, "the table", root, List.of(MODELS, ENGINE_HOUR));
    Map<String, Tokens> models = new TreeMap<>();
    if (root.has(MODELS)) {
      JsonNode all = root.get(MODELS);
      if (!all.isObject()) {
        throw refused(file, "'models' is no object of prices by model");
      }
      all.properties().forEach(model -> models.put(model.getKey(), tokens(file, model.getKey(), model.getValue())));
    }
    Double engineHour = root.has(ENGINE_HOUR) ? (Double) number(file, ENGINE_HOUR, root.get(ENGINE_HOUR)) : null;
    if (models.isEmpty() && engineHour == null) {
      throw refused(file, "it has no price");
    }
    return new PriceTable(file, models, engineHour);
  }

  /**
   * The prices of a model.
   *
   * @param names names it goes by, the first found counts
   * @param slots traces that an engine decodes at once at most
   * @throws UsageException when neither it nor an hour of the engine has a price
   */
  public Price of(List<String> names, int slots) {
    Tokens tokens = names.stream().filter(models::containsKey).map(models::get).findFirst().orElse(null);
    if (tokens == null && engineHour == null) {
      throw new UsageException(
          "Cannot use --prices '" + file + "': it has no price of the model " + names.get(0) + ", only of "
              + String.join(", ", models.keySet()) + ". Add the model by its name or its fingerprint, or an"
              + " engine_hour.");
    }
    double hour = engineHour == null ? 0 : engineHour;
    return new Price(
        tokens == null ? 0 : tokens.prompt() / 1e6, tokens == null ? 0 : tokens.completion() / 1e6,
        hour / 3_600_000 / slots);
  }

  private static Tokens tokens(String file, String model, JsonNode prices) {
    knownFields(file, "the model '" + model + "'", prices, List.of(PROMPT, COMPLETION));
    if (!prices.has(PROMPT) || !prices.has(COMPLETION)) {
      throw refused(
          file, "the model '" + model + "' lacks '" + (prices.has(PROMPT) ? COMPLETION : PROMPT) + "', which may be 0");
    }
    return new Tokens(
        number(file, PROMPT + " of '" + model + "'", prices.get(PROMPT)),
        number(file, COMPLETION + " of '" + model + "'", prices.get(COMPLETION)));
  }

  private static double number(String file, String name, JsonNode value) {
    if (!value.isNumber() || !Double.isFinite(value.asDouble()) || value.asDouble() < 0) {
      throw refused(file, name + " is " + value + " and not a number of US dollars from 0 on");
    }
    return value.asDouble();
  }

  private static void knownFields(String file, String what, JsonNode object, List<String> known) {
    if (object == null || !object.isObject()) {
      throw refused(file, what + " is no JSON object");
    }
    object.fieldNames().forEachRemaining(
        name -> {
          if (!known.contains(name)) {
            String near = NearestName.of(name, known).map(field -> ", perhaps '" + field + "' is meant").orElse("");
            throw refused(
                file, "unknown field '" + name + "' in " + what + ", known are " + String.join(", ", known) + near);
          }
        });
  }

  private static String where(JsonProcessingException e) {
    return e.getLocation() == null ? "" : "line " + e.getLocation().getLineNr() + ": ";
  }

  private static UsageException refused(String file, String why) {
    return new UsageException(
        "Cannot use --prices '" + file + "': " + why.replaceAll("\\s+", " ") + ". Give JSON such as {\"models\":"
            + " {\"NAME\": {\"prompt_per_million\": 0.1, \"completion_per_million\": 0.4}}, \"engine_hour\": 2.5}.");
  }
}
