// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code bench}: its own, then those of {@code generate} but for where rows go. */
public final class BenchSettings {
  private static final String GROUP = "Measurement";

  public static final Setting<Integer> ROUNDS =
      Setting.ofInt("rounds").group(GROUP).effect(Effect.TUNING).defaultValue(3).check(n -> n >= 1, "1 or more")
          .doc("How often each side is measured, after a warm-up that is not counted.");
  public static final Setting<Boolean> ENGINE_ONLY =
      Setting.ofBoolean("engine-only").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc("Leaves out the side inside Spark.");
  public static final Setting<Boolean> TURNS =
      Setting.ofBoolean("turns").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc(
              "For comparing with other programs in turn: prints a JSON line when it is ready, and one after each round"
                  + " of the engine alone; a round begins with a line on standard input, the end of which ends it.");
  public static final Setting<String> PROMPT_TOKENS =
      Setting.ofString("prompt-tokens").group(GROUP).label("FILE").effect(Effect.TUNING)
          .doc("Writes the token ids of each prompt to this file, a JSON array a line, for other programs.");

  /** All of them, with those of generate that matter here and of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private BenchSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all = new ArrayList<>(List.of(ROUNDS, ENGINE_ONLY, TURNS, PROMPT_TOKENS));
    GenerateSettings.ALL.stream()
        .filter(s -> s != GenerateSettings.OUT && s != GenerateSettings.DRY_RUN && s != GenerateSettings.STRICT)
        .forEach(all::add);
    return List.copyOf(all);
  }
}
