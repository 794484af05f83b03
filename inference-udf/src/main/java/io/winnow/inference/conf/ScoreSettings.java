// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code score}, in the order in which its help lists them. */
public final class ScoreSettings {
  private static final String WHAT = "What";
  private static final String INPUT = "Input";
  private static final String OUTPUT = "Output";

  public static final Setting<Boolean> LIKELIHOOD =
      Setting.ofBoolean("likelihood").group(WHAT).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("How likely the model finds completions that are there: adds loglikelihood (natural logarithm, summed over"
              + " the completion's tokens), completion_tokens and perplexity.");
  public static final Setting<Boolean> LOGPROBS =
      Setting.ofBoolean("logprobs").group(WHAT).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Adds token_logprobs: the log-probability of each token of the completion.");
  public static final Setting<Boolean> PLAIN =
      Setting.ofBoolean("plain").group(WHAT).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Puts the completion right behind the prompt's text, without a chat template, as lm-evaluation-harness"
              + " does; for base models.");

  public static final Setting<String> IN =
      Setting.ofString("in").group(INPUT).label("PATH").effect(Effect.ROWS).commandLineOnly()
          .doc("The rows: a file, folder or glob of JSON lines, CSV, Parquet or Delta, or a table"
              + " catalog.schema.table.");
  public static final Setting<String> FORMAT = GenerateSettings.FORMAT;
  public static final Setting<String> COMPLETION_COLUMN =
      Setting.ofString("completion-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("answer")
          .commandLineOnly()
          .doc("Column of the completion: a text, or an array of texts to choose among (then the columns that are added"
              + " are arrays, and best is the place of the likeliest, from 0).");
  public static final Setting<String> PROMPT_COLUMN =
      Setting.ofString("prompt-column").group(INPUT).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column of the prompt's text. Without it, and without a conversation, the completion is scored by itself, as"
              + " a document: all its tokens but the first, or all where the tokenizer begins a text with a BOS.");
  public static final Setting<String> MESSAGES_COLUMN = GenerateSettings.MESSAGES_COLUMN;

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("PATH").effect(Effect.TUNING).commandLineOnly()
          .doc("Where the rows go with their scores: a Delta folder or catalog.schema.table, or by its ending a folder"
              + " .parquet or a local file .jsonl, in the order of the input. Run again, it is left as it is unless the"
              + " input or a setting changed.");
  public static final Setting<String> OUT_FORMAT =
      Setting.ofEnum("out-format", "auto", "delta", "parquet", "jsonl").group(OUTPUT).effect(Effect.TUNING)
          .defaultValue("auto").commandLineOnly()
          .doc("Format of the output; auto goes by the ending.");
  public static final Setting<String> PREFIX =
      Setting.ofString("prefix").group(OUTPUT).label("TEXT").effect(Effect.ROWS).defaultValue("").commandLineOnly()
          .check(text -> text.matches("[A-Za-z0-9_]*"), "letters, digits and _")
          .doc("In front of the names of added columns, where the input has such columns already.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(OUTPUT).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when some rows could not be scored; score_error says why.");

  /** All of them, with those of engine and session at the end. */
  public static final List<Setting<?>> ALL = all();

  private ScoreSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                LIKELIHOOD, LOGPROBS, PLAIN, IN, FORMAT, COMPLETION_COLUMN, PROMPT_COLUMN, MESSAGES_COLUMN,
                GenerateSettings.SYSTEM_PROMPT, GenerateSettings.PROMPT_TEMPLATE, GenerateSettings.CHAT_TEMPLATE,
                GenerateSettings.TEMPLATE_ARG, GenerateSettings.MODEL, OUT, OUT_FORMAT, PREFIX, STRICT,
                GenerateSettings.WEIGHTS, GenerateSettings.THREADS, GenerateSettings.MAX_SEQUENCES,
                GenerateSettings.KV_CACHE_TOKENS, GenerateSettings.KV_CACHE_TYPE, GenerateSettings.PREFIX_CACHE,
                GenerateSettings.PARTITIONS, GenerateSettings.ENGINE_PER_NODE, GenerateSettings.STEP_TRACE));
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings, and refuses what this version does not do.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values) {
    if (!values.get(LIKELIHOOD)) {
      throw new UsageException("Nothing is asked for: give --likelihood. " + LIKELIHOOD.doc());
    }
    values.get(IN);
    GenerateSettings.checkModel(values);
    values.get(OUT);
    if (values.isGiven(MESSAGES_COLUMN)) {
      refuse(values, MESSAGES_COLUMN, PROMPT_COLUMN, "each of them makes the prompt");
      refuse(values, MESSAGES_COLUMN, GenerateSettings.PROMPT_TEMPLATE, "each of them makes the prompt");
      refuse(values, MESSAGES_COLUMN, PLAIN, "a conversation becomes a text by a chat template");
    }
    if (values.get(PLAIN)) {
      refuse(values, PLAIN, GenerateSettings.SYSTEM_PROMPT, "a plain text has no system message");
      refuse(values, PLAIN, GenerateSettings.CHAT_TEMPLATE, "a plain text goes through no template");
    }
    if (!hasPrompt(values)) {
      for (Setting<?> setting : List.of(GenerateSettings.SYSTEM_PROMPT, GenerateSettings.CHAT_TEMPLATE)) {
        if (values.isGiven(setting)) {
          throw new UsageException(
              "Cannot use " + setting + " without a prompt: documents are scored as they are. Name the prompt by"
                  + " --prompt-column or --messages-column.");
        }
      }
    }
  }

  private static void refuse(SettingValues values, Setting<?> one, Setting<?> other, String why) {
    if (values.isGiven(other)) {
      throw new UsageException("Cannot use " + one + " and " + other + " together: " + why + ". Leave one out.");
    }
  }

  /** Whether completions stand behind a prompt, and are not scored by themselves. */
  public static boolean hasPrompt(SettingValues values) {
    return values.isGiven(PROMPT_COLUMN) || values.isGiven(MESSAGES_COLUMN)
        || values.isGiven(GenerateSettings.PROMPT_TEMPLATE);
  }
}
