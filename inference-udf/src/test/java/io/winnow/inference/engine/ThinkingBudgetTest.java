// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.tokenizer.ModelText;
import io.winnow.kernels.NativeBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Thinking that is ended by force, on the shipped model, which thinks by itself as well. */
@Timeout(120)
class ThinkingBudgetTest {
  private static final Path MODEL = Path.of(System.getProperty("winnow.root"), "examples", "model");
  private static final ModelText TEXT = ModelText.load(MODEL, null, Map.of());
  private static final int[] END = TEXT.tokenizer().encode("\n</think>\n\n");
  private static final String QUESTION = "Ann has 5 pens. She gives away 2. How many are left?\n";
  private static final SamplingParams PLAIN =
      new SamplingParams(0.8, 1, 0, 0, 1, 48, List.of(), 3, true, 0).withEnds(List.of(), 0, true);
  /** Writes digits alone, so that nothing is opened or ended but by force. */
  private static final SamplingParams DIGITS =
      PLAIN.withLogitBias(Arrays.stream(ids("123456789")).boxed().collect(Collectors.toMap(id -> id, id -> 60.0)));
  private static final int BUDGET = 20;

  @AfterEach
  void nothingStays() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static int[] ids(String text) {
    return TEXT.tokenizer().encode(text);
  }

  private static Map<Integer, Completion> run(int sequences, boolean speculation, List<GenerationRequest> requests)
      throws InterruptedException {
    EngineSpec spec = new EngineSpec(MODEL.toString(), "auto", 2, sequences, 4096, null, Map.of());
    Map<Integer, Completion> out = new TreeMap<>();
    EngineHosting hosting = new EngineHosting(null, false, speculation);
    try (ModelRuntime runtime = EmbeddedRuntime.load(spec, TEXT, MemoryBudget.host(0), hosting);
        ModelRuntime.Session session = runtime.open()) {
      for (GenerationRequest request : requests) {
        session.submit(request);
      }
      while (session.pending() > 0) {
        for (Completion c : session.poll(1000)) {
          assertNull(c.errorClass(), c.errorMessage());
          out.put((int) c.requestId() * 100 + c.sampleIndex(), c);
        }
      }
    }
    return out;
  }

  private static Completion one(String prompt, SamplingParams params) throws InterruptedException {
    return run(4, true, List.of(new GenerationRequest(0, ids(prompt), new int[] {0}, params))).get(0);
  }

  private static int[] cut(int[] ids, int from, int to) {
    return Arrays.copyOfRange(ids, from, to);
  }

  @Test
  void thinkingThatThePromptOpenedEndsAtTheBudget() throws Exception {
    for (String opened : List.of("<think>", "<think>\n", "<think>\n\n ")) {
      Completion free = one(QUESTION + opened, DIGITS);
      assertFalse(free.text().contains("</think>"), free.text());
      Completion ended = one(QUESTION + opened, DIGITS.withThinkingBudget(BUDGET));
      assertArrayEquals(cut(free.tokenIds(), 0, BUDGET), cut(ended.tokenIds(), 0, BUDGET), "as without until then");
      assertArrayEquals(END, cut(ended.tokenIds(), BUDGET, BUDGET + END.length));
      assertEquals(48, ended.tokenIds().length, "and goes on with the answer");
      assertEquals(1, ended.text().split("</think>", -1).length - 1, ended.text());
      assertTrue(ended.logprobs()[BUDGET] < 0, "under the raw logits");
    }
  }

  @Test
  void noBiasForbidsTheEnd() throws Exception {
    Map<Integer, Double> biases = new TreeMap<>(DIGITS.logitBias());
    Arrays.stream(END).forEach(id -> biases.put(id, Double.NEGATIVE_INFINITY));
    Completion ended = one(QUESTION + "<think>\n", DIGITS.withLogitBias(biases).withThinkingBudget(BUDGET));
    assertArrayEquals(END, cut(ended.tokenIds(), BUDGET, BUDGET + END.length));
  }

  @Test
  void thinkingGuessesUntilItsBudget() throws Exception {
    for (int budget : new int[] {2, 7, 30, 200}) {
      int[] prompt = ids("1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 <think>\n1 2 3");
      SamplingParams params = PLAIN.withMaxTokens(120, false).withThinkingBudget(budget);
      List<GenerationRequest> request = List.of(new GenerationRequest(0, prompt, new int[] {0}, params));
      int[] alone = run(1, false, request).get(0).tokenIds();
      assertArrayEquals(alone, run(1, true, request).get(0).tokenIds());
    }
  }

  @Test
  void whereNothingIsOpenNothingIsEnded() throws Exception {
    for (String prompt : List.of(QUESTION, "<think> is a tag. " + QUESTION, "<think>\nhm\n</think>\n\n")) {
      assertArrayEquals(one(prompt, DIGITS).tokenIds(), one(prompt, DIGITS.withThinkingBudget(1)).tokenIds(), prompt);
    }
  }

  @Test
  void thinkingThatTheAnswerOpensCountsFromItsBeginning() throws Exception {
    int[] begun = ids("<think>\nFive");
    int[] over = ids("<think>\nThree.\n</think>\n\nSo");
    int[] again = ids("A. </think> B <think> C");
    List<GenerationRequest> requests = new ArrayList<>();
    for (int[] given : List.of(begun, over, again)) {
      requests.add(
          new GenerationRequest(
              requests.size(), ids(QUESTION), new int[] {0}, DIGITS.withThinkingBudget(BUDGET), new int[][] {given}));
    }
    Map<Integer, Completion> got = run(4, true, requests);
    assertArrayEquals(END, cut(got.get(0).tokenIds(), BUDGET, BUDGET + END.length));
    assertFalse(contains(cut(got.get(100).tokenIds(), over.length, 48)), "it had ended by itself");
    assertFalse(contains(cut(got.get(200).tokenIds(), again.length, 48)), "the first end counts");
  }

  private static boolean contains(int[] ids) {
    return TEXT.tokenizer().decode(ids, false).contains("</think>");
  }

  @Test
  void aSampleIsTheSameWhateverRunsBesideItAndFromAnyCut() throws Exception {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      requests.add(
          new GenerationRequest(
              i, ids("What is " + i + " + 4?\n" + (i % 3 == 2 ? "" : "<think>\n")), new int[] {0, 1, 2},
              PLAIN.withThinkingBudget(10 + i)));
    }
    Map<Integer, Completion> alone = run(1, false, requests);
    assertEquals(18, alone.size());
    long forced =
        alone.values().stream()
            .filter(
                c -> {
                  int budget = 10 + (int) c.requestId();
                  return Arrays.equals(END, cut(c.tokenIds(), budget, budget + END.length));
                })
            .count();
    assertTrue(forced >= 6, "only " + forced + " were ended");
    assertSame(alone, run(8, true, requests));
    assertSame(alone, run(3, true, requests));
    for (int cut = 9; cut < 9 + END.length + 4; cut++) {
      List<GenerationRequest> rest = new ArrayList<>();
      for (GenerationRequest r : requests) {
        int[][] given = new int[3][];
        for (int s = 0; s < 3; s++) {
          given[s] = cut(alone.get((int) r.requestId() * 100 + s).tokenIds(), 0, cut);
        }
        rest.add(new GenerationRequest(r.requestId(), r.promptTokens(), r.sampleIndexes(), r.params(), given));
      }
      assertSame(alone, run(8, true, rest));
    }
  }

  private static void assertSame(Map<Integer, Completion> expected, Map<Integer, Completion> got) {
    assertEquals(expected.keySet(), got.keySet());
    expected.forEach((key, c) -> {
      assertArrayEquals(c.tokenIds(), got.get(key).tokenIds(), "sample " + key);
      assertEquals(c.text(), got.get(key).text());
      assertEquals(FinishReason.LENGTH, got.get(key).finishReason());
    });
  }
}
