// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every {@link ModelRuntime} promises; each kind of runtime extends this. */
abstract class ModelRuntimeConformance {
  private static final long PATIENCE_NANOS = 120_000_000_000L;

  private ModelRuntime runtime;

  /** A runtime of its own, which the test closes. */
  abstract ModelRuntime open() throws Exception;

  /** A question as this runtime takes it. */
  abstract GenerationRequest request(long id, String question, int[] samples, SamplingParams params);

  /** A request that cannot be answered; null where the runtime takes everything. */
  abstract GenerationRequest bad(long id, SamplingParams params);

  static SamplingParams params(int maxTokens) {
    return SamplingParams.DEFAULT.withMaxTokens(maxTokens, false);
  }

  ModelRuntime runtime() throws Exception {
    if (runtime == null) {
      runtime = open();
    }
    return runtime;
  }

  @AfterEach
  void closeRuntime() {
    if (runtime != null) {
      runtime.close();
    }
  }

  static int[] samples(int count) {
    return IntStream.range(0, count).toArray();
  }

  /** Submits as there is room and takes what comes, to the end. */
  static List<Completion> drain(ModelRuntime.Session session, List<GenerationRequest> requests)
      throws InterruptedException {
    List<Completion> out = new ArrayList<>();
    long end = System.nanoTime() + PATIENCE_NANOS;
    int next = 0;
    while (next < requests.size() || session.pending() > 0) {
      while (next < requests.size() && session.hasRoom()) {
        session.submit(requests.get(next++));
      }
      out.addAll(session.poll(100));
      assertTrue(System.nanoTime() < end, () -> "only " + out.size() + " came, " + session.pending() + " are open");
    }
    return out;
  }

  private static Set<String> keys(List<Completion> completions) {
    Set<String> keys = new HashSet<>();
    completions.forEach(c -> assertTrue(keys.add(c.requestId() + "/" + c.sampleIndex()), () -> "twice: " + c));
    return keys;
  }

  @Test
  void everySampleComesBackOnce() throws Exception {
    List<GenerationRequest> requests = new ArrayList<>();
    Set<String> wanted = new HashSet<>();
    for (int i = 0; i < 12; i++) {
      requests.add(request(i, "What is " + i + " + 3?", new int[] {4, 1, 7}, params(8)));
      for (int sample : new int[] {4, 1, 7}) {
        wanted.add(i + "/" + sample);
      }
    }
    try (ModelRuntime.Session session = runtime().open()) {
      List<Completion> all = drain(session, requests);
      assertEquals(wanted, keys(all));
      for (Completion c : all) {
        assertTrue(c.finishReason() == FinishReason.STOP || c.finishReason() == FinishReason.LENGTH, c::toString);
        assertNotNull(c.text());
        assertTrue(c.completionTokens() > 0 && c.completionTokens() <= 8, c::toString);
      }
      assertEquals(all.stream().mapToLong(Completion::completionTokens).sum(), session.generatedTokens());
      assertEquals(0, session.pending());
      assertTrue(session.hasRoom());
      assertTrue(session.poll(0).isEmpty());
    }
  }

  @Test
  void samplesOfAPromptDiffer() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      List<Completion> all = drain(session, List.of(request(1, "Name a number.", samples(6), params(16))));
      assertTrue(all.stream().map(Completion::text).distinct().count() > 1, all::toString);
    }
  }

  @Test
  void theLimitOfNewTokensCuts() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      for (Completion c : drain(session, List.of(request(1, "Count to a hundred.", samples(2), params(2))))) {
        assertEquals(FinishReason.LENGTH, c.finishReason());
        assertEquals(2, c.completionTokens());
      }
    }
  }

  @Test
  void logProbabilitiesAreOneAToken() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      GenerationRequest request =
          request(1, "What is 2 + 2?", samples(2), SamplingParams.DEFAULT.withMaxTokens(6, true));
      for (Completion c : drain(session, List.of(request))) {
        assertNotNull(c.logprobs(), c::toString);
        // Of what ends a text some servers count the token and do not show it.
        assertTrue(c.completionTokens() - c.logprobs().length <= 1 && c.logprobs().length > 0, c::toString);
        for (float logprob : c.logprobs()) {
          assertTrue(logprob <= 0, c::toString);
        }
      }
      for (Completion c : drain(session, List.of(request(2, "What is 2 + 2?", samples(1), params(6))))) {
        assertEquals(null, c.logprobs());
      }
    }
  }

  @Test
  void sessionsGetTheirOwn() throws Exception {
    ModelRuntime both = runtime();
    List<CompletableFuture<Set<String>>> sides = new ArrayList<>();
    for (int side = 0; side < 2; side++) {
      String word = side == 0 ? "apples" : "pears";
      sides.add(
          CompletableFuture.supplyAsync(
              () -> {
                List<GenerationRequest> requests = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                  requests.add(request(i, "How many " + word + " are " + i + " " + word + "?", samples(2), params(8)));
                }
                try (ModelRuntime.Session session = both.open()) {
                  return keys(drain(session, requests));
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              }));
    }
    assertEquals(16, sides.get(0).get().size());
    assertEquals(sides.get(0).get(), sides.get(1).get());
  }

  @Test
  void aClosedSessionTroublesNobody() throws Exception {
    ModelRuntime.Session gone = runtime().open();
    for (int i = 0; i < 4 && gone.hasRoom(); i++) {
      gone.submit(request(i, "Tell a long story of " + i + " bears.", samples(2), params(64)));
    }
    gone.poll(1);
    gone.close();
    gone.close();
    try (ModelRuntime.Session session = runtime().open()) {
      assertEquals(4, drain(session, List.of(request(1, "What is 3 + 4?", samples(4), params(8)))).size());
    }
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (runtime().stats().load().running() > 0) {
      assertTrue(System.nanoTime() < end, () -> "something still runs");
      Thread.onSpinWait();
    }
  }

  @Test
  void aBadRequestIsItsOwnRowsError() throws Exception {
    GenerationRequest bad = bad(99, params(8));
    if (bad == null) {
      return;
    }
    try (ModelRuntime.Session session = runtime().open()) {
      List<Completion> all =
          drain(session, List.of(request(1, "What is 1 + 1?", samples(2), params(8)), bad,
              request(2, "What is 2 + 1?", samples(2), params(8))));
      assertEquals(4 + bad.sampleIndexes().length, keys(all).size());
      for (Completion c : all) {
        assertEquals(c.requestId() == 99, c.finishReason() == FinishReason.ERROR, c::toString);
        assertEquals(c.requestId() == 99, c.errorClass() != null && c.errorMessage() != null, c::toString);
      }
    }
  }

  @Test
  void whatIsOpenAtTheEndFailsAndDoesNotHang() throws Exception {
    ModelRuntime ending = runtime();
    assertFalse(ending.ended());
    ModelRuntime.Session session = ending.open();
    session.submit(request(1, "Tell a very long story.", samples(8), params(512)));
    ending.close();
    assertTrue(ending.ended());
    assertThrows(
        InferenceException.class,
        () -> {
          for (int i = 0; i < 100 && session.pending() > 0; i++) {
            session.poll(100);
          }
          // All of it may have been answered in time.
          throw session.pending() == 0
              ? new InferenceException("none", "all done")
              : new IllegalStateException("hangs");
        });
    session.close();
  }

  @Test
  void countsWhatItDoes() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      drain(session, List.of(request(1, "What is 5 + 5?", samples(3), params(8))));
      long tokens = session.generatedTokens();
      long end = System.nanoTime() + PATIENCE_NANOS;
      while (runtime().stats().generatedTokens() != tokens) {
        assertTrue(System.nanoTime() < end, () -> tokens + " tokens came, counted are others");
        Thread.onSpinWait();
      }
      assertEquals(3, runtime().stats().finished());
    }
  }
}
