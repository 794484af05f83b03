// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.FinishReason;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AdmissionQueueTest {
  private final LengthPredictor lengths = new LengthPredictor();
  private final AdmissionQueue queue = new AdmissionQueue(lengths);
  private long lastId;

  private static EngineSession session() {
    return new EngineSession(null);
  }

  private Prefill group(EngineSession session, int promptLength, int samples, int limit) {
    OpenRequest request =
        new OpenRequest(
            Script.request(++lastId, Script.prompt(new Random(lastId), promptLength), samples, Script.params(limit)),
            session);
    List<Sequence> members = new ArrayList<>();
    for (int i = 0; i < samples; i++) {
      members.add(new Sequence(request, i, limit, 8, null));
    }
    return new Prefill(request.prompt(), members);
  }

  private Prefill add(EngineSession session, int limit) {
    Prefill p = group(session, 10, 1, limit);
    queue.add(p);
    return p;
  }

  private Prefill take() {
    Prefill p = queue.next(any -> true);
    queue.admitted(p);
    return p;
  }

  private static void finish(Prefill p, int length) {
    Sequence s = p.members.get(0);
    while (s.count < length) {
      s.append(5, 0);
    }
    s.finish = FinishReason.STOP;
  }

  @Test
  void aTaskWithAThousandRequestsDoesNotHoldUpAnother() {
    EngineSession many = session();
    for (int i = 0; i < 1000; i++) {
      add(many, 50);
    }
    for (int i = 0; i < 200; i++) {
      assertSame(many, take().session());
    }
    EngineSession late = session();
    for (int i = 0; i < 20; i++) {
      add(late, 50);
    }
    int ofLate = 0;
    for (int i = 1; i <= 40; i++) {
      ofLate += take().session() == late ? 1 : 0;
      // Its share from the first on, and nothing for the time before it came.
      assertTrue(Math.abs(2 * ofLate - i) <= 1, ofLate + " of " + i);
    }
  }

  @Test
  void whoAsksForLongAnswersGetsFewerOfThem() {
    EngineSession longs = session();
    EngineSession shorts = session();
    for (int i = 0; i < 600; i++) {
      add(longs, 390);
      add(shorts, 30);
    }
    int ofLongs = 0;
    for (int i = 0; i < 550; i++) {
      ofLongs += take().session() == longs ? 1 : 0;
    }
    // (390 + 10) to (30 + 10) tokens.
    assertEquals(50, ofLongs, 1);
  }

  @Test
  void theLongestOfTheFirstGoes() {
    EngineSession session = session();
    List<Prefill> all = new ArrayList<>();
    for (int i = 0; i < AdmissionQueue.WINDOW + 1; i++) {
      all.add(add(session, i == 7 ? 90 : i == AdmissionQueue.WINDOW ? 100 : 50));
    }
    assertSame(all.get(7), take());
    assertSame(all.get(AdmissionQueue.WINDOW), take());
    assertSame(all.get(0), take());
    assertSame(all.get(1), take());
  }

  @Test
  void nobodyIsPassedForEver() {
    EngineSession session = session();
    Prefill shortest = add(session, 1);
    int before = 0;
    Prefill taken = null;
    while (taken != shortest) {
      add(session, 100);
      add(session, 100);
      taken = take();
      before++;
    }
    assertEquals(AdmissionQueue.MOST_PASSED + 1, before);
  }

  @Test
  void everyScheduleTakesEachOnceAndPassesNobodyTooOften() {
    long seed = Script.seed("AdmissionQueueTest");
    Random random = new Random(seed);
    for (int i = 0; i < 50; i++) {
      List<EngineSession> sessions = List.of(session(), session(), session());
      Set<Prefill> open = new HashSet<>();
      List<Prefill> refused = new ArrayList<>();
      for (int now = 0; now < 2000 || !queue.isEmpty(); now++) {
        if (now < 2000 && random.nextInt(3) > 0) {
          open.add(add(sessions.get(random.nextInt(3)), 1 + random.nextInt(200)));
        }
        if (random.nextInt(50) == 0) {
          refused.clear();
          open.stream().filter(p -> random.nextInt(20) == 0).forEach(refused::add);
        }
        if (now > 2000) {
          refused.clear();
        }
        Prefill p = queue.next(q -> !refused.contains(q));
        if (p == null) {
          assertTrue(open.isEmpty() || open.stream().anyMatch(refused::contains), "nobody is next");
          continue;
        }
        if (random.nextInt(20) == 0) {
          EngineSession gone = p.session();
          queue.remove(s -> s.request.session == gone && s.limit % 2 == 0).forEach(q -> assertTrue(open.remove(q)));
          continue;
        }
        queue.admitted(p);
        assertTrue(open.remove(p), "taken twice");
        assertTrue(p.passed <= AdmissionQueue.MOST_PASSED + AdmissionQueue.WINDOW, p.passed + " passed, seed " + seed);
        if (random.nextInt(10) == 0) {
          open.add(p);
          queue.addFirst(p);
        }
      }
      assertEquals(Set.of(), open);
      assertEquals(0, queue.sessions());
    }
  }

  @Test
  void whoWasInStepsGoesFirst() {
    EngineSession session = session();
    add(session, 500);
    Prefill older = group(session, 10, 1, 5);
    Prefill younger = group(session, 10, 1, 9);
    queue.addFirst(younger);
    queue.addFirst(older);
    assertSame(younger, queue.next(p -> p != older));
    assertSame(older, take());
    assertSame(younger, take());
  }

  @Test
  void sessionsAreForgottenWhenTheLastToWaitWasInStepsBefore() {
    add(session(), 50);
    Prefill p = take();
    queue.addFirst(p);
    Prefill other = add(session(), 500);
    assertSame(other, queue.next(q -> q != p));
    queue.admitted(other);
    assertSame(p, take());
    assertEquals(0, queue.sessions());
  }

  @Test
  void partsStayWhereTheWholeWas() {
    EngineSession session = session();
    Prefill first = add(session, 50);
    Prefill group = group(session, 10, 5, 60);
    queue.add(group);
    add(session, 50);
    Prefill ahead = queue.split(queue.next(p -> true), 2);
    assertEquals(2, ahead.members.size());
    assertSame(ahead, take());
    Prefill rest = take();
    assertEquals(group.members.subList(2, 5), rest.members);
    assertSame(first, take());
    Prefill back = group(session, 10, 4, 5);
    queue.addFirst(back);
    assertEquals(1, queue.split(back, 1).members.size());
    assertEquals(1, take().members.size());
    assertEquals(3, take().members.size());
  }

  @Test
  void whoIsNotReadyLetsOthersPass() {
    EngineSession one = session();
    EngineSession other = session();
    Prefill waits = add(one, 90);
    Prefill behind = add(one, 10);
    Prefill others = add(other, 10);
    assertSame(behind, queue.next(p -> p != waits));
    assertSame(others, queue.next(p -> p.session() == other));
    assertNull(queue.next(p -> false));
  }

  @Test
  void lengthsArePredictedFromSiblingsThenFromPromptsOfTheLength() {
    EngineSession session = session();
    Prefill some = group(session, 100, 3, 1000);
    Sequence next = some.members.get(2);
    assertEquals(1000, lengths.remaining(next));
    // Eight others, with prompts of 64 to 127 tokens, say what is usual.
    for (int i = 0; i < 8; i++) {
      assertEquals(1000, lengths.remaining(next));
      Prefill other = group(session, 70 + i, 1, 1000);
      finish(other, i % 2 == 0 ? 200 : 300);
      lengths.finished(other.members.get(0));
    }
    assertEquals(250, lengths.remaining(next));
    assertEquals(1000, lengths.remaining(group(session, 63, 1, 1000).members.get(0)));
    assertEquals(120, lengths.remaining(group(session, 100, 1, 120).members.get(0)));
    finish(some, 30);
    lengths.finished(some.members.get(0));
    assertEquals(30, lengths.remaining(next));
    for (int i = 0; i < 29; i++) {
      next.append(5, 0);
    }
    assertEquals(1, lengths.remaining(next));
    next.append(5, 0);
    assertEquals(970, lengths.remaining(next));
  }

  @Test
  void whatFailedSaysNothingOfLengths() {
    Prefill p = group(session(), 100, 2, 1000);
    p.members.get(0).append(5, 0);
    p.members.get(0).fail("engine_fault", "scripted");
    lengths.finished(p.members.get(0));
    assertEquals(1000, lengths.remaining(p.members.get(1)));
  }
}
