// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.SamplingParams;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsTest {
  private static SettingValues values(Map<String, String> options) {
    return SettingValues.ofMap(GenerateSettings.ALL, options, key -> null);
  }

  private static String refusal(Map<String, String> options) {
    return assertThrows(UsageException.class, () -> GenerateSettings.validate(values(options))).getMessage();
  }

  @Test
  void everySettingSaysWhatItIsAndChanges() {
    Set<String> names = new HashSet<>();
    for (Setting<?> setting : GenerateSettings.ALL) {
      assertTrue(names.add(setting.name()), () -> setting + " is declared twice");
      assertNotNull(setting.effect(), setting::toString);
      assertTrue(setting.doc().endsWith("."), setting::toString);
      assertTrue(setting.neutralValue() == null || setting.effect() == Effect.TOKENS, setting::toString);
    }
  }

  @Test
  void everyDefaultPassesItsOwnCheckAndComesBackFromItsText() {
    for (Setting<?> setting : GenerateSettings.ALL) {
      roundTrip(setting);
    }
  }

  private static <T> void roundTrip(Setting<T> setting) {
    if (setting.defaultValue() != null) {
      String text = setting.text(setting.defaultValue());
      assertEquals(setting.defaultValue(), setting.parse(text), setting::toString);
    }
  }

  @Test
  void defaultsAreThoseOfTheEngine() {
    assertEquals(SamplingParams.DEFAULT, GenerateSettings.samplingParams(values(Map.of())));
  }

  @Test
  void optionWinsOverSparkConfWinsOverDefault() {
    Map<String, String> conf = Map.of("spark.winnow.topP", "0.5", "spark.winnow.samples", "3");
    SettingValues values = SettingValues.ofMap(GenerateSettings.ALL, Map.of("samples", "2"), conf::get);
    assertEquals(2, values.get(GenerateSettings.SAMPLES));
    assertEquals(0.5, values.get(GenerateSettings.TOP_P));
    assertEquals(0.6, values.get(GenerateSettings.TEMPERATURE));
    assertTrue(values.isGiven(GenerateSettings.TOP_P));
    assertFalse(values.isGiven(GenerateSettings.TEMPERATURE));
  }

  @Test
  void aBadSparkConfNamesItsKey() {
    Map<String, String> conf = Map.of("spark.winnow.topP", "2");
    UsageException e =
        assertThrows(
            UsageException.class, () -> SettingValues.ofMap(GenerateSettings.ALL, Map.of(), conf::get));
    assertEquals("Cannot use spark.winnow.topP '2': it must be above 0 and at most 1.", e.getMessage());
  }

  @Test
  void sparkKeysAreCamelCase() {
    assertEquals("spark.winnow.promptColumn", GenerateSettings.PROMPT_COLUMN.sparkKey());
    assertEquals("spark.winnow.seed", GenerateSettings.SEED.sparkKey());
    assertNull(SessionSettings.MASTER.sparkKey());
  }

  @Test
  void unknownOptionsSuggestTheNearest() {
    UsageException e = assertThrows(UsageException.class, () -> values(Map.of("temprature", "1")));
    assertEquals("Unknown option '--temprature'. Did you mean '--temperature'?", e.getMessage());
    assertEquals(0.1, values(Map.of("minP", "0.1")).get(GenerateSettings.MIN_P));
  }

  @ParameterizedTest
  @CsvSource({"60,60", "0.5,0.5", "500ms,0.5", "10m,600", "2h,7200", "1 min,60", "1d,86400"})
  void readsTimes(String text, String seconds) {
    Duration value = GenerateSettings.COMMIT_INTERVAL.parse(text);
    assertEquals(seconds, GenerateSettings.COMMIT_INTERVAL.text(value));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "soon", "0", "5 weeks", "99999999999999999", "999999999999d"})
  void refusesOtherTimes(String text) {
    assertThrows(UsageException.class, () -> GenerateSettings.COMMIT_INTERVAL.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "1e999", "0x1p3", "1f", "0,6", "", "-0.1"})
  void refusesOtherNumbers(String text) {
    assertThrows(UsageException.class, () -> GenerateSettings.TEMPERATURE.parse(text));
  }

  @Test
  void equalValuesHaveEqualTexts() {
    assertEquals(
        values(Map.of("temperature", "0.60", "min-p", "-0.0")).canonical(),
        values(Map.of("temperature", "6e-1")).canonical());
  }

  @Test
  void listsAreTakenAsTheyComeOrFromJson() {
    assertEquals(List.of("[a]"), values(Map.of("stop", "[a]")).get(GenerateSettings.STOP));
    assertEquals(List.of("a,b", "]"), values(Map.of("stop", "[\"a,b\",\"]\"]")).get(GenerateSettings.STOP));
    assertEquals(List.of("a", "b c"), values(Map.of("keep-columns", "a, b c")).get(GenerateSettings.KEEP_COLUMNS));
    SettingValues twice =
        SettingValues.resolve(GenerateSettings.ALL, Map.of("stop", List.of("[\"x\"]", "y")), key -> null);
    assertEquals(List.of("[\"x\"]", "y"), twice.get(GenerateSettings.STOP));
  }

  @Test
  void tokenIdsAndBiasesAreHeldInOneOrder() {
    assertEquals(List.of(2, 151643), values(Map.of("stop-token-ids", "151643, 2,2")).get(GenerateSettings.STOP_TOKEN_IDS));
    assertEquals(List.of(), values(Map.of("stop-token-ids", " [ ] ")).get(GenerateSettings.STOP_TOKEN_IDS));
    assertEquals(
        Map.of(5, -100.0, 7, Double.NEGATIVE_INFINITY, 2147483647, 0.5),
        values(Map.of("logit-bias", "7:-inf, 2147483647:0.5,5:-100,9:0")).get(GenerateSettings.LOGIT_BIAS));
    for (String text : List.of("7:-inf,5:-1.50", "{\"5\":-1.5,\"7\":\"-inf\"}", "{}")) {
      roundTrip(GenerateSettings.LOGIT_BIAS, text);
    }
    roundTrip(GenerateSettings.STOP_TOKEN_IDS, "3,1");
  }

  private static <T> void roundTrip(Setting<T> setting, String text) {
    T value = setting.parse(text);
    assertEquals(value, setting.parse(setting.text(value)));
    assertEquals(setting.text(value), setting.text(setting.parse(setting.text(value))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",", "-1", "1,", "1.5", "x", "2147483648", "99999999999999999999", "[1", "[[1]]", "\"1\""})
  void refusesOtherTokenIds(String text) {
    assertThrows(UsageException.class, () -> GenerateSettings.STOP_TOKEN_IDS.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "5", "5:", ":1", "5:NaN", "5:inf", "5:Infinity", "5:1e999", "5:100.1", "5:-101", "-5:1", "5:1,5:1", "5:1:2",
        "5:0,5:0", "2147483648:1", "5:1;6:1", "{\"5\":1,\"5\":2}", "{\"5\":true}", "{\"5\":\"1\"}", "{\"5\":[1]}",
        "{\"5\":null}", "{\"a\":1}", "{\"5\":101}", "{", "{\"5\":NaN}"
      })
  void refusesOtherBiases(String text) {
    UsageException e = assertThrows(UsageException.class, () -> GenerateSettings.LOGIT_BIAS.parse(text));
    assertTrue(e.getMessage().contains("--logit-bias"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"presence-penalty,2.1", "presence-penalty,NaN", "frequency-penalty,-2.1", "frequency-penalty,1e999",
    "min-tokens,-1", "min-tokens,1e3", "ignore-eos,yes", "generation-config,vllm"})
  void refusesOtherRulesOfTokens(String name, String text) {
    assertTrue(assertThrows(UsageException.class, () -> values(Map.of(name, text))).getMessage().contains("--" + name));
  }

  @Test
  void refusesRulesThatContradictEachOtherOrTheModel() {
    Map<String, String> good = Map.of("prompts", "p", "model", "m", "out", "o");
    assertEquals(
        "Cannot make traces of at least 11 tokens (--min-tokens) and at most 10 (--max-tokens): lower the one or raise"
            + " the other.",
        refusal(with(with(good, "min-tokens", "11"), "max-tokens", "10")));
    GenerateSettings.validate(values(with(with(good, "min-tokens", "10"), "max-tokens", "10")));
    assertTrue(
        refusal(with(with(good, "stop-token-ids", "4,5"), "logit-bias", "5:-inf")).contains("Cannot stop at the token 5"));
    GenerateSettings.validate(values(with(with(good, "stop-token-ids", "4,5"), "logit-bias", "5:-100")));
    for (String name : List.of("stop-token-ids", "logit-bias")) {
      SettingValues values = values(Map.of(name, name.equals("logit-bias") ? "3:1,50:1" : "3,50"));
      GenerateSettings.checkTokenIds(values, 51);
      UsageException e = assertThrows(UsageException.class, () -> GenerateSettings.checkTokenIds(values, 50));
      assertEquals(
          "Cannot use the token id 50 of --" + name + ": the model knows 0 to 49. Take ids of this model's tokenizer.",
          e.getMessage());
    }
  }

  @Test
  void onlyTheEmbeddedEngineEndsThinking() {
    Map<String, String> good = Map.of("prompts", "p", "model", "m", "out", "o", "thinking-budget", "9");
    GenerateSettings.validate(values(good));
    assertEquals(9, GenerateSettings.samplingParams(values(good)).thinkingBudget());
    for (String served : List.of("r1@http://127.0.0.1:1/v1", "r1@sidecar")) {
      Map<String, String> elsewhere = with(good, "model", served);
      String refusal = refusal(served.endsWith("sidecar") ? with(elsewhere, "sidecar", "vllm") : elsewhere);
      assertTrue(refusal.contains("only the embedded engine ends thinking"), refusal);
    }
  }

  @Test
  void formatsOfAnswersExcludeEachOtherAndWhatElseSaysWhereAnAnswerEnds() {
    Map<String, String> good = Map.of("prompts", "p", "model", "m", "out", "o");
    Map<String, String> formats = Map.of("choice", "yes", "regex", "a+", "json-schema", "{\"type\": \"null\"}");
    assertNull(GenerateSettings.samplingParams(values(good)).answer());
    formats.forEach(
        (name, value) -> {
          Map<String, String> one = with(good, name, value);
          GenerateSettings.validate(values(one));
          assertEquals("--" + name, GenerateSettings.samplingParams(values(one)).answer().kind().option());
          formats.forEach(
              (other, text) -> {
                if (!other.equals(name)) {
                  assertTrue(refusal(with(one, other, text)).contains("Leave one out"), other);
                }
              });
          Map<String, String> ends =
              Map.of(
                  "stop", "x", "stop-token-ids", "3", "min-tokens", "3", "ignore-eos", "true");
          ends.forEach(
              (end, text) ->
                  assertEquals(
                      "Cannot use --" + end + " beside --" + name
                          + ", which alone says where an answer ends. Leave one out.",
                      refusal(with(one, end, text))));
          GenerateSettings.validate(values(with(with(one, "min-tokens", "0"), "stop", "[]")));
        });
    assertEquals(
        AnswerFormat.choice(List.of("yes", "no")),
        GenerateSettings.samplingParams(values(with(good, "choice", "[\"yes\", \"no\", \"yes\"]"))).answer());
  }

  @Test
  void aSchemaIsItsContentWhereverItStands(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("schema.json");
    Files.writeString(file, "{\n  \"enum\": [1.50, \"é\", 12345678901234567890]\n}\n");
    String content = "{\"enum\":[1.50,\"é\",12345678901234567890]}";
    SettingValues ofFile = values(Map.of("json-schema", file.toString()));
    Files.delete(file);
    assertEquals(content, ofFile.get(GenerateSettings.JSON_SCHEMA));
    assertEquals(ofFile, values(Map.of("json-schema", " {\"enum\" : [1.50, \"é\", 12345678901234567890]}")));
    assertEquals(content, ofFile.affectingTokens().get("json-schema"));
    for (String wrong : List.of("no-such.json", "{\"a\": 1,\n \"a\": 2}", "{", "{} {}", folder.toString())) {
      UsageException e = assertThrows(UsageException.class, () -> values(Map.of("json-schema", wrong)), wrong);
      assertTrue(e.getMessage().startsWith("Cannot use --json-schema '"), e.getMessage());
      assertFalse(e.getMessage().contains("\n"), e.getMessage());
    }
    Path list = Files.writeString(folder.resolve("list.json"), "[]");
    assertThrows(UsageException.class, () -> values(Map.of("json-schema", list.toString())));
    assertThrows(UsageException.class, () -> values(Map.of("regex", "")));
    assertThrows(UsageException.class, () -> values(Map.of("choice", "")));
  }

  @Test
  void aReplacedValueCountsAsItIs() {
    SettingValues neutral = values(Map.of("top-p", "0.5")).with(GenerateSettings.TOP_P, "1");
    assertFalse(neutral.affectingTokens().containsKey("top-p"));
    assertEquals("0.5", neutral.with(GenerateSettings.TOP_P, "0.5").affectingTokens().get("top-p"));
  }

  @Test
  void refusesASingleOptionGivenTwice() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> SettingValues.resolve(GenerateSettings.ALL, Map.of("seed", List.of("1", "2")), key -> null));
    assertEquals("Cannot use --seed 2 times: give it once.", e.getMessage());
  }

  @Test
  void refusesWhatIsMissingOrNotSupported() {
    Map<String, String> good = Map.of("prompts", "p", "model", "m", "out", "o");
    GenerateSettings.validate(values(good));
    GenerateSettings.validate(values(Map.of("prompts", "p", "model", "m", "dry-run", "true")));
    assertTrue(refusal(Map.of("model", "m", "out", "o")).startsWith("The option --prompts is missing"));
    assertTrue(refusal(Map.of("prompts", "p", "out", "o")).startsWith("The option --model is missing"));
    assertTrue(refusal(Map.of("prompts", "p", "model", "m")).startsWith("The option --out is missing"));
    assertTrue(refusal(with(good, "model", "[\"a\",\"a\"]")).contains("--model 'a' twice"));
    assertTrue(refusal(with(good, "model", "https://host/v1")).contains("Write NAME@https://host/v1"));
    assertTrue(refusal(with(good, "extra-body", "{\"a\": 1}")).contains("--model names no endpoint"));
    GenerateSettings.validate(values(with(good, "model", "r1@https://host/v1, https://other/v1/")));
    assertEquals(
        "Cannot use --weights 'bf61': it must be one of auto, f32, bf16, int8, int4. Did you mean 'bf16'?",
        refusal(with(good, "weights", "bf61")));
    Map<String, String> tiles = with(good, "numerics", "native");
    GenerateSettings.validate(values(tiles));
    GenerateSettings.validate(values(with(tiles, "weights", "bf16")));
    for (String weights : List.of("f32", "int8", "int4")) {
      assertEquals(
          "Cannot use --numerics native with --weights " + weights + ": it multiplies bf16 weights. Leave --weights out,"
              + " or give bf16, or --numerics portable.",
          refusal(with(tiles, "weights", weights)));
    }
    assertTrue(refusal(with(tiles, "model", "r1@https://host/v1")).contains("--numerics"));
    assertTrue(refusal(with(good, "verify", "maths")).contains("'maths'"));
    assertTrue(refusal(with(good, "gold-regex", "(")).contains("regular expression"));
    assertTrue(refusal(with(good, "template-arg", "novalue")).contains("KEY=VALUE"));
    assertTrue(
        refusal(with(with(good, "messages-column", "m"), "prompt-template", "t")).contains("together"));
  }

  private static Map<String, String> with(Map<String, String> options, String name, String value) {
    Map<String, String> more = new HashMap<>(options);
    more.put(name, value);
    return more;
  }

  @Test
  void leavesTuningOutOfWhatAffectsTheOutput() {
    Map<String, String> affecting = values(Map.of("threads", "2", "seed", "4")).affectingOutput();
    assertFalse(affecting.containsKey("threads"));
    assertEquals("4", affecting.get("seed"));
  }

  @Test
  void travelsToExecutors() throws Exception {
    SettingValues values = values(Map.of("stop", "x", "temperature", "1"));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(values);
    }
    try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      SettingValues copy = (SettingValues) in.readObject();
      assertEquals(values, copy);
      assertEquals(values.affectingTokens(), copy.affectingTokens());
      assertEquals(1.0, copy.get(GenerateSettings.TEMPERATURE));
    }
  }

  @Test
  void readsTheChatTemplateOnTheDriver(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("chat.jinja"), "{{ messages }}");
    Map<String, String> options =
        Map.of("model", "m", "chat-template", file.toString(), "template-arg", "[\"a=b=c\",\"d=\"]");
    var spec = GenerateSettings.engineSpec(values(options));
    assertEquals("{{ messages }}", spec.chatTemplate());
    assertEquals(Map.of("a", "b=c", "d", ""), spec.templateArgs());
    Map<String, String> wrong = Map.of("model", "m", "chat-template", folder.resolve("none").toString());
    UsageException e =
        assertThrows(UsageException.class, () -> GenerateSettings.engineSpec(values(wrong)));
    assertTrue(e.getMessage().startsWith("Cannot read --chat-template"), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"promts,prompts", "Tempreature,temperature", "topk,top-k", "seeed,seed"})
  void findsTheNearestName(String typed, String meant) {
    assertEquals(meant, NearestName.of(typed, List.of("prompts", "temperature", "top-k", "seed")).orElseThrow());
  }

  @Test
  void findsNothingWhereNothingIsNear() {
    assertTrue(NearestName.of("xyzzy", List.of("prompts", "seed")).isEmpty());
    assertTrue(NearestName.of("q", List.of("a")).isEmpty());
  }
}
