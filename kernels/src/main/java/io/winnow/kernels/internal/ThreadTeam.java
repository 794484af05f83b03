// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

/**
 * A resident team that shares out the tasks of one operation after another. The caller works too. Idle members spin for
 * some microseconds, because the next operation of a step usually follows at once, and then sleep, so that neighbours
 * on the machine (Spark's own threads) get the cores.
 */
final class ThreadTeam implements AutoCloseable {
  private static final long SPIN_NANOS = 20_000;

  /** One operation: tasks are taken from a counter, so a slow member takes fewer. */
  private static final class Job {
    final int tasks;
    final IntConsumer body;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger finished = new AtomicInteger();
    final Thread caller = Thread.currentThread();
    volatile Throwable failure;

    Job(int tasks, IntConsumer body) {
      this.tasks = tasks;
      this.body = body;
    }

    void work() {
      for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
        try {
          body.accept(task);
        } catch (Throwable t) {
          failure = t;
        } finally {
          if (finished.incrementAndGet() == tasks) {
            LockSupport.unpark(caller);
          }
        }
      }
    }
  }

  private final Thread[] members;
  private volatile Job current;
  private volatile boolean closed;

  ThreadTeam(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("A team has at least 1 thread, the caller's own; asked for " + threads + ".");
    }
    members = new Thread[threads - 1];
    for (int i = 0; i < members.length; i++) {
      members[i] = new Thread(this::serve, "winnow-kernel-" + (i + 1));
      members[i].setDaemon(true);
      members[i].start();
    }
  }

  int size() {
    return members.length + 1;
  }

  /** Runs body(0) … body(tasks − 1), each once, in any order, and returns when all are done. */
  void run(int tasks, IntConsumer body) {
    if (tasks == 1 || members.length == 0) {
      for (int i = 0; i < tasks; i++) {
        body.accept(i);
      }
      return;
    }
    Job job = new Job(tasks, body);
    current = job;
    for (Thread member : members) {
      LockSupport.unpark(member);
    }
    job.work();
    long spinUntil = System.nanoTime() + SPIN_NANOS;
    while (job.finished.get() < tasks) {
      if (System.nanoTime() < spinUntil) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(job, 1_000_000);
      }
    }
    if (job.failure != null) {
      if (job.failure instanceof RuntimeException e) {
        throw e;
      }
      if (job.failure instanceof Error e) {
        throw e;
      }
      throw new IllegalStateException(job.failure);
    }
  }

  private void serve() {
    Job last = null;
    long spinUntil = System.nanoTime() + SPIN_NANOS;
    while (!closed) {
      Job job = current;
      if (job != last) {
        job.work();
        last = job;
        spinUntil = System.nanoTime() + SPIN_NANOS;
      } else if (System.nanoTime() < spinUntil) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
        spinUntil = System.nanoTime() + SPIN_NANOS;
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread member : members) {
      LockSupport.unpark(member);
    }
  }
}
