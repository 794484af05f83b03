// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Token ids, and biases of them, as text. Parsers throw IllegalArgumentException with what they expect as the message. */
final class TokenIdFormats {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ObjectReader STRICT = JSON.reader().with(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);
  private static final Pattern ID = Pattern.compile("[0-9]{1,10}");
  private static final double MOST_BIAS = 100;
  private static final String NEVER = "-inf";
  private static final String IDS = "token ids with commas between them, such as 2,151643";
  private static final String BIASES =
      "token ids with biases from -100 to 100, or -inf, such as 50256:-100,11:1.5, and each id once";

  private TokenIdFormats() {}

  static List<Integer> parseIds(String text) {
    String stripped = text.strip();
    if (stripped.startsWith("[") && stripped.endsWith("]")) {
      stripped = stripped.substring(1, stripped.length() - 1).strip();
      if (stripped.isEmpty()) {
        return List.of();
      }
    }
    TreeSet<Integer> ids = new TreeSet<>();
    for (String id : stripped.split(",", -1)) {
      ids.add(parseId(id, IDS));
    }
    return List.copyOf(ids);
  }

  static String formatIds(List<Integer> ids) {
    return ids.stream().map(String::valueOf).collect(Collectors.joining(",", "[", "]"));
  }

  private static int parseId(String text, String expected) {
    String stripped = text.strip();
    if (!ID.matcher(stripped).matches() || Long.parseLong(stripped) > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(expected);
    }
    return Integer.parseInt(stripped);
  }

  static SortedMap<Integer, Double> parseBiases(String text) {
    SortedMap<Integer, Double> biases = new TreeMap<>();
    if (text.stripLeading().startsWith("{")) {
      JsonNode object = readObject(text);
      for (Iterator<Map.Entry<String, JsonNode>> it = object.fields(); it.hasNext(); ) {
        Map.Entry<String, JsonNode> entry = it.next();
        JsonNode value = entry.getValue();
        if (!value.isNumber() && !value.asText().equals(NEVER)) {
          throw new IllegalArgumentException(BIASES);
        }
        put(biases, entry.getKey(), value.asText());
      }
    } else {
      for (String entry : text.split(",", -1)) {
        String[] parts = entry.split(":", -1);
        if (parts.length != 2) {
          throw new IllegalArgumentException(BIASES);
        }
        put(biases, parts[0], parts[1]);
      }
    }
    biases.values().removeIf(bias -> bias == 0);
    return Collections.unmodifiableSortedMap(biases);
  }

  private static JsonNode readObject(String text) {
    try {
      return STRICT.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(BIASES, e);
    }
  }

  private static void put(SortedMap<Integer, Double> biases, String id, String text) {
    boolean never = text.strip().equals(NEVER);
    double bias = never ? Double.NEGATIVE_INFINITY : SettingFormats.parseDouble(text);
    if (!never && Math.abs(bias) > MOST_BIAS || biases.put(parseId(id, BIASES), bias) != null) {
      throw new IllegalArgumentException(BIASES);
    }
  }

  /** A JSON object, in which negative infinity is the text -inf. */
  static String formatBiases(SortedMap<Integer, Double> biases) {
    ObjectNode object = JSON.createObjectNode();
    biases.forEach(
        (id, bias) -> {
          if (bias == Double.NEGATIVE_INFINITY) {
            object.put(String.valueOf(id), NEVER);
          } else {
            object.put(String.valueOf(id), bias);
          }
        });
    return object.toString();
  }
}
