// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import io.winnow.inference.TextFormat;
import io.winnow.inference.grammar.AnswerPattern;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * JSON that a schema describes. Blanks and the order of properties do not count here: a server writes its JSON as it
 * likes. The schema is one that docs/STRUCTURED_OUTPUT.md describes; whoever makes the reader has seen to that.
 */
final class JsonLabels extends LabelReader {
  private static final ObjectReader JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .nodeFactory(JsonNodeFactory.withExactBigDecimals(true))
          .build().reader();
  private static final Set<String> TYPES = Set.of("object", "array", "string", "integer", "number", "boolean", "null");

  private final JsonNode root;
  private final LabelType type;
  /** By their texts: patterns that may match anywhere, and those of whole texts. */
  private final Map<String, AnswerPattern> searched = new ConcurrentHashMap<>();
  private final Map<String, AnswerPattern> patterns = new ConcurrentHashMap<>();

  JsonLabels(String schema) {
    try {
      root = JSON.readTree(schema);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the schema is not JSON: " + e.getOriginalMessage(), e);
    }
    LabelType found = typeOf(root);
    type = found == null ? LabelType.Plain.JSON : found;
  }

  @Override
  public LabelType type() {
    return type;
  }

  @Override
  public Object read(String text) throws LabelException {
    JsonNode tree;
    try {
      tree = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new LabelException(shown(text) + " is not JSON: " + e.getOriginalMessage().replaceAll("\\s+", " "));
    }
    if (tree.isMissingNode()) {
      throw new LabelException("there is no text where JSON is expected");
    }
    String wrong;
    try {
      wrong = wrong(tree, root, "#");
    } catch (IllegalArgumentException | ArithmeticException e) {
      // A pattern, or a number whose zeros are too many to count.
      throw new LabelException(shown(text) + " cannot be read: " + e.getMessage());
    }
    if (wrong != null) {
      throw new LabelException(shown(text) + " is not of the schema: " + wrong);
    }
    return value(tree, type);
  }

  private JsonNode resolved(JsonNode schema) {
    JsonNode node = schema;
    while (node.has("$ref") || node.has("allOf")) {
      if (node.has("allOf")) {
        node = node.get("allOf").path(0);
        continue;
      }
      JsonNode target = root;
      String ref = node.get("$ref").asText();
      for (String step : ref.substring(Math.min(ref.length(), 2)).split("/", -1)) {
        String name = step.replace("~1", "/").replace("~0", "~");
        boolean index = target.isArray() && name.matches("[0-9]{1,6}");
        target = index ? target.path(Integer.parseInt(name)) : target.path(name);
      }
      node = target;
    }
    return node;
  }

  /** The type of a schema's values; null where only null is one. */
  private LabelType typeOf(JsonNode asked) {
    JsonNode schema = resolved(asked);
    List<LabelType> all = new ArrayList<>();
    if (schema.has("const")) {
      all.add(typeOfValue(schema.get("const")));
    } else if (schema.has("enum")) {
      schema.get("enum").forEach(value -> all.add(typeOfValue(value)));
    } else if (schema.has("anyOf") || schema.has("oneOf")) {
      schema.get(schema.has("anyOf") ? "anyOf" : "oneOf").forEach(one -> all.add(typeOf(one)));
    } else {
      types(schema).forEach(name -> all.add(typeNamed(name, schema)));
    }
    LabelType out = null;
    for (LabelType one : all) {
      out = joined(out, one);
    }
    return out;
  }

  private static LabelType joined(LabelType a, LabelType b) {
    if (a == null || b == null || a.equals(b)) {
      return a == null ? b : a;
    }
    Set<LabelType> numbers = Set.of(LabelType.Plain.INTEGER, LabelType.Plain.NUMBER);
    return numbers.contains(a) && numbers.contains(b) ? LabelType.Plain.NUMBER : LabelType.Plain.JSON;
  }

  private static LabelType typeOfValue(JsonNode value) {
    if (value.isNull()) {
      return null;
    }
    if (value.isNumber() && Double.isInfinite(value.doubleValue())) {
      return LabelType.Plain.JSON;
    }
    return value.isTextual()
        ? LabelType.Plain.TEXT
        : value.isBoolean()
            ? LabelType.Plain.BOOLEAN
            : !value.isNumber()
                ? LabelType.Plain.JSON
                : isWhole(value) && Math.abs(value.doubleValue()) < 1e18
                    ? LabelType.Plain.INTEGER
                    : LabelType.Plain.NUMBER;
  }

  private LabelType typeNamed(String name, JsonNode schema) {
    return switch (name) {
      case "string" -> LabelType.Plain.TEXT;
      case "integer" -> LabelType.Plain.INTEGER;
      case "number" -> LabelType.Plain.NUMBER;
      case "boolean" -> LabelType.Plain.BOOLEAN;
      case "array" -> {
        LabelType items = typeOf(schema.path("items"));
        yield new LabelType.ListOf(items == null ? LabelType.Plain.JSON : items);
      }
      case "object" -> {
        List<LabelType.Field> fields = new ArrayList<>();
        schema.path("properties").properties()
            .forEach(
                property -> {
                  LabelType field = typeOf(property.getValue());
                  fields.add(
                      new LabelType.Field(property.getKey(), field == null ? LabelType.Plain.JSON : field));
                });
        Columns.check(fields.stream().map(LabelType.Field::name).toList());
        // No format of tables has a struct without fields.
        yield fields.isEmpty() ? LabelType.Plain.JSON : new LabelType.Struct(List.copyOf(fields));
      }
      default -> null;
    };
  }

  private static Set<String> types(JsonNode schema) {
    JsonNode type = schema.path("type");
    Set<String> out = new LinkedHashSet<>();
    if (type.isTextual()) {
      out.add(type.asText());
    } else {
      type.forEach(one -> out.add(one.asText()));
    }
    if (out.isEmpty()) {
      out.add(schema.has("properties") ? "object" : "array");
    }
    for (String name : out) {
      if (!TYPES.contains(name)) {
        throw new IllegalArgumentException("the type '" + name + "' is not known");
      }
    }
    return out;
  }

  private static boolean isWhole(JsonNode value) {
    return value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
  }

  private static boolean isOf(JsonNode value, String type) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isTextual();
      case "boolean" -> value.isBoolean();
      case "null" -> value.isNull();
      case "number" -> value.isNumber();
      default -> isWhole(value);
    };
  }

  /** What is wrong with a value, and where; null for nothing. */
  private String wrong(JsonNode value, JsonNode asked, String path) {
    JsonNode schema = resolved(asked);
    if (schema.has("const") && !same(value, schema.get("const"))) {
      return "at " + path + " there is " + brief(value) + " and not " + brief(schema.get("const"));
    }
    if (schema.has("enum")) {
      for (JsonNode one : schema.get("enum")) {
        if (same(value, one)) {
          return null;
        }
      }
      return "at " + path + " " + brief(value) + " is none of " + brief(schema.get("enum"));
    }
    if (schema.has("const")) {
      return null;
    }
    if (schema.has("anyOf") || schema.has("oneOf")) {
      String first = null;
      for (JsonNode one : schema.get(schema.has("anyOf") ? "anyOf" : "oneOf")) {
        String why = wrong(value, one, path);
        if (why == null) {
          return null;
        }
        first = first == null ? why : first;
      }
      return first;
    }
    Set<String> types = types(schema);
    if (types.stream().noneMatch(type -> isOf(value, type))) {
      return "at " + path + " " + brief(value) + " is no " + String.join(" or ", types);
    }
    if (value.isObject()) {
      return wrongObject(value, schema, path);
    }
    if (value.isArray()) {
      return wrongArray(value, schema, path);
    }
    if (value.isTextual()) {
      return wrongText(value.textValue(), schema, path);
    }
    return value.isNumber() ? wrongNumber(value.decimalValue(), schema, path) : null;
  }

  private String wrongObject(JsonNode value, JsonNode schema, String path) {
    JsonNode properties = schema.path("properties");
    if (schema.path("additionalProperties").isObject()) {
      return wrongMap(value, schema, path);
    }
    for (JsonNode name : schema.path("required")) {
      if (!value.has(name.asText())) {
        return "at " + path + " '" + name.asText() + "' is missing";
      }
    }
    for (Map.Entry<String, JsonNode> property : value.properties()) {
      if (!properties.has(property.getKey())) {
        return "at " + path + " there is a property '" + property.getKey() + "' more";
      }
      String place = path + "/" + property.getKey();
      String why = wrong(property.getValue(), properties.get(property.getKey()), place);
      if (why != null) {
        return why;
      }
    }
    return null;
  }

  private String wrongMap(JsonNode value, JsonNode schema, String path) {
    int size = value.size();
    if (size < schema.path("minProperties").asInt(0) || size > schema.path("maxProperties").asInt(size)) {
      return "at " + path + " there are " + size + " properties";
    }
    for (Map.Entry<String, JsonNode> property : value.properties()) {
      String place = path + "/" + property.getKey();
      String why = wrong(property.getValue(), schema.get("additionalProperties"), place);
      if (why == null && schema.has("propertyNames")) {
        why = wrongName(property.getKey(), schema.get("propertyNames"), place);
      }
      if (why != null) {
        return why;
      }
    }
    return null;
  }

  private String wrongName(String name, JsonNode asked, String place) {
    JsonNode names = resolved(asked);
    return names.has("enum") || names.has("const")
        ? wrong(TextNode.valueOf(name), names, place)
        : wrongText(name, names, place);
  }

  private String wrongArray(JsonNode value, JsonNode schema, String path) {
    if (value.size() < schema.path("minItems").asInt(0) || value.size() > schema.path("maxItems").asInt(value.size())) {
      return "at " + path + " there are " + value.size() + " items";
    }
    for (int i = 0; i < value.size(); i++) {
      String why = wrong(value.get(i), schema.path("items"), path + "/" + i);
      if (why != null) {
        return why;
      }
    }
    return null;
  }

  private String wrongText(String text, JsonNode schema, String path) {
    int length = text.codePointCount(0, text.length());
    if (length < schema.path("minLength").asInt(0) || length > schema.path("maxLength").asInt(length)) {
      return "at " + path + " the text has " + length + " characters";
    }
    if (schema.has("format")) {
      TextFormat format = TextFormat.of(schema.get("format").asText());
      if (!patterns.computeIfAbsent(format.anyCase(), AnswerPattern::whole).matches(text)) {
        return "at " + path + " " + shown(text) + " is no " + schema.get("format").asText();
      }
    }
    if (schema.has("pattern")
        && !searched.computeIfAbsent(schema.get("pattern").asText(), AnswerPattern::anywhere).matches(text)) {
      return "at " + path + " " + shown(text) + " does not match " + schema.get("pattern").asText();
    }
    return null;
  }

  private static String wrongNumber(BigDecimal number, JsonNode schema, String path) {
    boolean low =
        schema.has("minimum") && number.compareTo(schema.get("minimum").decimalValue()) < 0
            || schema.has("exclusiveMinimum") && number.compareTo(schema.get("exclusiveMinimum").decimalValue()) <= 0;
    boolean high =
        schema.has("maximum") && number.compareTo(schema.get("maximum").decimalValue()) > 0
            || schema.has("exclusiveMaximum") && number.compareTo(schema.get("exclusiveMaximum").decimalValue()) >= 0;
    if (low || high) {
      return "at " + path + " " + number + " is too " + (low ? "low" : "high");
    }
    boolean tooLong = number.abs().compareTo(new BigDecimal("1e300")) > 0;
    boolean tooWide =
        !types(schema).contains("number") && number.abs().compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0;
    return tooLong || tooWide ? "at " + path + " the number is too large for a column" : null;
  }

  /** Equal, where 1 and 1.0 are. */
  private static boolean same(JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) {
      return a.decimalValue().compareTo(b.decimalValue()) == 0;
    }
    if (a.isArray() && b.isArray() || a.isObject() && b.isObject()) {
      if (a.size() != b.size()) {
        return false;
      }
      for (Iterator<String> names = a.fieldNames(); names.hasNext(); ) {
        String name = names.next();
        if (!b.has(name) || !same(a.get(name), b.get(name))) {
          return false;
        }
      }
      for (int i = 0; a.isArray() && i < a.size(); i++) {
        if (!same(a.get(i), b.get(i))) {
          return false;
        }
      }
      return true;
    }
    return a.equals(b);
  }

  private static String brief(JsonNode value) {
    return shown(value.toString());
  }

  private static Object value(JsonNode node, LabelType type) {
    if (node == null || node.isNull()) {
      return null;
    }
    if (type instanceof LabelType.Struct struct) {
      List<Object> values = new ArrayList<>();
      struct.fields().forEach(field -> values.add(value(node.get(field.name()), field.type())));
      return values;
    }
    if (type instanceof LabelType.ListOf list) {
      List<Object> values = new ArrayList<>();
      node.forEach(item -> values.add(value(item, list.items())));
      return values;
    }
    return switch ((LabelType.Plain) type) {
      case TEXT -> node.textValue();
      case INTEGER -> (Object) node.decimalValue().longValueExact();
      case NUMBER -> (Object) node.doubleValue();
      case BOOLEAN -> (Object) node.booleanValue();
      case JSON -> node.toString();
    };
  }
}
