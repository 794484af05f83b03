// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The settings of {@code verify}, in the order in which its help lists them. */
public final class VerifySettings {
  private static final String INPUT = "Input";
  private static final String JUDGING = "Judging";
  private static final String GROUPS = "Prompts with several answers";
  private static final String OUTPUT = "Output";
  private static final String WORK = "Work";
  private static final String VERIFIER_SHAPE = "(?s)[\\w-]+(:[\\w-]+=[^,=]*(,[\\w-]+=[^,=]*)*|:\\{.*\\})?";

  public static final Setting<String> IN =
      Setting.ofString("in").group(INPUT).label("PATH").effect(Effect.ROWS).commandLineOnly()
          .doc("The completions: a file, folder or glob of JSON lines, CSV, Parquet or Delta, or a table"
              + " catalog.schema.table. All rows come out again in --out, with their verdicts.");
  public static final Setting<String> FORMAT = GenerateSettings.FORMAT;
  public static final Setting<String> GOLD_COLUMN =
      Setting.ofString("gold-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("gold")
          .commandLineOnly()
          .doc("Column of the right answer: a text or number, or an array of them, any of which is right.");
  public static final Setting<String> COMPLETION_COLUMN =
      Setting.ofString("completion-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("answer")
          .commandLineOnly()
          .doc("Column of the completion: a text, thinking included, or a conversation (an array of messages with role"
              + " and content), of which the last message of the assistant counts.");
  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(INPUT).label("TABLE").effect(Effect.ROWS)
          .doc("In place of --in: a Delta table of traces to judge again, a folder or catalog.schema.table. Verdicts go"
              + " beside it.");

  public static final Setting<List<String>> VERIFIER =
      Setting.ofList("verifier").group(JUDGING).label("NAME[:K=V,...]").effect(Effect.ROWS)
          .check(
              list -> list.stream().allMatch(text -> text.matches(VERIFIER_SHAPE)),
              "NAME, NAME:KEY=VALUE,... or NAME:{JSON object}")
          .doc("Who judges, with its parameters: math, choice, exact, normalized, regex, numeric (docs/VERIFYING.md)."
              + " Several times with --traces.");
  public static final Setting<String> CONFIG =
      Setting.ofEnum("config", "winnow", "default", "open-r1").group(JUDGING).effect(Effect.ROWS).commandLineOnly()
          .doc("How verifier math extracts and compares: winnow, its own way, or with --compat that of the library's"
              + " defaults or of Open-R1's accuracy reward. Short for the parameter config.");
  public static final Setting<String> COMPAT =
      Setting.ofEnum("compat", "math-verify").group(JUDGING).effect(Effect.ROWS).commandLineOnly()
          .doc("Gives the verdicts of Math-Verify 0.9.0. Short for the parameter compat of verifier math.");
  public static final Setting<String> VERIFIER_COLUMN =
      Setting.ofString("verifier-column").group(JUDGING).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column that names each row's own verifier, as --verifier does; where it is null, --verifier judges.");
  public static final Setting<String> VERIFIER_PARAMS_COLUMN =
      Setting.ofString("verifier-params-column").group(JUDGING).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column of the verifier's parameters for each row: a struct, a map, or a JSON object as text.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(JUDGING).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when some verdicts are 'error': the row cannot be used, or the verifier itself failed.");

  public static final Setting<String> GROUP_COLUMN =
      Setting.ofString("group-column").group(GROUPS).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column that rows of one prompt have alike, for --majority and --report golds.");
  public static final Setting<Boolean> MAJORITY =
      Setting.ofBoolean("majority").group(GROUPS).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Adds the answer that most rows of a prompt give, answers that mean the same taken together, with its"
              + " votes, margin and verdict; works without golds as well.");
  public static final Setting<String> REPORT =
      Setting.ofEnum("report", "golds").group(GROUPS).effect(Effect.ROWS).commandLineOnly()
          .doc("golds: lists golds that are probably wrong, and judges nothing else: those that cannot be read, those"
              + " that differ within a prompt, and those against which all answers of a prompt agree. To --out, else to"
              + " the screen.");

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the rows of --in go with their verdicts: a Delta folder or catalog.schema.table, or by its"
              + " ending a folder .parquet or a local file .jsonl, in the order of the input. Run again, it is left as"
              + " it is unless the input or a setting changed.");
  public static final Setting<String> OUT_FORMAT = ScoreSettings.OUT_FORMAT;
  public static final Setting<String> PREFIX = ScoreSettings.PREFIX;

  public static final Setting<Duration> COMMIT_INTERVAL =
      Setting.ofDuration("commit-interval").group(WORK).effect(Effect.TUNING).defaultValue(Duration.ofSeconds(60))
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 500ms, 10m, 2h")
          .doc("With --traces: verdicts of finished tasks are in the table after this time at the latest.");
  public static final Setting<Integer> PARTITIONS =
      Setting.ofInt("partitions").group(WORK).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("Spark partitions of the work; 0 takes those in which Spark reads the table, or as many as there are"
              + " slots.");

  /** Those that say how the rows of a data set are judged: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS =
      List.of(
          GOLD_COLUMN, COMPLETION_COLUMN, VERIFIER, CONFIG, COMPAT, VERIFIER_COLUMN, VERIFIER_PARAMS_COLUMN,
          GROUP_COLUMN, MAJORITY, REPORT, PREFIX, PARTITIONS);

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private VerifySettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                IN, FORMAT, GOLD_COLUMN, COMPLETION_COLUMN, TRACES, VERIFIER, CONFIG, COMPAT, VERIFIER_COLUMN,
                VERIFIER_PARAMS_COLUMN, STRICT, GROUP_COLUMN, MAJORITY, REPORT, OUT, OUT_FORMAT, PREFIX,
                COMMIT_INTERVAL, PARTITIONS));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values) {
    boolean traces = values.isGiven(TRACES);
    if (traces == values.isGiven(IN)) {
      throw new UsageException(
          (traces
                  ? "Cannot use --traces and --in together: leave one out. "
                  : "Nothing to judge: give --in with a data set or --traces with a table of traces. ")
              + IN.doc());
    }
    boolean report = values.isGiven(REPORT);
    if (traces && !report) {
      for (Setting<?> setting : List.of(
          OUT, OUT_FORMAT, PREFIX, FORMAT, GOLD_COLUMN, COMPLETION_COLUMN, VERIFIER_COLUMN, VERIFIER_PARAMS_COLUMN,
          GROUP_COLUMN, MAJORITY)) {
        if (values.isGiven(setting)) {
          throw new UsageException(
              "Cannot use " + setting + " with --traces: a table of traces has its columns, and verdicts go beside it."
                  + " Judge it as a data set by --in TABLE --completion-column text, or leave " + setting + " out.");
        }
      }
      if (values.get(VERIFIER).isEmpty()) {
        throw new UsageException("The option --verifier is missing: " + VERIFIER.doc());
      }
      return;
    }
    if (!report) {
      values.get(OUT);
    }
    validateRows(values);
  }

  /**
   * Checks what says how rows are judged.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validateRows(SettingValues values) {
    int verifiers = values.get(VERIFIER).size();
    if (verifiers == 0 && !values.isGiven(VERIFIER_COLUMN)) {
      throw new UsageException("The option --verifier is missing: " + VERIFIER.doc());
    }
    if (verifiers > 1) {
      throw new UsageException(
          "Cannot use several --verifier on a data set: each adds the same columns. Run verify once for each, the"
              + " second time on what came out, with --prefix.");
    }
    if (values.isGiven(VERIFIER_PARAMS_COLUMN) && verifiers == 0 && !values.isGiven(VERIFIER_COLUMN)) {
      throw new UsageException("Cannot use --verifier-params-column without a verifier: give --verifier as well.");
    }
    if (values.isGiven(REPORT) && values.get(MAJORITY)) {
      throw new UsageException("Cannot use --report and --majority together: the report judges no rows. Leave one"
          + " out.");
    }
    if (values.get(MAJORITY) && !values.isGiven(GROUP_COLUMN)) {
      throw new UsageException("The option --group-column is missing, which --majority needs: " + GROUP_COLUMN.doc());
    }
    if (values.isGiven(GROUP_COLUMN) && !values.get(MAJORITY) && !values.isGiven(REPORT)) {
      throw new UsageException("Cannot use --group-column alone: it is for --majority and --report golds.");
    }
  }
}
