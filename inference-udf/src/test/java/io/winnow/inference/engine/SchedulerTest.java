// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  /** One scheduler with the scripted model behind it, driven as the engine's loop does, and checked at every step. */
  private static final class Driven {
    final BlockPool pool;
    final ScriptedStep step;
    final Scheduler scheduler;
    final Admission admission;
    final StepBatch batch;
    final int[] token;
    final Map<Sequence, Integer> order = new IdentityHashMap<>();
    final List<Sequence> finished = new ArrayList<>();
    int steps;

    Driven(int pages, int maxSequences, int maxRows) {
      pool = new BlockPool(pages);
      step = new ScriptedStep(pages);
      scheduler = new Scheduler(pool, maxSequences, maxRows, step::copyPage);
      admission = new Admission(Script.limits(maxSequences, maxRows), pages, LetterText::new);
      batch = new StepBatch(maxRows, maxSequences);
      token = new int[maxSequences];
    }

    List<Sequence> add(GenerationRequest request) {
      OpenRequest open = new OpenRequest(request, null);
      List<Sequence> samples = new ArrayList<>();
      for (int place = 0; place < request.sampleIndexes().length; place++) {
        samples.add(admission.sequence(open, place));
      }
      // Those that start anew go first, because they share a prefill.
      samples.stream().filter(s -> s.count == 0).forEach(s -> order.put(s, order.size()));
      samples.stream().filter(s -> s.count > 0).forEach(s -> order.put(s, order.size()));
      scheduler.add(request.promptTokens(), samples);
      return samples;
    }

    void step() {
      steps++;
      scheduler.next(batch);
      Prefill first = scheduler.prefilling.isEmpty() ? null : scheduler.prefilling.get(0);
      boolean decoding = !scheduler.running.isEmpty();
      int before = decoding ? scheduler.running.get(0).count : first.computed;
      checkOrder();
      checkReferences();
      checkWrites();
      step.run(batch, token, null);
      for (int i = 0; i < batch.draws; i++) {
        advance(batch.drawing[i], token[i]);
      }
      for (int i = 0; i < batch.scores; i++) {
        batch.scoring[i].scores().take(batch.scorePlaces[i], batch.scored[i]);
      }
      for (int i = 0; i < batch.ends; i++) {
        batch.ending[i].finish = FinishReason.LENGTH;
        finished.add(batch.ending[i]);
      }
      Sequence oldest = decoding ? scheduler.running.get(0) : null;
      scheduler.complete(batch);
      // Each step brings the oldest on: nothing starves, and every schedule ends.
      assertTrue(decoding ? oldest.count > before || oldest.finish != null : first.computed > before, "no progress");
      checkReferences();
      for (int page = 0; page < pool.pages(); page++) {
        if (pool.references(page) == 0) {
          step.wipe(page);
        }
      }
    }

    private void advance(Sequence s, int drawn) {
      if (drawn < 0) {
        s.fail("non_finite_logits", "scripted");
      } else {
        s.append(drawn, 0);
        if (drawn == Script.EOS || s.text.append(drawn, true)) {
          s.finish = FinishReason.STOP;
        } else if (s.count >= s.limit) {
          s.finish = FinishReason.LENGTH;
        }
      }
      if (s.finish != null) {
        finished.add(s);
      }
    }

    /** Whoever came first is ahead: what runs, then what is prefilled, then what waits. */
    private void checkOrder() {
      List<Sequence> all = new ArrayList<>(scheduler.running);
      scheduler.prefilling.forEach(p -> all.addAll(p.members));
      scheduler.waiting.forEach(p -> all.addAll(p.members));
      for (int i = 1; i < all.size(); i++) {
        assertTrue(order.get(all.get(i - 1)) < order.get(all.get(i)), "a later sample is ahead of an earlier one");
      }
    }

    private void checkReferences() {
      int[] holders = new int[pool.pages()];
      for (Sequence s : scheduler.running) {
        for (int i = 0; i < s.pageCount; i++) {
          holders[s.pages[i]]++;
        }
      }
      for (Prefill p : scheduler.prefilling) {
        for (int page : p.pages) {
          holders[page]++;
        }
        for (int page : p.copies) {
          holders[page]++;
        }
      }
      int free = 0;
      for (int page = 0; page < holders.length; page++) {
        int held = page;
        assertEquals(holders[page], pool.references(page), () -> "holders of page " + held);
        free += holders[page] == 0 ? 1 : 0;
      }
      assertEquals(free, pool.freePages());
    }

    private void checkWrites() {
      assertTrue(batch.rows > 0, "a step without rows");
      Set<Long> written = new HashSet<>();
      for (int row = 0; row < batch.rows; row++) {
        int page = batch.pages[row][batch.positions[row] / 64];
        assertEquals(1, pool.references(page), "a row writes to a page that is not its own");
        assertTrue(written.add(page * 64L + batch.positions[row] % 64), "two rows write to the same place");
      }
    }

    void checkFinished(Map<Sequence, GenerationRequest> requests, Set<Sequence> cancelled) {
      Set<Sequence> seen = new HashSet<>();
      for (Sequence s : finished) {
        assertTrue(seen.add(s), "finished twice");
        Script.Expected expected = Script.alone(requests.get(s), s.sampleIndex);
        assertArrayEquals(expected.tokens(), Arrays.copyOf(s.generated, s.count));
        assertEquals(expected.text(), s.text.text());
        assertEquals(expected.finish(), s.finish);
        assertArrayEquals(Script.promptLogprobs(requests.get(s)), s.request.scores.logprobs());
      }
      seen.addAll(cancelled);
      assertEquals(requests.size(), seen.size(), "samples that neither finished nor were cancelled");
      assertEquals(pool.pages(), pool.freePages());
    }
  }

  @Test
  void everyRandomScheduleGivesWhatASampleGivesAlone() {
    long seed = Script.seed("SchedulerTest");
    int preempted = 0;
    int split = 0;
    for (int i = 0; i < 300; i++) {
      try {
        Driven d = randomSchedule(new Random(seed + i));
        preempted += d.scheduler.preemptions() > 0 ? 1 : 0;
        split += d.step.steps.stream().mapToInt(s -> s.decodeRows()).max().orElse(0) < 2 ? 1 : 0;
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("schedule -Dwinnow.seed=" + (seed + i) + ": " + e.getMessage(), e);
      }
    }
    assertTrue(preempted > 20, "only " + preempted + " schedules preempted: the pools are too large to test it");
    assertTrue(split > 0, "no schedule was narrow");
  }

  private static Driven randomSchedule(Random random) {
    List<GenerationRequest> requests = new ArrayList<>(Script.requests(random, 1 + random.nextInt(14)));
    requests.replaceAll(r -> PromptScoresTest.sometimesScored(r, random));
    int longest = Script.pagesOfLongest(requests);
    int pages = longest + (random.nextInt(3) == 0 ? random.nextInt(200) : random.nextInt(6));
    int maxSequences = 1 + random.nextInt(16);
    int maxRows = maxSequences + (random.nextBoolean() ? random.nextInt(10) : random.nextInt(400));
    Driven d = new Driven(pages, maxSequences, maxRows);
    int horizon = 1 + random.nextInt(300);
    int[] arrival = random.ints(requests.size(), 0, horizon).toArray();
    int[] leaves = new int[requests.size()];
    for (int r = 0; r < leaves.length; r++) {
      leaves[r] = random.nextInt(4) == 0 ? arrival[r] + random.nextInt(120) : Integer.MAX_VALUE;
    }
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
          d.add(request).forEach(s -> samples.put(s, request));
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
      Driven d = new Driven(9, 7, 20);
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
    Driven d = new Driven(8, 1, 128);
    Map<Sequence, GenerationRequest> samples = new IdentityHashMap<>();
    d.add(request).forEach(s -> samples.put(s, request));
    while (!d.scheduler.idle()) {
      d.step();
    }
    d.checkFinished(samples, Set.of());
  }

  @Test
  void samplesShareTheFullPagesOfTheirPromptAndCopyTheLast() {
    Driven d = new Driven(20, 4, 400);
    d.add(Script.request(0, longLived(200), 4, Script.params(20)));
    d.step();
    // Three full pages together, the fourth once for each.
    assertEquals(20 - 3 - 4, d.pool.freePages());
    assertEquals(4, d.pool.references(d.scheduler.running.get(0).pages[0]));
  }

  @Test
  void aPromptOfWholePagesIsSharedWithoutACopy() {
    Driven d = new Driven(20, 4, 400);
    d.add(Script.request(0, longLived(128), 4, Script.params(20)));
    d.step();
    assertEquals(18, d.pool.freePages());
    d.step();
    assertEquals(14, d.pool.freePages());
  }

  @Test
  void aPromptIsComputedOnceForAllItsSamples() {
    Driven d = new Driven(40, 8, 64);
    d.add(Script.request(0, longLived(150), 8, Script.params(5)));
    while (!d.scheduler.idle()) {
      d.step();
    }
    int prefilled = d.step.steps.stream().mapToInt(s -> s.rows() - s.decodeRows()).sum();
    assertEquals(150, prefilled);
  }

  @Test
  void runningSequencesGoOnWhileALongPromptIsPrefilledInPieces() {
    Driven d = new Driven(20, 4, 8);
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
    Driven d = new Driven(200, 16, 100);
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
    Driven d = new Driven(2, 4, 400);
    List<Sequence> samples = d.add(Script.request(0, longLived(200), 1, Script.params(1)));
    assertThrows(IllegalStateException.class, () -> d.scheduler.next(d.batch));
    assertEquals(samples, d.scheduler.remove(s -> true));
  }

  @Test
  void aCopyThatFailsLeavesEverySampleInTheScheduler() {
    BlockPool pool = new BlockPool(10);
    Scheduler scheduler =
        new Scheduler(
            pool, 4, 100,
            (from, to) -> {
              throw new IllegalStateException("no copy today");
            });
    Driven d = new Driven(10, 4, 100);
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
    assertThrows(IllegalArgumentException.class, () -> new Scheduler(new BlockPool(1), 5, 4, (from, to) -> {}));
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
