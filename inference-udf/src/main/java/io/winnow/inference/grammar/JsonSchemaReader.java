// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.grammar;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.TextFormat;
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
          "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema");
  private static final Map<String, Set<String>> OF_TYPE =
      Map.of(
          "object",
          Set.of(
              "properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"),
          "array", Set.of("items", "minItems", "maxItems"),
          "string", Set.of("minLength", "maxLength", "pattern", "format"),
          "integer", NumberRange.NAMES, "number", NumberRange.NAMES, "boolean", Set.of(), "null", Set.of());

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
    return value(node, path, null);
  }

  /** @param required a property that an object must have, because alternatives are told apart by it; null for none */
  private Expression value(JsonNode node, String path, String required) {
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
    names.removeIf(name -> name.startsWith("x-"));
    Expression out;
    if (names.contains("$ref")) {
      out = reference(only(node, names, path, "$ref"), path, required);
    } else if (names.contains("allOf")) {
      out = value(single(only(node, names, path, "allOf"), path), path + "/allOf/0", required);
    } else if (names.contains("const")) {
      out = literals(List.of(only(node, names, path, "const", "type")), node, path + "/const");
    } else if (names.contains("enum")) {
      List<JsonNode> values = new ArrayList<>();
      only(node, names, path, "enum", "type").forEach(values::add);
      out = literals(values, node, path + "/enum");
    } else if (names.contains("anyOf")) {
      JsonNode all = only(node, names, path, "anyOf", "discriminator");
      out = Expression.anyOf(branches(all, path + "/anyOf", tag(node, path)));
    } else if (names.contains("oneOf")) {
      JsonNode list = only(node, names, path, "oneOf", "discriminator");
      List<Expression> all = branches(list, path + "/oneOf", tag(node, path));
      Branches.checkApart(all, path + "/oneOf");
      out = Expression.anyOf(all);
    } else {
      out = typed(node, names, path, required);
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

  private static JsonNode single(JsonNode list, String path) {
    if (!list.isArray() || list.size() != 1) {
      throw refused(path, "'allOf' of anything but one schema is not supported; write what they have in common as one");
    }
    return list.get(0);
  }

  /** The property that tells branches apart, which each of them then has (OpenAPI 3.1, discriminator object). */
  private static String tag(JsonNode node, String path) {
    JsonNode name = node.path("discriminator").path("propertyName");
    if (node.has("discriminator") && !name.isTextual()) {
      throw refused(path, "'discriminator' has no 'propertyName'");
    }
    return name.textValue();
  }

  private List<Expression> branches(JsonNode list, String path, String required) {
    if (!list.isArray() || list.isEmpty()) {
      throw refused(path, "there must be a list of schemas");
    }
    List<Expression> out = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      out.add(value(list.get(i), path + "/" + i, required));
    }
    return out;
  }

  private Expression reference(JsonNode ref, String path, String required) {
    String target = ref.asText();
    if (!target.equals("#") && !target.startsWith("#/")) {
      throw refused(path, "$ref '" + target + "' is not supported: only places of this schema are, as #/$defs/NAME");
    }
    if (path.equals(target) || target.equals("#") || open.contains(target)) {
      throw refused(path, "$ref '" + target + "' is recursive, which no finite automaton can follow; write out as many"
          + " levels as are wanted");
    }
    String key = required == null ? target : target + "\n" + required;
    Expression known = resolved.get(key);
    if (known != null) {
      return known;
    }
    JsonNode node = target(target, path);
    open.push(target);
    Expression out = value(node, target, required);
    open.pop();
    resolved.put(key, out);
    return out;
  }

  private JsonNode target(String ref, String path) {
    JsonNode node = root;
    for (String step : ref.substring(Math.min(2, ref.length())).split("/", -1)) {
      String name = step.replace("~1", "/").replace("~0", "~");
      node = node.isArray() && name.matches("[0-9]{1,6}") ? node.path(Integer.parseInt(name)) : node.path(name);
    }
    if (node.isMissingNode()) {
      throw refused(path, "$ref '" + ref + "' names a place that is not there");
    }
    return node;
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

  private Expression typed(JsonNode node, Set<String> names, String path, String required) {
    if (names.contains("uniqueItems") && !node.get("uniqueItems").asBoolean(true)) {
      names.remove("uniqueItems");
    }
    Set<String> types =
        names.remove("type")
            ? types(node.get("type"), path)
            : Set.of(names.contains("properties") ? "object" : names.contains("items") ? "array" : "");
    if (types.contains("")) {
      if (names.contains("schema")) {
        throw refused(path, "there is no schema but something around one; give what stands under 'schema'");
      }
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
            case "object" -> object(node, path, required);
            case "array" -> array(node, path);
            case "string" -> string(node, path);
            case "integer" -> numbers(range(node, path).whole(), "whole number", path);
            case "number" -> numbers(range(node, path).decimals(), "number that answers can hold", path);
            case "boolean" -> JsonValues.BOOLEAN;
            default -> JsonValues.NULL;
          });
    }
    return Expression.anyOf(out);
  }

  /** Properties come in the order of the schema. */
  private Expression object(JsonNode node, String path, String tag) {
    JsonNode more = node.path("additionalProperties");
    JsonNode properties = node.path("properties");
    if (more.isObject() && properties.isEmpty() && !node.has("required") && tag == null) {
      return map(node, path);
    }
    for (String name : List.of("propertyNames", "minProperties", "maxProperties")) {
      if (node.has(name)) {
        throw refused(path, "'" + name + "' is supported where 'additionalProperties' is a schema and there are no"
            + " 'properties'");
      }
    }
    if (!more.isMissingNode() && !(more.isBoolean() && !more.booleanValue())) {
      throw refused(path, "'additionalProperties' other than false is not supported beside properties and without a"
          + " schema; list the properties");
    }
    if (!properties.isObject()) {
      throw refused(path, "an object without 'properties' is not supported; list them");
    }
    Set<String> required = new HashSet<>();
    if (node.has("required") && !node.get("required").isArray()) {
      throw refused(path, "'required' must be a list of names");
    }
    node.path("required").forEach(name -> required.add(name.asText()));
    if (tag != null) {
      required.add(tag);
    }
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

  /** Any names with values of one kind. That no name comes twice no automaton can say. */
  private Expression map(JsonNode node, String path) {
    JsonNode names = node.path("propertyNames");
    Expression name = JsonValues.string(new Expression.Repeat(JsonValues.CHARACTER, 0, -1));
    if (!names.isMissingNode()) {
      name = value(texts(names, path + "/propertyNames"), path + "/propertyNames");
    }
    Expression value = value(node.get("additionalProperties"), path + "/additionalProperties");
    Expression entry = Expression.parts(name, JsonValues.COLON, value);
    return list(node, path, entry, "{", "}", "minProperties", "maxProperties");
  }

  /** What is said of names, which is said of texts. */
  private JsonNode texts(JsonNode names, String path) {
    JsonNode said = names;
    for (int i = 0; i < MOST_NESTED && said.has("$ref"); i++) {
      said = target(said.get("$ref").asText(), path);
    }
    boolean good = said.isObject() && said.path("type").asText("string").equals("string");
    for (JsonNode value : said.path("enum")) {
      good &= value.isTextual();
    }
    good &= !said.has("const") || said.get("const").isTextual();
    for (String name : List.of("anyOf", "oneOf", "allOf", "$ref")) {
      good &= !said.has(name);
    }
    if (!good) {
      throw refused(path, "names of properties are texts: give 'enum', 'pattern', 'format' or lengths");
    }
    return names.has("$ref") || names.has("enum") || names.has("const")
        ? names
        : ((ObjectNode) names.deepCopy()).put("type", "string");
  }

  private Expression array(JsonNode node, String path) {
    if (!node.has("items")) {
      throw refused(path, "an array without 'items' is not supported; say what it holds");
    }
    return list(node, path, value(node.get("items"), path + "/items"), "[", "]", "minItems", "maxItems");
  }

  private static Expression list(
      JsonNode node, String path, Expression item, String open, String close, String leastName, String mostName) {
    int least = count(node, leastName, path, 0);
    int most = count(node, mostName, path, -1);
    checkOrder(least, most, path, leastName, mostName);
    if (most == 0) {
      return Expression.text(open + close);
    }
    Expression more =
        new Expression.Repeat(
            Expression.parts(JsonValues.COMMA, item), Math.max(0, least - 1), most < 0 ? -1 : most - 1);
    Expression some = Expression.parts(item, more);
    return Expression.parts(
        Expression.text(open), least == 0 ? Expression.optional(some) : some, Expression.text(close));
  }

  private static Expression string(JsonNode node, String path) {
    int least = count(node, "minLength", path, 0);
    int most = count(node, "maxLength", path, -1);
    if (node.has("format")) {
      return format(node, path);
    }
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

  private static Expression format(JsonNode node, String path) {
    TextFormat format = TextFormat.of(node.get("format").asText());
    if (format == null) {
      throw refused(path, "the format '" + node.get("format").asText() + "' is not supported: " + TextFormat.names()
          + " are; or give a 'pattern'");
    }
    for (String name : List.of("minLength", "maxLength", "pattern")) {
      if (node.has(name)) {
        throw refused(path, "'" + name + "' beside 'format' is not supported; leave one out");
      }
    }
    return JsonValues.string(RegexParser.parse(format.pattern(), false));
  }

  private static NumberRange range(JsonNode node, String path) {
    for (String name : NumberRange.NAMES) {
      if (node.has(name) && !node.get(name).isNumber()) {
        throw refused(path, "'" + name + "' must be a number");
      }
    }
    return NumberRange.of(node);
  }

  private static Expression numbers(Expression between, String kind, String path) {
    if (between == null) {
      throw refused(path, "no " + kind + " lies between the bounds");
    }
    return between;
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
