// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ThreadTeamTest {
  private static List<Thread> members() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> t.getName().startsWith("winnow-kernel-") && t.isAlive())
        .toList();
  }

  private static void awaitNoMembers() throws InterruptedException {
    for (Thread thread : members()) {
      thread.join(5000);
    }
    assertEquals(List.of(), members());
  }

  @Test
  void runsEveryTaskExactlyOnceInManySmallJobs() {
    for (int threads : KernelsUnderTest.THREADS) {
      try (ThreadTeam team = new ThreadTeam(threads)) {
        assertEquals(threads, team.size());
        for (int job = 0; job < 10_000; job++) {
          int tasks = job % 9;
          // Plain writes: that they are seen after run() is part of the promise.
          int[] runs = new int[tasks];
          team.run(tasks, task -> runs[task]++);
          for (int task = 0; task < tasks; task++) {
            assertEquals(1, runs[task], "job " + job + ", task " + task);
          }
        }
      }
    }
  }

  @Test
  void jobsAfterPausesOfAnyLengthAreNotMissed() {
    try (ThreadTeam team = new ThreadTeam(3)) {
      for (int job = 0; job < 300; job++) {
        // Around the time after which idle members fall asleep.
        LockSupport.parkNanos(job * 500L);
        AtomicIntegerArray runs = new AtomicIntegerArray(7);
        team.run(7, runs::incrementAndGet);
        for (int task = 0; task < 7; task++) {
          assertEquals(1, runs.get(task));
        }
      }
    }
  }

  @Test
  void anExceptionReachesTheCallerAfterTheOtherTasksAndTheTeamGoesOn() {
    for (int threads : new int[] {1, 2, 5}) {
      try (ThreadTeam team = new ThreadTeam(threads)) {
        RuntimeException failure = new IllegalStateException("task 3");
        for (int round = 0; round < 200; round++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(10);
          assertSame(failure, assertThrows(RuntimeException.class, () -> team.run(10, task -> {
            runs.incrementAndGet(task);
            if (task == 3) {
              throw failure;
            }
          })));
          int after = threads == 1 ? 0 : 1;
          assertEquals(after, runs.get(9), "with a team, all tasks have ended when the caller goes on");
          team.run(10, runs::incrementAndGet);
          assertEquals(after + 1, runs.get(9));
        }
        assertThrows(StackOverflowError.class, () -> team.run(4, task -> {
          throw new StackOverflowError();
        }));
      }
    }
  }

  @Test
  void anInterruptedCallerStillGetsAllTasksAndStaysInterrupted() {
    try (ThreadTeam team = new ThreadTeam(3)) {
      Thread.currentThread().interrupt();
      int[] runs = new int[6];
      team.run(6, task -> {
        runs[task]++;
        long end = System.nanoTime() + 2_000_000;
        while (System.nanoTime() < end) {
          Thread.onSpinWait();
        }
      });
      assertTrue(Thread.interrupted());
      for (int count : runs) {
        assertEquals(1, count);
      }
    }
  }

  @Test
  void anIdleTeamUsesNoProcessorTime() throws InterruptedException {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    try (ThreadTeam team = new ThreadTeam(5)) {
      for (int job = 0; job < 1000; job++) {
        team.run(20, task -> {});
      }
      Thread.sleep(20);
      long before = cpuNanos(threads);
      assertTrue(before > 0, "this machine does not tell the processor time of threads");
      Thread.sleep(300);
      long used = cpuNanos(threads) - before;
      System.out.printf("four idle members used %.3f ms of processor time in 300 ms%n", used / 1e6);
      assertTrue(used < 5_000_000, used + " ns of processor time");
    }
  }

  private static long cpuNanos(ThreadMXBean threads) {
    return members().stream().mapToLong(t -> Math.max(0, threads.getThreadCpuTime(t.getId()))).sum();
  }

  @Test
  void worksWithFarMoreThreadsThanCores() {
    try (ThreadTeam team = new ThreadTeam(16)) {
      long start = System.nanoTime();
      for (int job = 0; job < 2000; job++) {
        int[] runs = new int[32];
        team.run(32, task -> runs[task]++);
        for (int task = 0; task < 32; task++) {
          assertEquals(1, runs[task]);
        }
      }
      System.out.printf("16 threads: %.1f us a job of 32 empty tasks%n", (System.nanoTime() - start) / 2000 / 1e3);
    }
  }

  @Test
  void closingEndsTheThreadsAndWorkGoesOnInTheCaller() throws InterruptedException {
    awaitNoMembers();
    ThreadTeam team = new ThreadTeam(4);
    assertEquals(3, members().size());
    assertTrue(members().stream().allMatch(Thread::isDaemon));
    team.run(8, task -> {});
    team.close();
    team.close();
    awaitNoMembers();
    int[] runs = new int[8];
    team.run(8, task -> runs[task]++);
    for (int count : runs) {
      assertEquals(1, count);
    }
  }

  @Test
  void teamsOfSeveralEnginesDoNotDisturbEachOther() throws InterruptedException {
    Thread[] engines = new Thread[3];
    boolean[] done = new boolean[3];
    for (int e = 0; e < 3; e++) {
      int engine = e;
      engines[e] = new Thread(() -> {
        try (ThreadTeam team = new ThreadTeam(3)) {
          for (int job = 0; job < 1000; job++) {
            int[] runs = new int[5];
            team.run(5, task -> runs[task]++);
            for (int count : runs) {
              assertEquals(1, count);
            }
          }
          done[engine] = true;
        }
      });
      engines[e].start();
    }
    for (int e = 0; e < 3; e++) {
      engines[e].join();
      assertTrue(done[e]);
    }
  }

  @Test
  void aTeamOfNobodyIsRefused() {
    for (int threads : new int[] {0, -1}) {
      RuntimeException e = assertThrows(IllegalArgumentException.class, () -> new ThreadTeam(threads));
      assertTrue(e.getMessage().contains(Integer.toString(threads)), e.getMessage());
      assertFalse(e.getMessage().isBlank());
    }
  }
}
