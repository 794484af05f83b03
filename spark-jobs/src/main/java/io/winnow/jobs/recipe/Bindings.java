// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import io.winnow.inference.conf.NearestName;
import io.winnow.jobs.recipe.YamlNode.Place;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Puts values in the place of references: {@code ${params.NAME}}, {@code ${steps.NAME.OPTION}}, {@code ${env.NAME}} and
 * {@code ${recipe.dir}}. Nothing else of the surroundings is seen; {@code $$} is one dollar.
 */
final class Bindings {
  private static final Pattern REFERENCE = Pattern.compile("\\$(?:\\$|\\{([^}]*)})");

  private final Recipe recipe;
  private final Map<String, YamlNode> params;
  private final Map<String, Map<String, YamlNode>> options;
  private final Function<String, String> environment;
  /** What is being bound just now, to find circles. */
  private final Set<String> open = new LinkedHashSet<>();

  /**
   * @param params by name, those given in the place of their defaults
   * @param options of the steps by their names
   * @param environment gives a variable of the environment, null where there is none
   */
  Bindings(
      Recipe recipe, Map<String, YamlNode> params, Map<String, Map<String, YamlNode>> options,
      Function<String, String> environment) {
    this.recipe = recipe;
    this.params = new LinkedHashMap<>(params);
    this.options = options;
    this.environment = environment;
  }

  /**
   * The values of a scalar or a list. A scalar that is nothing but a reference may stand for a list.
   *
   * @param where the step, for messages
   * @param needs gets the steps that are referred to
   */
  List<String> bind(YamlNode node, String where, Set<String> needs) {
    List<String> out = new ArrayList<>();
    if (node.items() != null) {
      node.items().forEach(item -> out.addAll(bind(item, where, needs)));
      return out;
    }
    if (node.entries() != null) {
      throw YamlNode.error(node.place(), where + "it must be a value or a list of values, not a map");
    }
    if (node.text() == null) {
      throw YamlNode.error(node.place(), where + "it has no value; write '' for an empty text");
    }
    Matcher reference = REFERENCE.matcher(node.text());
    if (reference.matches() && reference.group(1) != null) {
      return values(reference.group(1), node.place(), where, needs);
    }
    StringBuilder text = new StringBuilder();
    reference.reset();
    while (reference.find()) {
      String value = "$";
      if (reference.group(1) != null) {
        List<String> values = values(reference.group(1), node.place(), where, needs);
        if (values.size() != 1) {
          throw YamlNode.error(
              node.place(), where + reference.group() + " is a list, which cannot stand within a text");
        }
        value = values.get(0);
      }
      reference.appendReplacement(text, Matcher.quoteReplacement(value));
    }
    out.add(reference.appendTail(text).toString());
    return out;
  }

  private List<String> values(String name, Place at, String where, Set<String> needs) {
    String[] parts = name.strip().split("\\.", -1);
    String reference = where + "${" + name + "}";
    if (parts.length == 2 && parts[0].equals("env")) {
      String value = environment.apply(parts[1]);
      if (value == null) {
        throw YamlNode.error(at, reference + ": the environment has no " + parts[1] + "; export it");
      }
      return List.of(value);
    }
    if (parts.length == 2 && parts[0].equals("recipe") && parts[1].equals("dir")) {
      int slash = recipe.file().lastIndexOf('/');
      return List.of(slash < 0 ? "." : slash == 0 ? "/" : recipe.file().substring(0, slash));
    }
    if (parts.length == 2 && parts[0].equals("params")) {
      return follow(param(parts[1], at, reference), "params." + parts[1], at, reference, where, needs);
    }
    if (parts.length == 3 && parts[0].equals("steps")) {
      return follow(
          option(parts[1], parts[2], at, reference, needs), "steps." + parts[1] + "." + parts[2], at, reference, where,
          new LinkedHashSet<>());
    }
    throw YamlNode.error(
        at,
        reference + " is no reference: there are ${params.NAME}, ${steps.NAME.OPTION}, ${env.NAME} and ${recipe.dir};"
            + " write $$ for a dollar");
  }

  private List<String> follow(
      YamlNode node, String name, Place at, String reference, String where, Set<String> needs) {
    if (!open.add(name)) {
      throw YamlNode.error(at, reference + " is defined by itself: " + String.join(", ", open));
    }
    try {
      return bind(node, where, needs);
    } finally {
      open.remove(name);
    }
  }

  private YamlNode param(String name, Place at, String reference) {
    YamlNode value = params.get(name);
    if (value == null) {
      throw YamlNode.error(
          at,
          reference + ": there is no parameter '" + name + "'." + NearestName.hint(name, params.keySet())
              + " Put it under 'params'");
    }
    if (value.isEmpty()) {
      throw YamlNode.error(at, reference + ": the parameter has no value; give --param " + name + "=VALUE");
    }
    return value;
  }

  private YamlNode option(String step, String option, Place at, String reference, Set<String> needs) {
    Map<String, YamlNode> of = options.get(step);
    if (of == null) {
      throw YamlNode.error(
          at, reference + ": there is no step '" + step + "'." + NearestName.hint(step, options.keySet()) + " Steps: "
              + String.join(", ", options.keySet()));
    }
    YamlNode value = of.get(option);
    if (value == null) {
      throw YamlNode.error(
          at,
          reference + ": step " + step + " is not given '" + option + "'." + NearestName.hint(option, of.keySet())
              + " It has: " + String.join(", ", of.keySet()));
    }
    needs.add(step);
    return value;
  }
}
