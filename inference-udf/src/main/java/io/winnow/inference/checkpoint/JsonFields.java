// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JSON object of a model file, read with the file's name in every complaint. */
final class JsonFields {
  private static final long MAX_BYTES = 64L << 20;
  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          // Python's json module writes Infinity and NaN, and published configurations hold them.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  private final String file;
  private final JsonNode node;

  private JsonFields(String file, JsonNode node) {
    this.file = file;
    this.node = node;
  }

  static JsonFields read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw InferenceErrors.modelInvalid(
            file.toString(), "it has " + Files.size(file) + " bytes, too many for a configuration",
                "Download it again.");
      }
      return parse(file.toString(), Files.readAllBytes(file));
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(file.toString(), "it cannot be read: " + e, "Check that it may be read.");
    }
  }

  static JsonFields parse(String file, byte[] json) {
    JsonNode node;
    try {
      node = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw InferenceErrors.modelInvalid(
          file,
          String.format(
              "it is not valid JSON (%s)", e.getOriginalMessage() == null ? e : e.getOriginalMessage().strip()),
          "Download it again.");
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(file, "it is not valid JSON (" + e.getMessage() + ")", "Download it again.");
    }
    if (node == null || !node.isObject()) {
      throw InferenceErrors.modelInvalid(file, "it is not a JSON object", "Download it again.");
    }
    return new JsonFields(file, node);
  }

  JsonNode node() {
    return node;
  }

  boolean has(String name) {
    return node.hasNonNull(name);
  }

  /** The object under that name, or null. */
  JsonFields object(String name) {
    if (!has(name)) {
      return null;
    }
    JsonNode child = node.get(name);
    if (!child.isObject()) {
      throw wrong(name, "an object");
    }
    return new JsonFields(file, child);
  }

  String string(String name, String otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    if (!node.get(name).isTextual()) {
      throw wrong(name, "a string");
    }
    return node.get(name).textValue();
  }

  boolean bool(String name, boolean otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    if (!node.get(name).isBoolean()) {
      throw wrong(name, "true or false");
    }
    return node.get(name).booleanValue();
  }

  /** A whole number from 1 to 2^31 − 1. */
  int size(String name) {
    if (!has(name)) {
      throw InferenceErrors.modelInvalid(file, "it has no " + name,
          "Check that it is the configuration of this model.");
    }
    return size(name, 0);
  }

  int size(String name, int otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = node.get(name);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw wrong(name, "a whole number from 1 to 2147483647");
    }
    return value.intValue();
  }

  /** A finite number above zero. */
  double positive(String name, double otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    JsonNode value = node.get(name);
    if (!value.isNumber() || !(value.doubleValue() > 0) || Double.isInfinite(value.doubleValue())) {
      throw wrong(name, "a number above 0");
    }
    return value.doubleValue();
  }

  /** Token ids: one, a list, or none. */
  List<Integer> ids(String name) {
    List<Integer> ids = new ArrayList<>();
    if (has(name)) {
      JsonNode value = node.get(name);
      for (JsonNode id : value.isArray() ? value : List.of(value)) {
        if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
          throw wrong(name, "a token id or a list of them");
        }
        ids.add(id.intValue());
      }
    }
    return ids;
  }

  InferenceException wrong(String name, String wanted) {
    String found = node.get(name).toString();
    return InferenceErrors.modelInvalid(
        file,
        String.format("%s is %s, but must be %s", name, found.length() > 80 ? found.substring(0, 80) + "…" : found,
            wanted),
        "Check that it is the configuration of this model.");
  }
}
