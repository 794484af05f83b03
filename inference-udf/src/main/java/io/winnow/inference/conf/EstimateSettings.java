// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.List;

/** The settings of {@code generate} that concern an estimate of what a run would take. */
public final class EstimateSettings {
  private static final String GROUP = "Budget";

  public static final Setting<Boolean> ESTIMATE =
      Setting.ofBoolean("estimate").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("Runs a sample of the prompts and predicts the tokens, time and money of the whole, with intervals;"
              + " keeps nothing, unless --estimate-keep.");
  public static final Setting<Integer> ROWS =
      Setting.ofInt("estimate-rows").group(GROUP).effect(Effect.TUNING).defaultValue(32)
          .check(n -> n >= 2, "2 or more")
          .doc("Prompts of the sample, the same ones each time.");
  public static final Setting<Boolean> KEEP =
      Setting.ofBoolean("estimate-keep").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc("Writes the traces of the estimate to --out, where the run that follows finds them.");
  public static final Setting<Boolean> JSON =
      Setting.ofBoolean("json").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("With --estimate: prints one JSON object, for programs.");

  /** All of them. */
  public static final List<Setting<?>> ALL = List.of(ESTIMATE, ROWS, KEEP, JSON);

  private EstimateSettings() {}

  /** Whether a run with these settings may write to {@code --out}. */
  static boolean writes(SettingValues values) {
    return !values.get(GenerateSettings.DRY_RUN) && (!values.get(ESTIMATE) || values.get(KEEP));
  }

  /** @throws UsageException for settings that do nothing */
  static void check(SettingValues values) {
    if (values.get(ESTIMATE)) {
      return;
    }
    for (Setting<?> setting : List.of(ROWS, KEEP, JSON)) {
      if (values.isGiven(setting)) {
        throw new UsageException("Cannot use " + setting + " without --estimate, of which it is a part. Leave it out.");
      }
    }
  }
}
