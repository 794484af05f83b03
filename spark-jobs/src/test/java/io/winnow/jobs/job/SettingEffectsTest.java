// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.conf.Effect;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.SessionSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.input.PromptSource;
import io.winnow.jobs.trace.TraceKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * For every declared setting: giving it another value changes the keys of the first prompt's traces exactly if its
 * declared effect says so, by the whole way from the settings to the keys, and the lineage tells of it.
 */
class SettingEffectsTest {
  private static final Path MODEL = Path.of(System.getProperty("winnow.root", "..")).resolve("examples/model");
  private static final String[] LINES = {
    "{\"id\": \"a\", \"question\": \"What is 8 + 1?\", \"other\": \"Name a prime.\", \"answer\": \"9\", \"n\": \"# 3\","
        + " \"turns\": [{\"role\": \"user\", \"content\": \"Hello\"}]}",
    "{\"id\": \"b\", \"question\": \"What is 2 + 2?\", \"other\": \"Name a square.\", \"answer\": \"4\", \"n\": \"# 4\","
        + " \"turns\": [{\"role\": \"user\", \"content\": \"Bye\"}]}",
  };

  private static final Map<String, String> BESIDE = Map.of("model", "r1@sidecar", "sidecar", "vllm");
  private static final Map<String, String> SERVED = Map.of("model", "r1@http://127.0.0.1:9/v1");

  private static final Map<String, String> TWO = Map.of("model", "[\"" + MODEL + "\", \"scripted:\"]");

  private static final Map<String, String> ESTIMATED = Map.of("estimate", "true");

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Map<String, Case> cases;
  private static Map<String, String> plain;

  /** What a setting is given, and what it is compared with: the settings of all cases with some more. */
  private record Case(String value, Map<String, String> beside) {
    Case(String value) {
      this(value, Map.of());
    }
  }

  @BeforeAll
  static void prepare() throws IOException {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .getOrCreate();
    Path prompts = file("prompts.jsonl", String.join("\n", LINES) + "\n");
    plain = Map.of("prompts", prompts.toString(), "model", MODEL.toString(), "out", folder.resolve("t").toString());
    String template = "{%% for m in messages %%}%s{{ m.content }}{{ mark }}{%% endfor %%}";
    String chat = file("chat.jinja", template.formatted("Q: ")).toString();
    cases =
        Map.ofEntries(
            Map.entry("prompts", new Case(file("first.jsonl", LINES[0] + "\n").toString())),
            Map.entry("format", new Case("jsonl")),
            Map.entry("prompt-column", new Case("other")),
            Map.entry("messages-column", new Case("turns")),
            Map.entry("gold-column", new Case("n")),
            Map.entry("gold-regex", new Case("(\\d)")),
            Map.entry("id-column", new Case("id")),
            Map.entry("keep-columns", new Case("n")),
            Map.entry("limit", new Case("1")),
            Map.entry("system-prompt", new Case("Be brief.")),
            Map.entry("prompt-template", new Case("{{ question }} Think.")),
            Map.entry("chat-template", new Case(chat)),
            Map.entry("template-arg", new Case("mark=!", Map.of("chat-template", chat))),
            Map.entry("model", new Case(otherModel().toString())),
            Map.entry("label-column", new Case("judged", Map.of("choice", "yes"))),
            Map.entry("estimate", new Case("true")),
            Map.entry("estimate-rows", new Case("9", ESTIMATED)),
            Map.entry("estimate-keep", new Case("true", ESTIMATED)),
            Map.entry("json", new Case("true", ESTIMATED)),
            Map.entry("route", new Case("column:other", TWO)),
            Map.entry("side-by-side", new Case("off", TWO)),
            Map.entry("teacher-option", new Case(MODEL + ":temperature=0.7", TWO)),
            Map.entry("samples", new Case("12")),
            Map.entry("stop-when", new Case("correct:2", Map.of("verify", "math"))),
            Map.entry("samples-max", new Case("32", Map.of("verify", "math", "stop-when", "correct:2"))),
            Map.entry("sample-blocks", new Case("4,12", Map.of("verify", "math", "stop-when", "correct:2"))),
            Map.entry("temperature", new Case("0.7")),
            Map.entry("top-p", new Case("0.9")),
            Map.entry("top-k", new Case("20")),
            Map.entry("min-p", new Case("0.1")),
            Map.entry("repetition-penalty", new Case("1.1")),
            Map.entry("presence-penalty", new Case("0.5")),
            Map.entry("frequency-penalty", new Case("-0.5")),
            Map.entry("logit-bias", new Case("5:1.5")),
            Map.entry("generation-config", new Case("auto", Map.of("model", warmerModel().toString()))),
            Map.entry("stop-token-ids", new Case("7")),
            Map.entry("min-tokens", new Case("3")),
            Map.entry("ignore-eos", new Case("true")),
            Map.entry("thinking-budget", new Case("9")),
            Map.entry("max-tokens", new Case("77")),
            Map.entry("stop", new Case("Q:")),
            Map.entry("choice", new Case("[\"yes\", \"no\"]")),
            Map.entry("regex", new Case("yes|no")),
            Map.entry("json-schema", new Case(file("schema.json", "{\"type\":\n \"boolean\"}").toString())),
            Map.entry("seed", new Case("9")),
            Map.entry("out", new Case(folder.resolve("elsewhere").toString())),
            Map.entry("verify", new Case("math")),
            Map.entry("logprobs", new Case("true")),
            Map.entry("prompt-logprobs", new Case("true")),
            Map.entry("token-ids", new Case("false")),
            Map.entry("commit-interval", new Case("5")),
            Map.entry("retry-failed", new Case("all")),
            Map.entry("dry-run", new Case("true")),
            Map.entry("strict", new Case("true")),
            Map.entry("weights", new Case("f32")),
            Map.entry("numerics", new Case("native")),
            Map.entry("threads", new Case("3")),
            Map.entry("max-sequences", new Case("8")),
            Map.entry("kv-cache-tokens", new Case("4096")),
            Map.entry("kv-cache-type", new Case("int8")),
            Map.entry("prefix-cache", new Case("off")),
            Map.entry("partitions", new Case("7")),
            Map.entry("engine-per-node", new Case("true")),
            Map.entry("speculation", new Case("off")),
            Map.entry("step-trace", new Case(folder.resolve("steps").toString())),
            Map.entry("max-cost", new Case("1", Map.of("prices", prices("1").toString()))),
            Map.entry("max-duration", new Case("60")),
            Map.entry("max-tokens-total", new Case("1000")),
            Map.entry("prices", new Case(prices("2").toString())),
            Map.entry("model-revision", new Case("r2", SERVED)),
            Map.entry("api-key-env", new Case("PATH", SERVED)),
            Map.entry("api-key-file", new Case(file("key", "sk-1").toString(), SERVED)),
            Map.entry("api-key-header", new Case("api-key", SERVED)),
            Map.entry("api-key-over-http", new Case("true", SERVED)),
            Map.entry("endpoint-api", new Case("completions", SERVED)),
            Map.entry("endpoint-dialect", new Case("vllm", SERVED)),
            Map.entry("endpoint-stream", new Case("false", SERVED)),
            Map.entry("endpoint-samples", new Case("4", SERVED)),
            Map.entry("endpoint-concurrency", new Case("8", SERVED)),
            Map.entry("endpoint-attempts", new Case("3", SERVED)),
            Map.entry("endpoint-timeout", new Case("60", SERVED)),
            Map.entry("endpoint-idle-timeout", new Case("30", SERVED)),
            Map.entry("endpoint-patience", new Case("30", SERVED)),
            Map.entry("endpoint-http", new Case("2", SERVED)),
            Map.entry("endpoint-header", new Case("x-team=a", SERVED)),
            Map.entry("extra-body", new Case("{\"a\": 1}", SERVED)),
            Map.entry("sidecar", new Case("sglang", BESIDE)),
            Map.entry("sidecar-model", new Case("/models/r1", BESIDE)),
            Map.entry("sidecar-args", new Case("--max-num-seqs 8", BESIDE)),
            Map.entry("sidecar-env", new Case("A=b", BESIDE)),
            Map.entry("sidecar-health", new Case("/ping", BESIDE)),
            Map.entry("sidecar-startup-timeout", new Case("60", BESIDE)),
            Map.entry("sidecar-restarts", new Case("1", BESIDE)),
            Map.entry("sidecar-grace", new Case("5", BESIDE)),
            Map.entry("sidecar-silence", new Case("60", BESIDE)),
            Map.entry("sidecar-log", new Case("/var/log", BESIDE)),
            Map.entry("sidecar-gpus", new Case("8", BESIDE)),
            Map.entry("sidecar-discovery", new Case("/opt/gpus.sh", BESIDE)),
            Map.entry("master", new Case("local[1]")),
            Map.entry("conf", new Case("a=b")),
            Map.entry("verbose", new Case("true")));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text, StandardCharsets.UTF_8);
  }

  private static Path prices(String hour) throws IOException {
    return file("prices" + hour + ".json", "{\"engine_hour\": " + hour + "}");
  }

  /** The model with the last byte of its weights changed. */
  private static Path otherModel() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("model"));
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
      Files.copy(MODEL.resolve(name), copy.resolve(name));
    }
    byte[] weights = Files.readAllBytes(copy.resolve("model.safetensors"));
    weights[weights.length - 1] ^= 1;
    Files.write(copy.resolve("model.safetensors"), weights);
    return copy;
  }

  /** The model with a generation_config.json that asks for other settings than the defaults. */
  private static Path warmerModel() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("warmer"));
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
      Files.copy(MODEL.resolve(name), copy.resolve(name));
    }
    Files.writeString(copy.resolve("generation_config.json"), "{\"temperature\": 0.9, \"top_k\": 20}");
    return copy;
  }

  private static SettingValues values(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(plain);
    all.putAll(more);
    SettingValues values = SettingValues.ofMap(GenerateSettings.ALL, all, key -> null);
    GenerateSettings.validate(values);
    return ModelDefaults.applied(values);
  }

  /** Keys of the traces of the first line's prompt, by sample. */
  private static List<String> keys(SettingValues asked) {
    SettingValues values = TeacherSettings.each(asked).get(0);
    RuntimeSpec spec = GenerateSettings.runtimeSpec(values);
    // Whether this machine computes so is not asked.
    ModelInfo model = EngineHost.describe(spec instanceof EngineSpec engine ? engine.withNumerics("portable") : spec);
    TraceKey key = TraceKey.of(values, model, spec);
    PromptEncoder encoder =
        new PromptEncoder(spec, key, values.get(GenerateSettings.SAMPLES), model.contextLength());
    var rows = PromptSource.open(spark, values).rows().filter("ordinal = 1");
    Row first = rows.mapPartitions(encoder, Encoders.row(PromptEncoder.schema(rows.schema()))).head();
    assertTrue(first.isNullAt(first.fieldIndex("failure")), first::json);
    return first.getList(first.fieldIndex("trace_ids"));
  }

  @Test
  void everySettingHasACase() {
    Set<String> names = new java.util.TreeSet<>(GenerateSettings.ALL.stream().map(Setting::name).toList());
    assertEquals(names, new java.util.TreeSet<>(cases.keySet()), "a setting without a case, or a case without one");
  }

  @TestFactory
  Stream<DynamicTest> keysChangeExactlyWithWhatDecidesTheTokens() {
    Map<Map<String, String>, List<String>> before = new HashMap<>();
    return GenerateSettings.ALL.stream().map(
        setting ->
            DynamicTest.dynamicTest(
                setting + " " + setting.effect(),
                () -> {
                  Case one = cases.get(setting.name());
                  assertNotNull(one, () -> "Give " + setting + " a case in this test.");
                  Map<String, String> changed = new HashMap<>(one.beside());
                  changed.put(setting.name(), one.value());
                  List<String> old = before.computeIfAbsent(one.beside(), beside -> keys(values(beside)));
                  List<String> now = keys(values(changed));
                  int common = Math.min(old.size(), now.size());
                  boolean changes =
                      switch (setting.effect()) {
                        case TOKENS, PROMPT, MODEL, DEFAULTS -> true;
                        case LENGTH, ROWS, TUNING -> false;
                      };
                  for (int sample = 0; sample < common; sample++) {
                    assertEquals(changes, !old.get(sample).equals(now.get(sample)), "sample " + sample);
                  }
                }));
  }

  @Test
  void defaultsOfTheModelAreAsIfTheyHadBeenGivenAndGivenOnesWin() {
    Map<String, String> model = cases.get("generation-config").beside();
    Map<String, String> auto = new HashMap<>(model);
    auto.put("generation-config", "auto");
    Map<String, String> byHand = new HashMap<>(model);
    byHand.putAll(Map.of("temperature", "0.9", "top-k", "20"));
    assertEquals(keys(values(byHand)), keys(values(auto)));
    Map<String, String> lineage = RunFacts.settings(values(auto));
    assertEquals("0.9", lineage.get("temperature"));
    assertEquals("generation_config.json", lineage.get("temperature.from"));
    assertEquals("generation_config.json", lineage.get("top-k.from"));
    assertEquals(2, lineage.keySet().stream().filter(name -> name.endsWith(".from")).count());
    auto.put("top-k", "0");
    byHand.put("top-k", "0");
    assertEquals(keys(values(byHand)), keys(values(auto)));
  }

  @Test
  void theLineageTellsOfEverySettingByItsEffect() {
    for (Setting<?> setting : GenerateSettings.ALL) {
      Case one = cases.get(setting.name());
      Map<String, String> changed = new HashMap<>(one.beside());
      SettingValues old = values(changed);
      changed.put(setting.name(), one.value());
      SettingValues now = values(changed);
      boolean differs = !old.affectingOutput().equals(now.affectingOutput());
      assertEquals(setting.effect() != Effect.TUNING, differs, () -> setting + " in output_settings");
      assertEquals(
          setting.effect() != Effect.TUNING, now.affectingOutput().containsKey(setting.name()), setting::toString);
      if (setting.equals(SessionSettings.CONF)) {
        // It may hold keys and passwords.
        assertEquals(RunFacts.settings(old), RunFacts.settings(now));
      } else {
        assertNotEquals(RunFacts.settings(old), RunFacts.settings(now), () -> setting + " in settings");
      }
    }
  }

  @Test
  void filesCountByTheirContentAndNotByTheirPlace() throws IOException {
    for (Setting<?> setting : GenerateSettings.ALL) {
      if (setting.kind() != Setting.Kind.FILE) {
        continue;
      }
      String text = Files.readString(Path.of(cases.get(setting.name()).value()));
      Path file = file("one", text);
      SettingValues one = values(Map.of(setting.name(), file.toString()));
      SettingValues moved = values(Map.of(setting.name(), file("two", text).toString()));
      file("one", text + " ");
      SettingValues changed = values(Map.of(setting.name(), file.toString()));
      String hash = setting.name() + ".sha256";
      assertEquals(one.affectingOutput(), moved.affectingOutput());
      assertEquals(RunFacts.settings(one).get(hash), RunFacts.settings(moved).get(hash));
      assertNotEquals(RunFacts.settings(one).get(hash), RunFacts.settings(changed).get(hash));
      assertEquals(setting.effect() != Effect.TUNING, !one.affectingOutput().equals(changed.affectingOutput()));
    }
  }

  @Test
  void aFileIsReadOnce() throws Exception {
    Path file = file("template", "{{ messages[0].content }}");
    SettingValues values = values(Map.of("chat-template", file.toString()));
    Files.delete(file);
    assertEquals("{{ messages[0].content }}", GenerateSettings.engineSpec(values).chatTemplate());
  }
}
