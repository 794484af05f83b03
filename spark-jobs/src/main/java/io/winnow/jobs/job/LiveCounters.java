// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import io.winnow.inference.udf.EngineHost;
import java.io.Serializable;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.util.LongAccumulator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Counters that tasks add to and the driver reads while they run: Spark's accumulators, with what running tasks report
 * in their heartbeats. For progress only; what counts is what the ledger has committed.
 */
final class LiveCounters implements Serializable {
  private final LongAccumulator traces;
  private final LongAccumulator failed;
  private final LongAccumulator correct;
  private final LongAccumulator decided;
  private final LongAccumulator tokens;
  private final LongAccumulator spared;
  private final EngineCounters engines;

  LiveCounters(SparkContext context) {
    traces = context.longAccumulator("winnow traces");
    failed = context.longAccumulator("winnow failed rows");
    correct = context.longAccumulator("winnow correct");
    decided = context.longAccumulator("winnow decided");
    tokens = context.longAccumulator("winnow generated tokens");
    spared = context.longAccumulator("winnow spared traces");
    engines = new EngineCounters(context);
  }

  /** The engine has generated tokens. */
  void generated(long newTokens) {
    tokens.add(newTokens);
  }

  /** A rule has made traces needless. */
  void spared(long traces) {
    spared.add(traces);
  }

  /** In a task: adds what its engine has done since any task has told of it. */
  void engine(EngineHost.Lease engine) {
    engines.tell(engine);
  }

  /** A row was written; {@code isCorrect} is null when undecided or not verified. */
  void written(boolean isFailed, Boolean isCorrect) {
    traces.add(1);
    failed.add(isFailed ? 1 : 0);
    decided.add(isCorrect == null ? 0 : 1);
    correct.add(Boolean.TRUE.equals(isCorrect) ? 1 : 0);
  }

  /** What finished and running tasks have counted so far, and what their engines have done. */
  record Snapshot(long traces, long failed, long correct, long decided, long tokens, EngineStats engines) {}

  /** What tasks that have finished have counted. */
  Snapshot finished() {
    return new Snapshot(
        traces.sum(), failed.sum(), correct.sum(), decided.sum(), tokens.sum(), EngineStats.NONE);
  }

  /** Follows heartbeats on the driver. */
  static final class Reader extends SparkListener {
    private final LiveCounters counters;
    private final String jobGroup;
    /** Stages of the job group, and its tasks that have started and not ended. */
    private final Set<Integer> stages = new HashSet<>();
    private final Set<Long> tasks = new HashSet<>();
    private int lost;
    /** What each running task has reported, by accumulator. */
    private final Map<Long, Map<Long, Long>> running = new HashMap<>();
    private final EngineCounters.Reader engines;

    /** @param jobGroup of the job whose tasks count */
    Reader(LiveCounters counters, String jobGroup) {
      this.counters = counters;
      this.jobGroup = jobGroup;
      this.engines = new EngineCounters.Reader(counters.engines);
    }

    @Override
    public synchronized void onJobStart(SparkListenerJobStart start) {
      if (start.properties() != null && jobGroup.equals(start.properties().getProperty("spark.jobGroup.id"))) {
        CollectionConverters.asJava(start.stageIds()).forEach(id -> stages.add((Integer) id));
      }
    }

    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart start) {
      if (stages.contains(start.stageId())) {
        tasks.add(start.taskInfo().taskId());
      }
    }

    /** Waits until the tasks have ended, or the time is over. */
    synchronized void awaitTasks(long millis) {
      long end = System.nanoTime() + millis * 1_000_000L;
      try {
        for (long left = millis; !tasks.isEmpty() && left > 0; left = (end - System.nanoTime()) / 1_000_000L) {
          wait(left);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public synchronized void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
      lost++;
      engines.lost(removed.executorId());
    }

    /** Executors that went away since this reader listens. */
    synchronized int lostExecutors() {
      return lost;
    }

    @Override
    public synchronized void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
      for (var task : CollectionConverters.asJava(update.accumUpdates())) {
        Map<Long, Long> values = new HashMap<>();
        for (AccumulableInfo info : CollectionConverters.asJava(task._4())) {
          Object added = info.update().isDefined() ? info.update().get() : null;
          if (added instanceof Long value) {
            values.put(info.id(), value);
          } else if (added instanceof List<?> lines) {
            engines.heard((Long) task._1(), info.id(), lines);
          }
        }
        running.put((Long) task._1(), values);
      }
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
      if (end.taskInfo() != null) {
        long task = end.taskInfo().taskId();
        engines.ended(task, end.taskInfo().successful(), running.remove(task));
        tasks.remove(task);
        notifyAll();
      }
    }

    synchronized Snapshot snapshot() {
      return new Snapshot(
          sum(counters.traces), sum(counters.failed), sum(counters.correct), sum(counters.decided),
          sum(counters.tokens), engines.stats(this::sum));
    }

    /** Traces that a rule has made needless so far. */
    long spared() {
      return sum(counters.spared);
    }

    /** Tokens generated so far, for results or in vain. */
    synchronized long generated() {
      return sum(counters.tokens) + lost(counters.tokens);
    }

    /** What tasks that did not succeed had added to an accumulator: {@link #sum} is without it. */
    synchronized long lost(LongAccumulator accumulator) {
      return engines.unfinished(accumulator);
    }

    /** What finished and running tasks have added to an accumulator so far. */
    synchronized long sum(LongAccumulator accumulator) {
      long total = accumulator.sum();
      for (Map<Long, Long> task : running.values()) {
        total += task.getOrDefault(accumulator.id(), 0L);
      }
      return total;
    }
  }
}
