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
import io.winnow.inference.SamplingParams;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Samples that go on from tokens generated before. */
@Timeout(60)
class ContinuationTest {
  private static final int[] PROMPT = SchedulerTest.longLived(20);

  private ScriptedStep step;

  private EngineCore open(int pages, int maxSequences, int maxRows) {
    step = new ScriptedStep(pages);
    return new EngineCore(Script.limits(maxSequences, maxRows), pages, step, LetterText::new);
  }

  private static GenerationRequest with(SamplingParams params, int[]... generated) {
    int[] samples = new int[generated.length];
    Arrays.setAll(samples, i -> i);
    return new GenerationRequest(1, PROMPT, samples, params, generated);
  }

  private static int[] tokens(int sample, int count) {
    GenerationRequest whole = Script.request(0, PROMPT, sample + 1, Script.params(30));
    return Arrays.copyOf(Script.alone(whole, sample).tokens(), count);
  }

  @Test
  void everySampleGoesOnFromAnyCutAsIfItHadNeverStopped() throws InterruptedException {
    long seed = Script.seed("ContinuationTest");
    long preemptions = 0;
    for (int i = 0; i < 60; i++) {
      Random random = new Random(seed + i);
      List<GenerationRequest> whole = Script.requests(random, 1 + random.nextInt(14));
      int pages = Script.pagesOfLongest(whole) + random.nextInt(8);
      int maxSequences = 1 + random.nextInt(16);
      EngineCore core = open(pages, maxSequences, maxSequences + random.nextInt(80));
      EngineSession session = core.open();
      long drawn = 0;
      for (GenerationRequest request : whole) {
        GenerationRequest cut = Script.cut(request, random);
        for (int s = 0; s < cut.generated().length; s++) {
          Script.Expected end = Script.alone(request, cut.sampleIndexes()[s]);
          drawn += end.tokens().length - (cut.generated()[s] == null ? 0 : cut.generated()[s].length);
        }
        session.submit(cut);
      }
      for (Completion c : EngineCoreTest.all(session)) {
        EngineCoreTest.assertAlone(whole.get((int) c.requestId()), c);
      }
      assertEquals(drawn, session.generatedTokens(), "schedule " + (seed + i));
      assertEquals(pages, core.freePages(), "schedule " + (seed + i));
      preemptions += core.stats().preemptions();
      core.close();
      assertNull(step.broken, "schedule " + (seed + i));
    }
    assertTrue(preemptions > 0, "nothing was preempted");
  }

  @Test
  void whatIsCompleteComesBackAtOnceAndWithoutAStep() throws InterruptedException {
    EngineCore core = open(8, 4, 64);
    EngineSession session = core.open();
    session.submit(with(Script.params(10), tokens(0, 10), tokens(1, 12)));
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(2, got.size());
    for (Completion c : got) {
      assertEquals(FinishReason.LENGTH, c.finishReason());
      assertArrayEquals(tokens(c.sampleIndex(), c.sampleIndex() == 0 ? 10 : 12), c.tokenIds());
      assertEquals(c.tokenIds().length, c.text().length());
    }
    // What fills the context is complete whatever the limit.
    int[] full = new int[Script.CONTEXT - PROMPT.length];
    Arrays.fill(full, 5);
    session.submit(with(Script.params(Integer.MAX_VALUE), full));
    assertEquals(FinishReason.LENGTH, EngineCoreTest.all(session).get(0).finishReason());
    assertEquals(0, step.steps.size());
    assertEquals(0, core.stats().steps());
    assertEquals(0, session.generatedTokens());
    core.close();
  }

  @Test
  void givenTokensHaveNoLogProbability() throws InterruptedException {
    EngineCore core = open(8, 4, 64);
    EngineSession session = core.open();
    SamplingParams asked = new SamplingParams(1, 1, 0, 0, 1, 30, List.of(), 0, true, 0);
    session.submit(with(asked, tokens(0, 7), null));
    for (Completion c : EngineCoreTest.all(session)) {
      for (int i = 0; i < 30; i++) {
        assertEquals(c.sampleIndex() == 0 && i < 7, Float.isNaN(c.logprobs()[i]), "token " + i);
      }
    }
    core.close();
  }

  @Test
  void aStopStringAcrossTheCutIsFound() throws InterruptedException {
    String text = Script.alone(Script.request(0, PROMPT, 1, Script.params(30)), 0).text();
    String stop = text.substring(9, 12);
    int end = text.indexOf(stop);
    EngineCore core = open(8, 4, 64);
    EngineSession session = core.open();
    for (int cut = end; cut < end + 3; cut++) {
      session.submit(with(Script.params(30, stop), tokens(0, cut)));
      Completion c = EngineCoreTest.all(session).get(0);
      assertEquals(FinishReason.STOP, c.finishReason(), "cut at " + cut);
      assertEquals(text.substring(0, end), c.text());
      assertEquals(end + 3, c.tokenIds().length);
    }
    core.close();
  }

  @Test
  void tokensThatCannotHaveBeenLeftUnfinishedAreRefusedAndTheOthersGoOn() throws InterruptedException {
    String stop = Script.alone(Script.request(0, PROMPT, 1, Script.params(30)), 0).text().substring(4, 7);
    int[] ended = tokens(0, 9);
    ended[3] = Script.EOS;
    int[] strange = tokens(0, 9);
    strange[8] = Script.VOCAB;
    int[] negative = {-1};
    EngineCore core = open(8, 4, 64);
    EngineSession session = core.open();
    session.submit(
        with(
            Script.params(30, stop), ended, strange, negative, new int[Script.CONTEXT - PROMPT.length + 1],
            new int[Script.CONTEXT], null, tokens(6, 2)));
    // A stop string that is complete at the last of the tokens given.
    GenerationRequest stopped =
        new GenerationRequest(2, PROMPT, new int[] {0}, Script.params(30, stop), new int[][] {tokens(0, 7)});
    session.submit(stopped);
    int refused = 0;
    for (Completion c : EngineCoreTest.all(session)) {
      if (c.requestId() == 2 || c.sampleIndex() < 5) {
        assertEquals("continuation_invalid", c.errorClass());
        assertTrue(c.errorMessage().startsWith("Cannot go on from the tokens given: "), c.errorMessage());
        assertEquals(0, c.tokenIds().length);
        refused++;
      } else {
        EngineCoreTest.assertAlone(with(Script.params(30, stop), new int[7][]), c);
      }
    }
    assertEquals(6, refused);
    core.close();
  }

  @Test
  void anEntryForEachSampleIsAsked() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new GenerationRequest(1, PROMPT, new int[] {0, 1}, Script.params(3), new int[1][]));
  }
}
