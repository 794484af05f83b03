// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import io.winnow.jobs.verify.Verdict.Value;
import io.winnow.jobs.verify.math.Decision;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps a verifier that throws or never returns from harming the job: the row gets a verdict {@code error} with the
 * reason in {@code detail}.
 *
 * <p>A verifier that counts its steps runs on the caller's thread. Any other runs on a daemon thread; when the limit of
 * wall clock is passed, that thread is interrupted and left behind, for Java cannot end it. Threads left behind are
 * counted over all guards; while {@link #MOST_LEFT_BEHIND} of them run, further verifications that would need a thread
 * are errors at once.
 */
public final class GuardedVerifier implements Verifier {
  /** A verdict takes milliseconds; a task must not stand still for much longer than the engine needs for a trace. */
  static final Duration LIMIT = Duration.ofSeconds(5);
  /** Each may keep a core busy for ever: a few are borne, an executor full of them is not. */
  static final int MOST_LEFT_BEHIND = 8;

  private static final int MAX_DETAIL = 500;
  private static final long IDLE_SECONDS = 10;
  /** Threads that are left behind and still run, in this JVM. */
  private static final AtomicInteger LEFT_BEHIND = new AtomicInteger();

  private final Verifier verifier;
  private final Duration limit;
  private final AtomicInteger leftBehind;
  private final ThreadPoolExecutor threads;

  /** Guards {@code verifier} with the limits above. */
  public GuardedVerifier(Verifier verifier) {
    this(verifier, LIMIT, LEFT_BEHIND);
  }

  GuardedVerifier(Verifier verifier, Duration limit, AtomicInteger leftBehind) {
    this.verifier = verifier;
    this.limit = limit;
    this.leftBehind = leftBehind;
    // No thread is kept: a guard that is used no more leaves nothing.
    this.threads =
        new ThreadPoolExecutor(
            0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(),
            work -> {
              Thread thread = new Thread(work, "winnow-verifier");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** What is guarded. */
  Verifier guarded() {
    return verifier;
  }

  @Override
  public String name() {
    return verifier.name();
  }

  @Override
  public String version() {
    return verifier.version();
  }

  @Override
  public Map<String, String> params() {
    return verifier.params();
  }

  @Override
  public boolean boundedBySteps() {
    return true;
  }

  @Override
  public Verdict verify(VerificationRequest request) {
    long start = System.nanoTime();
    try {
      Verdict verdict = verifier.boundedBySteps() ? verifier.verify(request) : onOwnThread(request);
      return verdict == null ? error("the verifier gave no verdict", start) : verdict;
    } catch (OutOfMemoryError | StackOverflowError e) {
      return error(failure(e), start);
    } catch (VirtualMachineError e) {
      throw e;
    } catch (Throwable e) {
      return error(failure(e), start);
    }
  }

  private Verdict onOwnThread(VerificationRequest request) throws Throwable {
    long start = System.nanoTime();
    if (leftBehind.get() >= MOST_LEFT_BEHIND) {
      return error(
          "not verified: " + MOST_LEFT_BEHIND + " verifications that did not end still run on this host", start);
    }
    Run run = new Run(request);
    threads.execute(run);
    if (!run.await(limit.toNanos())) {
      return error(
          "the verifier did not end within " + limit.toMillis() / 1000.0 + " s and was left behind", start);
    }
    if (run.failure != null) {
      throw run.failure;
    }
    return run.verdict;
  }

  private Verdict error(String detail, long startNanos) {
    return new Verdict(
        Value.ERROR, null, null, null, detail, verifier.params(), verifier.version(),
        (System.nanoTime() - startNanos) / 1000);
  }

  /** Class and message in one line; a message that cannot be made is left out. */
  private static String failure(Throwable e) {
    String message;
    try {
      message = e.getMessage();
    } catch (Throwable beside) {
      message = "its message cannot be read";
    }
    String text = e.getClass().getName() + (message == null ? "" : ": " + message);
    return Decision.shortened("the verifier failed: " + text.replaceAll("\\s+", " "), MAX_DETAIL);
  }

  /** One verification on a thread of its own: it ends, or it is left behind, whichever comes first. */
  private final class Run implements Runnable {
    private final VerificationRequest request;
    private Thread thread;
    private Verdict verdict;
    private Throwable failure;
    private boolean ended;
    private boolean abandoned;

    Run(VerificationRequest request) {
      this.request = request;
    }

    @Override
    public void run() {
      synchronized (this) {
        thread = Thread.currentThread();
      }
      Verdict found = null;
      Throwable thrown = null;
      try {
        found = verifier.verify(request);
      } catch (Throwable e) {
        thrown = e;
      }
      synchronized (this) {
        verdict = found;
        failure = thrown;
        ended = true;
        thread = null;
        notifyAll();
        if (abandoned) {
          leftBehind.decrementAndGet();
        }
      }
      // Not for whoever has this thread next.
      Thread.interrupted();
    }

    /** Waits for the end; false when it is left behind. */
    synchronized boolean await(long nanos) {
      long deadline = System.nanoTime() + nanos;
      boolean interrupted = false;
      while (!ended) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          abandoned = true;
          leftBehind.incrementAndGet();
          if (thread != null) {
            thread.interrupt();
          }
          break;
        }
        try {
          TimeUnit.NANOSECONDS.timedWait(this, left);
        } catch (InterruptedException e) {
          // A task that is stopped writes out what it has, so this row must get its verdict all the same.
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      return ended;
    }
  }
}
