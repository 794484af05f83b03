// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The engine's loop: one thread that takes requests, runs steps and hands out what has finished. Everything but the
 * inbox and the counters belongs to that thread.
 */
final class EngineCore implements AutoCloseable {
  /**
   * What bounds a sequence.
   *
   * @param vocabSize ids a prompt may hold
   * @param contextLength positions of prompt and answer together
   * @param eosTokens ids that end a sequence
   * @param maxSequences sequences decoded together
   * @param maxRows tokens of a step
   */
  record Limits(int vocabSize, int contextLength, Set<Integer> eosTokens, int maxSequences, int maxRows) {}

  private final Limits limits;
  private final StepRunner runner;
  private final Admission admission;
  private final BlockPool pool;
  private final Scheduler scheduler;
  private final StepBatch batch;
  private final int[] token;
  private final float[] logprob;
  private final Thread thread;
  private final AtomicInteger sessions = new AtomicInteger();
  private final Object monitor = new Object();
  private final ArrayDeque<Runnable> inbox = new ArrayDeque<>();
  /** Accepted and not yet delivered, in the order of coming, so that no failure of a step can lose one. */
  private final Set<Sequence> open = new LinkedHashSet<>();
  private boolean closing;
  private volatile boolean ended;
  private volatile EngineStats stats = new EngineStats(0, 0, 0, 0, 0, 0);

  EngineCore(Limits limits, int pages, StepRunner runner, StopDetector.Factory texts) {
    this.limits = limits;
    this.runner = runner;
    this.admission = new Admission(limits, pages, texts);
    this.pool = new BlockPool(pages);
    this.scheduler = new Scheduler(pool, limits.maxSequences(), limits.maxRows(), runner::copyPage);
    this.batch = new StepBatch(limits.maxRows(), limits.maxSequences());
    this.token = new int[limits.maxSequences()];
    this.logprob = new float[limits.maxSequences()];
    this.thread = new Thread(this::loop, "winnow-engine");
    thread.setDaemon(true);
    thread.start();
  }

  EngineSession open() {
    sessions.incrementAndGet();
    return new EngineSession(this);
  }

  /** Samples that one session may have open: all together about twice what is decoded at a time. */
  int samplesWelcome() {
    return 2 * limits.maxSequences() / Math.max(1, sessions.get()) + 1;
  }

  EngineStats stats() {
    return stats;
  }

  /** Whether nothing more will come: the engine was closed, or its thread died. */
  boolean ended() {
    return ended;
  }

  void submit(OpenRequest request) {
    if (!post(() -> accept(request))) {
      throw InferenceErrors.engineClosed(request.sampleIndexes().length);
    }
  }

  void leave(EngineSession session) {
    sessions.decrementAndGet();
    post(
        () -> {
          scheduler.remove(s -> s.request.session == session);
          open.removeIf(s -> s.request.session == session);
        });
  }

  /** Free pages, asked on the engine's thread between two steps, −1 when it is closed; for tests. */
  int freePages() {
    int[] answer = {-1};
    Object done = new Object();
    post(() -> {
      synchronized (done) {
        answer[0] = pool.freePages();
        done.notifyAll();
      }
    });
    synchronized (done) {
      while (answer[0] < 0 && !ended) {
        try {
          done.wait(100);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return -1;
        }
      }
    }
    return answer[0];
  }

  private boolean post(Runnable command) {
    synchronized (monitor) {
      if (closing || ended) {
        return false;
      }
      inbox.add(command);
      monitor.notifyAll();
      return true;
    }
  }

  private void accept(OpenRequest request) {
    if (request.session.closed()) {
      return;
    }
    InferenceException refusal = admission.refusal(request);
    List<Sequence> samples = new ArrayList<>();
    for (int place = 0; place < request.sampleIndexes().length; place++) {
      try {
        if (refusal != null) {
          throw refusal;
        }
        samples.add(admission.sequence(request, place));
      } catch (RuntimeException | Error e) {
        refuse(request, request.sampleIndexes()[place], e);
      }
    }
    open.addAll(samples);
    samples.stream().filter(s -> s.finish != null).forEach(this::deliver);
    scheduler.add(request.prompt(), samples.stream().filter(s -> s.finish == null).toList());
  }

  private static void refuse(OpenRequest request, int sampleIndex, Throwable cause) {
    InferenceException why =
        cause instanceof InferenceException e ? e : InferenceErrors.engineFault(cause);
    request.session.deliver(
        new Completion(
            request.id(), sampleIndex, new int[0], "", null, FinishReason.ERROR, why.errorClass(), why.getMessage(),
            0));
  }

  private void loop() {
    try {
      while (takeCommands()) {
        try {
          step();
        } catch (RuntimeException | Error e) {
          failAll(e);
        }
      }
    } finally {
      synchronized (monitor) {
        ended = true;
        inbox.clear();
      }
      runner.close();
    }
  }

  /** Runs what is in the inbox; sleeps while there is nothing to do; false when the engine closes. */
  private boolean takeCommands() {
    while (true) {
      Runnable command;
      synchronized (monitor) {
        while (inbox.isEmpty() && scheduler.idle() && !closing) {
          try {
            monitor.wait();
          } catch (InterruptedException e) {
            closing = true;
          }
        }
        if (closing) {
          return false;
        }
        command = inbox.poll();
      }
      if (command == null) {
        return true;
      }
      try {
        command.run();
      } catch (RuntimeException | Error e) {
        failAll(e);
      }
    }
  }

  private void step() {
    long start = System.nanoTime();
    scheduler.next(batch);
    if (batch.rows == 0) {
      return;
    }
    for (Prefill p : scheduler.prefilling) {
      for (Sequence s : p.members) {
        if (s.startedNanos == 0) {
          s.startedNanos = start;
        }
      }
    }
    runner.run(batch, token, logprob);
    for (int i = 0; i < batch.draws; i++) {
      advance(batch.drawing[i], token[i], logprob[i]);
    }
    scheduler.complete(batch);
    EngineStats s = stats;
    stats =
        new EngineStats(
            s.steps() + 1,
            s.promptTokens() + batch.rows - batch.decodeRows,
            s.generatedTokens() + batch.draws,
            scheduler.preemptions(),
            s.busyNanos() + System.nanoTime() - start,
            s.runningSum() + batch.draws);
    for (int i = 0; i < batch.draws; i++) {
      if (batch.drawing[i].finish != null) {
        deliver(batch.drawing[i]);
      }
    }
  }

  private void advance(Sequence s, int drawn, float drawnLogprob) {
    if (drawn < 0) {
      InferenceException e = InferenceErrors.nonFiniteLogits(s.request.prompt().length + s.count);
      s.fail(e.errorClass(), e.getMessage());
      return;
    }
    s.append(drawn, drawnLogprob);
    s.request.session.countToken();
    if (limits.eosTokens().contains(drawn)) {
      s.finish = FinishReason.STOP;
    } else if (stops(s, drawn)) {
      s.finish = FinishReason.STOP;
    } else if (s.finish == null && s.count >= s.limit) {
      s.finish = FinishReason.LENGTH;
    }
  }

  /** Whether a stop string is complete; a text that cannot be made fails its sequence alone. */
  private static boolean stops(Sequence s, int drawn) {
    try {
      return s.text.append(drawn);
    } catch (RuntimeException e) {
      fail(s, e);
      return false;
    }
  }

  private static String text(Sequence s) {
    try {
      return s.text.text();
    } catch (RuntimeException e) {
      fail(s, e);
      return "";
    }
  }

  private static void fail(Sequence s, Throwable cause) {
    InferenceException e = InferenceErrors.engineFault(cause);
    s.fail(e.errorClass(), e.getMessage());
  }

  private void deliver(Sequence s) {
    // First the text, because it may turn the end into an error.
    String text = text(s);
    s.request.session.deliver(
        new Completion(
            s.request.id(),
            s.sampleIndex,
            Arrays.copyOf(s.generated, s.count),
            text,
            s.logprobs == null ? null : Arrays.copyOf(s.logprobs, s.count),
            s.finish,
            s.errorClass,
            s.errorMessage,
            s.startedNanos == 0 ? 0 : (System.nanoTime() - s.startedNanos) / 1_000_000));
    open.remove(s);
  }

  /** A step failed as a whole: nobody knows which sequence did it, so all of them end with the error. */
  private void failAll(Throwable cause) {
    scheduler.remove(any -> true);
    for (Sequence s : List.copyOf(open)) {
      fail(s, cause);
      deliver(s);
    }
  }

  @Override
  public void close() {
    synchronized (monitor) {
      closing = true;
      monitor.notifyAll();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
