// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.recipe.YamlNode.Entry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A recipe as its file has it: nothing is bound yet, and all names are known.
 *
 * @param file its path as it was given
 * @param name of the recipe; without one the file's name, without its ending
 * @param description of the recipe, or null
 * @param params parameters with their defaults, empty nodes for those that must be given
 * @param steps in the order of the file
 */
public record Recipe(
    String file, String name, String description, Map<String, YamlNode> params, Map<String, Step> steps) {
  static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9_-]*[a-z0-9])?");
  static final String NAMES = "lower-case letters, digits, '-' and '_'";
  static final List<String> KEYS = List.of("name", "description", "params", "steps");
  static final List<String> STEP_KEYS = List.of("name", "uses", "description", "with", "needs", "when");

  /**
   * A step.
   *
   * @param node where it stands
   * @param command what it runs
   * @param with its options by name
   * @param needs the names of the steps that it says it needs
   * @param when whether it is to run, or null
   */
  record Step(
      String name, YamlNode node, StepCommand command, Map<String, YamlNode> with, List<YamlNode> needs,
      YamlNode when) {}

  /**
   * Reads a recipe and checks all that does not depend on parameters.
   *
   * @param file its path, for messages
   * @throws UsageException naming file, line, column, step and what is wrong
   */
  public static Recipe parse(String file, String yaml, List<StepCommand> commands) {
    YamlNode root = YamlNode.parse(file, yaml);
    map(root, "a recipe");
    known(root, KEYS, "a recipe", "");
    Map<String, YamlNode> params = new LinkedHashMap<>();
    entries(root, "params")
        .forEach(
            (name, entry) -> {
              if (!NAME.matcher(name).matches()) {
                throw YamlNode.error(entry.key(), "the parameter '" + name + "' must be named by " + NAMES);
              }
              if (entry.value().entries() != null) {
                throw YamlNode.error(entry.value().place(), "the parameter '" + name + "' must be a value or a list");
              }
              params.put(name, entry.value());
            });
    Entry list = root.entries().get("steps");
    if (list == null || list.value().items() == null || list.value().items().isEmpty()) {
      throw YamlNode.error(
          list == null ? root.place() : list.value().place(),
          "'steps' must be a list of steps, each with 'name', 'uses' and 'with'");
    }
    Map<String, Step> steps = new LinkedHashMap<>();
    for (YamlNode node : list.value().items()) {
      Step step = step(node, commands);
      if (steps.put(step.name(), step) != null) {
        throw YamlNode.error(node.place(), "there are two steps of the name '" + step.name() + "'");
      }
    }
    for (Step step : steps.values()) {
      for (YamlNode need : step.needs()) {
        stepOf(steps, need.text(), need, step.name());
      }
    }
    String name = text(root, "name");
    return new Recipe(file, name == null ? nameOf(file) : name, text(root, "description"), params, steps);
  }

  /** The step of that name, or an error at a place in another step. */
  static Step stepOf(Map<String, Step> steps, String name, YamlNode at, String in) {
    Step found = steps.get(name);
    if (found == null) {
      throw YamlNode.error(
          at.place(),
          "step " + in + ": there is no step '" + name + "'." + NearestName.hint(String.valueOf(name), steps.keySet())
              + " Steps: " + String.join(", ", steps.keySet()));
    }
    return found;
  }

  private static Step step(YamlNode node, List<StepCommand> commands) {
    map(node, "a step");
    String name = text(node, "name");
    known(node, STEP_KEYS, "a step", name == null ? "" : "step " + name + ": ");
    if (name == null || !NAME.matcher(name).matches()) {
      Entry at = node.entries().get("name");
      throw YamlNode.error(
          at == null ? node.place() : at.value().place(), "a step needs a 'name' of " + NAMES);
    }
    String uses = text(node, "uses");
    List<String> names = commands.stream().map(StepCommand::name).toList();
    if (uses == null || !names.contains(uses)) {
      Entry at = node.entries().get("uses");
      String what = uses == null ? "it needs 'uses' with a command" : "there is no command '" + uses + "'";
      throw YamlNode.error(
          at == null ? node.place() : at.value().place(),
          "step " + name + ": " + what + "." + (uses == null ? "" : NearestName.hint(uses, names)) + " Commands: "
              + String.join(", ", names));
    }
    StepCommand command = commands.get(names.indexOf(uses));
    Map<String, YamlNode> with = new LinkedHashMap<>();
    entries(node, "with")
        .forEach((option, entry) -> with.put(option(command, name, option, entry.key()), entry.value()));
    Entry needs = node.entries().get("needs");
    List<YamlNode> needed = new ArrayList<>();
    if (needs != null) {
      needed.addAll(needs.value().items() != null ? needs.value().items() : List.of(needs.value()));
    }
    Entry when = node.entries().get("when");
    return new Step(name, node, command, with, needed, when == null ? null : when.value());
  }

  /**
   * The option of a step.
   *
   * @throws UsageException when the command has no such option, or it belongs to the run
   */
  static String option(StepCommand command, String step, String option, YamlNode.Place at) {
    if (command.find(option) == null) {
      Set<String> names = new LinkedHashSet<>();
      command.ofStep().forEach(setting -> names.add(setting.name()));
      String why =
          command.belongsToRun(option)
              ? "'" + option + "' belongs to the whole run: give --" + option + " to winnow run"
              : "there is no option '" + option + "' of " + command.name() + "." + NearestName.hint(option, names)
                  + " See winnow " + command.name() + " --help";
      throw YamlNode.error(at, "step " + step + ": " + why);
    }
    return option;
  }

  private static void map(YamlNode node, String what) {
    if (node.entries() == null) {
      throw YamlNode.error(node.place(), what + " must be a map of keys and values, not " + node.kind());
    }
  }

  private static void known(YamlNode node, List<String> keys, String what, String where) {
    node.entries()
        .forEach(
            (key, entry) -> {
              if (!keys.contains(key)) {
                throw YamlNode.error(
                    entry.key(),
                    where + "unknown key '" + key + "' of " + what + "." + NearestName.hint(key, keys) + " Keys: "
                        + String.join(", ", keys));
              }
            });
  }

  private static Map<String, Entry> entries(YamlNode node, String key) {
    Entry entry = node.entries().get(key);
    if (entry == null || entry.value().isEmpty()) {
      return Map.of();
    }
    map(entry.value(), "'" + key + "'");
    return entry.value().entries();
  }

  private static String text(YamlNode node, String key) {
    Entry entry = node.entries().get(key);
    if (entry != null && !entry.value().isScalar()) {
      throw YamlNode.error(entry.value().place(), "'" + key + "' must be a text, not " + entry.value().kind());
    }
    return entry == null ? null : entry.value().text();
  }

  private static String nameOf(String file) {
    String last = file.substring(file.lastIndexOf('/') + 1);
    return last.replaceFirst("\\.ya?ml$", "");
  }
}
