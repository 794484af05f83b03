// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** The settings of {@code replay}, in the order in which its help lists them. */
public final class ReplaySettings {
  private static final String WHAT = "What";
  private static final String ENGINE = "Engine";

  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(WHAT).label("TABLE").effect(Effect.ROWS)
          .doc("Delta table of traces to make again: a folder or catalog.schema.table. Nothing is written.");
  public static final Setting<String> SAMPLE =
      Setting.ofString("sample").group(WHAT).label("P%|N").effect(Effect.ROWS).defaultValue("1%")
          .check(ReplaySettings::isSample, "a share above 0% and at most 100%, or a number of traces from 1")
          .doc("How many traces: a share such as 1% (at least one trace) or a number. Chosen by a hash of the key: the"
              + " same ones every time, and a larger sample holds a smaller one.");
  public static final Setting<Long> SEED =
      Setting.ofLong("seed").group(WHAT).effect(Effect.ROWS).defaultValue(0L).commandLineOnly()
          .doc("Another seed chooses other traces.");
  public static final Setting<Boolean> VERDICTS =
      Setting.ofBoolean("verdicts").group(WHAT).effect(Effect.ROWS).defaultValue(true)
          .doc("Judges the recorded texts again and compares the verdicts, where the verifier has the same version.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(WHAT).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when nothing differs and some traces cannot be replayed.");

  public static final Setting<String> MODEL =
      Setting.ofString("model").group(ENGINE).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the model lies now, if not where the run had it; its content must be the same.");
  public static final Setting<Integer> THREADS = GenerateSettings.THREADS;
  public static final Setting<Integer> MAX_SEQUENCES = GenerateSettings.MAX_SEQUENCES;
  public static final Setting<Integer> KV_CACHE_TOKENS = GenerateSettings.KV_CACHE_TOKENS;
  public static final Setting<Integer> PARTITIONS = GenerateSettings.PARTITIONS;

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private ReplaySettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                TRACES, SAMPLE, SEED, VERDICTS, STRICT, MODEL, THREADS, MAX_SEQUENCES, KV_CACHE_TOKENS, PARTITIONS));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /** The number of traces asked for; empty where a share was. */
  public static OptionalLong sampleCount(SettingValues values) {
    String text = values.get(SAMPLE).strip();
    return text.endsWith("%") ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(text));
  }

  /** The share asked for, above 0 and at most 1; 1 where a number was. */
  public static double sampleShare(SettingValues values) {
    String text = values.get(SAMPLE).strip();
    return text.endsWith("%") ? Double.parseDouble(text.substring(0, text.length() - 1)) / 100 : 1;
  }

  private static boolean isSample(String text) {
    String plain = text.strip();
    if (plain.matches("\\d{1,3}(\\.\\d{1,9})?%")) {
      double percent = Double.parseDouble(plain.substring(0, plain.length() - 1));
      return percent > 0 && percent <= 100;
    }
    return plain.matches("\\d{1,18}") && Long.parseLong(plain) >= 1;
  }
}
