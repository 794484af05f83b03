// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The settings of {@code verify}, in the order in which its help lists them. */
public final class VerifySettings {
  private static final String INPUT = "Input";
  private static final String JUDGING = "Judging";
  private static final String WORK = "Work";
  private static final String VERIFIER_SHAPE = "[\\w-]+(:[\\w-]+=[^,=]*(,[\\w-]+=[^,=]*)*)?";

  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(INPUT).label("TABLE").effect(Effect.ROWS)
          .doc("Delta table of traces to judge again: a folder or catalog.schema.table. Verdicts go beside it.");
  public static final Setting<String> IN =
      Setting.ofString("in").group(INPUT).label("PATH").effect(Effect.ROWS).commandLineOnly()
          .doc("A data set of completions; not in this version, which judges tables of traces alone.");
  public static final Setting<String> OUT =
      Setting.ofString("out").group(INPUT).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the judged data set of --in goes; not in this version.");

  public static final Setting<List<String>> VERIFIER =
      Setting.ofList("verifier").group(JUDGING).label("NAME[:K=V,...]").effect(Effect.ROWS)
          .check(list -> list.stream().allMatch(text -> text.matches(VERIFIER_SHAPE)), "NAME or NAME:KEY=VALUE,...")
          .doc("Who judges, with its parameters (math); may be given several times.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(JUDGING).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when some verdicts are 'error': the verifier itself failed.");

  public static final Setting<Duration> COMMIT_INTERVAL =
      Setting.ofDuration("commit-interval").group(WORK).effect(Effect.TUNING).defaultValue(Duration.ofSeconds(60))
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 500ms, 10m, 2h")
          .doc("Verdicts of finished tasks are in the table after this time at the latest.");
  public static final Setting<Integer> PARTITIONS =
      Setting.ofInt("partitions").group(WORK).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("Spark partitions of the work; 0 takes those in which Spark reads the table.");

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private VerifySettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all = new ArrayList<>(List.of(TRACES, IN, OUT, VERIFIER, STRICT, COMMIT_INTERVAL, PARTITIONS));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings, and refuses what this version does not do.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values) {
    if (values.isGiven(IN) || values.isGiven(OUT)) {
      throw new UsageException(
          "Cannot use --in and --out: judging other data sets is not supported yet in this version. Give --traces with a"
              + " table that generate wrote; the verdicts go beside it.");
    }
    values.get(TRACES);
    if (values.get(VERIFIER).isEmpty()) {
      throw new UsageException("The option --verifier is missing: " + VERIFIER.doc());
    }
  }
}
