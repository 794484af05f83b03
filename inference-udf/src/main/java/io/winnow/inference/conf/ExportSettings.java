// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The settings of {@code export}, in the order in which its help lists them. */
public final class ExportSettings {
  private static final String INPUT = "Input";
  private static final String ROWS = "Rows";
  private static final String TEXTS = "Texts";
  private static final String OUTPUT = "Output";
  private static final String CARD_GROUP = "Card";
  private static final String WORK = "Work";
  private static final Pattern SIZE = Pattern.compile("([0-9]{1,12}(?:\\.[0-9]{1,6})?) *([KMG]i?)?B?");
  private static final Pattern SHARE = Pattern.compile("([a-z][a-z0-9_]{0,31})=([0-9]+(?:\\.[0-9]+)?|\\.[0-9]+)");
  /** A file of fewer bytes than this is a mistake of the unit. */
  private static final BigDecimal LEAST_SHARD = BigDecimal.valueOf(1_000);
  /** A petabyte: more than any one file, and far from what a long cannot count. */
  private static final BigDecimal MOST_SHARD = BigDecimal.valueOf(1_000_000_000_000_000L);

  public static final Setting<String> IN =
      Setting.ofString("in").group(INPUT).label("PATH").effect(Effect.ROWS).commandLineOnly()
          .doc("The rows: what select made, or any file, folder or glob of JSON lines, CSV, Parquet or Delta, or a"
              + " table catalog.schema.table.");
  public static final Setting<String> TRACES =
      Setting.ofString("traces").group(INPUT).label("TABLE").effect(Effect.ROWS).commandLineOnly()
          .doc("In place of --in: a Delta table of traces, a folder or catalog.schema.table. The card then tells of its"
              + " runs.");
  public static final Setting<String> IN_FORMAT =
      Setting.ofEnum("in-format", "auto", "jsonl", "csv", "parquet", "delta", "table").group(INPUT).effect(Effect.ROWS)
          .defaultValue("auto").commandLineOnly()
          .doc("Format of the input; auto looks at the content, then at the file's ending.");
  public static final Setting<String> PROMPT_COLUMN =
      Setting.ofString("prompt-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("prompt")
          .commandLineOnly()
          .doc("Column of the prompt's text; it becomes a message of the user.");
  public static final Setting<String> MESSAGES_COLUMN =
      Setting.ofString("messages-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("messages")
          .commandLineOnly()
          .doc("Column of the prompt's turns (array of role and content, or that as JSON); where it has none, the"
              + " prompt's text counts.");
  public static final Setting<String> COMPLETION_COLUMN =
      Setting.ofString("completion-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("text")
          .commandLineOnly()
          .doc("Column of the generated text, thinking included.");
  public static final Setting<String> GOLD_COLUMN =
      Setting.ofString("gold-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("gold")
          .commandLineOnly()
          .doc("Column of the right answer.");
  public static final Setting<String> ID_COLUMN =
      Setting.ofString("id-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("prompt_id")
          .commandLineOnly()
          .doc("Column of the prompt's id, by which rows are ordered and split; without it a hash of the prompt"
              + " counts.");

  public static final Setting<String> FORMAT =
      Setting.ofEnum(
              "format", "sft", "prompt-completion", "dpo", "kto", "grpo", "grpo-groups", "prm", "open-r1", "verl",
              "openrlhf", "openrlhf-rl", "openrlhf-dpo", "openrlhf-prm", "sharegpt")
          .group(ROWS).effect(Effect.ROWS).commandLineOnly()
          .doc("What each row is: see docs/EXPORT.md. The first eight are TRL's and Open-R1's, sharegpt that of"
              + " Axolotl and LLaMA-Factory.");
  public static final Setting<Boolean> CORRECT_ONLY =
      Setting.ofBoolean("correct-only").group(ROWS).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Leaves out traces whose verdict is not correct (column correct).");
  public static final Setting<Boolean> FINISHED_ONLY =
      Setting.ofBoolean("finished-only").group(ROWS).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Leaves out traces that were cut off: whose finish_reason is not stop.");
  public static final Setting<String> SPLIT =
      Setting.ofString("split").group(ROWS).label("NAME=SHARE,...").effect(Effect.ROWS).defaultValue("train=1")
          .check(ExportSettings::isSplit, "names with their shares, which add up to 1: train=0.98,test=0.02")
          .commandLineOnly()
          .doc("Splits and their shares of the prompts. A hash of the prompt's id decides, so that all rows of a"
              + " prompt are in one split, and the same in every export.");
  public static final Setting<String> SPLIT_SALT =
      Setting.ofString("split-salt").group(ROWS).label("TEXT").effect(Effect.ROWS).defaultValue("").commandLineOnly()
          .doc("Goes into that hash: another text is another split.");
  public static final Setting<List<String>> COLUMNS =
      Setting.ofCommaList("columns").group(ROWS).label("A,B|none").effect(Effect.ROWS).commandLineOnly()
          .doc("Columns of the input that come behind those of the format, with their types. Default: prompt_id and,"
              + " where a row is one trace, trace_id, if the input has them.");

  public static final Setting<String> THINKING =
      Setting.ofEnum("thinking", "keep", "strip", "field").group(TEXTS).effect(Effect.ROWS).defaultValue("keep")
          .commandLineOnly()
          .doc("What becomes of the thinking: it stays in the assistant's text, between <think> and </think>; is left"
              + " out; or goes into a field of the message. A trace that never ended its thinking has no answer: it is"
              + " left out but where thinking stays.");
  public static final Setting<String> THINKING_FIELD =
      Setting.ofString("thinking-field").group(TEXTS).label("NAME").effect(Effect.ROWS).defaultValue("thinking")
          .check(text -> text.matches("[a-z][a-z_]*") && !text.matches("role|content"), "a name such as thinking")
          .commandLineOnly()
          .doc("That field's name: thinking for TRL and gpt-oss, reasoning_content for Qwen3, DeepSeek and vLLM.");
  public static final Setting<String> SYSTEM_PROMPT =
      Setting.ofString("system-prompt").group(TEXTS).effect(Effect.ROWS).commandLineOnly()
          .doc("System message in front of every conversation that has none.");
  public static final Setting<String> STYLE =
      Setting.ofEnum("style", "chat", "text").group(TEXTS).effect(Effect.ROWS).defaultValue("chat").commandLineOnly()
          .doc("Prompts and completions as lists of messages, or as plain texts (for prompts of one message of the"
              + " user).");
  public static final Setting<Boolean> IMPLICIT_PROMPT =
      Setting.ofBoolean("implicit-prompt").group(TEXTS).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("For dpo: the prompt stands at the head of chosen and rejected and has no column of its own.");
  public static final Setting<String> DATA_SOURCE =
      Setting.ofString("data-source").group(TEXTS).label("TEXT").effect(Effect.ROWS).defaultValue("winnow")
          .commandLineOnly()
          .doc("For verl and openrlhf-rl: the text of data_source (datasource), by which reward functions are chosen.");
  public static final Setting<String> ABILITY =
      Setting.ofString("ability").group(TEXTS).label("TEXT").effect(Effect.ROWS).defaultValue("math").commandLineOnly()
          .doc("For verl: the text of ability.");
  public static final Setting<String> STEPS_COLUMN =
      Setting.ofString("steps-column").group(TEXTS).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("For prm: column of the steps, an array of texts. Without it the completion is cut at"
              + " --step-separator.");
  public static final Setting<String> STEP_LABELS_COLUMN =
      Setting.ofString("step-labels-column").group(TEXTS).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("For prm: column of the steps' labels, an array of true and false (or of 1 and 0) as long as the steps."
              + " Without it every step has the label of the outcome, column correct.");
  public static final Setting<String> STEP_SEPARATOR =
      Setting.ofString("step-separator").group(TEXTS).label("TEXT").effect(Effect.ROWS).defaultValue("\\n\\n")
          .check(text -> !text.isEmpty(), "a text that is not empty").commandLineOnly()
          .doc("For prm: what stands between steps; \\n and \\t are understood.");
  public static final Setting<String> STEP_TOKEN =
      Setting.ofString("step-token").group(TEXTS).label("TEXT").effect(Effect.ROWS).defaultValue("ки")
          .check(text -> !text.isBlank(), "a text that is not blank").commandLineOnly()
          .doc("For openrlhf-prm: what stands behind each step (--placeholder_token there).");

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("FOLDER").effect(Effect.TUNING).commandLineOnly()
          .doc("Folder of the data set, on any Hadoop file system. Run again, it is left as it is unless the input or a"
              + " setting changed; then it is replaced at once.");
  public static final Setting<String> FILE_FORMAT =
      Setting.ofEnum("file-format", "parquet", "jsonl").group(OUTPUT).effect(Effect.ROWS).defaultValue("parquet")
          .commandLineOnly()
          .doc("Format of the files data/SPLIT-00000-of-00001: Parquet with zstd, or JSON lines.");
  public static final Setting<String> SHARD_SIZE =
      Setting.ofString("shard-size").group(OUTPUT).label("SIZE").effect(Effect.ROWS).defaultValue("500MB")
          .check(ExportSettings::isSize, "a size from 1 KB to 1000000 GB, such as 500MB or 1GiB").commandLineOnly()
          .doc("Files of a split are of equal size, none larger than this by more than a row: in bytes of JSON lines,"
              + " also for Parquet, which is smaller.");

  public static final Setting<Boolean> CARD =
      Setting.ofBoolean("card").group(CARD_GROUP).effect(Effect.ROWS).defaultValue(true).commandLineOnly()
          .doc("Writes README.md, the card that the Hugging Face Hub shows, with the YAML head that its viewer reads.");
  public static final Setting<String> NAME =
      Setting.ofString("name").group(CARD_GROUP).label("TEXT").effect(Effect.ROWS).commandLineOnly()
          .doc("Name of the data set on its card; OWNER/NAME is what the card's example loads. Default: name of the"
              + " folder.");
  public static final Setting<String> LICENSE =
      Setting.ofString("license").group(CARD_GROUP).label("ID").effect(Effect.ROWS)
          .check(text -> text.matches("[a-z0-9][a-z0-9.-]*"), "an id of the Hub, such as apache-2.0 or cc-by-4.0")
          .commandLineOnly()
          .doc("License of the data set, as an id of the Hub. Prompts and models have licenses of their own.");
  public static final Setting<List<String>> LANGUAGE =
      Setting.ofCommaList("language").group(CARD_GROUP).label("CODE,...").effect(Effect.ROWS)
          .check(list -> list.stream().allMatch(c -> c.matches("[a-z]{2,3}(-[A-Za-z0-9]+)*")), "codes such as en")
          .commandLineOnly()
          .doc("Languages of the texts, as ISO 639 codes.");
  public static final Setting<List<String>> TAGS =
      Setting.ofCommaList("tags").group(CARD_GROUP).label("A,B").effect(Effect.ROWS).commandLineOnly()
          .doc("Tags beside winnow, reasoning and those of the format.");
  public static final Setting<String> DESCRIPTION =
      Setting.ofString("description").group(CARD_GROUP).label("TEXT").effect(Effect.ROWS).commandLineOnly()
          .doc("Paragraph at the head of the card.");

  public static final Setting<Integer> PARTITIONS =
      Setting.ofInt("partitions").group(WORK).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("Spark partitions of the work; 0 chooses by the number of cores. Changes no byte.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(WORK).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when rows were left out because they cannot be used; the summary says why.");

  /** Those that say what the rows are: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS =
      List.of(
          PROMPT_COLUMN, MESSAGES_COLUMN, COMPLETION_COLUMN, GOLD_COLUMN, ID_COLUMN, FORMAT, CORRECT_ONLY,
          FINISHED_ONLY, SPLIT, SPLIT_SALT, COLUMNS, THINKING, THINKING_FIELD, SYSTEM_PROMPT, STYLE, IMPLICIT_PROMPT,
          DATA_SOURCE, ABILITY, STEPS_COLUMN, STEP_LABELS_COLUMN, STEP_SEPARATOR, STEP_TOKEN, OUT, FILE_FORMAT,
          SHARD_SIZE, CARD, NAME, LICENSE, LANGUAGE, TAGS, DESCRIPTION, PARTITIONS, STRICT);

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private ExportSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all = new ArrayList<>(List.of(IN, TRACES, IN_FORMAT));
    all.addAll(OF_ROWS);
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings.
   *
   * @param frame whether a DataFrame is the input
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values, boolean frame) {
    if (!frame) {
      if (values.isGiven(IN) == values.isGiven(TRACES)) {
        throw new UsageException(
            values.isGiven(IN)
                ? "Cannot use --in and --traces together: each of them is the input. Leave one out."
                : "The option --in is missing: give the rows by --in PATH, or a table of traces by --traces TABLE.");
      }
    }
    String format = values.get(FORMAT);
    values.get(OUT);
    only(values, IMPLICIT_PROMPT, format, "dpo");
    only(values, DATA_SOURCE, format, "verl", "openrlhf-rl");
    only(values, ABILITY, format, "verl");
    only(values, STEPS_COLUMN, format, "prm", "openrlhf-prm");
    only(values, STEP_LABELS_COLUMN, format, "prm", "openrlhf-prm");
    only(values, STEP_SEPARATOR, format, "prm", "openrlhf-prm");
    only(values, STEP_TOKEN, format, "openrlhf-prm");
    if (values.get(STYLE).equals("text")) {
      only(values, STYLE, format, "prompt-completion", "dpo", "kto", "grpo", "grpo-groups", "openrlhf", "openrlhf-rl");
      if (values.get(THINKING).equals("field")) {
        throw new UsageException(
            "Cannot use --thinking field with --style text: a plain text has no fields. Use --style chat, or keep or"
                + " strip the thinking.");
      }
      if (values.get(IMPLICIT_PROMPT)) {
        throw new UsageException(
            "Cannot use --implicit-prompt with --style text: where the prompt ends would be lost. Leave one out.");
      }
    }
    if (values.isGiven(THINKING_FIELD) && !values.get(THINKING).equals("field")) {
      throw new UsageException("Cannot use --thinking-field without --thinking field: nothing would stand in it.");
    }
    boolean plain = List.of("sharegpt", "prm", "openrlhf-prm", "open-r1").contains(format);
    if (plain && values.get(THINKING).equals("field")) {
      throw new UsageException(
          "Cannot use --thinking field with --format " + format + ": its texts have no fields. Use keep or strip.");
    }
  }

  private static void only(SettingValues values, Setting<?> setting, String format, String... formats) {
    if (values.isGiven(setting) && !List.of(formats).contains(format)) {
      throw new UsageException(
          "Cannot use " + setting + " with --format " + format + ": it is for " + String.join(", ", formats)
              + ". Leave it out.");
    }
  }

  /** The bytes that a size means: KB, MB and GB are powers of ten, KiB, MiB and GiB of two. */
  public static long bytes(String size) {
    return exactBytes(size).longValue();
  }

  private static BigDecimal exactBytes(String size) {
    Matcher matcher = SIZE.matcher(size.strip());
    if (!matcher.matches()) {
      throw new IllegalArgumentException("Not a size: " + size);
    }
    String unit = matcher.group(2) == null ? "" : matcher.group(2);
    long base = unit.endsWith("i") ? 1024 : 1000;
    long factor =
        switch (unit.isEmpty() ? ' ' : unit.toUpperCase(Locale.ROOT).charAt(0)) {
          case 'K' -> base;
          case 'M' -> base * base;
          case 'G' -> base * base * base;
          default -> 1;
        };
    return new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(factor));
  }

  private static boolean isSize(String text) {
    if (!SIZE.matcher(text.strip()).matches()) {
      return false;
    }
    BigDecimal bytes = exactBytes(text);
    return bytes.compareTo(LEAST_SHARD) >= 0 && bytes.compareTo(MOST_SHARD) <= 0;
  }

  /** The shares of a split by its names, in the order given. */
  public static Map<String, BigDecimal> shares(String split) {
    Map<String, BigDecimal> out = new LinkedHashMap<>();
    for (String part : split.split(",", -1)) {
      Matcher matcher = SHARE.matcher(part.strip());
      if (!matcher.matches() || out.put(matcher.group(1), new BigDecimal(matcher.group(2))) != null) {
        throw new IllegalArgumentException("Not a split: " + split);
      }
    }
    return out;
  }

  private static boolean isSplit(String text) {
    try {
      Map<String, BigDecimal> shares = shares(text);
      return shares.values().stream().allMatch(share -> share.signum() > 0)
          && shares.values().stream().reduce(BigDecimal.ZERO, BigDecimal::add).compareTo(BigDecimal.ONE) == 0;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
