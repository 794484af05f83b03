// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceException;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.ScriptParams;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The settings of {@code generate}, in the order in which its help lists them. */
public final class GenerateSettings {
  private static final String INPUT = "Input";
  private static final String PROMPT = "Prompt";
  private static final String SAMPLING = "Sampling";
  private static final String OUTPUT = "Output";
  private static final String ENGINE = "Engine";
  private static final String BUDGET = "Budget";

  public static final Setting<String> PROMPTS =
      Setting.ofString("prompts").group(INPUT).label("PATH").effect(Effect.ROWS)
          .doc("Prompts: a file, folder or glob of JSON lines, CSV, Parquet or Delta, or a table"
              + " catalog.schema.table.");
  public static final Setting<String> FORMAT =
      Setting.ofEnum("format", "auto", "jsonl", "csv", "parquet", "delta", "table").group(INPUT).effect(Effect.ROWS)
          .defaultValue("auto")
          .doc("Format of the input; auto looks at the content, then at the file's ending.");
  public static final Setting<String> PROMPT_COLUMN =
      Setting.ofString("prompt-column").group(INPUT).label("NAME").effect(Effect.PROMPT).defaultValue("question")
          .doc("Column that holds the prompt's text.");
  public static final Setting<String> MESSAGES_COLUMN =
      Setting.ofString("messages-column").group(INPUT).label("NAME").effect(Effect.PROMPT)
          .doc("Column that holds a conversation, in place of a prompt: an array of struct<role, content, ...> or its"
              + " JSON. A trailing assistant message is continued.");
  public static final Setting<String> GOLD_COLUMN =
      Setting.ofString("gold-column").group(INPUT).label("NAME").effect(Effect.ROWS).defaultValue("answer")
          .doc("Column that holds the right answer.");
  public static final Setting<String> GOLD_REGEX =
      Setting.ofString("gold-regex").group(INPUT).label("REGEX").effect(Effect.ROWS)
          .check(GenerateSettings::isRegex, "a regular expression of Java")
          .doc("Takes the right answer out of its column: the first group, or the whole match.");
  public static final Setting<String> ID_COLUMN =
      Setting.ofString("id-column").group(INPUT).label("NAME").effect(Effect.ROWS)
          .doc("Column that names a prompt; without it the name is a hash of the prompt's content.");
  public static final Setting<List<String>> KEEP_COLUMNS =
      Setting.ofCommaList("keep-columns").group(INPUT).label("A,B|*").effect(Effect.ROWS)
          .doc("Columns to carry along, with their types; * for all that the traces do not hold anyway.");
  public static final Setting<Long> LIMIT =
      Setting.ofLong("limit").group(INPUT).effect(Effect.ROWS).check(n -> n >= 1, "1 or more")
          .doc("Only the first N lines of one file, else the N lowest prompt ids; a larger N contains a smaller one.");

  public static final Setting<String> SYSTEM_PROMPT =
      Setting.ofString("system-prompt").group(PROMPT).effect(Effect.PROMPT)
          .doc("System message in front of every conversation that has none.");
  public static final Setting<String> PROMPT_TEMPLATE =
      Setting.ofString("prompt-template").group(PROMPT).label("JINJA").effect(Effect.PROMPT)
          .doc("Makes the user message from the row's columns, for example '{{ question }} Choose: {{ options }}'.");
  public static final Setting<String> CHAT_TEMPLATE =
      Setting.ofFile("chat-template").group(PROMPT).effect(Effect.PROMPT)
          .doc("Jinja chat template to use in place of the model's own.");
  public static final Setting<List<String>> TEMPLATE_ARG =
      Setting.ofList("template-arg").group(PROMPT).label("KEY=VALUE").effect(Effect.PROMPT)
          .check(SessionSettings::arePairs, "KEY=VALUE")
          .doc("A variable for the chat template; may be given several times.");

  public static final Setting<List<String>> MODEL =
      Setting.ofList("model").group(SAMPLING).label("PATH").effect(Effect.MODEL)
          .doc("A Hugging Face folder (config.json, *.safetensors, tokenizer.json) or a .gguf file: a path, or an"
              + " address such as hdfs://… or s3a://…, which each host fetches once; scripted: for a made-up model without"
              + " weights, for tests; NAME@https://host/v1[,https://…] for a model behind servers that speak OpenAI's"
              + " protocol, NAME@sidecar for a server of its own beside each executor (--sidecar). Several models are"
              + " teachers of one run, see --route.");
  public static final Setting<Integer> SAMPLES =
      Setting.ofInt("samples").group(SAMPLING).effect(Effect.ROWS).defaultValue(8).check(n -> n >= 1, "1 or more")
          .doc("Traces of each prompt; 8 contain the 4 of an earlier run, which are not made again.");
  public static final Setting<Double> TEMPERATURE =
      Setting.ofDouble("temperature").group(SAMPLING).effect(Effect.TOKENS)
          .defaultValue(SamplingParams.DEFAULT.temperature()).check(t -> t >= 0, "0 or more")
          .doc("How far samples stray; 0 always takes the most likely token.");
  public static final Setting<Double> TOP_P =
      Setting.ofDouble("top-p").group(SAMPLING).effect(Effect.TOKENS).defaultValue(SamplingParams.DEFAULT.topP())
          .neutralValue(1.0).check(p -> p > 0 && p <= 1, "above 0 and at most 1")
          .doc("Keeps the likeliest tokens up to this probability mass.");
  public static final Setting<Integer> TOP_K =
      Setting.ofInt("top-k").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0).neutralValue(0)
          .check(k -> k >= 0, "0 or more")
          .doc("Keeps this many of the likeliest tokens; 0 keeps all.");
  public static final Setting<Double> MIN_P =
      Setting.ofDouble("min-p").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0.0).neutralValue(0.0)
          .check(p -> p >= 0 && p <= 1, "from 0 to 1")
          .doc("Drops tokens less likely than this share of the likeliest one.");
  public static final Setting<Double> REPETITION_PENALTY =
      Setting.ofDouble("repetition-penalty").group(SAMPLING).effect(Effect.TOKENS).defaultValue(1.0)
          .neutralValue(1.0).check(p -> p > 0, "above 0")
          .doc("Divides the positive logits of tokens seen before, multiplies the negative ones; 1 does nothing.");
  public static final Setting<Double> PRESENCE_PENALTY =
      Setting.ofDouble("presence-penalty").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0.0)
          .neutralValue(0.0).check(p -> Math.abs(p) <= 2, "from -2 to 2")
          .doc("Taken off the logit of every token that the trace has already; 0 does nothing.");
  public static final Setting<Double> FREQUENCY_PENALTY =
      Setting.ofDouble("frequency-penalty").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0.0)
          .neutralValue(0.0).check(p -> Math.abs(p) <= 2, "from -2 to 2")
          .doc("Taken off the logit of a token for each time that the trace has it; 0 does nothing.");
  public static final Setting<SortedMap<Integer, Double>> LOGIT_BIAS =
      Setting.ofBiases("logit-bias").group(SAMPLING).effect(Effect.TOKENS)
          .neutralValue(Collections.emptySortedMap())
          .doc("Added to the logits of these token ids, behind the penalties: from -100 to 100, or -inf for a token that"
              + " must not be drawn.");
  public static final Setting<String> GENERATION_CONFIG =
      Setting.ofEnum("generation-config", "auto", "none").group(SAMPLING).effect(Effect.DEFAULTS)
          .defaultValue("none")
          .doc("auto takes temperature, top-p, top-k, min-p and repetition-penalty from the model folder's"
              + " generation_config.json where they are not given. Its end-of-sequence tokens count in any case.");
  public static final Setting<Integer> MAX_TOKENS =
      Setting.ofInt("max-tokens").group(SAMPLING).effect(Effect.LENGTH)
          .defaultValue(SamplingParams.DEFAULT.maxTokens()).check(n -> n >= 1, "1 or more")
          .doc("New tokens of a trace at most.");
  public static final Setting<List<String>> STOP =
      Setting.ofList("stop").group(SAMPLING).effect(Effect.TOKENS).neutralValue(List.of())
          .check(stops -> stops.stream().noneMatch(String::isEmpty), "text that is not empty")
          .doc("Text that ends a trace; may be given several times.");
  public static final Setting<List<Integer>> STOP_TOKEN_IDS =
      Setting.ofTokenIds("stop-token-ids").group(SAMPLING).effect(Effect.TOKENS).neutralValue(List.of())
          .doc("Tokens that end a trace beside the model's own; they are kept among its token ids, not in its text.");
  public static final Setting<Integer> MIN_TOKENS =
      Setting.ofInt("min-tokens").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0).neutralValue(0)
          .check(n -> n >= 0, "0 or more")
          .doc("Tokens of a trace before the one that may end it: until then no end of sequence and no stop token is"
              + " drawn, and no --stop counts.");
  public static final Setting<Integer> THINKING_BUDGET =
      Setting.ofInt("thinking-budget").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0).neutralValue(0)
          .check(n -> n >= 0, "0 or more")
          .doc("Tokens of a trace after which its thinking is ended where it is still open (<think> in the trace or at"
              + " the prompt's end, and no </think>): </think> comes next, and then the answer. Beside a format an"
              + " answer may then think first. 0: no limit.");
  public static final Setting<Boolean> IGNORE_EOS =
      Setting.ofBoolean("ignore-eos").group(SAMPLING).effect(Effect.TOKENS).defaultValue(false).neutralValue(false)
          .doc("Goes on behind the model's end of sequence, for measurements; --stop and --stop-token-ids still end.");
  public static final Setting<List<String>> CHOICE =
      Setting.ofList("choice").group(SAMPLING).effect(Effect.TOKENS).neutralValue(List.of())
          .check(texts -> texts.stream().noneMatch(String::isEmpty), "text that is not empty")
          .doc("A text that the answer may be; given several times, the answer is exactly one of them.");
  public static final Setting<String> REGEX =
      Setting.ofString("regex").group(SAMPLING).label("PATTERN").effect(Effect.TOKENS)
          .check(pattern -> !pattern.isEmpty() && pattern.indexOf('\n') < 0, "a pattern on one line")
          .doc("Regular expression that the whole answer matches.");
  public static final Setting<String> JSON_SCHEMA =
      Setting.ofJson("json-schema").group(SAMPLING).effect(Effect.TOKENS)
          .doc("JSON schema of the answer, or the file that holds it; docs/STRUCTURED_OUTPUT.md has its keywords. Of"
              + " --choice, --regex and --json-schema one can be given.");
  public static final Setting<Long> SEED =
      Setting.ofLong("seed").group(SAMPLING).effect(Effect.TOKENS).defaultValue(0L)
          .doc("Seed of the random numbers; the same seed gives the same traces, on any cluster.");

  public static final Setting<String> OUT =
      Setting.ofString("out").group(OUTPUT).label("TABLE").effect(Effect.TUNING)
          .doc("Delta table of the traces: a folder or catalog.schema.table. Run again, it gets only what is missing.");
  public static final Setting<List<String>> VERIFY =
      Setting.ofList("verify").group(OUTPUT).label("VERIFIER").effect(Effect.ROWS)
          .check(List.of("math")::containsAll, "math")
          .doc("Judges each trace against the right answer (math); may be given several times.");
  public static final Setting<Boolean> LOGPROBS =
      Setting.ofBoolean("logprobs").group(OUTPUT).effect(Effect.ROWS).defaultValue(false)
          .doc("Keeps the log-probability of each generated token.");
  public static final Setting<Boolean> PROMPT_LOGPROBS =
      Setting.ofBoolean("prompt-logprobs").group(OUTPUT).effect(Effect.ROWS).defaultValue(false)
          .doc("Keeps the log-probability of each token of the rendered prompt behind those before it.");
  public static final Setting<Boolean> TOKEN_IDS =
      Setting.ofBoolean("token-ids").group(OUTPUT).effect(Effect.ROWS).defaultValue(true)
          .doc("Keeps the generated token ids, which continuation, replay and exports for RL need.");
  public static final Setting<Duration> COMMIT_INTERVAL =
      Setting.ofDuration("commit-interval").group(OUTPUT).effect(Effect.TUNING).defaultValue(Duration.ofSeconds(60))
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 500ms, 10m, 2h")
          .doc("Finished traces are in the table after this time at the latest.");
  public static final Setting<List<String>> RETRY_FAILED =
      Setting.ofList("retry-failed").group(OUTPUT).label("CLASS").effect(Effect.ROWS)
          .check(classes -> classes.stream().noneMatch(String::isBlank), "the name of an error class, or all")
          .doc("Makes rows again that failed with this error class, such as engine_fault, or with any (all); may be"
              + " given several times.");
  public static final Setting<Boolean> DRY_RUN =
      Setting.ofBoolean("dry-run").group(OUTPUT).effect(Effect.TUNING).defaultValue(false)
          .doc("Shows a rendered prompt, its tokens and the plan; writes nothing.");
  public static final Setting<Boolean> STRICT =
      Setting.ofBoolean("strict").group(OUTPUT).effect(Effect.TUNING).defaultValue(false)
          .doc("Exits with 3 when some rows failed.");

  public static final Setting<String> WEIGHTS =
      Setting.ofEnum("weights", "auto", "f32", "bf16", "int8", "int4").group(ENGINE).effect(Effect.TOKENS)
          .defaultValue("auto")
          .doc(
              "Precision in which the weights are held; auto is the precision of the file. Of a quantized file int8 and"
                  + " int4 keep the codes, where they are no wider.");
  public static final Setting<String> NUMERICS =
      Setting.ofEnum("numerics", "portable", "native").group(ENGINE).effect(Effect.TOKENS)
          .defaultValue("portable").neutralValue("portable")
          .doc(
              "Order of arithmetic: portable gives the same tokens on every processor. native multiplies bf16 weights and"
                  + " inputs in AMX's tiles: other tokens, and only on processors that have them.");
  public static final Setting<Integer> THREADS =
      Setting.ofInt("threads").group(ENGINE).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("Engine threads of an executor; 0 for one a core: as Spark gives it (spark.executor.cores, the N of"
              + " local[N]), but no more than the machine or container has.");
  public static final Setting<Integer> MAX_SEQUENCES =
      Setting.ofInt("max-sequences").group(ENGINE).effect(Effect.TUNING).defaultValue(0)
          .check(n -> n >= 0, "0 or more")
          .doc("Traces decoded together in one engine step; more gives throughput and takes memory. 0: up to "
              + EngineSpec.MOST_SEQUENCES + ", fewer where the memory is small.");
  public static final Setting<Integer> KV_CACHE_TOKENS =
      Setting.ofInt("kv-cache-tokens").group(ENGINE).effect(Effect.TUNING).defaultValue(0)
          .check(n -> n >= 0, "0 or more")
          .doc("Token positions that the KV cache of an executor holds; 0 sizes it from the memory there is.");
  public static final Setting<String> KV_CACHE_TYPE =
      Setting.ofEnum("kv-cache-type", "f32", "bf16", "int8").group(ENGINE).effect(Effect.TOKENS)
          .defaultValue("f32").neutralValue("f32")
          .doc(
              "How keys and values are held: f32, or rounded to bf16 (half the memory) or int8 with scales (about a"
                  + " quarter).");
  public static final Setting<String> PREFIX_CACHE =
      Setting.ofEnum("prefix-cache", "on", "off").group(ENGINE).effect(Effect.TUNING).defaultValue("on")
          .doc("Whether what prompts begin with alike is computed once for all of them; off only to compare.");
  public static final Setting<Integer> PARTITIONS =
      Setting.ofInt("partitions").group(ENGINE).effect(Effect.TUNING).defaultValue(0).check(n -> n >= 0, "0 or more")
          .doc("Spark partitions of the work; 0 chooses by the number of cores.");

  public static final Setting<Boolean> ENGINE_PER_NODE =
      Setting.ofBoolean("engine-per-node").group(ENGINE).effect(Effect.TUNING).defaultValue(false)
          .doc("An engine for each NUMA node of an executor's machine, with its threads and memory there, for executors"
              + " that span nodes. Threads, cache and memory are shared out, and each node holds the weights.");
  public static final Setting<String> SPECULATION =
      Setting.ofEnum("speculation", "on", "off").group(ENGINE).effect(Effect.TUNING).defaultValue("on")
          .doc("Whether the last few sequences guess their next tokens from what they repeat; changes no token.");
  public static final Setting<String> STEP_TRACE =
      Setting.ofString("step-trace").group(ENGINE).label("FOLDER").effect(Effect.TUNING)
          .check(folder -> !folder.isBlank() && !folder.contains(":/"), "a folder of the executors' own disks")
          .doc("Writes what each engine step computed and took, for chrome://tracing or Perfetto, into a file of this"
              + " folder on each executor's own disk; ends at 64 MiB.");

  public static final Setting<Double> MAX_COST =
      Setting.ofDouble("max-cost").group(BUDGET).label("USD").effect(Effect.TUNING).check(c -> c > 0, "above 0")
          .doc("Stops cleanly (exit 4) when the run's traces have cost so much by --prices.");
  public static final Setting<Duration> MAX_DURATION =
      Setting.ofDuration("max-duration").group(BUDGET).label("TIME").effect(Effect.TUNING)
          .check(d -> !d.isZero(), "a time above 0, in seconds or as 10m, 2h")
          .doc("Stops cleanly (exit 4) after this time; what is decoded is kept, and a later run goes on.");
  public static final Setting<Long> MAX_TOKENS_TOTAL =
      Setting.ofLong("max-tokens-total").group(BUDGET).effect(Effect.TUNING).check(n -> n >= 1, "1 or more")
          .doc("Stops cleanly (exit 4) when the run has generated so many tokens.");
  public static final Setting<String> PRICES =
      Setting.ofFile("prices").group(BUDGET).effect(Effect.TUNING)
          .doc("JSON or YAML of prices for cost_usd: {\"models\": {\"NAME\": {\"prompt_per_million\": USD,"
              + " \"completion_per_million\": USD}}, \"engine_hour\": USD}; docs/COSTS.md has all its fields.");

  /** All of them, with those of the session at the end. */
  public static final List<Setting<?>> ALL = all();

  private GenerateSettings() {}

  private static List<Setting<?>> all() {
    List<Setting<?>> all =
        new ArrayList<>(
            List.of(
                PROMPTS, FORMAT, PROMPT_COLUMN, MESSAGES_COLUMN, GOLD_COLUMN, GOLD_REGEX, ID_COLUMN, KEEP_COLUMNS,
                LIMIT, SYSTEM_PROMPT, PROMPT_TEMPLATE, CHAT_TEMPLATE, TEMPLATE_ARG, MODEL, SAMPLES,
                AdaptiveSettings.STOP_WHEN, AdaptiveSettings.SAMPLES_MAX, AdaptiveSettings.SAMPLE_BLOCKS, TEMPERATURE,
                TOP_P, TOP_K, MIN_P, REPETITION_PENALTY, PRESENCE_PENALTY, FREQUENCY_PENALTY, LOGIT_BIAS,
                GENERATION_CONFIG, MAX_TOKENS, MIN_TOKENS, STOP, STOP_TOKEN_IDS, THINKING_BUDGET, IGNORE_EOS, CHOICE, REGEX,
                JSON_SCHEMA, SEED, OUT, VERIFY, LOGPROBS, PROMPT_LOGPROBS, TOKEN_IDS, COMMIT_INTERVAL,
                RETRY_FAILED, DRY_RUN, STRICT, WEIGHTS, NUMERICS, THREADS, MAX_SEQUENCES,
                KV_CACHE_TOKENS, KV_CACHE_TYPE, PREFIX_CACHE, PARTITIONS, ENGINE_PER_NODE, SPECULATION, STEP_TRACE,
                MAX_COST, MAX_DURATION, MAX_TOKENS_TOTAL, PRICES));
    all.addAll(EstimateSettings.ALL);
    all.addAll(LabelSettings.ALL);
    all.addAll(TeacherSettings.ALL);
    all.addAll(EndpointSettings.ALL);
    all.addAll(SidecarSettings.ALL);
    all.addAll(SessionSettings.ALL);
    return List.copyOf(all);
  }

  /**
   * Checks what depends on several settings, and refuses what this version does not do.
   *
   * @throws UsageException with the first thing that is wrong
   */
  public static void validate(SettingValues values) {
    values.get(PROMPTS);
    requireModel(values);
    if (EstimateSettings.writes(values)) {
      values.get(OUT);
    }
    EstimateSettings.check(values);
    TeacherSettings.check(values);
    TeacherSettings.each(values).forEach(own -> checkModel(own, own.get(MODEL).get(0)));
    priceTable(values);
    if (values.find(MAX_COST).isPresent() && values.find(PRICES).isEmpty()) {
      throw new UsageException(
          "Cannot use --max-cost without --prices: nothing says what a token costs. " + PRICES.doc());
    }
    checkEnds(values);
    AnswerSettings.check(values);
    AdaptiveSettings.check(values);
    if (values.find(MESSAGES_COLUMN).isPresent()) {
      refuseBeside(values, MESSAGES_COLUMN, PROMPT_COLUMN);
      refuseBeside(values, MESSAGES_COLUMN, PROMPT_TEMPLATE);
    }
  }

  private static List<String> requireModel(SettingValues values) {
    List<String> models = values.get(MODEL);
    if (models.isEmpty()) {
      throw new UsageException("The option --model is missing: " + MODEL.doc());
    }
    return models;
  }

  /** Refuses models that a command for one model cannot use. */
  static void checkModel(SettingValues values) {
    List<String> models = requireModel(values);
    if (models.size() > 1) {
      throw new UsageException(
          "Cannot use " + models.size() + " models here: the command takes one. Give --model once, and run the command"
              + " again for the other model.");
    }
    checkModel(values, models.get(0));
  }

  private static void checkModel(SettingValues values, String model) {
    if (EndpointSettings.isEndpoint(model)) {
      EndpointSettings.check(values, model);
      if (values.get(THINKING_BUDGET) > 0) {
        throw new UsageException(
            "Cannot use " + THINKING_BUDGET + " with the endpoint " + model + ": only the embedded engine ends"
                + " thinking. Where the server does it as well, ask it by --extra-body; for one of several models give"
                + " --teacher-option NAME:thinking-budget=N.");
      }
      return;
    }
    ModelAddress.check(model);
    EndpointSettings.checkUnused(values);
    checkNumerics(values);
    if (ScriptParams.isScripted(model)) {
      checkScript(model);
    }
  }

  private static void checkNumerics(SettingValues values) {
    String weights = values.get(WEIGHTS);
    if (values.find(NUMERICS).orElse("portable").equals("native") && !weights.equals("auto")
        && !weights.equals("bf16")) {
      throw new UsageException(
          "Cannot use --numerics native with --weights " + weights + ": it multiplies bf16 weights. Leave --weights out,"
              + " or give bf16, or --numerics portable.");
    }
  }

  private static void checkEnds(SettingValues values) {
    int least = values.get(MIN_TOKENS);
    int most = values.get(MAX_TOKENS);
    if (least > most) {
      throw new UsageException(
          "Cannot make traces of at least " + least + " tokens (--min-tokens) and at most " + most
              + " (--max-tokens): lower the one or raise the other.");
    }
    SortedMap<Integer, Double> biases = values.get(LOGIT_BIAS);
    for (int id : values.get(STOP_TOKEN_IDS)) {
      if (biases.getOrDefault(id, 0.0) == Double.NEGATIVE_INFINITY) {
        throw new UsageException(
            "Cannot stop at the token " + id + " (--stop-token-ids), which --logit-bias forbids: leave one of them out.");
      }
    }
  }

  /**
   * Checks what depends on the model.
   *
   * @param vocabSize token ids that it knows: 0 to one less
   * @throws UsageException when a setting names another token
   */
  public static void checkTokenIds(SettingValues values, int vocabSize) {
    List<Integer> stops = values.get(STOP_TOKEN_IDS);
    if (!stops.isEmpty() && stops.get(stops.size() - 1) >= vocabSize) {
      throw unknownToken(STOP_TOKEN_IDS, stops.get(stops.size() - 1), vocabSize);
    }
    SortedMap<Integer, Double> biases = values.get(LOGIT_BIAS);
    if (!biases.isEmpty() && biases.lastKey() >= vocabSize) {
      throw unknownToken(LOGIT_BIAS, biases.lastKey(), vocabSize);
    }
  }

  private static UsageException unknownToken(Setting<?> setting, int id, int vocabSize) {
    return new UsageException(
        "Cannot use the token id " + id + " of " + setting + ": the model knows 0 to " + (vocabSize - 1)
            + ". Take ids of this model's tokenizer.");
  }

  private static void checkScript(String model) {
    try {
      ScriptParams.of(model);
    } catch (InferenceException e) {
      throw new UsageException(e.getMessage(), e);
    }
  }

  private static void refuseBeside(SettingValues values, Setting<?> one, Setting<?> other) {
    if (values.isGiven(other)) {
      throw new UsageException(
          "Cannot use " + one + " and " + other + " together: each of them makes the prompt. Leave one out.");
    }
  }

  /** The sampling parameters. */
  public static SamplingParams samplingParams(SettingValues values) {
    return new SamplingParams(
        values.get(TEMPERATURE), values.get(TOP_P), values.get(TOP_K), values.get(MIN_P),
        values.get(REPETITION_PENALTY), values.get(MAX_TOKENS), values.get(STOP), values.get(SEED),
        values.get(LOGPROBS), values.get(THINKING_BUDGET), values.get(PRESENCE_PENALTY),
        values.get(FREQUENCY_PENALTY), values.get(LOGIT_BIAS), values.get(STOP_TOKEN_IDS),
        values.get(MIN_TOKENS), values.get(IGNORE_EOS), AnswerSettings.format(values));
  }

  /**
   * The prices, empty when none were given.
   *
   * @throws UsageException when the file of {@code --prices} cannot be read or is no price table
   */
  public static Optional<PriceTable> priceTable(SettingValues values) {
    return values.content(PRICES).map(json -> PriceTable.parse(values.get(PRICES), json));
  }

  /**
   * What an executor builds its engine from, with the content of the {@code --chat-template} file.
   *
   * @throws UsageException when that file cannot be read
   */
  public static EngineSpec engineSpec(SettingValues values) {
    return new EngineSpec(
            ModelAddress.absolute(values.get(MODEL).get(0)), values.get(WEIGHTS), values.get(THREADS),
            values.get(MAX_SEQUENCES), values.get(KV_CACHE_TOKENS), values.content(CHAT_TEMPLATE).orElse(null),
            SessionSettings.pairs(values.get(TEMPLATE_ARG)))
        .withNumerics(values.find(NUMERICS).orElse("portable"))
        .withKvCacheType(values.get(KV_CACHE_TYPE))
        .withPrefixCache(values.get(PREFIX_CACHE).equals("on"));
  }

  /** What an executor opens to ask the first model: the embedded engine, or an endpoint. */
  public static RuntimeSpec runtimeSpec(SettingValues values) {
    String model = values.get(MODEL).get(0);
    return EndpointSettings.isEndpoint(model) ? EndpointSettings.spec(values, model) : engineSpec(values);
  }

  /** How executors host that engine. */
  public static EngineHosting hosting(SettingValues values) {
    return new EngineHosting(
        values.find(STEP_TRACE).map(folder -> Path.of(folder).toAbsolutePath().toString()).orElse(null),
        values.get(ENGINE_PER_NODE), values.find(SPECULATION).orElse("off").equals("on"),
        SidecarSettings.spec(values).orElse(null));
  }

  private static boolean isRegex(String text) {
    try {
      Pattern.compile(text);
      return true;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }
}
