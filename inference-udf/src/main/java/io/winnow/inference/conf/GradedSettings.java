// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.List;

/** The settings that say which samples of which prompts are looked at: for {@code pass-rate} and {@code select}. */
public final class GradedSettings {
  static final String INPUT = "Input";
  static final String OUTPUT = "Output";

  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(INPUT).label("TABLE").effect(Effect.ROWS).commandLineOnly()
          .doc("A Delta table of traces that were verified: a folder or catalog.schema.table.");
  public static final Setting<String> IN =
      Setting.ofString("in").group(INPUT).label("PATH").effect(Effect.ROWS).commandLineOnly()
          .doc("In place of --traces any data set of graded completions: a file, folder or glob of JSON lines, CSV,"
              + " Parquet or Delta, or a table catalog.schema.table.");
  public static final Setting<String> FORMAT = GenerateSettings.FORMAT;
  public static final Setting<String> VERIFIER =
      Setting.ofString("verifier").group(INPUT).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .check(text -> text.matches("[\\w-]+"), "the name of a verifier, such as math")
          .doc("Whose verdicts of traces count: the newest that winnow verify --traces has added, else those in the"
              + " traces. By itself the column correct says what is right.");
  public static final Setting<String> CORRECT_COLUMN =
      column("correct-column", null)
          .doc("Column of the grade: a boolean, a number (1 is right) or a text (correct, incorrect, undecided, error)."
              + " By itself verdict, else correct.");
  public static final Setting<String> GROUP_COLUMN =
      column("group-column", "prompt_id").doc("Column that the samples of a prompt have alike.");
  public static final Setting<String> TRACE_COLUMN =
      column("trace-column", "trace_id")
          .doc("Column that tells the samples of a prompt apart; without one a hash of the row does.");
  public static final Setting<String> COMPLETION_COLUMN =
      column("completion-column", "text").doc("Column of the completion, thinking included.");
  public static final Setting<String> PROMPT_COLUMN =
      column("prompt-column", "prompt").doc("Column of the prompt's text.");
  public static final Setting<String> MESSAGES_COLUMN =
      column("messages-column", "messages").doc("Column of the prompt's conversation.");
  public static final Setting<String> GOLD_COLUMN = column("gold-column", "gold").doc("Column of the right answer.");
  public static final Setting<String> TOKENS_COLUMN =
      column("tokens-column", "completion_tokens").doc("Column of the completion's count of tokens.");
  public static final Setting<String> WHERE =
      Setting.ofString("where").group(INPUT).label("SQL").effect(Effect.ROWS).commandLineOnly()
          .check(text -> !text.isBlank(), "a condition of Spark SQL, such as \"model = 'a'\"")
          .doc("Only rows for which this condition of Spark SQL holds, over the columns of the input.");
  public static final Setting<List<String>> KEEP_COLUMNS =
      Setting.ofCommaList("keep-columns").group(INPUT).effect(Effect.ROWS).commandLineOnly()
          .doc("Columns of the prompt to carry along, where a row of the output is a prompt or a pair.");

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the rows go: a Delta folder or catalog.schema.table, or by its ending a folder .parquet or a"
              + " local file .jsonl. Run again, it is left as it is unless the input or a setting changed.");
  public static final Setting<String> OUT_FORMAT = ScoreSettings.OUT_FORMAT;

  static final List<Setting<?>> COLUMNS =
      List.of(
          VERIFIER, CORRECT_COLUMN, GROUP_COLUMN, TRACE_COLUMN, COMPLETION_COLUMN, PROMPT_COLUMN, MESSAGES_COLUMN,
          GOLD_COLUMN, TOKENS_COLUMN, WHERE, KEEP_COLUMNS);

  private GradedSettings() {}

  private static Setting<String> column(String name, String byItself) {
    return Setting.ofString(name).group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue(byItself)
        .commandLineOnly();
  }

  /**
   * Checks where the samples come from.
   *
   * @throws UsageException with the first thing that is wrong
   */
  static void validate(SettingValues values) {
    boolean traces = values.isGiven(TRACES);
    if (traces == values.isGiven(IN)) {
      throw new UsageException(
          (traces
                  ? "Cannot use --traces and --in together: leave one out. "
                  : "Nothing to look at: give --traces with a table of traces or --in with another data set. ")
              + IN.doc());
    }
    for (Setting<?> setting : COLUMNS) {
      boolean ofTraces = setting == VERIFIER || setting == WHERE || setting == KEEP_COLUMNS;
      if (traces && !ofTraces && values.isGiven(setting)) {
        throw new UsageException(
            "Cannot use " + setting + " with --traces: a table of traces has its columns. Give the table by --in, or"
                + " leave " + setting + " out.");
      }
    }
    if (traces && values.isGiven(FORMAT)) {
      throw new UsageException("Cannot use --format with --traces: a table of traces is Delta. Leave it out.");
    }
    values.get(OUT);
    validateRows(values);
  }

  /** Checks what is there for a DataFrame as well. */
  static void validateRows(SettingValues values) {
    if (values.isGiven(VERIFIER) && values.isGiven(CORRECT_COLUMN)) {
      throw new UsageException(
          "Cannot use --verifier and --correct-column together: both say what is right. Leave one out.");
    }
  }
}
