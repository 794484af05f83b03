// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Steps that throw: who did it fails, and nobody else notices. */
@Timeout(60)
class EngineFaultTest {
  /** As the first token of a prompt: the step that prefills it throws. */
  private static final int PREFILL_THROWS = 998;
  /** As the first token of a prompt: a step throws when an odd sample has this many tokens. */
  private static final int DECODE_THROWS = 997;
  private static final int FAULT_AT = 5;

  private ScriptedStep step;

  private EngineCore open(int pages, int maxSequences, int maxRows, Consumer<StepBatch> before) {
    step = new ScriptedStep(pages, before);
    return new EngineCore(Script.limits(maxSequences, maxRows), pages, step, LetterText::new);
  }

  private static void throwForMarked(StepBatch b) {
    for (int row = 0; row < b.rows; row++) {
      if (b.positions[row] == 0 && b.tokens[row] == PREFILL_THROWS) {
        throw new IllegalStateException("scripted prefill");
      }
    }
    for (int i = 0; i < b.draws; i++) {
      Sequence s = b.drawing[i];
      if (s.request.prompt()[0] == DECODE_THROWS && s.sampleIndex % 2 == 1 && s.count == FAULT_AT) {
        throw new OutOfMemoryError("scripted decode");
      }
    }
  }

  /** What the script says of a sample, and that it failed if its mark makes it. */
  private static boolean checkMarked(GenerationRequest request, Completion c) {
    Script.Expected whole = Script.alone(request, c.sampleIndex());
    int mark = request.promptTokens()[0];
    boolean decode = mark == DECODE_THROWS && c.sampleIndex() % 2 == 1 && whole.tokens().length > FAULT_AT;
    if (mark != PREFILL_THROWS && !decode) {
      EngineCoreTest.assertAlone(request, c);
      return false;
    }
    assertEquals(FinishReason.ERROR, c.finishReason());
    assertEquals("engine_fault", c.errorClass());
    assertTrue(c.errorMessage().contains(decode ? "scripted decode" : "scripted prefill"), c.errorMessage());
    assertArrayEquals(Arrays.copyOf(whole.tokens(), decode ? FAULT_AT : 0), c.tokenIds());
    return true;
  }

  @Test
  void onlyTheSequencesThatMakeAStepThrowFail() throws InterruptedException {
    long seed = Script.seed("EngineFaultTest");
    int failed = 0;
    long preemptions = 0;
    for (int i = 0; i < 80; i++) {
      Random random = new Random(seed + i);
      List<GenerationRequest> requests = Script.requests(random, 1 + random.nextInt(14));
      for (int r = 0; r < requests.size(); r++) {
        int mark = random.nextInt(6);
        if (mark < 2) {
          GenerationRequest plain = requests.get(r);
          int[] prompt = plain.promptTokens().clone();
          prompt[0] = mark == 0 ? PREFILL_THROWS : DECODE_THROWS;
          requests.set(r, new GenerationRequest(r, prompt, plain.sampleIndexes(), plain.params()));
        }
      }
      int pages = Script.pagesOfLongest(requests) + random.nextInt(8);
      int maxSequences = 1 + random.nextInt(16);
      EngineCore core =
          open(pages, maxSequences, maxSequences + random.nextInt(80), EngineFaultTest::throwForMarked);
      EngineSession session = core.open();
      int samples = 0;
      for (GenerationRequest request : requests) {
        session.submit(request);
        samples += request.sampleIndexes().length;
      }
      List<Completion> got = EngineCoreTest.all(session);
      assertEquals(samples, got.stream().map(c -> c.requestId() + "/" + c.sampleIndex()).distinct().count());
      for (Completion c : got) {
        failed += checkMarked(requests.get((int) c.requestId()), c) ? 1 : 0;
      }
      assertEquals(pages, core.freePages(), "schedule " + (seed + i));
      preemptions += core.stats().preemptions();
      core.close();
      assertNull(step.broken, "schedule " + (seed + i));
    }
    assertTrue(failed > 20, "only " + failed + " samples failed");
    assertTrue(preemptions > 0, "nothing was preempted");
  }

  private static List<GenerationRequest> longLived(int count, int samples) {
    List<GenerationRequest> out = new ArrayList<>();
    for (int id = 0; id < count; id++) {
      out.add(Script.request(id, SchedulerTest.longLived(20 + id), samples, Script.params(30)));
    }
    return out;
  }

  private static void assertAllAsAlone(EngineSession session, List<GenerationRequest> requests)
      throws InterruptedException {
    requests.forEach(session::submit);
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(requests.stream().mapToInt(r -> r.sampleIndexes().length).sum(), got.size());
    got.forEach(c -> EngineCoreTest.assertAlone(requests.get((int) c.requestId()), c));
  }

  @Test
  void aStepThatThrowsOnceFailsNobody() throws InterruptedException {
    AtomicInteger steps = new AtomicInteger();
    EngineCore core =
        open(
            40, 4, 68,
            b -> {
              if (steps.incrementAndGet() % 7 == 0 && b.draws > 1) {
                throw new AssertionError("now and then");
              }
            });
    assertAllAsAlone(core.open(), longLived(4, 3));
    assertEquals(40, core.freePages());
    core.close();
  }

  @Test
  void whoWaitsIsNotTouched() throws InterruptedException {
    EngineCore core = open(40, 3, 67, EngineFaultTest::throwForMarked);
    EngineSession session = core.open();
    List<GenerationRequest> requests = longLived(3, 3);
    int[] bad = requests.get(0).promptTokens().clone();
    bad[0] = PREFILL_THROWS;
    requests.set(0, Script.request(0, bad, 3, Script.params(30)));
    requests.forEach(session::submit);
    for (Completion c : EngineCoreTest.all(session)) {
      checkMarked(requests.get((int) c.requestId()), c);
    }
    // The bad prompt fails once together and once for each sample; then every prompt is prefilled once.
    long prefills = step.steps.stream().filter(s -> s.rows() > s.decodeRows()).count();
    assertEquals(1 + 3 + 2, prefills);
    core.close();
  }

  @Test
  void anEngineThatAlwaysFailsGivesUpWhatIsOpenAndWorksAgainWhenItCan() throws InterruptedException {
    AtomicInteger broken = new AtomicInteger(1);
    Semaphore allSubmitted = new Semaphore(0);
    EngineCore core =
        open(
            80, 16, 400,
            b -> {
              allSubmitted.acquireUninterruptibly();
              if (broken.get() == 1) {
                throw new IllegalStateException("no step today");
              }
            });
    EngineSession session = core.open();
    for (GenerationRequest request : longLived(20, 4)) {
      session.submit(request);
    }
    allSubmitted.release(1_000_000);
    List<Completion> got = EngineCoreTest.all(session);
    assertEquals(80, got.size());
    int gaveUp = 0;
    for (Completion c : got) {
      assertEquals("engine_fault", c.errorClass());
      assertTrue(c.errorMessage().contains("no step today"), c.errorMessage());
      gaveUp += c.errorMessage().contains("gave up all that was open") ? 1 : 0;
    }
    assertTrue(gaveUp >= 40, gaveUp + " given up");
    // A few steps together, and one for each sample that failed alone.
    assertTrue(step.steps.size() <= 80 - gaveUp + 12, step.steps.size() + " steps");
    assertEquals(80, core.freePages());
    broken.set(0);
    assertAllAsAlone(core.open(), longLived(3, 3));
    core.close();
  }

  @Test
  void severalBadPromptsSideBySideAreNoBrokenEngine() throws InterruptedException {
    EngineCore core = open(80, 16, 400, EngineFaultTest::throwForMarked);
    EngineSession session = core.open();
    List<GenerationRequest> requests = longLived(FaultIsolation.MOST_IN_A_ROW + 1, 3);
    for (int id = 0; id < FaultIsolation.MOST_IN_A_ROW - 1; id++) {
      int[] bad = requests.get(id).promptTokens().clone();
      bad[0] = PREFILL_THROWS;
      requests.set(id, Script.request(id, bad, 3, Script.params(30)));
    }
    requests.forEach(session::submit);
    for (Completion c : EngineCoreTest.all(session)) {
      checkMarked(requests.get((int) c.requestId()), c);
    }
    core.close();
  }

  @Test
  void copiesThatFailAreDoneWithout() throws InterruptedException {
    ScriptedStep script = new ScriptedStep(40);
    StepRunner noCopies =
        new StepRunner() {
          @Override
          public void run(StepBatch batch, int[] token, float[] logprob) {
            script.run(batch, token, logprob);
          }

          @Override
          public void copyPage(int from, int to) {
            throw new IllegalStateException("no copies");
          }

          @Override
          public void close() {
            script.close();
          }
        };
    EngineCore core = new EngineCore(Script.limits(8, 80), 40, noCopies, LetterText::new);
    List<GenerationRequest> requests = longLived(3, 4);
    // An answer of one token is over before the copy fails.
    requests.add(Script.request(3, SchedulerTest.longLived(30), 3, Script.params(1)));
    assertAllAsAlone(core.open(), requests);
    assertEquals(40, core.freePages());
    core.close();
    assertNull(script.broken);
  }

  @Test
  void aSessionMayLeaveWhileItsSamplesAreComputedAlone() throws InterruptedException {
    for (int allowed = 2; allowed < 9; allowed++) {
      Semaphore steps = new Semaphore(0);
      EngineCore core =
          open(
              40, 8, 100,
              b -> {
                steps.acquireUninterruptibly();
                throwForMarked(b);
              });
      EngineSession stays = core.open();
      EngineSession leaves = core.open();
      List<GenerationRequest> requests = longLived(2, 3);
      int[] bad = requests.get(1).promptTokens().clone();
      bad[0] = PREFILL_THROWS;
      stays.submit(requests.get(0));
      leaves.submit(Script.request(1, bad, 3, Script.params(30)));
      leaves.submit(Script.request(2, requests.get(1).promptTokens(), 2, Script.params(30)));
      steps.release(allowed);
      while (step.steps.size() <= allowed) {
        Thread.sleep(1);
      }
      leaves.close();
      steps.release(1_000_000);
      List<Completion> got = EngineCoreTest.all(stays);
      assertEquals(3, got.size());
      got.forEach(c -> EngineCoreTest.assertAlone(requests.get(0), c));
      assertEquals(40, core.freePages());
      core.close();
    }
  }
}
