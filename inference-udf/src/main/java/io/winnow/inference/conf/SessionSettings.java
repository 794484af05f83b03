// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Settings of every command that opens a Spark session. */
public final class SessionSettings {
  private static final String GROUP = "Session";

  public static final Setting<String> MASTER =
      Setting.ofString("master").group(GROUP).label("URL").effect(Effect.TUNING).commandLineOnly()
          .doc("Spark master when no session runs yet: local[*] unless spark-submit or this option says otherwise.");

  public static final Setting<List<String>> CONF =
      Setting.ofList("conf").group(GROUP).label("KEY=VALUE").effect(Effect.TUNING).commandLineOnly()
          .check(SessionSettings::arePairs, "KEY=VALUE")
          .doc("A Spark configuration key, as in spark-submit; may be given several times.");

  public static final Setting<Boolean> VERBOSE =
      Setting.ofBoolean("verbose").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc("Log what Spark does and print stack traces of errors.");

  public static final List<Setting<?>> ALL = List.of(MASTER, CONF, VERBOSE);

  private SessionSettings() {}

  /** The pairs of a KEY=VALUE setting, in the order given; the last one of a key wins. */
  public static Map<String, String> pairs(List<String> texts) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      pairs.put(text.substring(0, equals).strip(), text.substring(equals + 1));
    }
    return pairs;
  }

  /**
   * The checked texts of {@code --conf}, before all settings are resolved: what it says may be settings itself.
   *
   * @throws UsageException when one is not KEY=VALUE
   */
  public static List<String> parsedConf(List<String> texts) {
    return CONF.parseAll(CONF.option(), texts);
  }

  static boolean arePairs(List<String> texts) {
    return texts.stream().allMatch(text -> text.indexOf('=') > 0 && !text.substring(0, text.indexOf('=')).isBlank());
  }
}
