// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code teachers}, in the order in which its help lists them. */
public final class TeacherReportSettings {
  private static final String GROUP = "Teachers";

  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(GROUP).label("TABLE").effect(Effect.ROWS).commandLineOnly()
          .doc("Delta table of traces to look at: a folder or catalog.schema.table.");
  public static final Setting<String> OUT =
      Setting.ofString("out").group(GROUP).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the table of prompts and teachers goes: a Delta folder or catalog.schema.table, or by its ending"
              + " a folder .parquet or a local file .jsonl. Run again, it is left as it is unless the traces changed.");
  public static final Setting<String> OUT_FORMAT = ScoreSettings.OUT_FORMAT;
  public static final Setting<Boolean> JSON =
      Setting.ofBoolean("json").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("Prints one JSON object, for programs.");

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private TeacherReportSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all = new ArrayList<>(List.of(TRACES, OUT, OUT_FORMAT, JSON));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }
}
