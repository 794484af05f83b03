// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What tokens, cores and devices cost: the file of {@code --prices}, JSON or YAML.
 *
 * <pre>
 * {
 *   "currency": "EUR", "usd": 1.08,
 *   "models": {
 *     "examples/model": {"prompt_per_million": 0.10, "completion_per_million": 0.40},
 *     "hosted": {"prompt_per_million": 2.00, "cached_prompt_per_million": 0.50, "completion_per_million": 8.00},
 *     "ours-on-eight": {"gpus": 8, "at_once": 256}
 *   },
 *   "engine_hour": 2.50, "core_hour": 0.04, "gpu_hour": 2.20
 * }
 * </pre>
 *
 * Prices are in US dollars, unless {@code currency} names another and {@code usd} says how many dollars one of it is;
 * the table's costs are in dollars either way. A model is found by its name on the command line, by the last part of
 * its path or by its fingerprint. {@code engine_hour} is the price of one engine (one executor) for an hour, {@code
 * core_hour} and {@code gpu_hour} those of each core and device that it computes with. A trace pays its share of them
 * for the time it is in the engine, 1 / {@code --max-sequences} (where that is 0, what the engine takes), so that a
 * full engine is paid for exactly and idle room not at all. A model of its own {@code cores} or {@code gpus} pays for
 * these instead, shared by {@code at_once} traces; so a server of yours is paid for that Winnow does not start. Each
 * part may be left out and then costs nothing; a cached token of a prompt then costs what others do.
 */
public final class PriceTable {
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final ObjectMapper YAML =
      new ObjectMapper(YAMLFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

  private static final String MODELS = "models";
  private static final String ENGINE_HOUR = "engine_hour";
  private static final String PROMPT = "prompt_per_million";
  private static final String CACHED = "cached_prompt_per_million";
  private static final String COMPLETION = "completion_per_million";
  private static final String CORE_HOUR = "core_hour";
  private static final String GPU_HOUR = "gpu_hour";
  private static final String CURRENCY = "currency";
  private static final String USD = "usd";
  private static final String CORES = "cores";
  private static final String GPUS = "gpus";
  private static final String AT_ONCE = "at_once";
  private static final double MILLIS = 3_600_000;

  /**
   * A model's own prices.
   *
   * @param machine whether it names cores or devices of its own
   */
  private record Own(
      double prompt, double cached, double completion, boolean machine, double cores, double gpus, double atOnce) {}

  /**
   * What the traces of a model share.
   *
   * @param slots traces that are decoded at once at most
   * @param cores that an engine computes with; 0 where it is none of ours
   * @param gpus devices that it computes with
   * @param hosted whether it runs in our executors, and so pays for their hours
   */
  public record Machine(int slots, double cores, double gpus, boolean hosted) {}

  private final String file;
  private final Map<String, Own> models;
  /** In US dollars; null where the table has none. */
  private final Double engineHour;
  private final Double coreHour;
  private final Double gpuHour;

  private PriceTable(String file, Map<String, Own> models, Double engineHour, Double coreHour, Double gpuHour) {
    this.file = file;
    this.models = models;
    this.engineHour = engineHour;
    this.coreHour = coreHour;
    this.gpuHour = gpuHour;
  }

  /**
   * What a trace of one model costs.
   *
   * @param promptToken US dollars a token of the prompt
   * @param cachedToken US dollars a token of the prompt that the server had in its cache
   * @param completionToken US dollars a generated token
   * @param engineMilli US dollars a millisecond that a trace is in the engine
   */
  public record Price(double promptToken, double cachedToken, double completionToken, double engineMilli)
      implements Serializable {
    /** US dollars of one trace, nothing of whose prompt was cached. */
    public double of(long promptTokens, long completionTokens, long engineMillis) {
      return of(promptTokens, 0, completionTokens, engineMillis);
    }

    /**
     * US dollars of one trace.
     *
     * @param promptTokens all of the prompt
     * @param cachedTokens those of them that were cached
     */
    public double of(long promptTokens, long cachedTokens, long completionTokens, long engineMillis) {
      return (promptTokens - cachedTokens) * promptToken + cachedTokens * cachedToken
          + completionTokens * completionToken + engineMillis * engineMilli;
    }

    /**
     * What models are ordered by where the cheapest is asked first: US dollars of as many tokens of the prompt as of
     * the completion. Machines that are paid by the hour are there anyway, and count nothing.
     */
    public double rank() {
      return promptToken + completionToken;
    }
  }

  /**
   * Reads a table.
   *
   * @param file its name, for messages; YAML if it ends in .yaml or .yml
   * @throws UsageException when it is neither, has an unknown or a missing field, or a price that is no number from 0
   */
  public static PriceTable parse(String file, String text) {
    boolean yaml = file.endsWith(".yaml") || file.endsWith(".yml");
    JsonNode root;
    try {
      root = (yaml ? YAML : JSON).readTree(text);
    } catch (JsonProcessingException e) {
      throw refused(file, "it is not " + (yaml ? "YAML" : "JSON") + " (" + where(e) + e.getOriginalMessage() + ")");
    }
    knownFields(file, "the table", root, List.of(MODELS, ENGINE_HOUR, CORE_HOUR, GPU_HOUR, CURRENCY, USD));
    double usd = usd(file, root);
    Map<String, Own> models = new TreeMap<>();
    if (root.has(MODELS)) {
      JsonNode all = root.get(MODELS);
      if (!all.isObject()) {
        throw refused(file, "'models' is no object of prices by model");
      }
      all.properties().forEach(model -> models.put(model.getKey(), own(file, model.getKey(), model.getValue(), usd)));
    }
    Double engineHour = hour(file, ENGINE_HOUR, root, usd);
    Double coreHour = hour(file, CORE_HOUR, root, usd);
    Double gpuHour = hour(file, GPU_HOUR, root, usd);
    if (models.isEmpty() && engineHour == null && coreHour == null && gpuHour == null) {
      throw refused(file, "it has no price");
    }
    models.forEach(
        (model, own) -> {
          if (own.cores() > 0 && coreHour == null || own.gpus() > 0 && gpuHour == null) {
            String hour = own.gpus() > 0 && gpuHour == null ? GPU_HOUR : CORE_HOUR;
            throw refused(file, "the model '" + model + "' pays for its machine, and the table has no '" + hour + "'");
          }
        });
    return new PriceTable(file, models, engineHour, coreHour, gpuHour);
  }

  private static double usd(String file, JsonNode root) {
    if (!root.has(CURRENCY) && !root.has(USD)) {
      return 1;
    }
    String currency = root.path(CURRENCY).asText();
    if (!currency.matches("[A-Z]{3}")) {
      throw refused(file, "'currency' must be three capital letters, such as EUR, wherever 'usd' is there");
    }
    if (currency.equals("USD") && !root.has(USD)) {
      return 1;
    }
    double usd = root.has(USD) ? number(file, USD, root.get(USD)) : 0;
    if (usd == 0) {
      throw refused(file, "it is in " + currency + " and lacks 'usd', how many US dollars one " + currency + " is");
    }
    return usd;
  }

  private static Double hour(String file, String name, JsonNode root, double usd) {
    return root.has(name) ? (Double) (usd * number(file, name, root.get(name))) : null;
  }

  /** As {@link #of(List, Machine)}, of an engine whose cores and devices have no price. */
  public Price of(List<String> names, int slots) {
    return of(names, new Machine(slots, 0, 0, true));
  }

  /**
   * The prices of a model.
   *
   * @param names names it goes by, the first found counts
   * @param machine what it computes with
   * @throws UsageException when neither it nor an hour of its engine has a price
   */
  public Price of(List<String> names, Machine machine) {
    Own own = names.stream().filter(models::containsKey).map(models::get).findFirst().orElse(null);
    boolean hours = engineHour != null || coreHour != null || gpuHour != null;
    if (own == null && !(machine.hosted() && hours)) {
      throw new UsageException(
          "Cannot use --prices '" + file + "': it has no price of the model " + names.get(0)
              + (models.isEmpty() ? "" : ", only of " + String.join(", ", models.keySet()))
              + ". Add the model by its name or its fingerprint"
              + (machine.hosted() ? ", or an engine_hour." : "; hours are paid by engines of Winnow's own."));
    }
    boolean other = own != null && own.machine();
    double cores = other ? own.cores() : machine.hosted() ? machine.cores() : 0;
    double gpus = other ? own.gpus() : machine.hosted() ? machine.gpus() : 0;
    double hour = machine.hosted() && !other ? zeroIfNull(engineHour) : 0;
    hour += cores * zeroIfNull(coreHour) + gpus * zeroIfNull(gpuHour);
    double slots = own != null && own.atOnce() > 0 ? own.atOnce() : machine.slots();
    return own == null
        ? new Price(0, 0, 0, hour / MILLIS / slots)
        : new Price(own.prompt() / 1e6, own.cached() / 1e6, own.completion() / 1e6, hour / MILLIS / slots);
  }

  private static double zeroIfNull(Double price) {
    return price == null ? 0 : price;
  }

  private static Own own(String file, String model, JsonNode prices, double usd) {
    knownFields(
        file, "the model '" + model + "'", prices, List.of(PROMPT, CACHED, COMPLETION, CORES, GPUS, AT_ONCE));
    boolean machine = prices.has(CORES) || prices.has(GPUS);
    boolean tokens = prices.has(PROMPT) || prices.has(COMPLETION);
    if (!(prices.has(PROMPT) && prices.has(COMPLETION)) && (tokens || !machine)) {
      throw refused(
          file, "the model '" + model + "' lacks '" + (prices.has(PROMPT) ? COMPLETION : PROMPT) + "', which may be 0");
    }
    double prompt = tokens ? usd * of(file, model, PROMPT, prices) : 0;
    double cached = prices.has(CACHED) ? usd * of(file, model, CACHED, prices) : prompt;
    return new Own(
        prompt, cached, tokens ? usd * of(file, model, COMPLETION, prices) : 0, machine,
        of(file, model, CORES, prices), of(file, model, GPUS, prices), of(file, model, AT_ONCE, prices));
  }

  private static double of(String file, String model, String name, JsonNode prices) {
    return prices.has(name) ? number(file, name + " of '" + model + "'", prices.get(name)) : 0;
  }

  private static double number(String file, String name, JsonNode value) {
    if (value == null || !value.isNumber() || !Double.isFinite(value.asDouble()) || value.asDouble() < 0) {
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
