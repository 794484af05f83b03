// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.Setting;
import java.util.List;

/** The JSON schema of recipes, for editors: made of the commands' declarations, as the checks of {@link Recipe} are. */
public final class RecipeSchema {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String REFERENCE = "\\$\\{[^}]*\\}";

  private RecipeSchema() {}

  /** The schema's text (draft 2020-12), the same for the same commands. */
  public static String of(List<StepCommand> commands) {
    ObjectNode root = JSON.createObjectNode();
    root.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    root.put("title", "Recipe of Winnow");
    object(root, List.of("steps"));
    ObjectNode properties = root.putObject("properties");
    text(properties.putObject("name"), "Name of the recipe; without it that of its file.");
    text(properties.putObject("description"), "What it is for.");
    ObjectNode params = properties.putObject("params").put("type", "object");
    params.put("description", "Parameters and their defaults; winnow run RECIPE --param NAME=VALUE gives others.");
    params.putObject("propertyNames").put("pattern", "^" + Recipe.NAME.pattern() + "$");
    ArrayNode kinds = params.putObject("additionalProperties").putArray("type");
    List.of("string", "number", "boolean", "null", "array").forEach(kinds::add);
    ObjectNode steps = properties.putObject("steps").put("type", "array").put("minItems", 1);
    steps.put("description", "Each follows those that it needs or refers to.");
    ObjectNode step = steps.putObject("items");
    object(step, List.of("name", "uses"));
    ObjectNode keys = step.putObject("properties");
    text(keys.putObject("name"), "Name of the step; others refer to it as ${steps.NAME.OPTION}.")
        .put("pattern", "^" + Recipe.NAME.pattern() + "$");
    ObjectNode uses = keys.putObject("uses");
    uses.put("description", "The command that the step runs.");
    ArrayNode names = uses.putArray("enum");
    text(keys.putObject("description"), "What it is for.");
    keys.putObject("with").put("type", "object").put("description", "Options of the command, without dashes.");
    ObjectNode needs = keys.putObject("needs");
    needs.put("description", "Steps that come before it, beside those that it refers to.");
    needs.putArray("type").add("array").add("string");
    needs.putObject("items").put("type", "string");
    ObjectNode when = keys.putObject("when").put("description", "Whether the step is to run.");
    when.putArray("anyOf").add(JSON.createObjectNode().put("type", "boolean")).add(reference());
    ArrayNode rules = step.putArray("allOf");
    ObjectNode definitions = root.putObject("$defs");
    for (StepCommand command : commands) {
      names.add(command.name());
      ObjectNode rule = rules.addObject();
      rule.putObject("if").putObject("properties").putObject("uses").put("const", command.name());
      rule.putObject("then").putObject("properties").putObject("with").put("$ref", "#/$defs/" + command.name());
      ObjectNode definition = definitions.putObject(command.name());
      definition.put("description", command.summary());
      object(definition, List.of());
      ObjectNode options = definition.putObject("properties");
      command.ofStep().forEach(setting -> option(options.putObject(setting.name()), setting));
    }
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root).replace(" : ", ": ") + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void object(ObjectNode node, List<String> required) {
    node.put("type", "object").put("additionalProperties", false);
    if (!required.isEmpty()) {
      required.forEach(node.withArray("required")::add);
    }
  }

  private static ObjectNode text(ObjectNode node, String description) {
    return node.put("type", "string").put("description", description);
  }

  private static ObjectNode reference() {
    return JSON.createObjectNode().put("type", "string").put("pattern", REFERENCE);
  }

  private static <T> void option(ObjectNode node, Setting<T> setting) {
    node.put("description", setting.doc());
    T absent = setting.defaultValue();
    if (absent != null && !setting.text(absent).isEmpty() && !setting.text(absent).equals("[]")) {
      node.put("default", setting.text(absent));
    }
    switch (setting.kind()) {
      case INT, LONG -> either(node, JSON.createObjectNode().put("type", "integer"));
      case DOUBLE -> either(node, JSON.createObjectNode().put("type", "number"));
      case BOOLEAN -> either(node, JSON.createObjectNode().put("type", "boolean"));
      case ENUM -> {
        ObjectNode choices = JSON.createObjectNode();
        setting.choices().forEach(choices.putArray("enum")::add);
        either(node, choices);
      }
      case LIST -> node.putArray("type").add("string").add("number").add("boolean").add("array").add("object");
      case COMMA_LIST -> node.putArray("type").add("string").add("number").add("array");
      default -> node.putArray("type").add("string").add("number").add("boolean");
    }
  }

  /** Of a type of its own, or a reference to a value of it. */
  private static void either(ObjectNode node, ObjectNode own) {
    node.putArray("anyOf").add(own).add(reference());
  }
}
