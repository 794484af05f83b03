// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** Several threads that use an engine at once; the first failure of any is thrown. */
final class Callers {
  /** What one of them does. */
  interface Caller {
    void call(int number) throws Exception;
  }

  private Callers() {}

  static void run(int count, Caller body) throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      Thread thread =
          new Thread(
              () -> {
                try {
                  body.call(number);
                } catch (Throwable t) {
                  failure.compareAndSet(null, t);
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    if (failure.get() != null) {
      throw new AssertionError(failure.get().getMessage(), failure.get());
    }
  }
}
