// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The settings of {@code generate} that give prompts as many samples as they need. */
public final class AdaptiveSettings {
  private static final String SAMPLING = "Sampling";
  private static final int MOST = 64;

  public static final Setting<String> STOP_WHEN =
      Setting.ofString("stop-when").group(SAMPLING).label("RULE").effect(Effect.ROWS)
          .check(StopWhen::isRule, StopWhen.ALLOWED)
          .doc("Makes samples in blocks and ends a prompt when it is settled: correct:2 (so many are correct),"
              + " decided:.1:.9 (the Wilson interval of its pass rate lies wholly below, between or above the two),"
              + " majority (no later sample can change the most frequent answer) or majority:0.6 (it has this share).");
  public static final Setting<Integer> SAMPLES_MAX =
      Setting.ofInt("samples-max").group(SAMPLING).effect(Effect.ROWS).check(n -> n >= 1, "1 or more")
          .doc("With --stop-when: samples of a prompt at most; " + MOST + " where nothing else is said. --samples is"
              + " then the first block, and each further one doubles what there is.");
  public static final Setting<List<Integer>> SAMPLE_BLOCKS =
      Setting.ofTokenIds("sample-blocks").group(SAMPLING).label("N,N,N").effect(Effect.ROWS)
          .check(ends -> ends.isEmpty() || ends.get(0) >= 1, "numbers of samples, 1 or more, with commas between them")
          .doc("With --stop-when, in place of --samples and --samples-max: the numbers of samples after which it is"
              + " decided, for example 4,8,16,64; the last is the most.");

  private AdaptiveSettings() {}

  /**
   * Checks what depends on several settings.
   *
   * @throws UsageException with the first thing that is wrong
   */
  static void check(SettingValues values) {
    Optional<StopWhen> rule = rule(values);
    if (rule.isEmpty()) {
      for (Setting<?> setting : List.of(SAMPLES_MAX, SAMPLE_BLOCKS)) {
        if (values.isGiven(setting)) {
          throw new UsageException(
              "Cannot use " + setting + " without --stop-when, which says when a prompt has samples enough. "
                  + STOP_WHEN.doc());
        }
      }
      return;
    }
    boolean blocks = !values.get(SAMPLE_BLOCKS).isEmpty();
    for (Setting<?> setting : List.of(GenerateSettings.SAMPLES, SAMPLES_MAX)) {
      if (blocks && values.isGiven(setting)) {
        throw new UsageException(
            "Cannot use --sample-blocks and " + setting + " together: the blocks say how many samples there are."
                + " Leave one out.");
      }
    }
    if (!blocks && values.get(GenerateSettings.SAMPLES) > most(values)) {
      throw new UsageException(
          "Cannot begin with " + values.get(GenerateSettings.SAMPLES) + " samples (--samples) where " + most(values)
              + " are the most (--samples-max): lower the one or raise the other.");
    }
    if (rule.get().kind() != StopWhen.Kind.MAJORITY && values.get(GenerateSettings.VERIFY).isEmpty()) {
      throw new UsageException(
          "Cannot use --stop-when " + values.get(STOP_WHEN) + " without --verify: nothing says which samples are"
              + " correct. Add --verify math.");
    }
    if (rule.get().correct() > most(values)) {
      throw new UsageException(
          "Cannot wait for " + rule.get().correct() + " correct samples (--stop-when) of " + most(values)
              + " at most: lower the one or raise --samples-max.");
    }
  }

  /** The rule, empty where the number of samples is fixed. */
  public static Optional<StopWhen> rule(SettingValues values) {
    return values.find(STOP_WHEN).map(StopWhen::parse);
  }

  /** Samples of a prompt at most. */
  public static int most(SettingValues values) {
    List<Integer> ends = ends(values);
    return ends.get(ends.size() - 1);
  }

  /** The numbers of samples after which it is decided, ascending; the last is the most. One where it is fixed. */
  public static List<Integer> ends(SettingValues values) {
    int first = values.get(GenerateSettings.SAMPLES);
    if (rule(values).isEmpty()) {
      return List.of(first);
    }
    List<Integer> given = values.get(SAMPLE_BLOCKS);
    if (!given.isEmpty()) {
      return given;
    }
    int most = values.find(SAMPLES_MAX).orElse(Math.max(MOST, first));
    List<Integer> ends = new ArrayList<>();
    for (long end = first; end < most; end *= 2) {
      ends.add((int) end);
    }
    ends.add(most);
    return List.copyOf(ends);
  }
}
