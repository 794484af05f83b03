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
import java.util.function.ToLongFunction;
import org.apache.spark.SparkContext;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.LongAccumulator;

/**
 * What engines do, from executors to the driver, by accumulators that Spark's UI shows on the page of the stage. The
 * tasks of an executor share an engine, and each of its steps is told once, by whichever task asks next.
 */
final class EngineCounters implements Serializable {
  private static final long serialVersionUID = 1L;

  private final LongAccumulator steps;
  private final LongAccumulator prefill;
  private final LongAccumulator prefix;
  private final LongAccumulator decode;
  private final LongAccumulator preemptions;
  private final LongAccumulator sequenceSteps;
  private final LongAccumulator busy;
  private final LongAccumulator busyPrefill;
  /** How full engines are: a line for each task, which is no sum, so it has no name for the UI. */
  private final CollectionAccumulator<String> loads;

  EngineCounters(SparkContext context) {
    steps = context.longAccumulator("winnow engine steps");
    prefill = context.longAccumulator("winnow prefill tokens");
    prefix = context.longAccumulator("winnow prefix hit tokens");
    decode = context.longAccumulator("winnow decode tokens");
    preemptions = context.longAccumulator("winnow preemptions");
    sequenceSteps = context.longAccumulator("winnow sequences, summed over steps");
    busy = context.longAccumulator("winnow engine time (ns)");
    busyPrefill = context.longAccumulator("winnow engine time in prefill (ns)");
    loads = new CollectionAccumulator<>();
    context.register(loads);
  }

  /** In a task: adds what its engine has done that no task has told yet. */
  void tell(EngineHost.Lease engine) {
    EngineStats news = engine.news();
    steps.add(news.steps());
    prefill.add(news.promptTokens());
    prefix.add(news.prefixHitTokens());
    decode.add(news.generatedTokens());
    preemptions.add(news.preemptions());
    sequenceSteps.add(news.runningSum());
    busy.add(news.busyNanos());
    busyPrefill.add(news.prefillNanos());
    loads.reset();
    loads.add(line(engine.name(), news.load()));
  }

  private static String line(String engine, EngineStats.Load load) {
    return String.join(
        " ", engine, String.valueOf(load.running()), String.valueOf(load.waiting()), String.valueOf(load.places()),
        String.valueOf(load.usedPages()), String.valueOf(load.peakPages()), String.valueOf(load.pages()));
  }

  private static EngineStats.Load load(String[] parts) {
    return new EngineStats.Load(
        Integer.parseInt(parts[1]), Integer.parseInt(parts[2]), Integer.parseInt(parts[3]), Long.parseLong(parts[4]),
        Long.parseLong(parts[5]), Long.parseLong(parts[6]));
  }

  /** The driver's side: what running tasks report in heartbeats, and what ended ones have left. Not thread-safe. */
  static final class Reader {
    private final EngineCounters counters;
    /** By name; of an engine whose tasks have all ended, how large it is and its peak. */
    private final Map<String, EngineStats.Load> engines = new HashMap<>();
    private final Map<Long, String> engineOfTask = new HashMap<>();
    private final Set<String> lostExecutors = new HashSet<>();
    /** What tasks that did not succeed had reported: Spark drops it, but engines have done it. */
    private final Map<Long, Long> unfinished = new HashMap<>();
    private int read;

    Reader(EngineCounters counters) {
      this.counters = counters;
    }

    /** A running task has reported the value of an accumulator of texts. */
    void heard(long task, long accumulator, List<?> lines) {
      if (accumulator == counters.loads.id()) {
        for (Object line : lines) {
          String[] parts = ((String) line).split(" ");
          EngineStats.Load load = load(parts);
          engineOfTask.put(task, parts[0]);
          engines.put(parts[0], with(load, Math.max(load.peakPages(), peak(parts[0]))));
        }
      }
    }

    private long peak(String engine) {
      return engines.getOrDefault(engine, EngineStats.Load.NONE).peakPages();
    }

    private static EngineStats.Load with(EngineStats.Load l, long peak) {
      return new EngineStats.Load(l.running(), l.waiting(), l.places(), l.usedPages(), peak, l.pages());
    }

    private static EngineStats.Load empty(EngineStats.Load l, long peak) {
      return new EngineStats.Load(0, 0, l.places(), 0, peak, l.pages());
    }

    /** @param values what the task had reported last, by accumulator; null if nothing */
    void ended(long task, boolean succeeded, Map<Long, Long> values) {
      String engine = engineOfTask.remove(task);
      if (engine != null && !engineOfTask.containsValue(engine)) {
        engines.computeIfPresent(engine, (name, load) -> empty(load, load.peakPages()));
      }
      if (!succeeded && values != null) {
        values.forEach((accumulator, value) -> unfinished.merge(accumulator, value, Long::sum));
      }
    }

    /** What tasks that did not succeed had added to an accumulator, by their last report. */
    long unfinished(LongAccumulator accumulator) {
      return unfinished.getOrDefault(accumulator.id(), 0L);
    }

    void lost(String executor) {
      lostExecutors.add(executor);
      engines.keySet().removeIf(engine -> executor.equals(executor(engine)));
    }

    private static String executor(String engine) {
      return engine.substring(0, engine.lastIndexOf('/'));
    }

    /**
     * What engines have done for the job, in work and not in results: what failed tasks had decoded counts.
     *
     * @param sum what finished and running tasks have added to an accumulator
     */
    EngineStats stats(ToLongFunction<LongAccumulator> sum) {
      readEnded();
      ToLongFunction<LongAccumulator> all = a -> sum.applyAsLong(a) + unfinished(a);
      return new EngineStats(
          all.applyAsLong(counters.steps), all.applyAsLong(counters.prefill), all.applyAsLong(counters.prefix),
          all.applyAsLong(counters.decode), all.applyAsLong(counters.preemptions), 0, all.applyAsLong(counters.busy),
          all.applyAsLong(counters.busyPrefill), all.applyAsLong(counters.sequenceSteps),
          engines.values().stream().reduce(EngineStats.Load.NONE, EngineStats.Load::plus), Map.of());
    }

    /** Tasks that end before their first heartbeat have told how large their engine is by their result alone. */
    private void readEnded() {
      List<String> lines = counters.loads.value();
      for (String line : lines.subList(read, lines.size())) {
        String[] parts = line.split(" ");
        EngineStats.Load load = load(parts);
        long peak = Math.max(load.peakPages(), peak(parts[0]));
        if (!lostExecutors.contains(executor(parts[0]))) {
          engines.merge(parts[0], empty(load, peak), (known, ended) -> with(known, peak));
        }
      }
      read = lines.size();
    }
  }
}
