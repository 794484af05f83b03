// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.List;

/** The settings of {@code generate} that concern answers of a given form as columns. */
public final class LabelSettings {
  public static final Setting<String> LABEL_COLUMN =
      Setting.ofString("label-column").group("Output").label("NAME").effect(Effect.ROWS).defaultValue("label")
          .check(name -> name.matches("[^ ,;{}()\\n\\t=]+"), "the name of a column, without blanks and ,;{}()=")
          .doc("With --choice, --regex or --json-schema: the column that gets each answer as a typed value.");

  /** All of them. */
  public static final List<Setting<?>> ALL = List.of(LABEL_COLUMN);

  private LabelSettings() {}
}
