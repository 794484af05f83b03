// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.Random;

/** Random schemas, random values of them, and a check of values that knows nothing of automata. */
final class RandomSchema {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final String CHARACTERS = "abcyz09 \"\\/\n\té世,:{}[]";

  private final Random random;

  RandomSchema(Random random) {
    this.random = random;
  }

  private ObjectNode type(String type) {
    return NODES.objectNode().put("type", type);
  }

  ObjectNode schema(int depth) {
    switch (random.nextInt(depth == 0 ? 6 : 10)) {
      case 0: {
        ObjectNode out = type("string");
        int least = random.nextInt(4);
        if (random.nextBoolean()) {
          out.put("minLength", least);
        }
        if (random.nextBoolean()) {
          out.put("maxLength", least + random.nextInt(6));
        }
        return out;
      }
      case 1: {
        ObjectNode out = type("integer");
        long low = random.nextInt(5) == 0 ? random.nextInt() : random.nextInt(300) - 150;
        if (random.nextBoolean()) {
          out.put(random.nextBoolean() ? "minimum" : "exclusiveMinimum", low);
        }
        if (random.nextBoolean()) {
          out.put(random.nextBoolean() ? "maximum" : "exclusiveMaximum", low + 2 + random.nextInt(2000));
        }
        return out;
      }
      case 2:
        return random.nextInt(3) > 0 ? number() : type(random.nextBoolean() ? "boolean" : "null");
      case 3: {
        ObjectNode out = NODES.objectNode();
        ArrayNode values = out.putArray("enum");
        values.add("yes").add("n\"o").add(17).add(new BigDecimal("1.50")).addNull();
        values.addObject().put("a", 1).putArray("b").add(true).add("x, y: z");
        return out;
      }
      case 4: {
        ObjectNode out = NODES.objectNode();
        out.put("const", random.nextBoolean() ? "a\\b\u0001" : "世");
        return out;
      }
      case 5: {
        ObjectNode out = NODES.objectNode();
        out.putArray("type").add("string").add("null");
        return out.put("maxLength", 3);
      }
      case 6: {
        ObjectNode out = type("array");
        out.set("items", schema(depth - 1));
        int least = random.nextInt(3);
        if (random.nextBoolean()) {
          out.put("minItems", least);
        }
        if (random.nextBoolean()) {
          out.put("maxItems", least + random.nextInt(3));
        }
        return out;
      }
      case 7: {
        ObjectNode out = NODES.objectNode();
        out.putArray("anyOf").add(schema(depth - 1)).add(schema(depth - 1));
        return out;
      }
      default: {
        ObjectNode out = type("object");
        ObjectNode properties = out.putObject("properties");
        ArrayNode required = out.putArray("required");
        String[] names = {"a", "b\"", "c d", "é"};
        for (int i = random.nextInt(5) - 1; i >= 0; i--) {
          properties.set(names[i], schema(depth - 1));
          if (random.nextBoolean()) {
            required.add(names[i]);
          }
        }
        return random.nextBoolean() ? out.put("additionalProperties", false) : out;
      }
    }
  }

  private BigDecimal decimal(int most) {
    return new BigDecimal(random.nextInt(most)).movePointLeft(random.nextInt(4));
  }

  private ObjectNode number() {
    ObjectNode out = type("number");
    BigDecimal low = decimal(40).subtract(decimal(40));
    if (random.nextBoolean()) {
      out.put(random.nextBoolean() ? "minimum" : "exclusiveMinimum", low);
    }
    if (random.nextBoolean()) {
      BigDecimal above = new BigDecimal("0.001").add(decimal(30));
      out.put(random.nextBoolean() ? "maximum" : "exclusiveMaximum", low.add(above));
    }
    return out;
  }

  private JsonNode number(JsonNode schema) {
    JsonNode least = schema.has("minimum") ? schema.get("minimum") : schema.path("exclusiveMinimum");
    JsonNode most = schema.has("maximum") ? schema.get("maximum") : schema.path("exclusiveMaximum");
    BigDecimal far = new BigDecimal(2000);
    BigDecimal other = most.isNumber() ? most.decimalValue().subtract(far) : far.negate();
    BigDecimal low = least.isNumber() ? least.decimalValue() : other;
    BigDecimal span = most.isNumber() ? most.decimalValue().subtract(low) : far;
    return NODES.numberNode(low.add(span.multiply(new BigDecimal(1 + random.nextInt(999)).movePointLeft(3))));
  }

  private long whole(JsonNode schema, String inclusive, String exclusive, int step, long otherwise) {
    return schema.has(inclusive)
        ? schema.get(inclusive).longValue()
        : schema.has(exclusive) ? schema.get(exclusive).longValue() + step : otherwise;
  }

  /** A random value that conforms. */
  JsonNode value(JsonNode schema) {
    if (schema.has("enum")) {
      return schema.get("enum").get(random.nextInt(schema.get("enum").size()));
    }
    if (schema.has("const")) {
      return schema.get("const");
    }
    if (schema.has("anyOf")) {
      return value(schema.get("anyOf").get(random.nextInt(2)));
    }
    JsonNode types = schema.get("type");
    String type = types.isArray() ? types.get(random.nextInt(2)).asText() : types.asText();
    switch (type) {
      case "string": {
        int least = schema.path("minLength").asInt(0);
        int length = least + random.nextInt(schema.path("maxLength").asInt(least + 5) - least + 1);
        StringBuilder text = new StringBuilder();
        random.ints(length, 0, CHARACTERS.length()).forEach(c -> text.append(CHARACTERS.charAt(c)));
        return NODES.textNode(text.toString());
      }
      case "integer": {
        long low = whole(schema, "minimum", "exclusiveMinimum", 1, -NumberRange.MOST);
        long high = whole(schema, "maximum", "exclusiveMaximum", -1, NumberRange.MOST);
        int near = random.nextInt(3);
        long away = random.nextInt(1 << random.nextInt(12));
        return NODES.numberNode(
            near == 0
                ? Math.min(high, low + away)
                : near == 1 ? Math.max(low, high - away) : random.nextLong(low, high + 1));
      }
      case "number":
        return number(schema);
      case "boolean":
        return NODES.booleanNode(random.nextBoolean());
      case "null":
        return NODES.nullNode();
      case "array": {
        ArrayNode out = NODES.arrayNode();
        int least = schema.path("minItems").asInt(0);
        int length = least + random.nextInt(schema.path("maxItems").asInt(least + 2) - least + 1);
        for (int i = 0; i < length; i++) {
          out.add(value(schema.get("items")));
        }
        return out;
      }
      default: {
        ObjectNode out = NODES.objectNode();
        schema.get("properties").properties().forEach(
            p -> {
              if (random.nextBoolean() || required(schema, p.getKey())) {
                out.set(p.getKey(), value(p.getValue()));
              }
            });
        return out;
      }
    }
  }

  private static boolean required(JsonNode schema, String name) {
    for (JsonNode one : schema.path("required")) {
      if (one.asText().equals(name)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a value is what a schema describes. */
  static boolean conforms(JsonNode schema, JsonNode value) {
    if (schema.has("enum")) {
      for (JsonNode one : schema.get("enum")) {
        if (same(one, value)) {
          return true;
        }
      }
      return false;
    }
    if (schema.has("const")) {
      return same(schema.get("const"), value);
    }
    if (schema.has("anyOf")) {
      return conforms(schema.get("anyOf").get(0), value) || conforms(schema.get("anyOf").get(1), value);
    }
    JsonNode types = schema.get("type");
    if (types.isArray()) {
      for (JsonNode type : types) {
        ObjectNode one = schema.deepCopy();
        one.set("type", type);
        if (conforms(one, value)) {
          return true;
        }
      }
      return false;
    }
    switch (types.asText()) {
      case "string": {
        int length = value.asText().codePointCount(0, value.asText().length());
        return value.isTextual() && length >= schema.path("minLength").asInt(0)
            && length <= schema.path("maxLength").asInt(Integer.MAX_VALUE);
      }
      case "integer": {
        BigDecimal v = value.isIntegralNumber() ? value.decimalValue() : null;
        return v != null && within(v, schema);
      }
      case "number":
        return value.isNumber() && Double.isFinite(value.doubleValue()) && within(value.decimalValue(), schema);
      case "boolean":
        return value.isBoolean();
      case "null":
        return value.isNull();
      case "array": {
        boolean good = value.isArray() && value.size() >= schema.path("minItems").asInt(0)
            && value.size() <= schema.path("maxItems").asInt(Integer.MAX_VALUE);
        for (JsonNode item : value) {
          good &= conforms(schema.get("items"), item);
        }
        return good;
      }
      default: {
        boolean good = value.isObject();
        for (var field : value.properties()) {
          JsonNode of = schema.get("properties").get(field.getKey());
          good &= of != null && conforms(of, field.getValue());
        }
        for (JsonNode name : schema.path("required")) {
          good &= value.has(name.asText());
        }
        return good;
      }
    }
  }

  private static boolean within(BigDecimal v, JsonNode schema) {
    return !below(v, schema, "minimum", 0) && !below(v, schema, "exclusiveMinimum", 1)
        && !below(v.negate(), schema, "maximum", 0) && !below(v.negate(), schema, "exclusiveMaximum", 1);
  }

  /**
   * Whether v is below a lower bound, or −v below the negative of an upper one; an exclusive one is below by itself.
   */
  private static boolean below(BigDecimal v, JsonNode schema, String name, int exclusive) {
    if (!schema.has(name)) {
      return false;
    }
    BigDecimal bound = schema.get(name).decimalValue();
    int order = v.compareTo(name.toLowerCase(java.util.Locale.ROOT).endsWith("maximum") ? bound.negate() : bound);
    return order < exclusive;
  }

  private static boolean same(JsonNode a, JsonNode b) {
    return a.isNumber() && b.isNumber() ? a.decimalValue().compareTo(b.decimalValue()) == 0 : a.equals(b);
  }
}
