// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code decontaminate}, in the order in which its help lists them. */
public final class DecontaminateSettings {
  private static final String WHAT = "What";
  private static final String INPUT = "Input";
  private static final String OUTPUT = "Output";
  private static final String WORK = "Work";
  private static final int MOST_WORDS = 1000;

  public static final Setting<List<String>> AGAINST =
      Setting.ofList("against").group(WHAT).label("NAME=PATH:COLUMN").effect(Effect.ROWS).commandLineOnly()
          .doc("A benchmark: its name in the evidence, any data set that --in could be, and the column of its"
              + " texts. May be given several times.");
  public static final Setting<String> MODE =
      Setting.ofEnum("mode", "open-r1", "strict").group(WHAT).effect(Effect.ROWS).defaultValue("open-r1")
          .commandLineOnly()
          .doc("open-r1: lower case, words between blanks, as Open-R1's script. strict: punctuation counts as"
              + " blanks, numbers count as alike, and texts with fewer words than an n-gram are compared as a"
              + " whole.");
  public static final Setting<Integer> NGRAM =
      Setting.ofInt("ngram").group(WHAT).label("WORDS").effect(Effect.ROWS).commandLineOnly()
          .check(n -> n >= 1 && n <= MOST_WORDS, "1 to " + MOST_WORDS + " words")
          .doc("Words in a row that a text must share with a benchmark's row. If it is not given: 8, in strict"
              + " mode 13.");
  public static final Setting<Boolean> CLEANUP =
      Setting.ofBoolean("cleanup").group(WHAT).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Leaves contaminated rows out.");

  public static final Setting<String> IN = ScoreSettings.IN;
  public static final Setting<String> FORMAT = GenerateSettings.FORMAT;
  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(INPUT).label("TABLE").effect(Effect.ROWS).commandLineOnly()
          .doc("A table of traces in place of --in; its columns prompt and text are looked at if no --column is"
              + " given.");
  public static final Setting<List<String>> COLUMN =
      Setting.ofList("column").group(INPUT).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column to look at: a text, an array of texts, or a conversation. May be given several times;"
              + " then evidence says in which.");

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the rows go with the columns contaminated and evidence: a Delta folder or"
              + " catalog.schema.table, or by its ending a folder .parquet or a local file .jsonl, in the order of"
              + " the input. Run again, it is left as it is unless the input, a benchmark or a setting changed.");
  public static final Setting<String> OUT_FORMAT = ScoreSettings.OUT_FORMAT;
  public static final Setting<String> PREFIX = ScoreSettings.PREFIX;

  public static final Setting<String> JOIN =
      Setting.ofEnum("join", "auto", "index", "broadcast", "shuffle").group(WORK).effect(Effect.TUNING)
          .defaultValue("auto").commandLineOnly()
          .doc("How n-grams meet; the rows are the same. index: each task looks them up in a compact index of"
              + " the benchmarks, the fastest on CPUs. broadcast, shuffle: joins of Spark's own expressions, for"
              + " GPUs and for benchmarks that fit no executor. auto: index, unless RAPIDS is on or the benchmarks"
              + " are large.");
  public static final Setting<Long> INDEX_MAX =
      Setting.ofLong("index-max").group(WORK).label("NGRAMS").effect(Effect.TUNING).defaultValue(20_000_000L)
          .check(n -> n >= 1, "1 or more").commandLineOnly()
          .doc("N-grams of benchmarks, from which on auto takes a shuffle; an n-gram takes about 60 bytes of an"
              + " index.");
  public static final Setting<Integer> PARTITIONS = GenerateSettings.PARTITIONS;

  /** Those that say how the rows of a data set are looked at: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS =
      List.of(AGAINST, MODE, NGRAM, CLEANUP, COLUMN, PREFIX, JOIN, INDEX_MAX, PARTITIONS);

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private static final int OPEN_R1_WORDS = 8;
  private static final int STRICT_WORDS = 13;
  private static final List<String> COLUMNS_OF_TRACES = List.of("prompt", "text");

  private DecontaminateSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                IN, FORMAT, TRACES, COLUMN, AGAINST, MODE, NGRAM, CLEANUP, OUT, OUT_FORMAT, PREFIX, JOIN, INDEX_MAX,
                PARTITIONS));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /** Words of an n-gram. */
  public static int words(SettingValues values) {
    return values.find(NGRAM).orElse(values.get(MODE).equals("strict") ? STRICT_WORDS : OPEN_R1_WORDS);
  }

  /** The columns to look at, each once. */
  public static List<String> columns(SettingValues values) {
    List<String> given = values.get(COLUMN).stream().distinct().toList();
    return given.isEmpty() ? COLUMNS_OF_TRACES : given;
  }

  /** The data set that is looked at. */
  public static String source(SettingValues values) {
    return values.find(IN).orElseGet(() -> values.get(TRACES));
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
                  : "Nothing to look at: give --in with a data set or --traces with a table of traces. ")
              + IN.doc());
    }
    if (!traces && values.get(COLUMN).isEmpty()) {
      throw new UsageException("The option --column is missing: " + COLUMN.doc());
    }
    values.get(OUT);
    validateAgainst(values);
  }

  /**
   * Checks the values of {@link #OF_ROWS}.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validateRows(SettingValues values) {
    if (values.get(COLUMN).isEmpty()) {
      throw new UsageException("The option --column is missing: " + COLUMN.doc());
    }
    validateAgainst(values);
  }

  private static void validateAgainst(SettingValues values) {
    if (values.get(AGAINST).isEmpty()) {
      throw new UsageException(
          "The option --against is missing: give --against NAME=PATH:COLUMN, for example"
              + " --against gsm8k=gsm8k/test.jsonl:question.");
    }
  }
}
