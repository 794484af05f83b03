// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code run}, in the order in which its help lists them. */
public final class RunSettings {
  private static final String GROUP = "Recipe";

  public static final Setting<String> RECIPE =
      Setting.ofFile("recipe").group(GROUP).label("FILE.yaml").effect(Effect.ROWS).commandLineOnly()
          .doc("The recipe, which may also stand alone behind the command.");
  public static final Setting<List<String>> PARAM =
      Setting.ofList("param").group(GROUP).label("NAME=VALUE").effect(Effect.ROWS).commandLineOnly()
          .check(SessionSettings::arePairs, "NAME=VALUE")
          .doc("A parameter of the recipe; may be given several times, and one name several times is a list.");
  public static final Setting<List<String>> SET =
      Setting.ofList("set").group(GROUP).label("STEP.OPTION=VALUE").effect(Effect.ROWS).commandLineOnly()
          .check(SessionSettings::arePairs, "STEP.OPTION=VALUE")
          .doc("An option of a step, in place of that of the recipe; an empty value takes it away.");
  public static final Setting<List<String>> ONLY =
      Setting.ofCommaList("only").group(GROUP).label("STEP,STEP").effect(Effect.ROWS).commandLineOnly()
          .doc("Runs these steps alone; what they need must be there.");
  public static final Setting<String> FROM =
      Setting.ofString("from").group(GROUP).label("STEP").effect(Effect.ROWS).commandLineOnly()
          .doc("Begins with this step; what comes before it must be there.");
  public static final Setting<Boolean> FORCE =
      Setting.ofBoolean("force").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("Runs also steps that are up to date; each still does what is to do, and no more.");
  public static final Setting<Boolean> DRY_RUN =
      Setting.ofBoolean("dry-run").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("Checks the recipe and shows the steps in their order, which of them would run and why; runs nothing.");
  public static final Setting<String> RECORD =
      Setting.ofString("record").group(GROUP).label("FOLDER").effect(Effect.TUNING).defaultValue(".winnow")
          .commandLineOnly()
          .doc("Local folder that remembers what steps were done with, in a file a recipe.");
  public static final Setting<Boolean> SCHEMA =
      Setting.ofBoolean("schema").group(GROUP).effect(Effect.TUNING).defaultValue(false).commandLineOnly()
          .doc("Prints the JSON schema of recipes, for editors, and ends.");

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private RunSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(List.of(RECIPE, PARAM, SET, ONLY, FROM, FORCE, DRY_RUN, RECORD, SCHEMA));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }
}
