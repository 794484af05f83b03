// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.verify.math.Decision;
import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A verifier by its name and parameters, as a command line or a table names it.
 *
 * @param name a name that {@link Verifiers#byName} knows
 * @param params its parameters, sorted by name
 */
public record VerifierSpec(String name, Map<String, String> params) implements Serializable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<TreeMap<String, String>> PARAMS = new TypeReference<>() {};

  public VerifierSpec {
    params = Collections.unmodifiableMap(new TreeMap<>(params));
  }

  /**
   * Reads {@code NAME}, {@code NAME:KEY=VALUE,…} or {@code NAME:{JSON object}} and makes sure that there is such a
   * verifier. JSON is for values with commas or equals signs.
   *
   * @throws UsageException for another form, an unknown verifier, parameter or value
   */
  public static VerifierSpec parse(String text) {
    try {
      VerifierSpec spec = read(text);
      spec.verifier();
      return spec;
    } catch (IllegalArgumentException e) {
      throw new UsageException("Cannot use --verifier '" + text + "': " + e.getMessage(), e);
    }
  }

  /**
   * Reads what {@link #parse} reads, whether there is such a verifier or not.
   *
   * @throws IllegalArgumentException for another form
   */
  public static VerifierSpec read(String text) {
    int colon = text.indexOf(':');
    String name = (colon < 0 ? text : text.substring(0, colon)).strip();
    String rest = colon < 0 ? "" : text.substring(colon + 1).strip();
    if (rest.startsWith("{")) {
      return new VerifierSpec(name, params(rest));
    }
    Map<String, String> params = new TreeMap<>();
    for (String pair : colon < 0 ? new String[0] : rest.split(",")) {
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException(
            "after the colon come KEY=VALUE pairs with commas between them, or a JSON object, for example"
                + " math:config=winnow.");
      }
      if (params.put(pair.substring(0, equals).strip(), pair.substring(equals + 1)) != null) {
        throw new IllegalArgumentException("it gives " + pair.substring(0, equals) + " twice.");
      }
    }
    return new VerifierSpec(name, params);
  }

  /**
   * Parameters written as a JSON object. Numbers and truth values are texts as they stand, arrays and objects their
   * JSON, and null is as if it were not there.
   *
   * @throws IllegalArgumentException when it is no JSON object
   */
  public static Map<String, String> params(String json) {
    try {
      JsonNode tree = JSON.readTree(json);
      if (tree.isObject()) {
        Map<String, String> params = new TreeMap<>();
        tree.fields().forEachRemaining(
            field -> {
              JsonNode value = field.getValue();
              if (!value.isNull()) {
                params.put(field.getKey(), value.isContainerNode() ? value.toString() : value.asText());
              }
            });
        return params;
      }
    } catch (JsonProcessingException e) {
      // Told below.
    }
    throw new IllegalArgumentException("its parameters are no JSON object: " + Decision.shortened(json, 100) + ".");
  }

  /**
   * With further parameters.
   *
   * @throws IllegalArgumentException when one of them has another value already
   */
  public VerifierSpec with(Map<String, String> more) {
    Map<String, String> all = new TreeMap<>(params);
    more.forEach(
        (key, value) -> {
          String before = all.put(key, value);
          if (before != null && !before.equals(value)) {
            throw new IllegalArgumentException(
                "its parameter " + key + " is given twice, as '" + before + "' and as '" + value + "'.");
          }
        });
    return new VerifierSpec(name, all);
  }

  /**
   * The verifier that a stored verdict names.
   *
   * @param paramsJson as {@link #paramsJson} gave it; null for no parameters
   * @throws IllegalArgumentException when it is no JSON object of strings
   */
  public static VerifierSpec stored(String name, String paramsJson) {
    try {
      return new VerifierSpec(name, paramsJson == null ? Map.of() : JSON.readValue(paramsJson, PARAMS));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("The parameters of a verdict are no JSON object of texts: " + paramsJson, e);
    }
  }

  /**
   * The verifier.
   *
   * @throws IllegalArgumentException for an unknown verifier, parameter or value
   */
  public Verifier verifier() {
    return Verifiers.byName(name, params);
  }

  /** The parameters as tables hold them: a JSON object, keys sorted. */
  public String paramsJson() {
    try {
      return JSON.writeValueAsString(params);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts always have JSON.", e);
    }
  }
}
