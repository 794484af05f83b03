// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.UsageException;
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
   * Reads {@code NAME} or {@code NAME:KEY=VALUE,…} and makes sure that there is such a verifier.
   *
   * @throws UsageException for another form, an unknown verifier, parameter or value
   */
  public static VerifierSpec parse(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    Map<String, String> params = new TreeMap<>();
    for (String pair : colon < 0 ? new String[0] : text.substring(colon + 1).split(",")) {
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw new UsageException(
            "Cannot use --verifier '" + text + "': after the colon come KEY=VALUE pairs with commas between them, for"
                + " example math:config=winnow.");
      }
      if (params.put(pair.substring(0, equals), pair.substring(equals + 1)) != null) {
        throw new UsageException(
            "Cannot use --verifier '" + text + "': it gives " + pair.substring(0, equals) + " twice.");
      }
    }
    VerifierSpec spec = new VerifierSpec(name, params);
    try {
      spec.verifier();
    } catch (IllegalArgumentException e) {
      throw new UsageException("Cannot use --verifier '" + text + "': " + e.getMessage(), e);
    }
    return spec;
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
