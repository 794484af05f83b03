// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The settings of {@code generate} that concern several models in one run. */
public final class TeacherSettings {
  private static final String GROUP = "Teachers";
  private static final Pattern OVERRIDE = Pattern.compile("(?s)(?<option>[a-z]+(-[a-z]+)*)=(?<value>.*)");
  /** Groups of settings that may differ from teacher to teacher. */
  private static final Set<String> OWN = Set.of("Sampling", "Engine", "Endpoint", "Prompt");

  public static final Setting<String> ROUTE =
      Setting.ofString("route").group(GROUP).label("RULE").effect(Effect.ROWS).defaultValue("all")
          .check(RouteRule::isRule, RouteRule.GRAMMAR)
          .doc("Which of several models answer which prompts. all: each of them all; column:NAME: the one that the"
              + " column names; difficulty:NAME:B1,B2…: the first below B1, the next below B2 …; escalate: the next one gets"
              + " what those before it have not solved by --verify; cheapest: the same, by --prices.");

  public static final Setting<List<String>> OPTION =
      Setting.ofList("teacher-option").group(GROUP).label("TEACHER:OPTION=VALUE").effect(Effect.DEFAULTS)
          .check(list -> list.stream().allMatch(text -> text.matches("(?s).+:.+=.*")), "TEACHER:OPTION=VALUE")
          .doc("An option for one of several models, called by its name or address, in place of the run's: of its"
              + " sampling, engine, endpoint or prompt, such as big:api-key-env=BIG_KEY; may be given several times.");

  public static final Setting<String> SIDE_BY_SIDE =
      Setting.ofEnum("side-by-side", "auto", "off").group(GROUP).effect(Effect.TUNING).defaultValue("auto")
          .doc("auto: models that do not wait for each other's verdicts work at the same time, endpoints always and"
              + " embedded ones where they fit into an executor together. off: one after the other, each with all"
              + " memory and cores.");

  /** All of them. */
  public static final List<Setting<?>> ALL = List.of(ROUTE, OPTION, SIDE_BY_SIDE);

  private TeacherSettings() {}

  /** The rule. */
  public static RouteRule route(SettingValues values) {
    return RouteRule.parse(values.get(ROUTE));
  }

  /** The settings of each teacher, in the order given: one model each, and of the others' options nothing. */
  public static List<SettingValues> each(SettingValues values) {
    List<String> models = values.get(GenerateSettings.MODEL);
    if (models.size() == 1) {
      return List.of(values);
    }
    long endpoints = models.stream().filter(EndpointSettings::isEndpoint).count();
    boolean mixed = endpoints > 0 && endpoints < models.size();
    boolean sidecar = models.stream().anyMatch(SidecarSettings::isSidecar);
    List<SettingValues> out = new ArrayList<>();
    Set<String> used = new HashSet<>();
    for (String model : models) {
      SettingValues own = values.with(GenerateSettings.MODEL, model);
      own = own.without(ROUTE).without(OPTION).without(SIDE_BY_SIDE);
      if (mixed) {
        for (Setting<?> other : ofOthers(model)) {
          own = own.without(other);
        }
      }
      if (sidecar && !SidecarSettings.isSidecar(model)) {
        for (Setting<?> other : SidecarSettings.ALL) {
          own = own.without(other);
        }
      }
      for (String text : values.get(OPTION)) {
        Matcher parts = ownOption(model, text);
        if (parts != null) {
          own = own.with(option(parts.group("option"), text), parts.group("value"));
          used.add(text);
        }
      }
      out.add(own);
    }
    for (String text : values.get(OPTION)) {
      if (!used.contains(text)) {
        throw new UsageException(
            "Cannot use --teacher-option '" + text + "': no --model is called so. Write the name of a model, or its"
                + " address as it was given, then a colon.");
      }
    }
    return out;
  }

  /** What means nothing to the model, and is of no account where a run has both endpoints and engines. */
  private static List<Setting<?>> ofOthers(String model) {
    return EndpointSettings.isEndpoint(model)
        ? List.of(
            GenerateSettings.WEIGHTS, GenerateSettings.NUMERICS, GenerateSettings.KV_CACHE_TYPE,
            GenerateSettings.GENERATION_CONFIG)
        : List.of(EndpointSettings.MODEL_REVISION, EndpointSettings.EXTRA_BODY, EndpointSettings.API);
  }

  /** Option and value of a text that is about the model by its address, the name before its URL, or its path's end. */
  private static Matcher ownOption(String model, String text) {
    String last =
        EndpointSettings.isEndpoint(model) ? EndpointSettings.name(model) : model.substring(model.lastIndexOf('/') + 1);
    for (String name : List.of(model, last)) {
      if (text.startsWith(name + ":")) {
        Matcher parts = OVERRIDE.matcher(text.substring(name.length() + 1));
        if (parts.matches()) {
          return parts;
        }
      }
    }
    return null;
  }

  private static Setting<?> option(String name, String text) {
    for (Setting<?> setting : GenerateSettings.ALL) {
      boolean own = OWN.contains(setting.group()) && setting != GenerateSettings.MODEL;
      if (setting.name().equals(name) && own && setting != GenerateSettings.PROMPT_TEMPLATE) {
        return setting;
      }
    }
    throw new UsageException(
        "Cannot use --teacher-option '" + text + "': --" + name + " is no option of a model's sampling, engine,"
            + " endpoint or prompt, which alone may differ from teacher to teacher.");
  }

  /** @throws UsageException when models, rule and other settings do not go together */
  static void check(SettingValues values) {
    List<String> models = values.get(GenerateSettings.MODEL);
    RouteRule rule = route(values);
    Set<String> seen = new HashSet<>();
    for (String model : models) {
      if (!seen.add(model)) {
        throw new UsageException(
            "Cannot use --model '" + model + "' twice: its traces would be the same. Give it once.");
      }
    }
    List<String> sidecars = models.stream().filter(SidecarSettings::isSidecar).toList();
    if (sidecars.size() > 1) {
      throw new UsageException(
          "Cannot use --model '" + sidecars.get(1) + "' beside another side-car: an executor has the GPUs and the"
              + " memory of one server. Ask them in two runs into the same table.");
    }
    if (models.size() == 1) {
      if (!values.get(OPTION).isEmpty()) {
        throw new UsageException(
            "Cannot use --teacher-option with one model: give its options as they are, without a teacher's name.");
      }
      if (rule.kind() != RouteRule.Kind.ALL) {
        throw new UsageException(
            "Cannot use --route " + values.get(ROUTE) + " with one model: there is nothing to choose. Give --model for"
                + " each teacher, or leave --route out.");
      }
      return;
    }
    if (rule.kind() == RouteRule.Kind.DIFFICULTY && rule.bounds().size() != models.size() - 1) {
      throw new UsageException(
          "Cannot use --route " + values.get(ROUTE) + " with " + models.size() + " models: it has "
              + rule.bounds().size() + " bounds, and needs one less than there are models.");
    }
    if (rule.escalates() && values.get(GenerateSettings.VERIFY).isEmpty()) {
      throw new UsageException(
          "Cannot use --route " + values.get(ROUTE) + " without --verify: nothing says which prompts are solved. Give"
              + " --verify math, or another route.");
    }
    if (rule.kind() == RouteRule.Kind.CHEAPEST && values.find(GenerateSettings.PRICES).isEmpty()) {
      throw new UsageException(
          "Cannot use --route cheapest without --prices: nothing says which model is cheap. Give --prices, or --route"
              + " escalate, which takes the models in the order given.");
    }
  }
}
