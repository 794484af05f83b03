// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The settings of {@code status}, in the order in which its help lists them. */
public final class StatusSettings {
  private static final String GROUP = "Status";

  public static final Setting<String> OUT =
      Setting.ofString("out").group(GROUP).label("TABLE").effect(Effect.TUNING)
          .doc("Delta table of traces to look at: a folder or catalog.schema.table.");
  public static final Setting<Boolean> JSON =
      Setting.ofBoolean("json").group(GROUP).effect(Effect.TUNING).defaultValue(false)
          .doc("Prints one JSON object, for programs.");
  public static final Setting<Duration> WATCH =
      Setting.ofDuration("watch").group(GROUP).effect(Effect.TUNING)
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 500ms, 10m, 2h")
          .doc("Shows it again each time so long has passed, until Ctrl-C.");
  public static final Setting<Integer> RUNS =
      Setting.ofInt("runs").group(GROUP).effect(Effect.TUNING).defaultValue(10).check(n -> n >= 1, "1 or more")
          .doc("How many of the last runs are listed.");

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private StatusSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all = new ArrayList<>(List.of(OUT, JSON, WATCH, RUNS));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }
}
