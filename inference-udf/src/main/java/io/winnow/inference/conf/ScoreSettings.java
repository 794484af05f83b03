// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.ArrayList;
import java.util.List;

/** The settings of {@code score}, in the order in which its help lists them. */
public final class ScoreSettings {
  private static final String WHAT = "What";
  private static final String INPUT = "Input";
  private static final String OUTPUT = "Output";

  public static final Setting<List<String>> REWARD =
      Setting.ofList("reward").group(WHAT).label("NAME[:K=V,...]").effect(Effect.ROWS).commandLineOnly()
          .doc("Adds a column with this reward of the completion: accuracy, format, tag_count, reasoning_steps, length,"
              + " cosine, repetition_penalty, code_format or soft_overlong_punishment, with Open-R1's numbers;"
              + " strict=true mends their flaws, weight=X weighs it in total, as=NAME names the column. May be given"
              + " several times: then total is their weighted sum.");
  public static final Setting<String> ADVANTAGE =
      Setting.ofEnum("advantage", "grpo", "unbiased").group(WHAT).effect(Effect.ROWS).commandLineOnly()
          .doc("Adds advantage, by how much the (total) reward is above the group's mean: over the group's standard"
              + " deviation plus --advantage-epsilon (grpo), or by itself (unbiased).");
  public static final Setting<Double> ADVANTAGE_EPSILON =
      Setting.ofDouble("advantage-epsilon").group(WHAT).effect(Effect.ROWS).defaultValue(1e-4)
          .check(x -> x > 0 && Double.isFinite(x), "a number above 0").commandLineOnly()
          .doc("Added to the standard deviation of a group, which may be 0.");
  public static final Setting<String> REPORT =
      Setting.ofEnum("report", "strict").group(WHAT).effect(Effect.ROWS).commandLineOnly()
          .doc("Counts, for each reward, the rows in which its strict sibling says something else.");
  public static final Setting<String> CASES =
      Setting.ofString("cases").group(WHAT).label("FILE").effect(Effect.ROWS).commandLineOnly()
          .doc("Fills in a local file of reward cases instead: JSON lines with reward, params, completions, solutions"
              + " and completion_lengths, which come out with rewards at --out.");
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
          .doc("Column of the completion: a text; for --likelihood also an array of texts to choose among (then the"
              + " columns that are added are arrays, and best is the place of the likeliest, from 0); for --reward also an"
              + " array of messages, of which the first behind the last one of the user counts.");
  public static final Setting<String> GOLD_COLUMN =
      Setting.ofString("gold-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("gold")
          .commandLineOnly()
          .doc("Column of the right answer, for rewards that need it.");
  public static final Setting<String> GROUP_COLUMN =
      Setting.ofString("group-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("prompt_id")
          .commandLineOnly()
          .doc("Column that the samples of a prompt have alike, for the reward length and for --advantage. A row without"
              + " a value is a group of its own.");
  public static final Setting<String> TOKENS_COLUMN =
      Setting.ofString("tokens-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("completion_tokens")
          .commandLineOnly()
          .doc("Column of the completion's count of tokens, or of the array of their ids, for"
              + " soft_overlong_punishment.");
  public static final Setting<String> LANGUAGE_COLUMN =
      Setting.ofString("language-column").group(INPUT).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column of the language that code_format asks of each row; where it is null the parameter counts.");
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
          .doc("Exits with 3 when some rows could not be scored; score_error says why (error in reward cases).");

  /** Those that say how the rows of a data set are rewarded: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS =
      List.of(
          REWARD, ADVANTAGE, ADVANTAGE_EPSILON, COMPLETION_COLUMN, GOLD_COLUMN, GROUP_COLUMN, TOKENS_COLUMN,
          LANGUAGE_COLUMN, PREFIX, GenerateSettings.PARTITIONS);

  /** All of them, with those of engine and session at the end. */
  public static final List<Setting<?>> ALL = all();

  private ScoreSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                REWARD, ADVANTAGE, ADVANTAGE_EPSILON, REPORT, CASES, LIKELIHOOD, LOGPROBS, PLAIN, IN, FORMAT,
                COMPLETION_COLUMN, GOLD_COLUMN, GROUP_COLUMN, TOKENS_COLUMN, LANGUAGE_COLUMN, PROMPT_COLUMN,
                MESSAGES_COLUMN,
                GenerateSettings.SYSTEM_PROMPT, GenerateSettings.PROMPT_TEMPLATE, GenerateSettings.CHAT_TEMPLATE,
                GenerateSettings.TEMPLATE_ARG, GenerateSettings.MODEL, OUT, OUT_FORMAT, PREFIX, STRICT,
                GenerateSettings.WEIGHTS, GenerateSettings.NUMERICS, GenerateSettings.THREADS,
                GenerateSettings.MAX_SEQUENCES,
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
    List<Setting<?>> asked = new ArrayList<>();
    for (Setting<?> setting : List.of(REWARD, CASES)) {
      if (values.isGiven(setting)) {
        asked.add(setting);
      }
    }
    if (values.get(LIKELIHOOD)) {
      asked.add(LIKELIHOOD);
    }
    if (asked.isEmpty()) {
      throw new UsageException("Nothing is asked for: give --reward NAME, --cases FILE or --likelihood.");
    }
    if (asked.size() > 1) {
      throw new UsageException(
          "Cannot use " + asked.get(0) + " and " + asked.get(1)
              + " together: each is a run of its own. Leave one out.");
    }
    if (asked.contains(CASES)) {
      values.get(CASES);
      values.get(OUT);
      refuse(values, CASES, IN, "the cases are the input");
      refuse(values, CASES, ADVANTAGE, "cases have no columns");
      refuse(values, CASES, REPORT, "cases name their own parameters, strict among them");
      return;
    }
    values.get(IN);
    values.get(OUT);
    if (asked.contains(LIKELIHOOD)) {
      validateLikelihood(values);
    }
  }

  private static void validateLikelihood(SettingValues values) {
    refuse(values, LIKELIHOOD, ADVANTAGE, "an advantage is one of rewards");
    refuse(values, LIKELIHOOD, REPORT, "only rewards have strict siblings");
    values.find(GenerateSettings.MODEL).filter(models -> models.stream().anyMatch(EndpointSettings::isEndpoint))
        .ifPresent(
            models -> {
              throw new UsageException(
                  "Cannot score likelihoods by an endpoint: servers do not give those of a given answer. Give a Hugging"
                      + " Face folder or a .gguf file.");
            });
    GenerateSettings.checkModel(values);
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
