// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.conf.Effect;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TraceKeyTest {
  private static final ModelInfo MODEL = model("aa11", "bb22", "bf16");
  private static final int[] TOKENS = {1, 2, 151643};

  /** A value other than the default for every setting; the test fails when a new setting is not listed. */
  private static final Map<String, String> OTHER =
      Map.ofEntries(
          Map.entry("prompts", "p"), Map.entry("format", "csv"), Map.entry("prompt-column", "q"),
          Map.entry("messages-column", "m"), Map.entry("gold-column", "g"), Map.entry("gold-regex", "x"),
          Map.entry("id-column", "i"), Map.entry("keep-columns", "k"), Map.entry("limit", "5"),
          Map.entry("system-prompt", "s"), Map.entry("prompt-template", "t"), Map.entry("chat-template", "c"),
          Map.entry("template-arg", "a=b"), Map.entry("model", "m"), Map.entry("samples", "4"),
          Map.entry("temperature", "0.7"), Map.entry("top-p", "0.9"), Map.entry("top-k", "20"),
          Map.entry("min-p", "0.1"), Map.entry("repetition-penalty", "1.1"), Map.entry("max-tokens", "77"),
          Map.entry("stop", "\n\nQ:"), Map.entry("seed", "9"), Map.entry("out", "o"), Map.entry("verify", "math"),
          Map.entry("logprobs", "true"), Map.entry("prompt-logprobs", "true"),
          Map.entry("token-ids", "false"), Map.entry("commit-interval", "5"),
          Map.entry("dry-run", "true"), Map.entry("strict", "true"), Map.entry("weights", "f32"), Map.entry("numerics", "native"),
          Map.entry("threads", "3"), Map.entry("max-sequences", "8"), Map.entry("kv-cache-tokens", "4096"),
          Map.entry("kv-cache-type", "bf16"), Map.entry("prefix-cache", "off"), Map.entry("partitions", "7"),
          Map.entry("master", "local[1]"), Map.entry("conf", "a=b"),
          Map.entry("verbose", "true"), Map.entry("retry-failed", "all"), Map.entry("max-cost", "1.5"),
          Map.entry("max-duration", "60"), Map.entry("stop-when", "correct:2"), Map.entry("samples-max", "32"),
          Map.entry("sample-blocks", "4,8"),
          Map.entry("max-tokens-total", "1000"), Map.entry("prices", "p.json"),
          Map.entry("presence-penalty", "0.5"), Map.entry("frequency-penalty", "-0.5"),
          Map.entry("logit-bias", "5:1.5"), Map.entry("generation-config", "auto"),
          Map.entry("stop-token-ids", "7"), Map.entry("min-tokens", "3"), Map.entry("ignore-eos", "true"),
          Map.entry("thinking-budget", "500"),
          Map.entry("choice", "yes"), Map.entry("regex", "a+"), Map.entry("json-schema", "{\"type\": \"null\"}"),
          Map.entry("step-trace", "s"), Map.entry("engine-per-node", "true"), Map.entry("speculation", "off"),
          Map.entry("model-revision", "r"), Map.entry("api-key-env", "KEY"), Map.entry("api-key-file", "f"),
          Map.entry("api-key-header", "api-key"), Map.entry("api-key-over-http", "true"),
          Map.entry("endpoint-api", "completions"), Map.entry("endpoint-dialect", "vllm"),
          Map.entry("endpoint-stream", "false"), Map.entry("endpoint-samples", "4"),
          Map.entry("endpoint-concurrency", "8"), Map.entry("endpoint-attempts", "3"),
          Map.entry("endpoint-timeout", "60"), Map.entry("endpoint-idle-timeout", "30"),
          Map.entry("endpoint-patience", "30"), Map.entry("endpoint-http", "2"),
          Map.entry("endpoint-header", "x-team=a"), Map.entry("extra-body", "{\"a\": 1}"),
          Map.entry("estimate", "true"), Map.entry("estimate-rows", "8"), Map.entry("estimate-keep", "true"),
          Map.entry("json", "true"), Map.entry("label-column", "l"), Map.entry("route", "escalate"),
          Map.entry("teacher-option", "m:seed=3"), Map.entry("side-by-side", "off"),
          Map.entry("sidecar", "vllm"), Map.entry("sidecar-model", "/m"), Map.entry("sidecar-args", "--x"),
          Map.entry("sidecar-env", "A=b"), Map.entry("sidecar-health", "/ok"),
          Map.entry("sidecar-startup-timeout", "77"), Map.entry("sidecar-restarts", "1"),
          Map.entry("sidecar-grace", "7"), Map.entry("sidecar-silence", "77"), Map.entry("sidecar-log", "/l"),
          Map.entry("sidecar-gpus", "1"), Map.entry("sidecar-discovery", "/d"));

  private static ModelInfo model(String fingerprint, String tokenizer, String weightFormat) {
    return new ModelInfo("m", "qwen2", fingerprint, tokenizer, "t", weightFormat, 2048, 1024, 1, 1, List.of());
  }

  private static ModelInfo ending(Integer... ends) {
    return new ModelInfo("m", "qwen2", "aa11", "bb22", "t", "bf16", 2048, 1024, 1, 1, List.of(ends));
  }

  private static SettingValues values(Map<String, String> options) {
    return SettingValues.ofMap(GenerateSettings.ALL, options, key -> null);
  }

  private static String id(SettingValues values) {
    return TraceKey.of(values, MODEL, "1").traceId(TOKENS, 0);
  }

  /**
   * The expected value is computed outside of Java:
   *
   * <pre>
   * python3 -c "import hashlib,struct; print(hashlib.sha256(
   *   b'winnow-trace-1\nmodel=aa11\ntokenizer=bb22\nweights=bf16\nnumerics=1\nset.seed=0\n'
   *   b'set.stop=[\"\\\\n\\\\nQ:\"]\nset.temperature=0.6\nset.top-k=20\nset.top-p=0.95\ntokens=3\n'
   *   + struct.pack('>3i',1,2,151643) + b'sample=5\n').hexdigest()[:32])"
   * </pre>
   */
  @Test
  void hasTheValueThatItsDescriptionGives() {
    SettingValues values = values(Map.of("top-k", "20", "stop", "\n\nQ:"));
    assertEquals("4af9b26cc51e12b1f7ec9c73b8cc7ab7", TraceKey.of(values, MODEL, "1").traceId(TOKENS, 5));
  }

  @Test
  void changesWithExactlyTheSettingsThatChangeTokens() {
    String before = id(values(Map.of()));
    for (Setting<?> setting : GenerateSettings.ALL) {
      String other = OTHER.get(setting.name());
      assertTrue(other != null, () -> "Give " + setting + " another value in this test.");
      String after = id(values(Map.of(setting.name(), other)));
      assertEquals(setting.effect() == Effect.TOKENS, !before.equals(after), () -> setting + " " + setting.effect());
    }
  }

  @Test
  void changesWithModelTokenizerNumericsTokensAndSample() {
    SettingValues values = values(Map.of());
    List<String> ids =
        List.of(
            id(values),
            TraceKey.of(values, model("aa12", "bb22", "bf16"), "1").traceId(TOKENS, 0),
            TraceKey.of(values, model("aa11", "bb23", "bf16"), "1").traceId(TOKENS, 0),
            TraceKey.of(values, model("aa11", "bb22", "f32"), "1").traceId(TOKENS, 0),
            TraceKey.of(values, ending(2), "1").traceId(TOKENS, 0),
            TraceKey.of(values, ending(2, 7), "1").traceId(TOKENS, 0),
            TraceKey.of(values, MODEL, "2").traceId(TOKENS, 0),
            TraceKey.of(values, MODEL, "1").traceId(new int[] {1, 2}, 0),
            TraceKey.of(values, MODEL, "1").traceId(new int[] {2, 1, 151643}, 0),
            TraceKey.of(values, MODEL, "1").traceId(TOKENS, 1));
    assertEquals(ids.size(), new HashSet<>(ids).size(), ids::toString);
  }

  @Test
  void isTheSameForAutoAndTheFormatItMeans() {
    assertEquals(id(values(Map.of())), id(values(Map.of("weights", "bf16"))));
  }

  @Test
  void staysWhenASettingIsGivenItsNeutralOrDefaultValue() {
    assertEquals(id(values(Map.of())), id(values(Map.of("top-k", "0", "temperature", "0.60", "stop", "[]"))));
  }

  /**
   * The expected value is computed outside of Java:
   *
   * <pre>
   * python3 -c "import hashlib,struct; print(hashlib.sha256(
   *   b'winnow-trace-1\nmodel=aa11\ntokenizer=bb22\nweights=bf16\nnumerics=1\nset.frequency-penalty=-0.5\n'
   *   b'set.ignore-eos=true\nset.logit-bias={\"2\":\"-inf\",\"11\":1.5}\nset.min-tokens=3\n'
   *   b'set.presence-penalty=0.25\nset.seed=0\nset.stop-token-ids=[7,9]\nset.temperature=0.6\nset.top-p=0.95\n'
   *   b'tokens=3\n' + struct.pack('>3i',1,2,151643) + b'sample=0\n').hexdigest()[:32])"
   * </pre>
   */
  @Test
  void rulesOfTokensAreInItByTheirCanonicalTexts() {
    Map<String, String> rules =
        Map.of(
            "presence-penalty", "0.250", "frequency-penalty", "-5e-1", "logit-bias", "11:1.5, 2:-inf,3:0",
            "stop-token-ids", "9, 7,9", "min-tokens", "3", "ignore-eos", "true");
    assertEquals("d7e4d4156b03da3aa06dedb04491e28f", id(values(rules)));
    Map<String, String> json = new HashMap<>(rules);
    json.put("logit-bias", "{\"2\": \"-inf\", \"11\": 1.50}");
    json.put("stop-token-ids", "[7,9]");
    assertEquals("d7e4d4156b03da3aa06dedb04491e28f", id(values(json)));
  }

  @Test
  void settingsThatCameLaterLeaveItAloneWhereTheyDoNothing() {
    Map<String, String> idle =
        Map.of(
            "presence-penalty", "-0.0", "frequency-penalty", "0", "logit-bias", "5:0", "stop-token-ids", "[]",
            "min-tokens", "0", "ignore-eos", "false", "generation-config", "auto");
    assertEquals(id(values(Map.of())), id(values(idle)));
  }

  @Test
  void stopStringsDoNotRunTogether() {
    Set<String> ids = new HashSet<>();
    for (String stop : List.of("[\"a\",\"b\"]", "[\"ab\"]", "[\"a,b\"]", "[\"b\",\"a\"]", "[\"a\\\",\\\"b\"]")) {
      ids.add(id(values(Map.of("stop", stop))));
    }
    assertEquals(5, ids.size());
  }

  @Test
  void givesTheKeysOfSeveralSamplesInTheirOrder() {
    TraceKey key = TraceKey.of(values(Map.of()), MODEL, "1");
    assertArrayEquals(
        new String[] {key.traceId(TOKENS, 3), key.traceId(TOKENS, 1)}, key.traceIds(TOKENS, new int[] {3, 1}));
    assertNotEquals(key.traceId(TOKENS, 3), key.traceId(TOKENS, 1));
  }

  /**
   * The expected value is computed outside of Java:
   *
   * <pre>
   * python3 -c "import hashlib; c='[{\"role\":\"user\",\"content\":\"2 + 2 \u00d7 1?\"}]'.encode();
   * print(hashlib.sha256(
   *   b'winnow-trace-1\nmodel=r1@v2\ntokenizer=server\nweights=server\nnumerics=server\ntemplate=t\nset.seed=0\n'
   *   b'set.temperature=0.6\nset.top-p=0.95\nmessages=%d\n' % len(c) + c + b'sample=3\n').hexdigest()[:32])"
   * </pre>
   */
  @Test
  void takesTheConversationWhereAServerRendersIt() {
    ModelInfo info = new ModelInfo("r1", "endpoint", "r1@v2", "server", "t", "server", 1 << 30, 1 << 30, 0, 0, List.of());
    TraceKey key = TraceKey.of(values(Map.of()), info, EndpointSpec.of("r1", List.of("http://127.0.0.1:1/v1")));
    String conversation = "[{\"role\":\"user\",\"content\":\"2 + 2 \u00d7 1?\"}]";
    assertEquals(List.of("85c5f4adb521c05c8ec2c7fac7b5c4d3"), List.of(key.traceIds(conversation, new int[] {3})));
  }

  @Test
  void refusesPartsOfSeveralLines() {
    assertThrows(
        IllegalArgumentException.class, () -> TraceKey.of(values(Map.of()), model("a\nb", "c", "f32"), "1"));
  }
}
