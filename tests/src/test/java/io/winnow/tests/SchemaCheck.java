// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** As much of JSON Schema (draft 2020-12) as recipe.schema.json has; a keyword that it does not know is a failure. */
final class SchemaCheck {
  private final JsonNode root;
  private final List<String> wrong = new ArrayList<>();

  private SchemaCheck(JsonNode root) {
    this.root = root;
  }

  /** What is wrong with a value, by its path; empty if it is valid. */
  static List<String> of(JsonNode schema, JsonNode value) {
    SchemaCheck check = new SchemaCheck(schema);
    check.check(schema, value, "");
    return check.wrong;
  }

  private boolean holds(JsonNode schema, JsonNode value) {
    SchemaCheck check = new SchemaCheck(root);
    check.check(schema, value, "");
    return check.wrong.isEmpty();
  }

  private void check(JsonNode schema, JsonNode value, String path) {
    for (Map.Entry<String, JsonNode> rule : schema.properties()) {
      JsonNode says = rule.getValue();
      boolean ok =
          switch (rule.getKey()) {
            case "$schema", "$defs", "title", "description", "default", "then" -> true;
            case "type" -> says.isArray()
                ? !all(says, type -> !is(value, type.asText()))
                : is(value, says.asText());
            case "enum" -> contains(says, value);
            case "const" -> says.equals(value);
            case "pattern" -> !value.isTextual() || Pattern.compile(says.asText()).matcher(value.asText()).find();
            case "minItems" -> !value.isArray() || value.size() >= says.asInt();
            case "required" -> all(says, name -> !value.isObject() || value.has(name.asText()));
            case "anyOf" -> !all(says, option -> !holds(option, value));
            case "allOf" -> each(says, part -> check(part, value, path));
            case "if" -> !holds(says, value) || each(List.of(schema.path("then")), then -> check(then, value, path));
            case "$ref" -> each(
                List.of(root.at(says.asText().substring(1))),
                target -> {
                  if (target.isMissingNode()) {
                    wrong.add(path + " refers to nothing: " + says);
                  }
                  check(target, value, path);
                });
            case "items" -> !value.isArray() || each(value, item -> check(says, item, path + "/item"));
            case "properties" -> each(
                says.properties(), p -> {
                  if (value.has(p.getKey())) {
                    check(p.getValue(), value.get(p.getKey()), path + "/" + p.getKey());
                  }
                });
            case "propertyNames" -> each(
                value.properties(),
                p -> check(says, TextNode.valueOf(p.getKey()), path + "/" + p.getKey()));
            case "additionalProperties" -> each(
                value.properties(),
                p -> {
                  if (schema.path("properties").has(p.getKey())) {
                    return;
                  }
                  if (says.isBoolean()) {
                    wrong.add(path + " must not have " + p.getKey());
                  } else {
                    check(says, p.getValue(), path + "/" + p.getKey());
                  }
                });
            default -> throw new AssertionError("a keyword that is not known: " + rule.getKey());
          };
      if (!ok) {
        wrong.add(path + " breaks " + rule.getKey() + ": " + says);
      }
    }
  }

  private static <T> boolean each(Iterable<T> all, java.util.function.Consumer<T> action) {
    all.forEach(action);
    return true;
  }

  private static boolean all(JsonNode list, java.util.function.Predicate<JsonNode> test) {
    for (JsonNode item : list) {
      if (!test.test(item)) {
        return false;
      }
    }
    return true;
  }

  private static boolean contains(JsonNode list, JsonNode value) {
    return !all(list, item -> !item.equals(value));
  }

  private static boolean is(JsonNode value, String type) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isTextual();
      case "integer" -> value.isIntegralNumber();
      case "number" -> value.isNumber();
      case "boolean" -> value.isBoolean();
      case "null" -> value.isNull();
      default -> throw new AssertionError("a type that is not known: " + type);
    };
  }
}
