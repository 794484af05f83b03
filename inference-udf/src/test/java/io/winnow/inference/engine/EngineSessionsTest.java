// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many callers at once on one engine. */
@Timeout(60)
class EngineSessionsTest {
  @Test
  void severalSessionsAtOnceGetWhatTheyGetAlone() throws Exception {
    long seed = Script.seed("EngineSessionsTest");
    for (int i = 0; i < 40; i++) {
      Random random = new Random(seed + i);
      List<GenerationRequest> requests = Script.requests(random, 20);
      int pages = Script.pagesOfLongest(requests) + random.nextInt(8);
      int maxSequences = 1 + random.nextInt(16);
      ScriptedStep step = new ScriptedStep(pages);
      EngineCore core =
          new EngineCore(
              Script.limits(maxSequences, maxSequences + random.nextInt(80)), pages, step, LetterText::new);
      long callers = random.nextLong();
      Callers.run(4, t -> caller(core, requests.subList(5 * t, 5 * t + 5), new Random(callers + t)));
      assertEquals(pages, core.freePages(), "schedule " + (seed + i));
      core.close();
      assertNull(step.broken, "schedule " + (seed + i));
    }
  }

  /** Sends its requests as room allows; now and then a session is closed in the middle and another takes over. */
  private static void caller(EngineCore core, List<GenerationRequest> requests, Random random) throws Exception {
    EngineSession session = core.open();
    Set<Long> seen = new HashSet<>();
    for (GenerationRequest request : requests) {
      if (random.nextInt(4) == 0) {
        check(requests, EngineCoreTest.all(session), seen);
        session.submit(request);
        session.poll(random.nextInt(3));
        session.close();
        session = core.open();
      }
      session.submit(request);
      if (!session.hasRoom() || random.nextBoolean()) {
        check(requests, EngineCoreTest.all(session), seen);
      }
    }
    check(requests, EngineCoreTest.all(session), seen);
    assertEquals(requests.stream().mapToInt(r -> r.sampleIndexes().length).sum(), seen.size(), "samples are missing");
    assertEquals(List.of(), session.poll(0));
    session.close();
  }

  private static void check(List<GenerationRequest> requests, List<Completion> got, Set<Long> seen) {
    for (Completion c : got) {
      GenerationRequest asked =
          requests.stream().filter(r -> r.requestId() == c.requestId()).findFirst().orElseThrow();
      EngineCoreTest.assertAlone(asked, c);
      assertTrue(seen.add(c.requestId() * 100 + c.sampleIndex()), "delivered twice");
    }
  }

  @Test
  void tenThousandTinyRequestsFromFourThreadsAllComeBack() throws Exception {
    ScriptedStep step = new ScriptedStep(40);
    EngineCore core = new EngineCore(Script.limits(16, 80), 40, step, LetterText::new);
    AtomicInteger total = new AtomicInteger();
    Callers.run(
        4,
        t -> {
          EngineSession session = core.open();
          int sent = 0;
          Set<Long> back = new HashSet<>();
          while (sent < 2500 || session.pending() > 0) {
            while (sent < 2500 && session.hasRoom()) {
              int[] prompt = {1 + sent % 900, 1 + t};
              session.submit(Script.request(sent++, prompt, 1, Script.params(1 + sent % 3)));
            }
            for (Completion c : session.poll(100)) {
              assertTrue(back.add(c.requestId()), "delivered twice");
              assertTrue(c.finishReason() != FinishReason.ERROR, c.errorMessage());
            }
          }
          total.addAndGet(back.size());
          session.close();
        });
    assertEquals(10_000, total.get());
    assertEquals(40, core.freePages());
    core.close();
    assertNull(step.broken);
  }
}
