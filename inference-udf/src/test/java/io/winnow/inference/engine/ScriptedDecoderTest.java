// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.ScriptParams;
import io.winnow.inference.tokenizer.ByteTokenizer;
import io.winnow.inference.tokenizer.ModelText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The made-up model in the engine that runs every model. */
@Timeout(60)
class ScriptedDecoderTest {
  private static final ModelText TEXT = ModelText.ofBytes(null, Map.of());
  private static final Pattern ENDS_IN_BOX = Pattern.compile("[a-z ]* \\\\boxed\\{(\\d+)}");

  private static GenerationRequest request(long id, String prompt, int samples, int maxTokens, long seed) {
    SamplingParams params = new SamplingParams(1, 1, 0, 0, 1, maxTokens, List.of(), seed, true, 0);
    return Script.request(id, TEXT.tokenizer().encode(prompt), samples, params);
  }

  private static EmbeddedRuntime load(String model, int maxSequences, int cacheTokens) {
    return EmbeddedRuntime.load(
        new EngineSpec(model, "auto", 0, maxSequences, cacheTokens, null, Map.of()), TEXT, MemoryBudget.host(0));
  }

  private static ModelInfo describe(String model) {
    return EmbeddedRuntime.describe(EngineSpec.ofModel(model), TEXT, null);
  }

  private static List<Completion> all(ModelRuntime runtime, List<GenerationRequest> requests) throws Exception {
    List<Completion> out = new ArrayList<>();
    try (ModelRuntime.Session session = runtime.open()) {
      requests.forEach(session::submit);
      while (session.pending() > 0) {
        out.addAll(session.poll(1000));
      }
    }
    return out;
  }

  private static Map<String, String> lines(List<Completion> completions) {
    Map<String, String> lines = new TreeMap<>();
    for (Completion c : completions) {
      String line =
          c.finishReason() + Arrays.toString(c.tokenIds()) + c.text() + Arrays.toString(c.logprobs())
              + c.errorClass();
      assertNull(lines.put(c.requestId() + "/" + c.sampleIndex(), line), "delivered twice");
    }
    return lines;
  }

  @Test
  void aTraceIsTheSameAloneBatchedAndPreempted() throws Exception {
    long seed = Script.seed("ScriptedDecoderTest");
    Random random = new Random(seed);
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      String prompt = "What is " + random.nextInt(40) + " and then some?".repeat(1 + random.nextInt(9));
      requests.add(request(i, prompt, 1 + random.nextInt(9), 10 + random.nextInt(300), i % 3));
    }
    String model = "scripted:tokens=40,tail=0.2,context=512";
    Map<String, String> alone;
    try (EmbeddedRuntime runtime = load(model, 1, 512)) {
      alone = lines(all(runtime, requests));
    }
    try (EmbeddedRuntime runtime = load(model + ",step-ms=0.05,fault=never", 48, 0)) {
      assertEquals(alone, lines(all(runtime, requests)));
    }
    Collections.shuffle(requests, random);
    try (EmbeddedRuntime runtime = load(model, 16, 1024)) {
      assertEquals(alone, lines(all(runtime, requests)));
      assertTrue(runtime.stats().preemptions() > 0, "nothing was preempted");
    }
  }

  @Test
  void aPrefixIsKeptUnlessTheSpecSaysNo() throws Exception {
    String system = "You are a careful tutor. ".repeat(20);
    EngineSpec spec = EngineSpec.ofModel("scripted:tokens=40");
    List<Map<String, String>> lines = new ArrayList<>();
    for (boolean kept : new boolean[] {true, false}) {
      try (EmbeddedRuntime runtime = EmbeddedRuntime.load(spec.withPrefixCache(kept), TEXT, MemoryBudget.host(0))) {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
          requests.add(request(i, system + "What is " + i + "?", 3, 30, 1));
        }
        lines.add(lines(all(runtime, requests)));
        // Seven whole pages of 500 tokens, for all but the first.
        assertEquals(kept ? 9 * 7 * 64 : 0, runtime.stats().prefixHitTokens());
      }
    }
    assertEquals(lines.get(0), lines.get(1));
    assertTrue(spec.prefixCache() && !spec.withPrefixCache(false).withThreads(3).at("elsewhere").prefixCache());
  }

  @Test
  void seedSampleAndPromptMakeAnotherTrace() throws Exception {
    try (EmbeddedRuntime runtime = load("scripted:tokens=64", 8, 0)) {
      List<Completion> got =
          all(
              runtime,
              List.of(
                  request(0, "one", 2, 999, 0), request(1, "one", 2, 999, 1), request(2, "two", 2, 999, 0)));
      assertEquals(6, got.stream().map(Completion::text).distinct().count());
      assertEquals(lines(got.stream().filter(c -> c.requestId() == 0).toList()),
          lines(all(runtime, List.of(request(0, "one", 2, 999, 0)))));
    }
  }

  @Test
  void lengthsFollowTheirDistributionAndTextsEndInABox() throws Exception {
    int[] lengths = new int[20_000];
    ScriptedDecoder decoder = decoder("scripted:tokens=50,tail=0.1", () -> {});
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = decoder.length(ScriptedDecoder.fate(i, 0, 0));
    }
    int[] tail = Arrays.stream(lengths).filter(n -> n > 75).toArray();
    int[] others = Arrays.stream(lengths).filter(n -> n <= 75).toArray();
    // Binomial, three standard deviations of 42; means of uniform lengths, likewise.
    assertEquals(2000, tail.length, 127);
    assertEquals(500, Arrays.stream(tail).average().orElse(0), 10);
    assertEquals(50, Arrays.stream(others).average().orElse(0), 0.4);
    assertEquals(25, Arrays.stream(others).min().orElse(0));
    assertEquals(12, decoder("scripted:tokens=1,tail=0", () -> {}).length(1));

    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      requests.add(request(i, "prompt " + i, 2, 400, 5));
    }
    Set<String> answers = new TreeSet<>();
    try (EmbeddedRuntime runtime = load("scripted:tokens=50,tail=0.1", 32, 0)) {
      for (Completion c : all(runtime, requests)) {
        Matcher box = ENDS_IN_BOX.matcher(c.text());
        boolean ended = c.finishReason() == FinishReason.STOP;
        assertEquals(ended, box.matches(), c.text());
        assertTrue(ended || c.tokenIds().length == 400);
        if (ended) {
          assertEquals(ByteTokenizer.END, c.tokenIds()[c.tokenIds().length - 1]);
          answers.add(box.group(1));
        }
      }
    }
    assertEquals(20, answers.size(), answers::toString);
  }

  private static ScriptedDecoder decoder(String model, Runnable crash) {
    return new ScriptedDecoder(ScriptParams.of(model), crash);
  }

  private static EngineCore core(ScriptedDecoder decoder) {
    EngineCore.Limits limits = new EngineCore.Limits(257, 512, Set.of(ByteTokenizer.END), 4, 600);
    return new EngineCore(limits, 32, decoder, LetterText::new);
  }

  @Test
  void aPromptWithTheCrashWordCrashesAndNoOtherDoes() throws Exception {
    AtomicInteger crashes = new AtomicInteger();
    EngineCore core = core(decoder("scripted:crash=boom,tail=0", crashes::incrementAndGet));
    try (EngineSession session = core.open()) {
      session.submit(request(1, "boo m", 4, 40, 0));
      EngineCoreTest.all(session);
      assertEquals(0, crashes.get());
      session.submit(request(2, "and boom it goes", 1, 40, 0));
      EngineCoreTest.all(session);
      assertEquals(1, crashes.get());
    } finally {
      core.close();
    }
  }

  @Test
  void theFaultWordFailsTheStepAndTheNanWordItsOwnSequence() throws Exception {
    try (EmbeddedRuntime runtime = load("scripted:fault=oops,nan=nil,tail=0", 8, 0)) {
      List<Completion> got = all(runtime, List.of(request(1, "fine", 2, 40, 0), request(2, "a nil here", 2, 40, 0)));
      assertEquals(4, got.size());
      for (Completion c : got) {
        assertEquals(c.requestId() == 2 ? "non_finite_logits" : null, c.errorClass());
        assertEquals(c.requestId() == 2, c.tokenIds().length == 0);
      }
      got = all(runtime, List.of(request(1, "oops", 1, 40, 0)));
      assertEquals("engine_fault", got.get(0).errorClass());
      assertTrue(got.get(0).errorMessage().contains("'oops'"), got.get(0).errorMessage());
      assertNull(all(runtime, List.of(request(1, "fine", 1, 40, 0))).get(0).errorClass());
    }
  }

  @Test
  void itIsDescribedByWhatChangesItsTokens() {
    ModelInfo info = describe("scripted:step-ms=3");
    assertEquals(64, info.fingerprint().length());
    assertEquals(info, describe("scripted:"));
    assertNotEquals(info.fingerprint(), describe("scripted:tokens=9").fingerprint());
    assertEquals("scripted", info.architecture());
    assertEquals(4096, info.contextLength());
    assertEquals(0, info.weightBytes());
  }
}
