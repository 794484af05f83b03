// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.recipe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.NearestName;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** A recipe with all values bound and checked, its steps in an order in which each follows those that it needs. */
public final class RecipePlan {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Recipe recipe;
  private final List<PlannedStep> steps;

  private RecipePlan(Recipe recipe, List<PlannedStep> steps) {
    this.recipe = recipe;
    this.steps = steps;
  }

  /**
   * Binds a recipe.
   *
   * @param params values of parameters, as {@code NAME=VALUE}; one that is given several times is a list
   * @param sets values of options, as {@code STEP.OPTION=VALUE}, in the place of those of the recipe; an empty one
   *     takes the option away
   * @param environment gives a variable of the environment, null where there is none
   * @param conf looks up a Spark configuration key, null when absent
   * @throws UsageException with the place of the first thing that is wrong
   */
  public static RecipePlan of(
      Recipe recipe, List<String> params, List<String> sets, Function<String, String> environment,
      Function<String, String> conf) {
    Map<String, YamlNode> given = new LinkedHashMap<>(recipe.params());
    assignments(params, "--param", "NAME=VALUE")
        .forEach(
            (name, value) -> {
              if (given.replace(name, value) == null) {
                throw new UsageException(
                    "Cannot use --param " + name + ": " + recipe.file() + " has no such parameter."
                        + NearestName.hint(name, given.keySet())
                        + (given.isEmpty() ? " It has none." : " It has: " + String.join(", ", given.keySet()) + "."));
              }
            });
    Map<String, Map<String, YamlNode>> options = new LinkedHashMap<>();
    recipe.steps().forEach((name, step) -> options.put(name, new LinkedHashMap<>(step.with())));
    assignments(sets, "--set", "STEP.OPTION=VALUE").forEach((name, value) -> set(recipe, options, name, value));
    Bindings bindings = new Bindings(recipe, given, options, environment);
    Map<String, PlannedStep> bound = new LinkedHashMap<>();
    recipe.steps().forEach((name, step) -> bound.put(name, bind(step, options.get(name), bindings)));
    List<PlannedStep> ordered = ordered(recipe, bound);
    for (PlannedStep step : ordered) {
      if (step.enabled()) {
        step.values(conf);
      }
    }
    return new RecipePlan(recipe, List.copyOf(ordered));
  }

  public Recipe recipe() {
    return recipe;
  }

  /** All steps, in their order. */
  public List<PlannedStep> steps() {
    return steps;
  }

  /**
   * The steps asked for: those named, or one and all that come after it.
   *
   * @param only names, empty for all
   * @param from a name, null for the first
   * @throws UsageException for a name that is no step
   */
  public List<PlannedStep> selected(Collection<String> only, String from) {
    only.forEach(name -> check(name, "--only"));
    int first = 0;
    if (from != null) {
      check(from, "--from");
      first = steps.stream().map(PlannedStep::name).toList().indexOf(from);
    }
    return steps.subList(first, steps.size()).stream()
        .filter(step -> only.isEmpty() || only.contains(step.name()))
        .toList();
  }

  private void check(String name, String option) {
    if (!recipe.steps().containsKey(name)) {
      throw new UsageException(
          "Cannot use " + option + " " + name + ": " + recipe.file() + " has no such step."
              + NearestName.hint(name, recipe.steps().keySet()) + " Steps: "
              + String.join(", ", recipe.steps().keySet()) + ".");
    }
  }

  private static Map<String, YamlNode> assignments(List<String> texts, String option, String form) {
    Map<String, YamlNode> out = new LinkedHashMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new UsageException("Cannot use " + option + " '" + text + "': it must be " + form + ".");
      }
      String name = text.substring(0, equals).strip();
      YamlNode value = YamlNode.scalar(option + " " + name, text.substring(equals + 1));
      out.merge(
          name, value,
          (before, more) -> {
            List<YamlNode> items = new ArrayList<>(before.items() == null ? List.of(before) : before.items());
            items.add(more);
            return new YamlNode(more.place(), null, items, null);
          });
    }
    return out;
  }

  private static void set(
      Recipe recipe, Map<String, Map<String, YamlNode>> options, String name, YamlNode value) {
    int dot = name.indexOf('.');
    YamlNode here = YamlNode.scalar("--set " + name, name);
    if (dot < 1) {
      throw YamlNode.error(here.place(), "it must be STEP.OPTION=VALUE");
    }
    String stepName = name.substring(0, dot);
    Recipe.Step step = Recipe.stepOf(recipe.steps(), stepName, here, stepName);
    String option = Recipe.option(step.command(), stepName, name.substring(dot + 1), here.place());
    if ("".equals(value.text())) {
      options.get(stepName).remove(option);
    } else {
      options.get(stepName).put(option, value);
    }
  }

  private static PlannedStep bind(Recipe.Step step, Map<String, YamlNode> with, Bindings bindings) {
    Set<String> needs = new LinkedHashSet<>();
    step.needs().forEach(need -> needs.add(need.text()));
    Map<String, List<String>> options = new TreeMap<>();
    with.forEach(
        (option, node) -> {
          String where = "step " + step.name() + ": " + option + ": ";
          List<String> texts = texts(step.command().find(option), node, where, bindings, needs);
          if (!texts.isEmpty()) {
            options.put(option, texts);
          }
        });
    boolean enabled = true;
    if (step.when() != null) {
      String where = "step " + step.name() + ": when: ";
      List<String> value = bindings.bind(step.when(), where, needs);
      if (value.size() != 1 || !value.get(0).matches("true|false")) {
        throw YamlNode.error(step.when().place(), where + "it must come to true or false, not " + value);
      }
      enabled = value.get(0).equals("true");
    }
    return new PlannedStep(step.name(), step.node().place().toString(), step.command(), options, needs, enabled);
  }

  /** The texts of an option, checked by its declaration; none where it comes to an empty text. */
  private static List<String> texts(
      Setting<?> setting, YamlNode node, String where, Bindings bindings, Set<String> needs) {
    List<String> texts = new ArrayList<>();
    if (node.entries() != null && setting.kind() == Setting.Kind.LIST) {
      node.entries()
          .forEach((key, entry) -> bindings.bind(entry.value(), where, needs).forEach(v -> texts.add(key + "=" + v)));
    } else {
      texts.addAll(bindings.bind(node, where, needs));
    }
    if (texts.isEmpty() || texts.equals(List.of(""))) {
      return List.of();
    }
    List<String> out = texts;
    if (setting.kind() == Setting.Kind.COMMA_LIST && texts.size() > 1) {
      out = List.of(joined(texts));
    }
    try {
      SettingValues.resolve(List.of(setting), Map.of(setting.name(), out), key -> null);
    } catch (UsageException e) {
      throw YamlNode.error(node.place(), where + e.getMessage().replaceFirst("\\.$", ""));
    }
    return List.copyOf(out);
  }

  private static String joined(List<String> texts) {
    try {
      boolean plain = texts.stream().noneMatch(text -> text.indexOf(',') >= 0);
      return plain ? String.join(",", texts) : JSON.writeValueAsString(texts);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As in the file, but that each step follows those that it needs. */
  private static List<PlannedStep> ordered(Recipe recipe, Map<String, PlannedStep> steps) {
    Map<String, PlannedStep> left = new LinkedHashMap<>(steps);
    List<PlannedStep> out = new ArrayList<>();
    while (!left.isEmpty()) {
      PlannedStep next =
          left.values().stream()
              .filter(step -> step.needs().stream().noneMatch(left::containsKey))
              .findFirst()
              .orElse(null);
      if (next == null) {
        throw YamlNode.error(
            YamlNode.Place.of(recipe.file()),
            "these steps need each other in a circle: " + String.join(", ", left.keySet()));
      }
      for (String need : next.needs()) {
        if (next.enabled() && !steps.get(need).enabled()) {
          throw YamlNode.error(
              recipe.steps().get(next.name()).node().place(),
              "step " + next.name() + " needs step " + need + ", which its 'when' leaves out");
        }
      }
      out.add(left.remove(next.name()));
    }
    return out;
  }
}
