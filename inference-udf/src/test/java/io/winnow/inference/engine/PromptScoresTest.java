// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Log-probabilities of prompts' own tokens, and requests that generate nothing. */
@Timeout(30)
class PromptScoresTest {
  private static final int PAGES = 40;

  private ScriptedStep step;
  private EngineCore core;

  @AfterEach
  void endsAndFreesEverything() {
    if (core != null) {
      assertEquals(PAGES, core.freePages());
      core.close();
    }
  }

  private EngineSession open(int maxSequences) {
    step = new ScriptedStep(PAGES);
    core = new EngineCore(Script.limits(maxSequences, maxSequences + 64), PAGES, step, LetterText::new);
    return core.open();
  }

  /** Tokens that the script can score, and no sample breaks at. */
  private static int[] prompt(long seed, int length) {
    return new Random(seed).ints(length, 1, Script.UNSCORABLE).toArray();
  }

  /** The request, in one of two cases with scores from some token on, and then sometimes without any generation. */
  static GenerationRequest sometimesScored(GenerationRequest r, Random random) {
    if (random.nextBoolean()) {
      return r;
    }
    int from = 1 + random.nextInt(random.nextBoolean() ? 1 : r.promptTokens().length + 1);
    boolean nothing = random.nextInt(3) == 0;
    return new GenerationRequest(
        r.requestId(), r.promptTokens(), r.sampleIndexes(), nothing ? Script.params(0) : r.params(), null, from);
  }

  static String bits(float[] logprobs) {
    StringBuilder out = new StringBuilder();
    for (float l : logprobs) {
      out.append(Float.isNaN(l) ? "-" : Integer.toHexString(Float.floatToRawIntBits(l))).append(',');
    }
    return out.toString();
  }

  private static void assertAlone(GenerationRequest request, Completion c) {
    Script.Expected expected = Script.alone(request, c.sampleIndex());
    assertEquals(expected.finish(), c.finishReason(), c.errorMessage());
    assertArrayEquals(expected.tokens(), c.tokenIds());
    assertEquals(expected.text(), c.text());
    assertArrayEquals(Script.promptLogprobs(request), c.promptLogprobs());
  }

  @Test
  void aPromptIsScoredOnceForAllItsSamples() throws InterruptedException {
    EngineSession session = open(4);
    // More samples than run together, a prompt of more than one step, twice the same.
    GenerationRequest first = Script.request(1, prompt(1, 150), 9, Script.params(20)).scoring(1);
    GenerationRequest tail = Script.request(2, prompt(1, 150), 2, Script.params(5)).scoring(140);
    GenerationRequest none = Script.request(3, prompt(1, 150), 1, Script.params(5));
    List<GenerationRequest> all = List.of(first, tail, none);
    all.forEach(session::submit);
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(12, got.size());
    got.forEach(c -> assertAlone(all.get((int) c.requestId() - 1), c));
    assertTrue(Float.isNaN(got.get(0).promptLogprobs()[0]), "the first token has nothing before it");
    assertEquals(149 + 10, step.scored);
  }

  @Test
  void aRequestMayGenerateNothing() throws InterruptedException {
    // Enough places, so that no request's samples are parted and its prompt computed twice.
    EngineSession session = open(16);
    List<GenerationRequest> all = new ArrayList<>();
    for (int length : new int[] {1, 2, 63, 64, 65, 200, Script.CONTEXT}) {
      all.add(Script.request(all.size(), prompt(length, length), 1, Script.params(0)).scoring(1));
    }
    all.add(Script.request(all.size(), prompt(3, 70), 2, Script.params(0)).scoring(69));
    // What is not wanted is not computed.
    all.add(Script.request(all.size(), prompt(4, 70), 1, Script.params(0)));
    all.add(Script.request(all.size(), prompt(5, 70), 1, Script.params(0)).scoring(70));
    all.forEach(session::submit);
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(all.size() + 1, got.size());
    for (Completion c : got) {
      assertEquals(FinishReason.LENGTH, c.finishReason(), c.errorMessage());
      assertEquals(0, c.tokenIds().length);
      assertAlone(all.get((int) c.requestId()), c);
    }
    assertEquals(0, session.generatedTokens());
    int rows = step.steps.stream().mapToInt(ScriptedStep.Step::rows).sum();
    assertEquals(2 + 63 + 64 + 65 + 200 + Script.CONTEXT + 70, rows);
  }

  @Test
  void aPromptThatFillsTheContextCanBeScoredButNotContinued() throws InterruptedException {
    EngineSession session = open(3);
    int[] full = prompt(1, Script.CONTEXT);
    session.submit(Script.request(1, full, 1, Script.params(1)).scoring(1));
    assertEquals("prompt_too_long", EngineCoreTest.all(session).get(0).errorClass());
    session.submit(Script.request(2, Arrays.copyOf(full, Script.CONTEXT + 1), 1, Script.params(0)).scoring(1));
    assertEquals("prompt_too_long", EngineCoreTest.all(session).get(0).errorClass());
  }

  @Test
  void aTokenThatCannotBeScoredFailsItsRequestAndNoOther() throws InterruptedException {
    EngineSession session = open(8);
    List<GenerationRequest> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      int[] prompt = prompt(i, 200);
      if (i % 2 == 0) {
        // In the first of several steps, or in the step that draws.
        prompt[i < 3 ? 7 : 199] = Script.UNSCORABLE;
      }
      all.add(Script.request(i, prompt, 1 + i % 3, Script.params(i == 4 ? 0 : 10)).scoring(1));
    }
    all.forEach(session::submit);
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(all.stream().mapToInt(r -> r.sampleIndexes().length).sum(), got.size());
    for (Completion c : got) {
      if (c.requestId() % 2 == 0) {
        assertEquals("non_finite_logits", c.errorClass());
        assertTrue(c.errorMessage().contains(c.requestId() < 3 ? "position 7." : "position 199."), c.errorMessage());
      } else {
        assertAlone(all.get((int) c.requestId()), c);
      }
    }
    // Not asked for, it harms nobody.
    GenerationRequest behind = Script.request(9, all.get(0).promptTokens(), 1, Script.params(10)).scoring(8);
    session.submit(behind);
    assertAlone(behind, EngineCoreTest.all(session).get(0));
  }

  @Test
  void samplesThatGoOnHaveTheSamePromptBeforeThem() throws InterruptedException {
    EngineSession session = open(8);
    Random random = new Random(3);
    for (int i = 0; i < 20; i++) {
      GenerationRequest whole = Script.request(i, prompt(i, 90), 3, Script.params(40)).scoring(1 + i);
      session.submit(Script.cut(whole, random));
      for (Completion c : EngineCoreTest.all(session)) {
        assertAlone(whole, c);
      }
    }
  }

  @Test
  void theFirstPositionThatIsNeededMovesWithWhatIsKnown() {
    PromptScores scores = new PromptScores(Script.request(0, prompt(1, 6), 1, Script.params(1)).scoring(2));
    assertEquals(1, scores.firstLogitPosition());
    String wanted = "";
    for (int position = 0; position < 6; position++) {
      wanted += scores.wants(position) ? position : "";
    }
    assertEquals("1234", wanted);
    scores.take(2, -1);
    scores.take(3, -1);
    // Computed twice, by two groups of the samples.
    scores.take(2, -1);
    assertEquals(3, scores.firstLogitPosition());
    assertTrue(scores.incomplete());
    scores.take(4, -1);
    scores.take(5, -1);
    assertEquals(5, scores.firstLogitPosition(), "samples draw from the last");
    Admission admission = new Admission(Script.limits(4, 64), PAGES, LetterText::new);
    OpenRequest open = new OpenRequest(Script.request(0, prompt(1, 6), 1, Script.params(3)).scoring(2), null);
    Prefill prefill = new Prefill(prompt(1, 6), List.of(admission.sequence(open, 0)));
    assertEquals(1, prefill.reusable());
    for (int place = 2; place < 6; place++) {
      open.scores.take(place, -1);
    }
    // Preempted behind its second token, it draws from the last of what is computed again.
    assertEquals(5, prefill.reusable());
    assertEquals(7, new Prefill(prompt(1, 8), prefill.members).reusable());
    PromptScores none = new PromptScores(Script.request(0, prompt(1, 6), 1, Script.params(1)));
    assertEquals(5, none.firstLogitPosition());
    assertNull(none.logprobs());
    assertThrows(IllegalArgumentException.class, () -> Script.request(0, prompt(1, 6), 1, Script.params(1)).scoring(-1));
  }

  @Test
  void theScriptedModelScoresAsWell() throws InterruptedException {
    // Load tests of a cluster score too; a prompt that breaks the script breaks here.
    int[] prompt = "two words".chars().toArray();
    String got = Arrays.stream(new int[] {1, 5}).mapToObj(from -> scripted(prompt, from)).collect(Collectors.joining());
    assertTrue(got.endsWith(scripted(prompt, 5)), got);
  }

  private static String scripted(int[] prompt, int from) {
    ScriptedDecoder decoder = new ScriptedDecoder(io.winnow.inference.ScriptParams.of("scripted:"), () -> {});
    GenerationRequest request = Script.request(0, prompt, 1, Script.params(0)).scoring(from);
    Admission admission = new Admission(new EngineCore.Limits(300, 99, java.util.Set.of(), 1, 64), 9, LetterText::new);
    BlockPool pool = new BlockPool(9);
    Scheduler scheduler = new Scheduler(pool, new PrefixTree(pool, true), 1, 64, (a, b) -> {});
    StepBatch batch = new StepBatch(64, 1);
    scheduler.add(prompt, List.of(admission.sequence(new OpenRequest(request, null), 0)));
    scheduler.next(batch);
    decoder.run(batch, new int[1], new float[1]);
    assertEquals(prompt.length - from, batch.scores);
    assertEquals(1, batch.ends);
    return bits(Arrays.copyOf(batch.scored, batch.scores));
  }
}
