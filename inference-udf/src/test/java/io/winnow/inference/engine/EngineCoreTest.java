// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineStats;
import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SamplingParams;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EngineCoreTest {
  private static final int PAGES = 40;

  private ScriptedStep step;
  private EngineCore core;

  private EngineCore open(int maxSequences, Consumer<StepBatch> before) {
    return open(maxSequences, before, LetterText::new);
  }

  private EngineCore open(int maxSequences, Consumer<StepBatch> before, StopDetector.Factory texts) {
    step = new ScriptedStep(PAGES, before);
    core = new EngineCore(Script.limits(maxSequences, maxSequences + 64), PAGES, step, texts);
    return core;
  }

  @AfterEach
  void endsAndFreesEverything() {
    if (core != null) {
      core.close();
      assertTrue(step.closed, "the runner is not closed");
    }
  }

  static List<Completion> all(EngineSession session) throws InterruptedException {
    List<Completion> out = new ArrayList<>();
    while (session.pending() > 0) {
      out.addAll(session.poll(1000));
    }
    return out;
  }

  static void assertAlone(GenerationRequest request, Completion c) {
    Script.Expected expected = Script.alone(request, c.sampleIndex());
    assertEquals(expected.finish(), c.finishReason(), c.errorMessage());
    assertArrayEquals(expected.tokens(), c.tokenIds());
    assertEquals(expected.text(), c.text());
    assertEquals(request.requestId(), c.requestId());
    assertNull(c.logprobs());
  }

  private static GenerationRequest request(long id, int samples, int maxTokens) {
    return Script.request(id, SchedulerTest.longLived(20), samples, Script.params(maxTokens));
  }

  private static GenerationRequest tokens(int... prompt) {
    return Script.request(5, prompt, 3, Script.params(10));
  }

  private void assertRefused(GenerationRequest request, String errorClass) throws InterruptedException {
    EngineSession session = core.open();
    session.submit(request);
    assertEquals(request.sampleIndexes().length, session.pending());
    List<Completion> got = all(session);
    for (int i = 0; i < got.size(); i++) {
      assertEquals(i, got.get(i).sampleIndex());
      assertEquals(FinishReason.ERROR, got.get(i).finishReason());
      assertEquals(errorClass, got.get(i).errorClass());
      assertEquals(0, got.get(i).tokenIds().length);
      assertEquals("", got.get(i).text());
      assertTrue(got.get(i).errorMessage().length() > 20);
    }
    assertEquals(request.sampleIndexes().length, got.size());
    session.close();
  }

  /** The engine goes on as if nothing had been. */
  private void assertWorks() throws InterruptedException {
    EngineSession session = core.open();
    GenerationRequest request = request(99, 3, 20);
    session.submit(request);
    List<Completion> got = all(session);
    assertEquals(3, got.size());
    got.forEach(c -> assertAlone(request, c));
    session.close();
    assertEquals(PAGES, core.freePages());
    assertNull(step.broken);
  }

  @Test
  void badRequestsComeBackAsErrorsOfEverySample() throws InterruptedException {
    open(4, b -> {});
    assertRefused(tokens(), "prompt_empty");
    assertRefused(tokens(new int[Script.CONTEXT]), "prompt_too_long");
    assertRefused(tokens(3, Script.VOCAB), "token_out_of_range");
    assertRefused(tokens(-1), "token_out_of_range");
    assertEquals(0, step.steps.size());
    assertWorks();
  }

  @Test
  void aRequestThatCannotFitTheCacheIsRefused() throws InterruptedException {
    step = new ScriptedStep(2);
    core = new EngineCore(Script.limits(4, 64), 2, step, LetterText::new);
    int[] prompt = Script.prompt(new Random(1), 100);
    assertRefused(Script.request(1, prompt, 2, Script.params(29)), "kv_cache_too_small");
    assertRefused(Script.request(1, prompt, 2, Script.params(Integer.MAX_VALUE)), "kv_cache_too_small");
    GenerationRequest fits = Script.request(1, prompt, 2, Script.params(28));
    EngineSession session = core.open();
    session.submit(fits);
    all(session).forEach(c -> assertAlone(fits, c));
    assertEquals(2, core.freePages());
  }

  @Test
  void unlimitedMaxTokensMeansWhatTheContextLeaves() throws InterruptedException {
    open(4, b -> {});
    int[] prompt = Script.prompt(new Random(2), Script.CONTEXT - 3);
    GenerationRequest request = Script.request(1, prompt, 6, Script.params(Integer.MAX_VALUE));
    EngineSession session = core.open();
    session.submit(request);
    List<Completion> got = all(session);
    got.forEach(c -> assertAlone(request, c));
    assertTrue(got.stream().anyMatch(c -> c.finishReason() == FinishReason.LENGTH && c.tokenIds().length == 3));
  }

  @Test
  void oneTokenAndAnEndAtTheFirstTokenAreWholeAnswers() throws InterruptedException {
    open(4, b -> {});
    boolean ended = false;
    EngineSession session = core.open();
    for (int seed = 0; seed < 60; seed++) {
      GenerationRequest request =
          Script.request(seed, Script.prompt(new Random(seed), 64), 2, Script.params(seed % 2 == 0 ? 1 : 40));
      session.submit(request);
      for (Completion c : all(session)) {
        assertAlone(request, c);
        ended |= c.tokenIds().length == 1 && c.tokenIds()[0] == Script.EOS && c.text().isEmpty();
      }
    }
    assertTrue(ended, "no sample ended at its first token");
  }

  @Test
  void textIsCutBeforeAStopStringAndTokensAreKept() throws InterruptedException {
    open(4, b -> {});
    int[] prompt = SchedulerTest.longLived(20);
    String whole = Script.alone(Script.request(0, prompt, 1, Script.params(30)), 0).text();
    String stop = whole.substring(10, 12);
    GenerationRequest request = Script.request(0, prompt, 1, Script.params(30, stop));
    EngineSession session = core.open();
    session.submit(request);
    Completion c = all(session).get(0);
    assertAlone(request, c);
    assertEquals(FinishReason.STOP, c.finishReason());
    assertEquals(whole.substring(0, whole.indexOf(stop)), c.text());
    assertEquals(whole.indexOf(stop) + 2, c.tokenIds().length);
  }

  @Test
  void logitsThatAreNotFiniteFailThatSampleOnly() throws InterruptedException {
    open(8, b -> {});
    int[] prompt = SchedulerTest.longLived(20);
    prompt[3] = Script.BREAKS;
    GenerationRequest bad = Script.request(1, prompt, 6, Script.params(60));
    GenerationRequest good = request(2, 2, 30);
    EngineSession session = core.open();
    session.submit(bad);
    session.submit(good);
    int failed = 0;
    for (Completion c : all(session)) {
      assertAlone(c.requestId() == 1 ? bad : good, c);
      if (c.finishReason() == FinishReason.ERROR) {
        assertEquals("non_finite_logits", c.errorClass());
        failed++;
      }
    }
    assertTrue(failed >= 1 && failed <= 3, failed + " failed");
    assertWorks();
  }

  /** A text that throws at one of its methods for one prompt. */
  private static StopDetector.Factory breakingText(String where) {
    return stop -> {
      if (where.equals("create") && stop.contains("boom")) {
        throw new IllegalStateException("no text");
      }
      if (where.equals("create, an error") && stop.contains("boom")) {
        throw new OutOfMemoryError("no text");
      }
      return new StopDetector() {
        private final LetterText text = new LetterText(stop);

        @Override
        public boolean append(int token, boolean mayStop) {
          if (where.equals("append") && stop.contains("boom")) {
            throw new IllegalStateException("no text");
          }
          if (where.equals("append, an error") && stop.contains("boom")) {
            throw new StackOverflowError("no text");
          }
          return text.append(token, mayStop);
        }

        @Override
        public String text() {
          if (where.equals("text") && stop.contains("boom")) {
            throw new IllegalStateException("no text");
          }
          if (where.equals("text, an error") && stop.contains("boom")) {
            throw new OutOfMemoryError("no text");
          }
          return text.text();
        }
      };
    };
  }

  @Test
  void textThatCannotBeMadeFailsThatRequestOnly() throws InterruptedException {
    for (String where :
        List.of("create", "append", "text", "create, an error", "append, an error", "text, an error")) {
      open(8, b -> {}, breakingText(where));
      EngineSession session = core.open();
      GenerationRequest good = request(2, 3, 30);
      session.submit(good);
      session.submit(Script.request(1, SchedulerTest.longLived(20), 2, Script.params(30, "boom")));
      int failed = 0;
      for (Completion c : all(session)) {
        if (c.requestId() == 1) {
          assertEquals("engine_fault", c.errorClass(), where);
          assertTrue(c.errorMessage().contains("no text"), c.errorMessage());
          failed++;
        } else {
          assertAlone(good, c);
        }
      }
      assertEquals(2, failed, where);
      assertWorks();
      core.close();
    }
  }

  @Test
  void aClosedSessionLeavesAtTheNextStepAndItsPagesComeBack() throws InterruptedException {
    Semaphore steps = new Semaphore(0);
    open(8, b -> steps.acquireUninterruptibly());
    EngineSession kept = core.open();
    EngineSession gone = core.open();
    kept.submit(request(1, 2, 30));
    gone.submit(request(2, 3, 30));
    gone.submit(request(3, 9, 30));
    steps.release(5);
    while (step.steps.size() < 6) {
      Thread.sleep(1);
    }
    gone.close();
    int then = step.steps.size();
    steps.release(1_000_000);
    assertEquals(2, all(kept).size());
    for (ScriptedStep.Step s : step.steps.subList(then, step.steps.size())) {
      assertTrue(s.drawing().stream().allMatch(d -> d.request.id() == 1), "a cancelled sample draws");
    }
    assertEquals(PAGES, core.freePages());
    assertThrows(IllegalStateException.class, () -> gone.submit(request(4, 1, 1)));
    gone.close();
    assertWorks();
  }

  @Test
  void aRequestWithoutSamplesIsDoneAtOnce() throws InterruptedException {
    open(4, b -> {});
    EngineSession session = core.open();
    session.submit(new GenerationRequest(1, new int[] {1}, new int[0], SamplingParams.DEFAULT));
    assertEquals(0, session.pending());
    assertEquals(List.of(), session.poll(0));
    assertWorks();
  }

  @Test
  void whatIsWelcomeIsBoundedByWhatRunsAtATime() throws InterruptedException {
    Semaphore steps = new Semaphore(0);
    open(8, b -> steps.acquireUninterruptibly());
    EngineSession first = core.open();
    EngineSession second = core.open();
    int taken = 0;
    for (EngineSession s : List.of(first, second)) {
      for (long id = 0; s.hasRoom(); id++) {
        s.submit(request(id, 4, 3));
        taken += 4;
      }
    }
    assertTrue(taken >= 16 && taken <= 2 * 8 + 2 * 4 + 2, taken + " samples were welcome");
    steps.release(1_000_000);
    assertEquals(taken, all(first).size() + all(second).size());
    assertTrue(first.hasRoom());
    // Whoever has nothing under way is always welcome, however many there are.
    for (int i = 0; i < 100; i++) {
      assertTrue(core.open().hasRoom());
    }
  }

  @Test
  void pollWaitsNoLongerThanItIsTold() throws InterruptedException {
    Semaphore steps = new Semaphore(0);
    open(8, b -> steps.acquireUninterruptibly());
    EngineSession session = core.open();
    assertEquals(List.of(), session.poll(60_000));
    session.submit(request(1, 1, 3));
    assertEquals(List.of(), session.poll(5));
    steps.release(1_000_000);
    assertEquals(1, all(session).size());
  }

  @Test
  void closingEndsTheThreadAndTellsThoseWhoWait() throws InterruptedException {
    Semaphore steps = new Semaphore(0);
    open(8, b -> steps.acquireUninterruptibly());
    EngineSession session = core.open();
    session.submit(request(1, 9, 30));
    EngineSession idle = core.open();
    steps.release(3);
    // Closed in the middle of the fourth step, which waits for its permit.
    while (step.steps.size() < 4) {
      Thread.sleep(1);
    }
    Thread closer = new Thread(core::close);
    closer.start();
    while (closer.getState() != Thread.State.WAITING) {
      Thread.sleep(1);
    }
    steps.release(1_000_000);
    closer.join();
    assertTrue(step.closed);
    assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(t -> t.getName().equals("winnow-engine")));
    InferenceException e = assertThrows(InferenceException.class, () -> all(session));
    assertEquals("engine_fault", e.errorClass());
    assertThrows(InferenceException.class, () -> idle.submit(request(2, 1, 1)));
    assertEquals(List.of(), idle.poll(1000));
    session.close();
    idle.close();
    core.close();
  }

  @Test
  void anIdleEngineSleeps() throws InterruptedException {
    open(8, b -> {});
    assertWorks();
    Thread engine =
        Thread.getAllStackTraces().keySet().stream()
            .filter(t -> t.getName().equals("winnow-engine"))
            .findFirst()
            .orElseThrow();
    int steps = step.steps.size();
    long cpu = cpuNanos(engine);
    Thread.sleep(100);
    assertEquals(steps, step.steps.size());
    assertEquals(Thread.State.WAITING, engine.getState());
    assertTrue(cpuNanos(engine) - cpu < 10_000_000, "an idle engine used the processor");
    assertWorks();
  }

  private static long cpuNanos(Thread thread) {
    return ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId());
  }

  @Test
  void statisticsCountWhatWasDone() throws InterruptedException {
    open(4, b -> {});
    GenerationRequest request = request(1, 4, 10);
    EngineSession session = core.open();
    session.submit(request);
    all(session);
    core.freePages();
    EngineStats stats = core.stats();
    assertEquals(10, stats.steps());
    assertEquals(20, stats.promptTokens());
    assertEquals(40, stats.generatedTokens());
    assertEquals(40, stats.runningSum());
    assertEquals(0, stats.preemptions());
    assertTrue(stats.busyNanos() > 0);
  }

  @Test
  void timeCountsFromTheFirstStepOfALongPrompt() throws InterruptedException {
    open(1, b -> pause(10));
    // 65 rows a step: five steps of prompt, and the last of them draws the only token.
    EngineSession session = core.open();
    session.submit(Script.request(1, Script.prompt(new Random(1), 320), 1, Script.params(1)));
    long millis = all(session).get(0).engineMillis();
    assertEquals(5, step.steps.size());
    assertTrue(millis >= 45, millis + " ms");
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
