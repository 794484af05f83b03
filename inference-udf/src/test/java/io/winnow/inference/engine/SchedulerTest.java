// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.GenerationRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  @Test
  void everyRandomScheduleGivesWhatASampleGivesAlone() {
    long seed = Script.seed("SchedulerTest");
    int preempted = 0;
    int split = 0;
    int hits = 0;
    int reclaimed = 0;
    long guessed = 0;
    long kept = 0;
    for (int i = 0; i < 600; i++) {
      try {
        DrivenScheduler d = randomSchedule(new Random(seed + i));
        guessed += d.guessed;
        kept += d.kept;
        preempted += d.scheduler.preemptions() > 0 ? 1 : 0;
        hits += d.tree.hitTokens() > 0 ? 1 : 0;
        reclaimed += d.reclaimed() ? 1 : 0;
        split += d.step.steps.stream().mapToInt(s -> s.decodeRows()).max().orElse(0) < 2 ? 1 : 0;
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("schedule -Dwinnow.seed=" + (seed + i) + ": " + e.getMessage(), e);
      }
    }
    assertTrue(preempted > 20, "only " + preempted + " schedules preempted: the pools are too large to test it");
    assertTrue(split > 0, "no schedule was narrow");
    assertTrue(kept > 1000 && kept < guessed, kept + " of " + guessed + " guesses came true");
    assertTrue(hits > 100, "only " + hits + " schedules had a prefix in the tree");
    assertTrue(reclaimed > 20, "only " + reclaimed + " schedules reclaimed pages");
  }

  private static DrivenScheduler randomSchedule(Random random) {
    List<GenerationRequest> requests = new ArrayList<>(Script.requests(random, 1 + random.nextInt(14)));
    requests.replaceAll(r -> PromptScoresTest.sometimesScored(r, random));
    int longest = Script.pagesOfLongest(requests);
    int pages = longest + (random.nextInt(3) == 0 ? random.nextInt(200) : random.nextInt(6));
    int maxSequences = 1 + random.nextInt(16);
    int maxRows = maxSequences + (random.nextBoolean() ? random.nextInt(10) : random.nextInt(400));
    DrivenScheduler d = new DrivenScheduler(pages, maxSequences, maxRows, random.nextInt(4) > 0);
    if (random.nextBoolean()) {
      d.guess(maxRows);
    }
    int horizon = 1 + random.nextInt(300);
    int[] arrival = random.ints(requests.size(), 0, horizon).toArray();
    int[] leaves = new int[requests.size()];
    for (int r = 0; r < leaves.length; r++) {
      leaves[r] = random.nextInt(4) == 0 ? arrival[r] + random.nextInt(120) : Integer.MAX_VALUE;
    }
    EngineSession[] sessions = {new EngineSession(null), new EngineSession(null), new EngineSession(null)};
    Map<Sequence, GenerationRequest> samples = new IdentityHashMap<>();
    Set<Sequence> cancelled = new HashSet<>();
    long work = horizon;
    for (GenerationRequest r : requests) {
      work += (long) r.sampleIndexes().length * (r.promptTokens().length + r.params().maxTokens());
    }
    for (int now = 0; now < horizon + 120 || !d.scheduler.idle(); now++) {
      assertTrue(now <= work + 500, "more steps than there is work");
      for (int r = 0; r < arrival.length; r++) {
        if (arrival[r] == now) {
          GenerationRequest request =
              random.nextInt(3) == 0 ? Script.cut(requests.get(r), random) : requests.get(r);
          d.add(request, sessions[random.nextInt(3)]).forEach(s -> samples.put(s, request));
        }
        if (leaves[r] == now) {
          long id = requests.get(r).requestId();
          cancelled.addAll(d.scheduler.remove(s -> s.request.id() == id));
          d.checkReferences();
        }
      }
      if (!d.scheduler.idle()) {
        d.step();
      }
    }
    d.checkFinished(samples, cancelled);
    assertTrue(cancelled.stream().noneMatch(d.finished::contains), "cancelled and finished");
    return d;
  }

  @Test
  void aRequestMayLeaveAtAnyStepAndNothingElseChanges() {
    Random random = new Random(4);
    GenerationRequest stays = Script.request(0, Script.prompt(random, 70), 3, Script.params(80));
    GenerationRequest leaves = Script.request(1, Script.prompt(random, 130), 4, Script.params(80));
    boolean more = true;
    for (int at = 0; more; at++) {
      DrivenScheduler d = new DrivenScheduler(9, 7, 20);
      Map<Sequence, GenerationRequest> samples = new IdentityHashMap<>();
      d.add(leaves).forEach(s -> samples.put(s, leaves));
      d.add(stays).forEach(s -> samples.put(s, stays));
      Set<Sequence> cancelled = new HashSet<>();
      while (!d.scheduler.idle()) {
        if (d.steps == at) {
          cancelled.addAll(d.scheduler.remove(s -> s.request.id() == 1));
          d.checkReferences();
          if (d.scheduler.idle()) {
            break;
          }
        }
        d.step();
      }
      d.checkFinished(samples, cancelled);
      more = !cancelled.isEmpty();
      assertTrue(at > 60 || more, "the request ended before step 60");
    }
  }

  @Test
  void aSampleAloneIsWhatTheScriptSays() {
    GenerationRequest request =
        Script.request(7, Script.prompt(new Random(1), 100), 1, Script.params(90));
    DrivenScheduler d = new DrivenScheduler(8, 1, 128);
    Map<Sequence, GenerationRequest> samples = new IdentityHashMap<>();
    d.add(request).forEach(s -> samples.put(s, request));
    while (!d.scheduler.idle()) {
      d.step();
    }
    d.checkFinished(samples, Set.of());
  }

  @Test
  void samplesShareTheFullPagesOfTheirPromptAndCopyTheLast() {
    DrivenScheduler d = new DrivenScheduler(20, 4, 400);
    d.add(Script.request(0, longLived(200), 4, Script.params(20)));
    d.step();
    // Three full pages together, the fourth once for each.
    assertEquals(20 - 3 - 4, d.pool.freePages());
    assertEquals(4, d.pool.references(d.scheduler.running.get(0).pages[0]));
  }

  @Test
  void aPromptOfWholePagesIsSharedWithoutACopy() {
    DrivenScheduler d = new DrivenScheduler(20, 4, 400);
    d.add(Script.request(0, longLived(128), 4, Script.params(20)));
    d.step();
    assertEquals(18, d.pool.freePages());
    d.step();
    assertEquals(14, d.pool.freePages());
  }

  @Test
  void aPromptIsComputedOnceForAllItsSamples() {
    DrivenScheduler d = new DrivenScheduler(40, 8, 64);
    d.add(Script.request(0, longLived(150), 8, Script.params(5)));
    while (!d.scheduler.idle()) {
      d.step();
    }
    int prefilled = d.step.steps.stream().mapToInt(s -> s.rows() - s.decodeRows()).sum();
    assertEquals(150, prefilled);
  }

  @Test
  void aLongAnswerIsNotLeftForTheEnd() {
    GenerationRequest longest;
    int seed = 0;
    do {
      longest = Script.request(40, Script.prompt(new Random(seed++), 40), 1, Script.params(140));
    } while (Script.alone(longest, 0).tokens().length < 140);
    DrivenScheduler d = new DrivenScheduler(100, 4, 100);
    int tokens = 140;
    for (int id = 0; id < 40; id++) {
      GenerationRequest request = Script.request(id, Script.prompt(new Random(id), 20), 1, Script.params(20));
      tokens += Script.alone(request, 0).tokens().length;
      d.add(request);
    }
    d.add(longest);
    while (!d.scheduler.idle()) {
      d.step();
    }
    // Nothing is known of prompts of its length. In the order of coming it would begin when the others are nearly
    // through, after so many steps as they take.
    assertTrue(d.steps < tokens / 4 + 60, d.steps + " steps for " + tokens + " tokens");
  }

  @Test
  void runningSequencesGoOnWhileALongPromptIsPrefilledInPieces() {
    DrivenScheduler d = new DrivenScheduler(20, 4, 8);
    Sequence running = d.add(Script.request(0, longLived(4), 1, Script.params(100))).get(0);
    d.step();
    d.add(Script.request(1, Script.prompt(new Random(3), 300), 1, Script.params(1)));
    int before = running.count;
    for (int i = 0; i < 40; i++) {
      d.step();
    }
    assertEquals(before + 40, running.count);
  }

  @Test
  void placesThatFallFreeAreFilledFromAGroupThatDoesNotFitWhole() {
    DrivenScheduler d = new DrivenScheduler(200, 16, 100);
    for (int id = 0; id < 6; id++) {
      d.add(Script.request(id, Script.prompt(new Random(id), 20), 16, Script.params(150)));
    }
    while (!d.scheduler.idle()) {
      d.step();
    }
    // Until the last group is on its way, at most a quarter of the places is empty for more than a moment.
    List<ScriptedStep.Step> steps = d.step.steps;
    int last = 0;
    while (steps.get(last).drawing().stream().noneMatch(s -> s.request.id() == 5)) {
      last++;
    }
    double mean = steps.subList(0, last).stream().mapToInt(s -> s.drawing().size()).average().orElse(0);
    assertTrue(mean > 13, "mean batch " + mean + " of 16");
    int prefilled = steps.stream().mapToInt(s -> s.rows() - s.decodeRows()).sum();
    assertTrue(prefilled <= 6 * 20 * 5, prefilled + " prompt tokens");
  }

  @Test
  void aContextThatFitsNoEmptyCacheIsRefusedAndNotLost() {
    DrivenScheduler d = new DrivenScheduler(2, 4, 400);
    List<Sequence> samples = d.add(Script.request(0, longLived(200), 1, Script.params(1)));
    assertThrows(IllegalStateException.class, () -> d.scheduler.next(d.batch));
    assertEquals(samples, d.scheduler.remove(s -> true));
  }

  @Test
  void aCopyThatFailsLeavesEverySampleInTheScheduler() {
    BlockPool pool = new BlockPool(10);
    Scheduler scheduler =
        new Scheduler(
            pool, new PrefixTree(pool, true), 4, 100,
            (from, to) -> {
              throw new IllegalStateException("no copy today");
            });
    DrivenScheduler d = new DrivenScheduler(10, 4, 100);
    List<Sequence> samples = d.add(Script.request(0, longLived(70), 3, Script.params(5)));
    scheduler.add(samples.get(0).request.prompt(), samples);
    StepBatch batch = new StepBatch(100, 4);
    scheduler.next(batch);
    samples.forEach(s -> s.append(5, 0));
    assertThrows(IllegalStateException.class, () -> scheduler.complete(batch));
    assertEquals(new HashSet<>(samples), new HashSet<>(scheduler.remove(s -> true)));
    assertEquals(10, pool.freePages());
  }

  @Test
  void fewerRowsThanSequencesAreRefused() {
    BlockPool pool = new BlockPool(1);
    PrefixTree tree = new PrefixTree(pool, true);
    assertThrows(IllegalArgumentException.class, () -> new Scheduler(pool, tree, 5, 4, (from, to) -> {}));
  }

  /** A prompt of that length whose samples 0 to 8 all live for at least 30 tokens. */
  static int[] longLived(int length) {
    for (int seed = 0; ; seed++) {
      GenerationRequest request =
          Script.request(0, Script.prompt(new Random(seed), length), 9, Script.params(30));
      boolean all = true;
      for (int sample : request.sampleIndexes()) {
        all &= Script.alone(request, sample).tokens().length == 30;
      }
      if (all) {
        return request.promptTokens();
      }
    }
  }
}
