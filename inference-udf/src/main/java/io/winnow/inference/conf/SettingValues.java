// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.io.Serializable;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The values of a command's settings. Precedence: option, then Spark configuration, then default. Immutable and
 * serializable; values are held as their canonical texts.
 */
public final class SettingValues implements Serializable {
  private static final long serialVersionUID = 1L;

  private final TreeMap<String, String> texts;
  private final TreeSet<String> given;
  private final EnumMap<Effect, TreeSet<String>> namesByEffect;
  private final TreeSet<String> neutral;

  private SettingValues(
      TreeMap<String, String> texts,
      TreeSet<String> given,
      EnumMap<Effect, TreeSet<String>> namesByEffect,
      TreeSet<String> neutral) {
    this.texts = texts;
    this.given = given;
    this.namesByEffect = namesByEffect;
    this.neutral = neutral;
  }

  /**
   * Resolves and checks every setting by itself; what depends on several is checked by the command.
   *
   * @param settings the command's settings
   * @param options texts by name, in the order given; a name absent was not given
   * @param sparkConf looks up a Spark configuration key, null when absent
   * @throws UsageException for an unknown option or a value that is not allowed
   */
  public static SettingValues resolve(
      List<? extends Setting<?>> settings, Map<String, List<String>> options, Function<String, String> sparkConf) {
    List<String> names = settings.stream().map(Setting::name).toList();
    for (String name : options.keySet()) {
      if (!names.contains(name)) {
        List<String> known = names.stream().map(other -> "--" + other).toList();
        throw new UsageException("Unknown option '--" + name + "'." + NearestName.hint("--" + name, known));
      }
    }
    TreeMap<String, String> texts = new TreeMap<>();
    TreeSet<String> given = new TreeSet<>();
    TreeSet<String> neutral = new TreeSet<>();
    EnumMap<Effect, TreeSet<String>> namesByEffect = new EnumMap<>(Effect.class);
    for (Setting<?> setting : settings) {
      namesByEffect.computeIfAbsent(setting.effect(), e -> new TreeSet<>()).add(setting.name());
      resolveOne(setting, options.get(setting.name()), sparkConf, texts, given, neutral);
    }
    return new SettingValues(texts, given, namesByEffect, neutral);
  }

  private static <T> void resolveOne(
      Setting<T> setting,
      List<String> option,
      Function<String, String> sparkConf,
      TreeMap<String, String> texts,
      TreeSet<String> given,
      TreeSet<String> neutral) {
    String key = setting.sparkKey();
    String conf = option != null || key == null ? null : sparkConf.apply(key);
    T value;
    if (option != null) {
      value = setting.parseAll(setting.option(), option);
    } else if (conf != null) {
      value = setting.parse(key, conf);
    } else {
      value = setting.defaultValue();
    }
    if (option != null || conf != null) {
      given.add(setting.name());
    }
    if (value != null) {
      texts.put(setting.name(), setting.text(value));
      if (value.equals(setting.neutralValue())) {
        neutral.add(setting.name());
      }
    }
  }

  /**
   * As {@link #resolve}, from options that have one text each (Java, PySpark). Names may be written as on the command
   * line or in camel case; a list is one value or a JSON array of strings.
   */
  public static SettingValues ofMap(
      List<? extends Setting<?>> settings, Map<String, String> options, Function<String, String> sparkConf) {
    Map<String, Setting<?>> byName = new TreeMap<>();
    settings.forEach(setting -> byName.put(setting.name(), setting));
    Map<String, List<String>> lists = new TreeMap<>();
    options.forEach(
        (name, text) -> {
          String kebab = kebabCase(name);
          Setting<?> setting = byName.get(kebab);
          boolean list = setting != null && setting.kind() == Setting.Kind.LIST;
          Objects.requireNonNull(text, () -> "The option " + name + " has no value (null).");
          List<String> json = list ? SettingFormats.parseJsonList(text) : null;
          if (lists.put(kebab, json == null ? List.of(text) : json) != null) {
            throw new UsageException("Cannot use the option '" + kebab + "' twice: give it once.");
          }
        });
    return resolve(settings, lists, sparkConf);
  }

  private static String kebabCase(String name) {
    String plain = name.startsWith("--") ? name.substring(2) : name;
    StringBuilder kebab = new StringBuilder();
    for (char c : plain.toCharArray()) {
      kebab.append(Character.isUpperCase(c) ? "-" + Character.toLowerCase(c) : c == '_' ? "-" : String.valueOf(c));
    }
    return kebab.toString();
  }

  /**
   * The value of a setting that has a default or was found to be given.
   *
   * @throws UsageException when it has no value
   */
  public <T> T get(Setting<T> setting) {
    return find(setting)
        .orElseThrow(() -> new UsageException("The option " + setting.option() + " is missing: " + setting.doc()));
  }

  /** The value of a setting, empty when it was not given and has no default. */
  public <T> Optional<T> find(Setting<T> setting) {
    return Optional.ofNullable(texts.get(setting.name())).map(setting::parse);
  }

  /** Whether an option or the Spark configuration gave it, even if it gave the default. */
  public boolean isGiven(Setting<?> setting) {
    return given.contains(setting.name());
  }

  /** These values with one of them replaced. */
  public <T> SettingValues with(Setting<T> setting, String text) {
    TreeMap<String, String> changed = new TreeMap<>(texts);
    changed.put(setting.name(), setting.text(setting.parseAll(setting.option(), List.of(text))));
    TreeSet<String> named = new TreeSet<>(given);
    named.add(setting.name());
    return new SettingValues(changed, named, namesByEffect, neutral);
  }

  /** Canonical texts of all settings that have a value, by name, sorted. */
  public Map<String, String> canonical() {
    return Collections.unmodifiableMap(texts);
  }

  /** Canonical texts of the settings that can change anything in the output, by name, sorted. */
  public Map<String, String> affectingOutput() {
    TreeMap<String, String> affecting = new TreeMap<>(texts);
    affecting.keySet().removeAll(namesByEffect.getOrDefault(Effect.TUNING, new TreeSet<>()));
    return Collections.unmodifiableMap(affecting);
  }

  /** Canonical texts of the settings with effect TOKENS that are not at their neutral value, by name, sorted. */
  public Map<String, String> affectingTokens() {
    return Collections.unmodifiableMap(
        namesByEffect.getOrDefault(Effect.TOKENS, new TreeSet<>()).stream()
            .filter(name -> texts.containsKey(name) && !neutral.contains(name))
            .collect(Collectors.toMap(name -> name, texts::get, (a, b) -> a, TreeMap::new)));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SettingValues that && texts.equals(that.texts) && given.equals(that.given);
  }

  @Override
  public int hashCode() {
    return texts.hashCode();
  }

  @Override
  public String toString() {
    return texts.toString();
  }
}
