// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HexFormat;
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
 * serializable; values are held as their canonical texts, files also by what they held when the values were resolved.
 */
public final class SettingValues implements Serializable {
  private static final long serialVersionUID = 1L;

  private final TreeMap<String, String> texts;
  private final TreeSet<String> given;
  private final EnumMap<Effect, TreeSet<String>> namesByEffect;
  private final TreeSet<String> neutral;
  private final TreeMap<String, String> contents;
  /** Where values that were not given come from, if not from their declarations. */
  private final TreeMap<String, String> origins;

  private SettingValues(
      TreeMap<String, String> texts,
      TreeSet<String> given,
      EnumMap<Effect, TreeSet<String>> namesByEffect,
      TreeSet<String> neutral,
      TreeMap<String, String> contents,
      TreeMap<String, String> origins) {
    this.texts = texts;
    this.given = given;
    this.namesByEffect = namesByEffect;
    this.neutral = neutral;
    this.contents = contents;
    this.origins = origins;
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
    TreeMap<String, String> contents = new TreeMap<>();
    EnumMap<Effect, TreeSet<String>> namesByEffect = new EnumMap<>(Effect.class);
    for (Setting<?> setting : settings) {
      namesByEffect.computeIfAbsent(setting.effect(), e -> new TreeSet<>()).add(setting.name());
      resolveOne(setting, options.get(setting.name()), sparkConf, texts, given, neutral);
      readFile(setting, texts, contents);
    }
    return new SettingValues(texts, given, namesByEffect, neutral, contents, new TreeMap<>());
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

  /** Reads what a FILE setting names, once: a pipe cannot be read again, and a file may change. */
  private static void readFile(Setting<?> setting, Map<String, String> texts, Map<String, String> contents) {
    if (setting.kind() != Setting.Kind.FILE) {
      return;
    }
    contents.remove(setting.name());
    if (texts.containsKey(setting.name())) {
      try {
        contents.put(setting.name(), Files.readString(Path.of(texts.get(setting.name())), StandardCharsets.UTF_8));
      } catch (IOException | RuntimeException e) {
        // Whoever needs the content is told why it is not there.
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

  /**
   * What the file of a {@link Setting.Kind#FILE} setting held when the values were resolved; empty when none was given.
   *
   * @throws UsageException when it could not be read as UTF-8
   */
  public Optional<String> content(Setting<String> file) {
    String content = contents.get(file.name());
    if (content != null || find(file).isEmpty()) {
      return Optional.ofNullable(content);
    }
    String path = get(file);
    String why = "it could not be read";
    try {
      Files.readString(Path.of(path), StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      why = "there is no such file";
    } catch (CharacterCodingException e) {
      why = "it is not UTF-8";
    } catch (IOException | RuntimeException e) {
      why = e.getMessage();
    }
    throw new UsageException(
        "Cannot read " + file + " '" + path + "': " + why + ". Give a file of UTF-8 text on this host.");
  }

  /** SHA-256 (hex) of the content of each file that a {@link Setting.Kind#FILE} setting names, by its name. */
  public Map<String, String> fileFingerprints() {
    TreeMap<String, String> out = new TreeMap<>();
    contents.forEach((name, content) -> out.put(name, sha256(content)));
    return Collections.unmodifiableMap(out);
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }

  /** Whether an option or the Spark configuration gave it, even if it gave the default. */
  public boolean isGiven(Setting<?> setting) {
    return given.contains(setting.name());
  }

  /** These values with one of them replaced. */
  public <T> SettingValues with(Setting<T> setting, String text) {
    TreeSet<String> named = new TreeSet<>(given);
    named.add(setting.name());
    TreeMap<String, String> from = new TreeMap<>(origins);
    from.remove(setting.name());
    return with(setting, setting.parseAll(setting.option(), List.of(text)), named, from);
  }

  /** These values as if one of them had not been given. */
  public <T> SettingValues without(Setting<T> setting) {
    TreeMap<String, String> changed = new TreeMap<>(texts);
    TreeSet<String> named = new TreeSet<>(given);
    TreeSet<String> idle = new TreeSet<>(neutral);
    TreeMap<String, String> read = new TreeMap<>(contents);
    TreeMap<String, String> from = new TreeMap<>(origins);
    changed.remove(setting.name());
    named.remove(setting.name());
    idle.remove(setting.name());
    read.remove(setting.name());
    from.remove(setting.name());
    if (setting.defaultValue() != null) {
      changed.put(setting.name(), setting.text(setting.defaultValue()));
      if (setting.defaultValue().equals(setting.neutralValue())) {
        idle.add(setting.name());
      }
    }
    return new SettingValues(changed, named, namesByEffect, idle, read, from);
  }

  /**
   * These values with another default for one that was not given.
   *
   * @param where what the text is, as it stands in the message of a refusal
   * @param origin where it comes from, for the lineage
   */
  <T> SettingValues withDefault(Setting<T> setting, String text, String where, String origin) {
    TreeMap<String, String> from = new TreeMap<>(origins);
    from.put(setting.name(), origin);
    return with(setting, setting.parse(where, text), given, from);
  }

  private <T> SettingValues with(
      Setting<T> setting, T value, TreeSet<String> named, TreeMap<String, String> from) {
    TreeMap<String, String> changed = new TreeMap<>(texts);
    changed.put(setting.name(), setting.text(value));
    TreeSet<String> idle = new TreeSet<>(neutral);
    idle.remove(setting.name());
    if (value.equals(setting.neutralValue())) {
      idle.add(setting.name());
    }
    TreeMap<String, String> read = new TreeMap<>(contents);
    readFile(setting, changed, read);
    return new SettingValues(changed, named, namesByEffect, idle, read, from);
  }

  /** Where defaults come from that are not those of the declarations, by the names of their settings. */
  public Map<String, String> origins() {
    return Collections.unmodifiableMap(origins);
  }

  /** Canonical texts of all settings that have a value, by name, sorted. */
  public Map<String, String> canonical() {
    return Collections.unmodifiableMap(texts);
  }

  /**
   * Canonical texts of the settings that can change anything in the output, by name, sorted. A file stands there by
   * {@code sha256:} and its content's hash: where it lies changes nothing.
   */
  public Map<String, String> affectingOutput() {
    TreeMap<String, String> affecting = new TreeMap<>(texts);
    fileFingerprints().forEach((name, hash) -> affecting.put(name, "sha256:" + hash));
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
