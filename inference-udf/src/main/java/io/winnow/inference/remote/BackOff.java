// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Tries again what a network failed to do, after waits that double.
 *
 * @param tries at most
 * @param firstWait before the second try; half of each wait is random, so that executors do not come together
 */
record BackOff(int tries, Duration firstWait) {
  private static final System.Logger LOG = System.getLogger(BackOff.class.getName());
  static final BackOff PATIENT = new BackOff(6, Duration.ofMillis(500));

  /** Something on another file system. */
  @FunctionalInterface
  interface Action<T> {
    T run() throws IOException, InterruptedException;
  }

  /**
   * What the action gives.
   *
   * @param what it does, for the log
   * @throws IOException the last failure, or the first that no further try would mend
   */
  <T> T run(String what, Action<T> action) throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      try {
        return action.run();
      } catch (FileNotFoundException | NoSuchFileException | AccessDeniedException | ClosedByInterruptException e) {
        throw e;
      } catch (IOException e) {
        boolean stopped = e instanceof InterruptedIOException && Thread.currentThread().isInterrupted();
        if (attempt >= tries || stopped) {
          throw e;
        }
        long wait = firstWait.toMillis() << (attempt - 1);
        LOG.log(System.Logger.Level.WARNING, "{0} failed ({1}); try {2} of {3} follows", what, e, attempt + 1, tries);
        Thread.sleep(wait / 2 + ThreadLocalRandom.current().nextLong(wait / 2 + 1));
      }
    }
  }
}
