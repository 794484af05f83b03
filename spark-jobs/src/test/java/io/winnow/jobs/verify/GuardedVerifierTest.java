// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.jobs.verify.Verdict.Value;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GuardedVerifierTest {
  private static final VerificationRequest REQUEST = VerificationRequest.of("1", "\\boxed{1}");
  private static final Duration SHORT = Duration.ofMillis(50);
  private static final Duration LONG = Duration.ofSeconds(50);

  private final AtomicInteger leftBehind = new AtomicInteger();

  /** A verifier that does what a test wants. */
  private record Scripted(boolean boundedBySteps, Function<VerificationRequest, Verdict> body) implements Verifier {
    @Override
    public String name() {
      return "scripted";
    }

    @Override
    public String version() {
      return "scripted/3";
    }

    @Override
    public Map<String, String> params() {
      return Map.of("mode", "test");
    }

    @Override
    public Verdict verify(VerificationRequest request) {
      return body.apply(request);
    }
  }

  private GuardedVerifier guard(boolean bounded, Duration limit, Function<VerificationRequest, Verdict> body) {
    return new GuardedVerifier(new Scripted(bounded, body), limit, leftBehind);
  }

  private static Verdict correct() {
    return new Verdict(Value.CORRECT, 1.0, "1", "r", "d", Map.of(), "scripted/3", 1);
  }

  private static void assertError(Verdict verdict, String... said) {
    assertEquals(Value.ERROR, verdict.value());
    assertNull(verdict.score());
    assertEquals("scripted/3", verdict.version());
    assertEquals(Map.of("mode", "test"), verdict.params());
    assertEquals(1, verdict.detail().lines().count(), verdict.detail());
    for (String part : said) {
      assertTrue(verdict.detail().contains(part), verdict.detail());
    }
  }

  private static int overflow(int depth) {
    return 1 + overflow(depth + 1);
  }

  @Test
  void whateverIsThrownIsAnErrorOfThatRow() {
    for (boolean bounded : new boolean[] {true, false}) {
      assertError(
          guard(bounded, LONG, r -> {
            throw new IllegalStateException("two\nlines");
          }).verify(REQUEST),
          "java.lang.IllegalStateException: two lines");
      assertError(
          guard(bounded, LONG, r -> {
            throw new AssertionError();
          }).verify(REQUEST),
          "java.lang.AssertionError");
      assertError(
          guard(bounded, LONG, r -> {
            throw new NoClassDefFoundError("x/Y");
          }).verify(REQUEST),
          "NoClassDefFoundError: x/Y");
      assertError(
          guard(bounded, LONG, r -> overflow(0) > 0 ? null : correct()).verify(REQUEST), "StackOverflowError");
      // Larger than any array may be: the heap is as it was.
      assertError(
          guard(bounded, LONG, r -> new byte[Integer.MAX_VALUE].length > 0 ? correct() : null).verify(REQUEST),
          "java.lang.OutOfMemoryError");
      assertError(guard(bounded, LONG, r -> null).verify(REQUEST), "gave no verdict");
    }
    assertEquals(0, leftBehind.get());
  }

  @Test
  void aMessageThatCannotBeMadeOrIsLongDoesNoHarm() {
    assertError(
        guard(true, LONG, r -> {
          throw new RuntimeException() {
            @Override
            public String getMessage() {
              throw new IllegalStateException();
            }
          };
        }).verify(REQUEST));
    Verdict verdict =
        guard(true, LONG, r -> {
          throw new RuntimeException("x".repeat(100_000));
        }).verify(REQUEST);
    assertError(verdict, "more)");
    assertTrue(verdict.detail().length() < 600);
  }

  @Test
  void aBrokenMachineIsNoVerdict() {
    for (boolean bounded : new boolean[] {true, false}) {
      GuardedVerifier guard =
          guard(bounded, LONG, r -> {
            throw new InternalError("the JVM is broken");
          });
      assertThrows(InternalError.class, () -> guard.verify(REQUEST));
    }
  }

  @Test
  void oneThatCountsItsStepsRunsOnTheCallersThreadAndAnyOtherDoesNot() {
    AtomicReference<Thread> ran = new AtomicReference<>();
    Function<VerificationRequest, Verdict> body =
        r -> {
          ran.set(Thread.currentThread());
          return correct();
        };
    assertEquals(Value.CORRECT, guard(true, LONG, body).verify(REQUEST).value());
    assertSame(Thread.currentThread(), ran.get());
    GuardedVerifier other = guard(false, LONG, body);
    assertEquals(Value.CORRECT, other.verify(REQUEST).value());
    assertNotSame(Thread.currentThread(), ran.get());
    assertTrue(ran.get().isDaemon());
    assertTrue(Verifiers.byName("math", Map.of()) instanceof GuardedVerifier);
    assertTrue(new MathVerifier().boundedBySteps());
  }

  @Test
  void oneThatNeverReturnsIsLeftBehindAndThoseThatFollowAreJudged() throws InterruptedException {
    CountDownLatch release = new CountDownLatch(1);
    GuardedVerifier guard =
        guard(
            false, SHORT,
            r -> {
              while (r.gold().equals("hang") && release.getCount() > 0) {
                Thread.onSpinWait();
              }
              return correct();
            });
    assertError(guard.verify(VerificationRequest.of("hang", "")), "did not end within 0.05 s");
    assertEquals(1, leftBehind.get());
    GuardedVerifier patient = guard(false, LONG, r -> correct());
    assertEquals(Value.CORRECT, patient.verify(REQUEST).value());
    release.countDown();
    while (leftBehind.get() > 0) {
      Thread.sleep(1);
    }
  }

  @Test
  void threadsLeftBehindAreBoundedAndAreTakenUpAgainWhenTheyEnd() throws InterruptedException {
    CountDownLatch release = new CountDownLatch(1);
    AtomicInteger started = new AtomicInteger();
    GuardedVerifier guard =
        guard(
            false, SHORT,
            r -> {
              started.incrementAndGet();
              while (release.getCount() > 0) {
                Thread.onSpinWait();
              }
              return correct();
            });
    List<Verdict> verdicts = new ArrayList<>();
    for (int i = 0; i < GuardedVerifier.MOST_LEFT_BEHIND + 20; i++) {
      verdicts.add(guard.verify(REQUEST));
    }
    assertEquals(GuardedVerifier.MOST_LEFT_BEHIND, started.get());
    verdicts.forEach(v -> assertError(v));
    assertError(verdicts.get(verdicts.size() - 1), "not verified");
    release.countDown();
    while (leftBehind.get() > 0) {
      Thread.sleep(1);
    }
    assertEquals(Value.CORRECT, guard(false, LONG, r -> correct()).verify(REQUEST).value());
  }

  @Test
  void anInterruptedCallerStillGetsItsVerdictAndStaysInterrupted() {
    GuardedVerifier guard = guard(false, LONG, r -> correct());
    Thread.currentThread().interrupt();
    assertEquals(Value.CORRECT, guard.verify(REQUEST).value());
    assertTrue(Thread.interrupted());
    assertFalse(Thread.currentThread().isInterrupted());
  }

  @Test
  void anInterruptForOneThatIsLateDoesNotReachTheNext() throws InterruptedException {
    AtomicInteger interrupted = new AtomicInteger();
    GuardedVerifier guard =
        guard(
            false, Duration.ofMillis(20),
            r -> {
              boolean late = r.gold().equals("late");
              while (late && !Thread.currentThread().isInterrupted()) {
                Thread.onSpinWait();
              }
              interrupted.addAndGet(!late && Thread.currentThread().isInterrupted() ? 1 : 0);
              return correct();
            });
    for (int i = 0; i < 10; i++) {
      assertError(guard.verify(VerificationRequest.of("late", "")), "left behind");
      while (leftBehind.get() > 0) {
        Thread.sleep(1);
      }
      guard.verify(REQUEST);
    }
    assertEquals(0, interrupted.get());
  }

  @Test
  void manyAtOnceGetTheirOwnVerdicts() throws InterruptedException {
    GuardedVerifier guard =
        guard(
            false, LONG, r -> new Verdict(Value.CORRECT, 1.0, r.text(), null, null, Map.of(), "scripted/3", 1));
    AtomicReference<Throwable> failure = new AtomicReference<>();
    List<Thread> callers = new ArrayList<>();
    for (int c = 0; c < 4; c++) {
      int caller = c;
      Thread thread =
          new Thread(
              () -> {
                try {
                  for (int i = 0; i < 500; i++) {
                    String text = caller + "-" + i;
                    assertEquals(text, guard.verify(VerificationRequest.of("g", text)).extracted());
                  }
                } catch (Throwable e) {
                  failure.set(e);
                }
              });
      callers.add(thread);
      thread.start();
    }
    for (Thread thread : callers) {
      thread.join();
    }
    assertNull(failure.get());
  }
}
