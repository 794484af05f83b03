// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/** Whether the user or the cluster asked this process to stop cleanly: finish what is in hand, commit, exit with 4. */
public final class StopSignal {
  /** Some senders signal a process and then its group: what follows at once is the same request. */
  private static final long SAME_NANOS = 1_000_000_000L;

  private final AtomicBoolean requested = new AtomicBoolean();
  private volatile long firstNanos;

  /**
   * One that SIGTERM and SIGINT request. Another of them, a second later or more, ends the process at once, as it would
   * without this.
   */
  public static StopSignal listening() {
    StopSignal stop = new StopSignal();
    stop.listen();
    return stop;
  }

  private void listen() {
    for (String name : new String[] {"TERM", "INT"}) {
      try {
        Signal.handle(
            new Signal(name),
            signal -> {
              if (requested.compareAndSet(false, true)) {
                firstNanos = System.nanoTime();
              } else if (System.nanoTime() - firstNanos > SAME_NANOS) {
                Signal.handle(signal, SignalHandler.SIG_DFL);
                Signal.raise(signal);
              }
            });
      } catch (IllegalArgumentException e) {
        // The platform or the JVM (-Xrs) keeps this signal for itself; then it simply ends the process.
      }
    }
  }

  /** Asks for a stop; from tests and from Java. */
  public void request() {
    requested.set(true);
  }

  public boolean requested() {
    return requested.get();
  }
}
