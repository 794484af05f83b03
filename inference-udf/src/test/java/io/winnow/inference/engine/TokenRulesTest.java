// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.model.TinyCheckpoint;
import io.winnow.inference.model.WeightPrecision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Biases, stop tokens, least lengths and penalties by count, on a real decoder of made-up weights. */
@Timeout(60)
class TokenRulesTest {
  private static final double NEVER = Double.NEGATIVE_INFINITY;
  private static final int EOS = TinyCheckpoint.EOS;
  private static final int[] PROMPT = {5, 6, 7, 8};
  private static final SamplingParams GREEDY = new SamplingParams(0, 1, 0, 0, 1, 12, List.of(), 0, true, 0);

  @TempDir Path folder;

  private List<Completion> run(List<GenerationRequest> requests) throws Exception {
    Path model = TinyCheckpoint.write(folder, "llama", "F32", 3);
    EngineCore core = new EngineSetup(1, 8, 32, 40, 1).open(model, WeightPrecision.F32);
    try (EngineSession session = core.open()) {
      requests.forEach(session::submit);
      return EngineCoreTest.all(session).stream().sorted((a, b) -> Long.compare(a.requestId(), b.requestId())).toList();
    } finally {
      core.close();
    }
  }

  private List<Completion> run(SamplingParams... params) throws Exception {
    return run(
        IntStream.range(0, params.length)
            .mapToObj(i -> new GenerationRequest(i, PROMPT, new int[] {0}, params[i]))
            .toList());
  }

  private static int[] repeated(int token, int count) {
    int[] out = new int[count];
    Arrays.fill(out, token);
    return out;
  }

  private static SamplingParams always(int token) {
    return GREEDY.withLogitBias(Map.of(token, 100.0));
  }

  @Test
  void biasesChooseTokensAndForbidThem() throws Exception {
    int[] plain = run(GREEDY).get(0).tokenIds();
    List<Completion> got = run(always(33), GREEDY.withLogitBias(Map.of(plain[0], NEVER)));
    assertArrayEquals(repeated(33, 12), got.get(0).tokenIds());
    assertTrue(got.get(0).logprobs()[0] < -1, "the log-probability is that of the raw logits");
    assertTrue(Arrays.stream(got.get(1).tokenIds()).noneMatch(id -> id == plain[0]));
  }

  @Test
  void stopTokensEndATraceAndLeaveNoText() throws Exception {
    List<Completion> got =
        run(
            always(33).withEnds(List.of(40, 33), 0, false), always(33).withEnds(List.of(40), 0, false),
            always(EOS), always(EOS).withEnds(List.of(), 0, true), always(EOS).withEnds(List.of(EOS), 0, true));
    int[] lengths = {1, 12, 1, 12, 1};
    for (int i = 0; i < lengths.length; i++) {
      Completion c = got.get(i);
      assertEquals(lengths[i], c.tokenIds().length, "case " + i);
      assertEquals(lengths[i] == 1 ? FinishReason.STOP : FinishReason.LENGTH, c.finishReason(), "case " + i);
      // A letter a token, but for the one that ends.
      assertEquals(lengths[i] == 1 ? 0 : 12, c.text().length(), "case " + i);
    }
  }

  @Test
  void nothingEndsATraceBeforeMinTokens() throws Exception {
    for (int least : new int[] {1, 2, 7, 11, 12, 13}) {
      UnaryOperator<SamplingParams> both = p -> p.withEnds(List.of(33), least, false);
      // Without EOS and 33 the next wish is 44.
      Map<Integer, Double> wishes = Map.of(EOS, 100.0, 33, 70.0, 44, 40.0);
      List<Completion> got =
          run(
              both.apply(GREEDY.withLogitBias(wishes)), both.apply(GREEDY),
              GREEDY.withLogitBias(wishes).withEnds(List.of(33), least, true));
      int[] expected = repeated(44, Math.min(12, least + 1));
      if (least < 12) {
        expected[least] = EOS;
      }
      assertArrayEquals(expected, got.get(0).tokenIds(), "least " + least);
      assertEquals(least < 12 ? FinishReason.STOP : FinishReason.LENGTH, got.get(0).finishReason());
      // Masked without a bias too, and then free again.
      int[] early = Arrays.copyOf(got.get(1).tokenIds(), Math.min(least, got.get(1).tokenIds().length));
      assertTrue(Arrays.stream(early).noneMatch(id -> id == EOS || id == 33));
      // Ignored ends wait as well.
      int[] ignored = repeated(EOS, 12);
      Arrays.fill(ignored, 0, Math.min(12, least), 44);
      assertArrayEquals(ignored, got.get(2).tokenIds(), "least " + least);
    }
  }

  @Test
  void stopStringsWaitForMinTokens() throws Exception {
    // 33 is the letter h, which alone is the stop string.
    SamplingParams stop = new SamplingParams(0, 1, 0, 0, 1, 12, List.of("h"), 0, true, 0).withLogitBias(Map.of(33, 100.0));
    List<Completion> got = run(stop, stop.withEnds(List.of(), 4, false), stop.withEnds(List.of(), 12, false));
    assertEquals(List.of(1, 5, 12), got.stream().map(c -> c.tokenIds().length).toList());
    assertEquals(List.of("", "hhhh", "h".repeat(12)), got.stream().map(Completion::text).toList());
  }

  /** What leaves the likeliest token alone is greedy, at any temperature. */
  @Test
  void cutsReachTheSampler() throws Exception {
    int[] greedy = run(GREEDY).get(0).tokenIds();
    SamplingParams free = new SamplingParams(1.5, 1, 0, 0, 1, 12, List.of(), 0, true, 0);
    SamplingParams topK = new SamplingParams(1.5, 1, 1, 0, 1, 12, List.of(), 0, true, 0);
    SamplingParams minP = new SamplingParams(1.5, 1, 0, 1, 1, 12, List.of(), 0, true, 0);
    SamplingParams topP = new SamplingParams(1.5, 1e-9, 0, 0, 1, 12, List.of(), 0, true, 0);
    List<Completion> got = run(free, topK, minP, topP);
    assertFalse(Arrays.equals(greedy, got.get(0).tokenIds()), "without cuts others are drawn");
    for (int i = 1; i < got.size(); i++) {
      assertArrayEquals(greedy, got.get(i).tokenIds(), "cut " + i);
    }
  }

  /** So high a penalty leaves no positive logit to tokens of prompt and answer: they are as good as forbidden. */
  @Test
  void theRepetitionPenaltyKnowsPromptAndAnswer() throws Exception {
    int[] got = run(new SamplingParams(0, 1, 0, 0, 1e30, 12, List.of(), 0, true, 0)).get(0).tokenIds();
    assertFalse(Arrays.equals(run(GREEDY).get(0).tokenIds(), got), "greedy repeats nothing by itself");
    int[] context = PROMPT;
    for (int token : got) {
      Map<Integer, Double> seen = new HashMap<>();
      Arrays.stream(context).forEach(id -> seen.put(id, NEVER));
      SamplingParams unseen = new SamplingParams(0, 1, 0, 0, 1, 1, List.of(), 0, true, 0).withLogitBias(seen);
      int[] expected = run(List.of(new GenerationRequest(0, context, new int[] {0}, unseen))).get(0).tokenIds();
      assertArrayEquals(expected, new int[] {token});
      context = Arrays.copyOf(context, context.length + 1);
      context[context.length - 1] = token;
    }
  }

  /** Llama 3 and Qwen have several. */
  @Test
  void eachEndOfSequenceEnds() throws Exception {
    Path model = TinyCheckpoint.write(folder, "llama", "F32", 3);
    Path config = model.resolve("config.json");
    String one = "\"eos_token_id\":" + EOS;
    String text = Files.readString(config);
    assertTrue(text.contains(one), text);
    Files.writeString(config, text.replace(one, "\"eos_token_id\":[" + EOS + ",33]"));
    EngineCore core = new EngineSetup(1, 8, 32, 40, 1).open(model, WeightPrecision.F32);
    try (EngineSession session = core.open()) {
      for (int id : new int[] {EOS, 33, 44}) {
        session.submit(new GenerationRequest(id, PROMPT, new int[] {0}, always(id)));
      }
      for (Completion c : EngineCoreTest.all(session)) {
        assertEquals(c.requestId() == 44 ? 12 : 1, c.tokenIds().length, "end " + c.requestId());
        assertEquals(c.requestId() == 44 ? FinishReason.LENGTH : FinishReason.STOP, c.finishReason());
      }
    } finally {
      core.close();
    }
  }

  /** Greedy between two tokens, by raw log-probabilities that are computed without the sampler's penalties. */
  private static int[] expected(TokenScorer scorer, double ahead, double presence, double frequency) {
    int[] counts = new int[2];
    int[] out = new int[GREEDY.maxTokens()];
    for (int i = 0; i < out.length; i++) {
      int[] context = Arrays.copyOf(PROMPT, PROMPT.length + i);
      System.arraycopy(out, 0, context, PROMPT.length, i);
      double[] logit = {scorer.logprob(context, 33) + ahead, scorer.logprob(context, 44)};
      for (int k = 0; k < 2; k++) {
        logit[k] -= frequency * counts[k] + (counts[k] > 0 ? presence : 0);
      }
      int best = logit[0] >= logit[1] ? 0 : 1;
      counts[best]++;
      out[i] = best == 0 ? 33 : 44;
    }
    return out;
  }

  @Test
  void penaltiesByCountTakeOffWhatTheySay() throws Exception {
    Map<Integer, Double> two = new HashMap<>();
    IntStream.range(0, TinyCheckpoint.VOCAB).filter(id -> id != 33 && id != 44).forEach(id -> two.put(id, NEVER));
    two.put(33, 3.0);
    SamplingParams free = GREEDY.withLogitBias(two);
    double[][] penalties = {{0, 0}, {2, 0}, {0, 2}, {0.7, -1.3}, {-0.9, 0.5}, {1.5, 1.5}};
    List<Completion> got =
        run(Arrays.stream(penalties).map(p -> free.withPenalties(p[0], p[1])).toArray(SamplingParams[]::new));
    Set<String> all = new HashSet<>();
    try (TokenScorer scorer = TokenScorer.load(EngineSpec.ofModel(folder.toString()), 64)) {
      for (int i = 0; i < penalties.length; i++) {
        int[] expected = expected(scorer, 3, penalties[i][0], penalties[i][1]);
        assertArrayEquals(expected, got.get(i).tokenIds(), Arrays.toString(penalties[i]));
        all.add(Arrays.toString(expected));
      }
    }
    assertTrue(all.size() > 3, "the penalties must tell in the tokens: " + all);
  }

  @Test
  void unknownIdsAndRowsWithNothingToDrawAreErrorsOfTheirOwn() throws Exception {
    Map<Integer, Double> none = new HashMap<>();
    IntStream.range(0, TinyCheckpoint.VOCAB).forEach(id -> none.put(id, NEVER));
    List<Completion> got =
        run(
            always(TinyCheckpoint.VOCAB), GREEDY.withEnds(List.of(1_000_000), 0, false), GREEDY.withLogitBias(none),
            always(33));
    assertEquals("token_out_of_range", got.get(0).errorClass());
    assertTrue(got.get(0).errorMessage().contains("logit-bias names the token id 150"), got.get(0).errorMessage());
    assertEquals("token_out_of_range", got.get(1).errorClass());
    assertTrue(got.get(1).errorMessage().contains("stop-token-ids"), got.get(1).errorMessage());
    assertEquals("non_finite_logits", got.get(2).errorClass());
    assertTrue(got.get(2).errorMessage().contains("leave no token"), got.get(2).errorMessage());
    assertArrayEquals(repeated(33, 12), got.get(3).tokenIds());
  }

  @Test
  void aContinuationMayHoldWhatTheRulesAllow() throws Exception {
    int[][] afterEos = {{44, EOS, 44}};
    int[][] afterStop = {{44, 33, 44}};
    SamplingParams ignoring = always(44).withEnds(List.of(33), 0, true);
    List<Completion> got =
        run(
            List.of(
                new GenerationRequest(0, PROMPT, new int[] {0}, ignoring, afterEos),
                new GenerationRequest(1, PROMPT, new int[] {0}, ignoring, afterStop),
                new GenerationRequest(2, PROMPT, new int[] {0}, always(44), afterEos),
                new GenerationRequest(3, PROMPT, new int[] {0}, always(44), afterStop)));
    assertEquals(
        Arrays.asList(null, "continuation_invalid", "continuation_invalid", null),
        got.stream().map(Completion::errorClass).toList());
    assertEquals(12, got.get(0).tokenIds().length);
  }

  @Test
  void anEndOfSequenceThatTheModelHasNoLogitForIsNoBias() {
    TokenRules rules = TokenRules.of(GREEDY.withEnds(List.of(), 5, false), Set.of(2, 150, -1), 150);
    assertArrayEquals(new int[] {2}, rules.biased);
    assertArrayEquals(new float[] {Float.NEGATIVE_INFINITY}, rules.bias(4));
    assertArrayEquals(new float[0], rules.bias(5));
    assertFalse(rules.ends(2, 5));
    assertTrue(rules.ends(2, 6));
  }
}
