// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineStats;
import io.winnow.inference.EngineStats.Load;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EngineStatsTest {
  private static final int PAGES = 40;

  @Test
  void aStepTellsHowFullTheEngineIs() throws InterruptedException {
    List<EngineStats> seen = Collections.synchronizedList(new ArrayList<>());
    EngineCore[] running = new EngineCore[1];
    Object opened = new Object();
    ScriptedStep step =
        new ScriptedStep(
            PAGES,
            batch -> {
              synchronized (opened) {
                seen.add(running[0].stats());
              }
            });
    EngineCore core;
    synchronized (opened) {
      core = new EngineCore(Script.limits(2, 66), PAGES, step, LetterText::new);
      running[0] = core;
    }
    try (core) {
      assertEquals(new Load(0, 0, 2, 0, 0, PAGES), core.stats().load());
      EngineSession session = core.open();
      // Six samples of a prompt of 20 tokens, two at a time, ten tokens each: three times ten steps.
      session.submit(Script.request(1, SchedulerTest.longLived(20), 6, Script.params(10)));
      EngineCoreTest.all(session);
      EngineStats stats = core.stats();
      assertEquals(60, stats.generatedTokens());
      assertEquals(60, stats.promptTokens());
      assertEquals(30, stats.steps());
      assertEquals(6, stats.finished());
      assertEquals(2.0, stats.meanBatch());
      // A pair shares no full page: the prompt's one is copied for the second sample.
      assertEquals(2, stats.load().peakPages());
      for (EngineStats s : seen.subList(1, seen.size())) {
        assertEquals(2, s.load().running());
        assertEquals(2, s.load().usedPages());
        int left = 6 - 2 * (int) ((s.steps() - 1) / 10);
        assertEquals(left - 2, s.load().waiting());
      }
      // Three of the thirty steps hold all of the prompts, 20 rows each; the others have 2 rows and none.
      assertTrue(stats.prefillNanos() > 0 && stats.prefillNanos() <= stats.busyNanos(), stats::toString);
      while (core.stats().load().running() > 0) {
        Thread.onSpinWait();
      }
      assertEquals(new Load(0, 0, 2, 0, 2, PAGES), core.stats().load());
    }
  }

  @Test
  void aStepOfPromptsAloneIsPrefill() throws InterruptedException {
    EngineCore core = new EngineCore(Script.limits(1, 65), PAGES, new ScriptedStep(PAGES), LetterText::new);
    try (core) {
      EngineSession session = core.open();
      // Five steps of prompt, and the last of them draws the only token.
      session.submit(Script.request(1, SchedulerTest.longLived(320), 1, Script.params(1)));
      EngineCoreTest.all(session);
      EngineStats stats = core.stats();
      assertEquals(5, stats.steps());
      assertEquals(stats.busyNanos(), stats.prefillNanos());
      assertEquals(0.2, stats.meanBatch());
    }
  }

  @Test
  void figuresAddUpAndAreTakenApart() {
    EngineStats one =
        new EngineStats(1, 2, 3, 4, 5, 6, 7, 8, 9, new Load(1, 2, 3, 4, 5, 6), Map.of("rope", 10L));
    EngineStats other =
        new EngineStats(
            10, 20, 30, 40, 50, 60, 70, 80, 90, new Load(10, 20, 30, 40, 50, 60), Map.of("rope", 1L, "embed", 2L));
    EngineStats both =
        new EngineStats(
            11, 22, 33, 44, 55, 66, 77, 88, 99, new Load(11, 22, 30, 44, 55, 66), Map.of("rope", 11L, "embed", 2L));
    assertEquals(both, one.plus(other));
    assertEquals(one.steps(), both.since(other).steps());
    assertEquals(one.runningSum(), both.since(other).runningSum());
    assertEquals(10L, both.since(other).opNanos().get("rope"));
    assertEquals(both.load(), both.since(other).load());
    assertEquals(0, EngineStats.NONE.meanBatch());
  }
}
