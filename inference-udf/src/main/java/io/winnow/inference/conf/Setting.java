// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The one declaration of a setting. On the command line it is {@code --name}; in a Spark configuration it is
 * {@code spark.winnow.<camelCase of the name>}.
 *
 * @param <T> type of its values
 */
public final class Setting<T> {
  /** How the values of a setting are written. */
  public enum Kind {
    INT("N"),
    LONG("N"),
    DOUBLE("X"),
    STRING("TEXT"),
    BOOLEAN("true|false"),
    DURATION("SECONDS"),
    /** Given several times on a command line; one value or a JSON array of strings elsewhere. */
    LIST("TEXT"),
    /** Several values with commas between them. */
    COMMA_LIST("A,B"),
    /** One of {@link #choices()}. */
    ENUM(null),
    /** Path of a text file on the driver's host, whose content counts. */
    FILE("FILE");

    private final String label;

    Kind(String label) {
      this.label = label;
    }
  }

  private static final Pattern NAME = Pattern.compile("[a-z]+(-[a-z]+)*");

  private final String name;
  private final Kind kind;
  private final Function<String, T> parser;
  private final Function<T, String> format;
  private String group = "Other";
  private String label;
  private String doc = "";
  private String allowed;
  private Predicate<T> check = value -> true;
  private List<String> choices = List.of();
  private Effect effect;
  private T defaultValue;
  private T neutralValue;
  private boolean inSparkConf = true;

  private Setting(String name, Kind kind, Function<String, T> parser, Function<T, String> format) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("A setting's name is lower-case words joined by '-', not '" + name + "'.");
    }
    this.name = name;
    this.kind = kind;
    this.parser = parser;
    this.format = format;
    this.label = kind.label;
  }

  static Setting<Integer> ofInt(String name) {
    return new Setting<>(name, Kind.INT, SettingFormats::parseInt, String::valueOf);
  }

  static Setting<Long> ofLong(String name) {
    return new Setting<>(name, Kind.LONG, SettingFormats::parseLong, String::valueOf);
  }

  static Setting<Double> ofDouble(String name) {
    return new Setting<>(name, Kind.DOUBLE, SettingFormats::parseDouble, String::valueOf);
  }

  static Setting<String> ofString(String name) {
    return new Setting<>(name, Kind.STRING, text -> text, text -> text);
  }

  /** A text file; its content is had by {@link SettingValues#content}. */
  static Setting<String> ofFile(String name) {
    return new Setting<>(name, Kind.FILE, text -> text, text -> text);
  }

  /** A JSON object, or the path of a file that holds one; the value is its content, on one line. */
  static Setting<String> ofJson(String name) {
    return new Setting<>(name, Kind.STRING, SettingFormats::parseJson, text -> text).label("FILE|JSON");
  }

  static Setting<Boolean> ofBoolean(String name) {
    return new Setting<>(name, Kind.BOOLEAN, SettingFormats::parseBoolean, String::valueOf);
  }

  static Setting<Duration> ofDuration(String name) {
    return new Setting<>(name, Kind.DURATION, SettingFormats::parseDuration, SettingFormats::formatDuration);
  }

  static Setting<String> ofEnum(String name, String... choices) {
    Setting<String> setting = new Setting<>(name, Kind.ENUM, String::strip, text -> text);
    setting.choices = List.of(choices);
    setting.label = String.join("|", choices);
    return setting.check(setting.choices::contains, "one of " + String.join(", ", choices));
  }

  /** A setting that may be given several times; the order is kept. */
  static Setting<List<String>> ofList(String name) {
    Function<String, List<String>> parse =
        text -> Objects.requireNonNullElseGet(SettingFormats.parseJsonList(text), () -> List.of(text));
    return new Setting<>(name, Kind.LIST, parse, SettingFormats::formatList).defaultValue(List.of());
  }

  /** A setting whose value is a list with commas; blanks around a value do not count. */
  static Setting<List<String>> ofCommaList(String name) {
    return new Setting<List<String>>(name, Kind.COMMA_LIST, Setting::splitAtCommas, SettingFormats::formatList)
        .defaultValue(List.of());
  }

  /** Token ids with commas between them, or a JSON array; held ascending and each once. */
  static Setting<List<Integer>> ofTokenIds(String name) {
    return new Setting<List<Integer>>(name, Kind.COMMA_LIST, TokenIdFormats::parseIds, TokenIdFormats::formatIds)
        .label("ID,ID").defaultValue(List.of());
  }

  /** Biases of token ids as {@code ID:BIAS,ID:BIAS} or as a JSON object; held by ascending id, without those of 0. */
  static Setting<SortedMap<Integer, Double>> ofBiases(String name) {
    return new Setting<SortedMap<Integer, Double>>(
            name, Kind.COMMA_LIST, TokenIdFormats::parseBiases, TokenIdFormats::formatBiases)
        .label("ID:BIAS,ID:BIAS").defaultValue(Collections.emptySortedMap());
  }

  private static List<String> splitAtCommas(String text) {
    List<String> json = SettingFormats.parseJsonList(text);
    if (json != null) {
      return json;
    }
    List<String> values = new ArrayList<>();
    for (String value : text.split(",", -1)) {
      if (value.isBlank()) {
        throw new IllegalArgumentException("names with commas between them and none of them empty");
      }
      values.add(value.strip());
    }
    return List.copyOf(values);
  }

  Setting<T> group(String newGroup) {
    group = newGroup;
    return this;
  }

  Setting<T> label(String newLabel) {
    label = newLabel;
    return this;
  }

  Setting<T> doc(String newDoc) {
    doc = newDoc;
    return this;
  }

  Setting<T> check(Predicate<T> newCheck, String newAllowed) {
    check = newCheck;
    allowed = newAllowed;
    return this;
  }

  Setting<T> effect(Effect newEffect) {
    effect = newEffect;
    return this;
  }

  Setting<T> defaultValue(T value) {
    defaultValue = value;
    return this;
  }

  /**
   * The value at which the setting does nothing. A trace made with it has the {@code trace_id} that it had before the
   * setting existed, so that tables stay valid when settings are added.
   */
  Setting<T> neutralValue(T value) {
    neutralValue = value;
    return this;
  }

  /** Keeps the setting out of Spark configurations, where it would come too late or mean something else. */
  Setting<T> commandLineOnly() {
    inSparkConf = false;
    return this;
  }

  /** Its name, without dashes in front. */
  public String name() {
    return name;
  }

  /** {@code --name}, as in messages. */
  public String option() {
    return "--" + name;
  }

  /** The key in a Spark configuration, or null when it is only an option. */
  public String sparkKey() {
    if (!inSparkConf) {
      return null;
    }
    StringBuilder key = new StringBuilder("spark.winnow.");
    boolean upper = false;
    for (char c : name.toCharArray()) {
      if (c == '-') {
        upper = true;
      } else {
        key.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    return key.toString();
  }

  public Kind kind() {
    return kind;
  }

  /** Heading under which the help lists it. */
  public String group() {
    return group;
  }

  /** How the help names its value. */
  public String label() {
    return label;
  }

  /** One sentence or two for the help. */
  public String doc() {
    return doc;
  }

  /** The values that are allowed, in words, or null when all of its type are. */
  public String allowed() {
    return allowed;
  }

  /** The allowed values of an {@link Kind#ENUM}, else empty. */
  public List<String> choices() {
    return choices;
  }

  public Effect effect() {
    return effect;
  }

  /** The default, or null when there is none. */
  public T defaultValue() {
    return defaultValue;
  }

  /** The value at which it does nothing, or null when every value does something. */
  public T neutralValue() {
    return neutralValue;
  }

  /** The canonical text of a value: equal values have equal texts, and {@link #parse} reads it back. */
  public String text(T value) {
    return format.apply(value);
  }

  /**
   * Reads and checks a value.
   *
   * @throws UsageException naming the option, the text and what is allowed
   */
  public T parse(String text) {
    return parse(option(), text);
  }

  /** As {@link #parse(String)}, with the place the text comes from as it stands in the message. */
  T parse(String where, String text) {
    T value;
    try {
      value = parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw refused(where, text, allowed == null ? e.getMessage() : allowed, e);
    }
    return checked(where, text, value);
  }

  /** Checks the values of an option that was given several times. */
  T parseAll(String where, List<String> texts) {
    if (kind == Kind.LIST) {
      @SuppressWarnings("unchecked") // LIST settings are made by ofList alone
      T list = (T) List.copyOf(texts);
      return checked(where, String.join(" ", texts), list);
    }
    if (texts.size() != 1) {
      throw new UsageException("Cannot use " + where + " " + texts.size() + " times: give it once.");
    }
    return parse(where, texts.get(0));
  }

  private T checked(String where, String text, T value) {
    if (!check.test(value)) {
      throw refused(where, text, allowed, null);
    }
    return value;
  }

  private UsageException refused(String where, String text, String expected, Throwable cause) {
    String hint = choices.isEmpty() ? "" : NearestName.hint(text, choices);
    String line = text.replaceAll("\\s*\n\\s*", " ");
    return new UsageException("Cannot use " + where + " '" + line + "': it must be " + expected + "." + hint, cause);
  }

  @Override
  public String toString() {
    return option();
  }
}
