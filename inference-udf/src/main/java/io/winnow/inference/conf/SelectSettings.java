// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import java.util.List;

/** The settings of {@code select}, in the order in which its help lists them. */
public final class SelectSettings {
  private static final String WHAT = "What is selected";
  private static final String LOOKED_AT = "Which traces are looked at";

  public static final Setting<String> STRATEGY =
      Setting.ofEnum("strategy", "correct", "best", "diverse", "dpo", "kto", "grpo", "majority").group(WHAT)
          .effect(Effect.ROWS).commandLineOnly()
          .doc("correct: traces that are right; best: the best of a prompt by --rank-by; diverse: those that differ"
              + " most; dpo: pairs of right and wrong; kto: traces with labels; grpo: groups with advantages;"
              + " majority: the answer that most traces of a prompt give.");
  public static final Setting<Integer> PER_PROMPT =
      Setting.ofInt("per-prompt").group(WHAT).label("K").effect(Effect.ROWS).commandLineOnly()
          .check(k -> k >= 1, "1 or more")
          .doc("How many of a prompt: traces (1 for best and diverse, else all), pairs (1), traces of each label, or"
              + " the size of all groups.");
  public static final Setting<String> RANK_BY =
      Setting.ofString("rank-by").group(WHAT).label("WHAT").effect(Effect.ROWS).commandLineOnly()
          .check(text -> !text.isBlank(), "shortest, longest, reward, random or the name of a column")
          .doc("Which traces of a prompt come first: shortest, longest, reward (--reward-column, the largest), random"
              + " (--seed), or a column of numbers, the largest first. By itself random; for best shortest.");
  public static final Setting<String> REWARD_COLUMN =
      Setting.ofString("reward-column").group(WHAT).label("NAME").effect(Effect.ROWS).commandLineOnly()
          .doc("Column of the reward, for --rank-by reward, --match reward and grpo. By itself reward; for grpo 1 for"
              + " right and 0 for wrong.");
  public static final Setting<Integer> NGRAM =
      Setting.ofInt("ngram").group(WHAT).effect(Effect.ROWS).defaultValue(5).commandLineOnly()
          .check(n -> n >= 1 && n <= 1000, "1 to 1000")
          .doc("diverse: words of the n-grams by whose sets texts are compared.");
  public static final Setting<String> MATCH =
      Setting.ofEnum("match", "length", "reward", "random").group(WHAT).effect(Effect.ROWS).defaultValue("length")
          .commandLineOnly()
          .doc("dpo: pairs traces of lengths that are most alike, the best right one with the worst wrong one, or"
              + " any.");
  public static final Setting<Double> MAX_LENGTH_RATIO =
      Setting.ofDouble("max-length-ratio").group(WHAT).effect(Effect.ROWS).commandLineOnly()
          .check(x -> x >= 1, "a number of at least 1")
          .doc("dpo: leaves out pairs of which one is more than so many times as long as the other.");
  public static final Setting<String> ADVANTAGE =
      Setting.ofEnum("advantage", "grpo", "unbiased").group(WHAT).effect(Effect.ROWS).defaultValue("grpo")
          .commandLineOnly()
          .doc("grpo: (reward - mean) / (standard deviation + --advantage-epsilon), or reward - mean.");
  public static final Setting<Double> ADVANTAGE_EPSILON = ScoreSettings.ADVANTAGE_EPSILON;
  public static final Setting<String> ZERO_VARIANCE =
      Setting.ofEnum("zero-variance", "keep", "drop").group(WHAT).effect(Effect.ROWS).defaultValue("keep")
          .commandLineOnly().doc("grpo: what is made of groups whose rewards are all equal.");
  public static final Setting<String> GOLDS =
      Setting.ofEnum("golds", "missing", "any").group(WHAT).effect(Effect.ROWS).defaultValue("missing")
          .commandLineOnly().doc("majority: only for prompts without a gold, or for any.");
  public static final Setting<Double> MIN_SHARE =
      Setting.ofDouble("min-share").group(WHAT).effect(Effect.ROWS).defaultValue(0.5)
          .check(x -> x >= 0 && x <= 1, "a number from 0 to 1").commandLineOnly()
          .doc("majority: at least this share of a prompt's traces gives the answer.");
  public static final Setting<Integer> MIN_MARGIN =
      Setting.ofInt("min-margin").group(WHAT).effect(Effect.ROWS).defaultValue(1).check(n -> n >= 1, "1 or more")
          .commandLineOnly().doc("majority: the answer has at least so many votes more than the next.");
  public static final Setting<Long> SEED =
      Setting.ofLong("seed").group(WHAT).effect(Effect.ROWS).defaultValue(0L).commandLineOnly()
          .doc("Decides what is random, ties among it.");

  public static final Setting<String> POOL =
      Setting.ofEnum("pool", "correct", "decided", "all").group(LOOKED_AT).effect(Effect.ROWS).commandLineOnly()
          .doc("best and diverse: which traces they choose among. By itself correct; all where best ranks by a reward"
              + " or a column.");
  public static final Setting<Integer> MIN_TOKENS =
      Setting.ofInt("min-tokens").group(LOOKED_AT).effect(Effect.ROWS).commandLineOnly().check(n -> n >= 0, "0 or more")
          .doc("Leaves out shorter traces.");
  public static final Setting<Integer> MAX_TOKENS =
      Setting.ofInt("max-tokens").group(LOOKED_AT).effect(Effect.ROWS).commandLineOnly().check(n -> n >= 0, "0 or more")
          .doc("Leaves out longer traces.");
  public static final Setting<Boolean> REQUIRE_THINKING =
      Setting.ofBoolean("require-thinking").group(LOOKED_AT).effect(Effect.ROWS).defaultValue(false).commandLineOnly()
          .doc("Leaves out traces without a </think>.");
  public static final Setting<List<String>> FINISH_REASON =
      Setting.ofCommaList("finish-reason").group(LOOKED_AT).effect(Effect.ROWS).commandLineOnly()
          .doc("Only traces that ended so, such as stop.");
  public static final Setting<String> DEDUP =
      Setting.ofEnum("dedup", "none", "text", "answer").group(LOOKED_AT).effect(Effect.ROWS).defaultValue("none")
          .commandLineOnly()
          .doc("Keeps one of a prompt's traces with the same text, or with the same words behind the thinking.");
  public static final Setting<String> RATES =
      Setting.ofString("rates").group(LOOKED_AT).label("TABLE").effect(Effect.ROWS).commandLineOnly()
          .doc("Only prompts that this output of winnow pass-rate keeps.");

  private static final List<Setting<?>> OWN =
      List.of(
          STRATEGY, PER_PROMPT, RANK_BY, REWARD_COLUMN, NGRAM, MATCH, MAX_LENGTH_RATIO, ADVANTAGE, ADVANTAGE_EPSILON,
          ZERO_VARIANCE, GOLDS, MIN_SHARE, MIN_MARGIN, SEED, POOL, MIN_TOKENS, MAX_TOKENS, REQUIRE_THINKING,
          FINISH_REASON, DEDUP, RATES);

  /** Those that say how rows are selected: what a DataFrame can be given. */
  public static final List<Setting<?>> OF_ROWS = PassRateSettings.joined(GradedSettings.COLUMNS, OWN);

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL =
      PassRateSettings.joined(
          List.of(GradedSettings.TRACES, GradedSettings.IN, GradedSettings.FORMAT), OF_ROWS,
          List.of(GradedSettings.OUT, GradedSettings.OUT_FORMAT), SessionSettings.ALL);

  private SelectSettings() {}

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
    String strategy = values.get(STRATEGY);
    only(values, strategy, List.of(NGRAM), "diverse");
    only(values, strategy, List.of(MATCH, MAX_LENGTH_RATIO), "dpo");
    only(values, strategy, List.of(ADVANTAGE, ADVANTAGE_EPSILON, ZERO_VARIANCE), "grpo");
    only(values, strategy, List.of(GOLDS, MIN_SHARE, MIN_MARGIN), "majority");
    only(values, strategy, List.of(POOL), "best", "diverse");
    only(values, strategy, List.of(RANK_BY), "correct", "best", "diverse", "kto");
    only(values, strategy, List.of(PER_PROMPT), "correct", "best", "diverse", "dpo", "kto", "grpo");
    if (values.find(MIN_TOKENS).orElse(0) > values.find(MAX_TOKENS).orElse(Integer.MAX_VALUE)) {
      throw new UsageException("Cannot use a --min-tokens above --max-tokens: no trace is left. Change one of them.");
    }
    if (strategy.equals("grpo") && values.find(PER_PROMPT).orElse(2) < 2) {
      throw new UsageException("Cannot make groups of one: --per-prompt is 2 or more for --strategy grpo.");
    }
  }

  private static void only(SettingValues values, String strategy, List<Setting<?>> settings, String... strategies) {
    for (Setting<?> setting : settings) {
      if (values.isGiven(setting) && !List.of(strategies).contains(strategy)) {
        throw new UsageException(
            "Cannot use " + setting + " with --strategy " + strategy + ": it is for " + String.join(", ", strategies)
                + ". Leave it out.");
      }
    }
  }
}
