// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineStats;
import java.util.Map;

/** Counts what an engine's steps do: written by the engine's thread after each step, read by any. */
final class StepCounters {
  private final int places;
  private final BlockPool pool;
  private long steps;
  private long promptTokens;
  private long generatedTokens;
  private long finished;
  private long busyNanos;
  private long prefillNanos;
  private long runningSum;
  private long peakPages;
  private volatile EngineStats stats;
  private long guessed;
  private long kept;
  private StepTrace trace;

  /** @param places sequences that run together at most */
  StepCounters(int places, BlockPool pool) {
    this.places = places;
    this.pool = pool;
    this.stats = EngineStats.NONE.withLoad(load(0, 0));
  }

  /**
   * Counts a step that was computed and whose tokens are appended.
   *
   * @param tokens that were appended; draws behind a wrong guess give none
   * @param start when it began, by {@link System#nanoTime}
   * @param open sequences that are accepted and not delivered
   * @param preemptions since the engine was opened
   * @param prefixHitTokens tokens of prompts that were found in the cache, since the engine was opened
   * @param guessesKept guesses of the step that came true
   * @param opNanos by operation, since the engine was opened
   */
  void stepped(
      StepBatch batch, int tokens, long start, int open, long preemptions, long prefixHitTokens, int guessesKept,
      Map<String, Long> opNanos) {
    long end = System.nanoTime();
    long nanos = end - start;
    int prefillRows = batch.rows - batch.decodeRows;
    steps++;
    promptTokens += prefillRows;
    generatedTokens += tokens;
    int running = 0;
    busyNanos += nanos;
    prefillNanos += nanos * prefillRows / batch.rows;
    for (int i = 0; i < batch.draws; i++) {
      if (batch.ahead[i] == 0) {
        running++;
        finished += batch.drawing[i].finish == null ? 0 : 1;
      }
    }
    guessed += batch.draws - running;
    kept += guessesKept;
    runningSum += running;
    finished += batch.ends;
    peakPages = Math.max(peakPages, usedPages());
    stats =
        new EngineStats(
            steps, promptTokens, prefixHitTokens, generatedTokens, preemptions, finished, busyNanos, prefillNanos,
            runningSum, new EngineStats.Guesses(guessed, kept), load(running, open - running), opNanos);
    if (trace != null) {
      trace.step(batch, stats, end);
    }
  }

  /** Steps are written there from now on; it is closed with this. Null for none. */
  void trace(StepTrace newTrace) {
    trace = newTrace;
  }

  void close() {
    if (trace != null) {
      trace.close();
    }
  }

  /** Nothing is open. */
  void rests() {
    if (trace != null) {
      trace.flush();
    }
    if (stats.load().running() + stats.load().waiting() > 0) {
      stats = stats.withLoad(load(0, 0));
    }
  }

  EngineStats stats() {
    return stats;
  }

  private long usedPages() {
    return pool.pages() - pool.freePages();
  }

  private EngineStats.Load load(int running, int waiting) {
    return new EngineStats.Load(running, waiting, places, usedPages(), peakPages, pool.pages());
  }
}
