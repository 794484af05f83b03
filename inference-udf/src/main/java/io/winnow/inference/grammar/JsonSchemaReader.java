// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads the part of JSON Schema (2020-12) that has a finite automaton. Each keyword is either kept to or refused by its
 * name and place; only those that JSON Schema itself calls annotations change nothing.
 */
final class JsonSchemaReader {
  private static final int MOST_NESTED = 64;
  private static final ObjectReader JSON =
      new ObjectMapper().reader()
          .with(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY, DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
              DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .with(JsonNodeFactory.withExactBigDecimals(true));
  private static final Set<String> ANNOTATIONS =
      Set.of(
          "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples",
          "deprecated", "readOnly", "writeOnly");
  private static final Map<String, Set<String>> OF_TYPE =
      Map.of(
          "object", Set.of("properties", "required", "additionalProperties"),
          "array", Set.of("items", "minItems", "maxItems"),
          "string", Set.of("minLength", "maxLength", "pattern"),
          "integer", Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
          "number", Set.of(), "boolean", Set.of(), "null", Set.of());

  private final JsonNode root;
  private final Deque<String> open = new ArrayDeque<>();
  private final Map<String, Expression> resolved = new HashMap<>();
  private int depth;

  private JsonSchemaReader(JsonNode root) {
    this.root = root;
  }

  /**
   * The texts of the values that a schema describes.
   *
   * @throws GrammarRefusal naming what is not understood and where it stands
   */
  static Expression read(String schema) {
    JsonNode root;
    try {
      root = JSON.readTree(schema);
    } catch (JsonProcessingException e) {
      throw new GrammarRefusal("it is not JSON: " + e.getOriginalMessage());
    }
    return new JsonSchemaReader(root).value(root, "#");
  }

  private static GrammarRefusal refused(String path, String why) {
    return new GrammarRefusal("at " + path + " " + why);
  }

  private Expression value(JsonNode node, String path) {
    if (!node.isObject()) {
      throw refused(path, "there is " + (node.isBoolean() ? "true or false" : "no object")
          + " where a schema must stand; say with a type what is wanted");
    }
    if (++depth > MOST_NESTED) {
      throw refused(path, "schemas are nested more than " + MOST_NESTED + " deep");
    }
    Set<String> names = new LinkedHashSet<>();
    node.fieldNames().forEachRemaining(names::add);
    names.removeAll(ANNOTATIONS);
    Expression out;
    if (names.contains("$ref")) {
      out = reference(only(node, names, path, "$ref"), path);
    } else if (names.contains("const")) {
      out = literals(List.of(only(node, names, path, "const", "type")), node, path + "/const");
    } else if (names.contains("enum")) {
      List<JsonNode> values = new ArrayList<>();
      only(node, names, path, "enum", "type").forEach(values::add);
      out = literals(values, node, path + "/enum");
    } else if (names.contains("anyOf")) {
      out = Expression.anyOf(branches(only(node, names, path, "anyOf"), path + "/anyOf"));
    } else if (names.contains("oneOf")) {
      List<Expression> all = branches(only(node, names, path, "oneOf"), path + "/oneOf");
      Branches.checkApart(all, path + "/oneOf");
      out = Expression.anyOf(all);
    } else {
      out = typed(node, names, path);
    }
    depth--;
    return out;
  }

  /** The value of the first name, where nothing but these stands beside it. */
  private static JsonNode only(JsonNode node, Set<String> names, String path, String... allowed) {
    for (String name : names) {
      if (!List.of(allowed).contains(name)) {
        throw refused(path, "'" + name + "' stands beside '" + allowed[0] + "', which is not supported; leave one out");
      }
    }
    return node.get(allowed[0]);
  }

  private List<Expression> branches(JsonNode list, String path) {
    if (!list.isArray() || list.isEmpty()) {
      throw refused(path, "there must be a list of schemas");
    }
    List<Expression> out = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      out.add(value(list.get(i), path + "/" + i));
    }
    return out;
  }

  private Expression reference(JsonNode ref, String path) {
    String target = ref.asText();
    if (!target.equals("#") && !target.startsWith("#/")) {
      throw refused(path, "$ref '" + target + "' is not supported: only places of this schema are, as #/$defs/NAME");
    }
    if (path.equals(target) || target.equals("#") || open.contains(target)) {
      throw refused(path, "$ref '" + target + "' is recursive, which no finite automaton can follow; write out as many"
          + " levels as are wanted");
    }
    Expression known = resolved.get(target);
    if (known != null) {
      return known;
    }
    JsonNode node = root;
    for (String step : target.substring(2).split("/", -1)) {
      String name = step.replace("~1", "/").replace("~0", "~");
      node = node.isArray() && name.matches("[0-9]{1,6}") ? node.path(Integer.parseInt(name)) : node.path(name);
    }
    if (node.isMissingNode()) {
      throw refused(path, "$ref '" + target + "' names a place that is not there");
    }
    open.push(target);
    Expression out = value(node, target);
    open.pop();
    resolved.put(target, out);
    return out;
  }

  private static Expression literals(List<JsonNode> values, JsonNode node, String path) {
    if (values.isEmpty()) {
      throw refused(path, "there must be a list of values");
    }
    List<Expression> out = new ArrayList<>();
    Set<String> types = node.has("type") ? types(node.get("type"), path) : Set.of();
    Set<String> texts = new LinkedHashSet<>();
    for (JsonNode value : values) {
      if (!types.isEmpty() && types.stream().noneMatch(type -> isOf(value, type))) {
        throw refused(path, "the value " + value + " is not of the type " + node.get("type"));
      }
      texts.add(JsonValues.text(value));
    }
    texts.forEach(text -> out.add(Expression.text(text)));
    return Expression.anyOf(out);
  }

  private static boolean isOf(JsonNode value, String type) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isTextual();
      case "boolean" -> value.isBoolean();
      case "null" -> value.isNull();
      case "number" -> value.isNumber();
      default -> value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
    };
  }

  private static Set<String> types(JsonNode type, String path) {
    Set<String> out = new LinkedHashSet<>();
    if (type.isTextual()) {
      out.add(type.textValue());
    } else {
      type.forEach(one -> out.add(one.asText()));
    }
    for (String name : out) {
      if (!OF_TYPE.containsKey(name)) {
        throw refused(path, "the type '" + name + "' is not known: " + new TreeSet<>(OF_TYPE.keySet()) + " are");
      }
    }
    if (out.isEmpty()) {
      throw refused(path, "the list of types is empty");
    }
    return out;
  }

  private Expression typed(JsonNode node, Set<String> names, String path) {
    if (names.contains("uniqueItems") && !node.get("uniqueItems").asBoolean(true)) {
      names.remove("uniqueItems");
    }
    Set<String> types =
        names.remove("type")
            ? types(node.get("type"), path)
            : Set.of(names.contains("properties") ? "object" : names.contains("items") ? "array" : "");
    if (types.contains("")) {
      throw refused(path, names.isEmpty()
          ? "there is no type, and any JSON value is more than an automaton can follow; give 'type', 'enum' or 'anyOf'"
          : "'" + names.iterator().next() + "' is not supported without a type");
    }
    for (String name : names) {
      if (types.stream().noneMatch(type -> OF_TYPE.get(type).contains(name))) {
        boolean known = OF_TYPE.values().stream().anyMatch(all -> all.contains(name));
        throw refused(
            path, "'" + name + "' is not supported" + (known ? " for the type " + String.join(", ", types) : ""));
      }
    }
    List<Expression> out = new ArrayList<>();
    for (String type : types) {
      out.add(
          switch (type) {
            case "object" -> object(node, path);
            case "array" -> array(node, path);
            case "string" -> string(node, path);
            case "integer" -> integer(node, path);
            case "number" -> JsonValues.NUMBER;
            case "boolean" -> JsonValues.BOOLEAN;
            default -> JsonValues.NULL;
          });
    }
    return Expression.anyOf(out);
  }

  /** Properties come in the order of the schema. */
  private Expression object(JsonNode node, String path) {
    JsonNode more = node.path("additionalProperties");
    if (!more.isMissingNode() && !(more.isBoolean() && !more.booleanValue())) {
      throw refused(path, "'additionalProperties' other than false is not supported; list the properties");
    }
    JsonNode properties = node.path("properties");
    if (!properties.isObject()) {
      throw refused(path, "an object without 'properties' is not supported; list them");
    }
    Set<String> required = new HashSet<>();
    node.path("required").forEach(name -> required.add(name.asText()));
    for (String name : required) {
      if (!properties.has(name)) {
        throw refused(path, "'required' names '" + name + "', which is not among the properties");
      }
    }
    List<Expression> fields = new ArrayList<>();
    List<Boolean> optional = new ArrayList<>();
    for (Map.Entry<String, JsonNode> property : properties.properties()) {
      String name = property.getKey();
      Expression key = Expression.text(JsonValues.quoted(name));
      String place = path + "/properties/" + name.replace("~", "~0").replace("/", "~1");
      fields.add(Expression.parts(key, JsonValues.COLON, value(property.getValue(), place)));
      optional.add(!required.contains(name));
    }
    // Behind a first one each brings its comma; before it each may be the first. The ends are shared, so this stays
    // small.
    Expression rest = Expression.EMPTY;
    Expression fromNone = Expression.EMPTY;
    for (int i = fields.size() - 1; i >= 0; i--) {
      Expression first = Expression.parts(fields.get(i), rest);
      fromNone = optional.get(i) ? Expression.anyOf(List.of(first, fromNone)) : first;
      Expression next = Expression.parts(JsonValues.COMMA, fields.get(i));
      rest = Expression.parts(optional.get(i) ? Expression.optional(next) : next, rest);
    }
    return Expression.parts(Expression.text("{"), fromNone, Expression.text("}"));
  }

  private Expression array(JsonNode node, String path) {
    if (!node.has("items")) {
      throw refused(path, "an array without 'items' is not supported; say what it holds");
    }
    int least = count(node, "minItems", path, 0);
    int most = count(node, "maxItems", path, -1);
    checkOrder(least, most, path, "minItems", "maxItems");
    Expression item = value(node.get("items"), path + "/items");
    if (most == 0) {
      return Expression.text("[]");
    }
    Expression more =
        new Expression.Repeat(
            Expression.parts(JsonValues.COMMA, item), Math.max(0, least - 1), most < 0 ? -1 : most - 1);
    Expression some = Expression.parts(item, more);
    return Expression.parts(
        Expression.text("["), least == 0 ? Expression.optional(some) : some, Expression.text("]"));
  }

  private static Expression string(JsonNode node, String path) {
    int least = count(node, "minLength", path, 0);
    int most = count(node, "maxLength", path, -1);
    if (!node.has("pattern")) {
      checkOrder(least, most, path, "minLength", "maxLength");
      return JsonValues.string(new Expression.Repeat(JsonValues.CHARACTER, least, most));
    }
    if (node.has("minLength") || node.has("maxLength")) {
      throw refused(path, "'pattern' beside 'minLength' or 'maxLength' is not supported; put the length into the"
          + " pattern, as [a-z]{2,5}");
    }
    try {
      return JsonValues.string(JsonValues.escaped(RegexParser.parse(node.get("pattern").asText(), true)));
    } catch (GrammarRefusal e) {
      throw refused(path + "/pattern", "the pattern is not supported: " + e.getMessage());
    }
  }

  private static Expression integer(JsonNode node, String path) {
    long low = bound(node, "minimum", path, RoundingMode.CEILING, -JsonValues.MOST);
    long high = bound(node, "maximum", path, RoundingMode.FLOOR, JsonValues.MOST);
    // Above or below the next whole number on the other side.
    low = Math.max(low, bound(node, "exclusiveMinimum", path, RoundingMode.FLOOR, low - 1) + 1);
    high = Math.min(high, bound(node, "exclusiveMaximum", path, RoundingMode.CEILING, high + 1) - 1);
    low = Math.max(low, -JsonValues.MOST);
    high = Math.min(high, JsonValues.MOST);
    if (low > high) {
      throw refused(path, "no whole number lies between the bounds");
    }
    return JsonValues.integer(low, high);
  }

  private static long bound(JsonNode node, String name, String path, RoundingMode mode, long otherwise) {
    JsonNode value = node.path(name);
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.isNumber()) {
      throw refused(path, "'" + name + "' must be a number");
    }
    BigDecimal most = BigDecimal.valueOf(JsonValues.MOST + 1);
    return value.decimalValue().min(most).max(most.negate()).setScale(0, mode).longValueExact();
  }

  private static int count(JsonNode node, String name, String path, int otherwise) {
    JsonNode value = node.path(name);
    if (value.isMissingNode()) {
      return otherwise;
    }
    if (!value.canConvertToInt() || value.intValue() < 0 || value.decimalValue().stripTrailingZeros().scale() > 0) {
      throw refused(path, "'" + name + "' must be a whole number from 0 to 2147483647");
    }
    return value.intValue();
  }

  private static void checkOrder(int least, int most, String path, String first, String second) {
    if (most >= 0 && least > most) {
      throw refused(path, "'" + first + "' is more than '" + second + "'");
    }
  }
}
