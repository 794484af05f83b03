// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code pass-rate}, in the order in which its help lists them. */
public final class PassRateSettings {
  private static final String NUMBERS = "Numbers";
  private static final String KEEPING = "What is kept";

  public static final Setting<List<String>> K =
      Setting.ofCommaList("k").group(NUMBERS).label("K,K").effect(Effect.ROWS).defaultValue(List.of("1", "4", "8"))
          .commandLineOnly()
          .check(
              list -> !list.isEmpty() && list.stream().allMatch(k -> k.matches("[1-9][0-9]{0,5}"))
                  && list.stream().distinct().count() == list.size(),
              "different whole numbers from 1 to 999999 with commas between them")
          .doc("Adds pass@k for each k, and G-Pass@k and mG-Pass@k for each from 2.");
  public static final Setting<List<String>> TAU =
      Setting.ofCommaList("tau").group(NUMBERS).label("X,X").effect(Effect.ROWS)
          .defaultValue(List.of("0.25", "0.5", "0.75", "1")).commandLineOnly()
          .check(
              list -> list.stream().allMatch(t -> t.matches("0(\\.[0-9]{1,4})?|\\.[0-9]{1,4}|1(\\.0{1,4})?")),
              "numbers from 0 to 1 of at most four decimals with commas between them")
          .doc("The shares of right samples that G-Pass@k asks for.");
  public static final Setting<Double> CONFIDENCE =
      Setting.ofDouble("confidence").group(NUMBERS).effect(Effect.ROWS).defaultValue(0.95).commandLineOnly()
          .check(x -> x >= 0.000001 && x <= 0.999999, "a number from 0.000001 to 0.999999")
          .doc("Of the intervals: Wilson's of each prompt, and those of the summary's means.");
  public static final Setting<String> UNDECIDED =
      Setting.ofEnum("undecided", "exclude", "incorrect").group(NUMBERS).effect(Effect.ROWS).defaultValue("exclude")
          .commandLineOnly()
          .doc("What is made of samples that could not be decided: they do not count, or count as wrong.");
  public static final Setting<String> ERRORS =
      Setting.ofEnum("errors", "exclude", "incorrect").group(NUMBERS).effect(Effect.ROWS).defaultValue("exclude")
          .commandLineOnly()
          .doc("The same of rows without a trace, and of verdicts that are errors.");
  public static final Setting<Boolean> MAJORITY =
      Setting.ofBoolean("majority").group(NUMBERS).effect(Effect.ROWS).defaultValue(true).commandLineOnly()
          .doc("Adds the answer that most samples give, and maj@n; reads the completions.");
  public static final Setting<List<String>> BY =
      Setting.ofCommaList("by").group(NUMBERS).effect(Effect.ROWS).commandLineOnly()
          .doc("Columns of the prompts by which the summary is told apart, such as source or difficulty.");

  public static final Setting<Double> MIN =
      Setting.ofDouble("min").group(KEEPING).effect(Effect.ROWS).defaultValue(0.1).commandLineOnly()
          .doc("A prompt is kept if its mean is above this, as 32-bit floats.");
  public static final Setting<Double> MAX =
      Setting.ofDouble("max").group(KEEPING).effect(Effect.ROWS).defaultValue(0.9).commandLineOnly()
          .doc("A prompt is kept if its mean is below this, as 32-bit floats.");
  public static final Setting<Boolean> KEEP =
      Setting.ofBoolean("keep").group(KEEPING).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Leaves prompts that are not kept out of --out.");

  private static final List<Setting<?>> OWN =
      List.of(K, TAU, CONFIDENCE, UNDECIDED, ERRORS, MAJORITY, BY, MIN, MAX, KEEP);

  /** Those that say how rates are made of rows: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS = joined(GradedSettings.COLUMNS, OWN);

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL =
      joined(
          List.of(GradedSettings.TRACES, GradedSettings.IN, GradedSettings.FORMAT), OF_ROWS,
          List.of(GradedSettings.OUT, GradedSettings.OUT_FORMAT), SessionSettings.ALL);

  private PassRateSettings() {}

  @SafeVarargs
  static List<Setting<?>> joined(List<? extends Setting<?>>... parts) {
    List<Setting<?>> all = new ArrayList<>();
    for (List<? extends Setting<?>> part : parts) {
      all.addAll(part);
    }
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values) {
    GradedSettings.validate(values);
    validateRows(values);
  }

  /** As {@link #validate}, for a DataFrame. */
  public static void validateRows(SettingValues values) {
    GradedSettings.validateRows(values);
    if (values.get(MIN) >= values.get(MAX)) {
      throw new UsageException(
          "Cannot keep prompts with --min " + values.get(MIN) + " and --max " + values.get(MAX) + ": no mean is above"
              + " the one and below the other. Give a --min below --max.");
    }
  }
}
