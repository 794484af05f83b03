// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import io.winnow.inference.ModelInfo;
import io.winnow.jobs.table.Ledger;
import io.winnow.jobs.table.LedgerOptions;
import io.winnow.jobs.table.LedgerProgress;
import io.winnow.jobs.table.RunProgress;
import io.winnow.jobs.table.TraceTable;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The long Spark job over what is missing, with a ledger beside it that commits finished traces while it goes on, and a
 * thread that shows where it stands and ends it when it is to stop.
 */
final class GeneratePass {
  private static final long PROGRESS_MILLIS = 500;
  private static final long SHOW_NANOS = 2_000_000_000L;
  /** A stopped task needs a tick of the engine and a flush; one that needs longer is left to the next run. */
  private static final long STOP_MILLIS = 60_000;
  /** Tasks a slot where several executors share the work, so that none is left with the last large partition. */
  private static final int TASKS_PER_SLOT = 4;
  private static final int LEAST_PROMPTS = 16;

  /** What the passes of a run have in common. */
  record Setting(
      SparkSession spark,
      GenerateOptions options,
      ModelInfo model,
      TraceTable table,
      TraceRows rows,
      String runId,
      RunBudget budget,
      TraceCosts costs,
      GenerateJob.Progress progress,
      RunProgress start) {}

  /**
   * What came of a pass.
   *
   * @param tokens generated
   * @param suspects prompts that were in an engine whose process died
   * @param lost whether the job failed because executors were lost
   * @param engines what engines have done
   */
  record Outcome(
      LedgerProgress done, long tokens, double seconds, boolean stopped, Map<String, Integer> suspects, boolean lost,
      EngineStats engines) {}

  private final Setting run;
  private final WorkPlan plan;
  private final LiveCounters.Reader reader;
  private final LiveCounters counters;
  private final long tokensBefore;
  private final long rowsBefore;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean stopped;
  private long shownNanos;

  /**
   * @param tokensBefore tokens that the run has generated before
   * @param rowsBefore rows that the run has written before
   */
  GeneratePass(Setting run, WorkPlan plan, long tokensBefore, long rowsBefore) {
    this.run = run;
    this.plan = plan;
    this.tokensBefore = tokensBefore;
    this.rowsBefore = rowsBefore;
    this.counters = new LiveCounters(run.spark().sparkContext());
    this.reader = new LiveCounters.Reader(counters, run.runId());
  }

  /**
   * Does it.
   *
   * @param done gets what is committed, also when the job fails
   * @throws io.winnow.jobs.table.TableException if it cannot be committed
   */
  Outcome run(LedgerOptions options, Map<String, Integer> suspects, Consumer<LedgerProgress> done) {
    SparkContext context = run.spark().sparkContext();
    context.addSparkListener(reader);
    long start = System.nanoTime();
    boolean lost = false;
    Ledger ledger = Ledger.open(run.spark(), run.table(), options);
    try {
      ledger.warnOf(suspects);
      GenerateTask task =
          new GenerateTask(
              GenerateTask.function(
                  run.options().runtime(), run.options().hosting(), run.options().sampling(), run.model()),
              run.options().sampling(), run.rows(), ledger.spec(), counters, run.options().known());
      Thread watcher = new Thread(() -> watch(ledger), "winnow-progress");
      watcher.setDaemon(true);
      watcher.start();
      // Stopped tasks look for it themselves: an interrupt would also hit the file that they write at their end.
      context.setJobGroup(run.runId(), "winnow generate " + run.runId(), false);
      try {
        Dataset<Row> work = plan.partitioned(partitions());
        ResourceProfile executors = SidecarExecutors.of(context.getConf(), run.options().hosting().sidecar());
        if (executors == null) {
          work.foreachPartition(task);
        } else {
          work.javaRDD().withResources(executors).foreachPartition(task::call);
        }
      } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
        lost = reader.lostExecutors() > 0 && !context.isStopped();
        // The reason lies with the ledger, or with whoever asked to stop, or with executors that died too often for
        // one task: then it goes on with what is left. Else it is the job's own.
        if (!stopped && ledger.failure().isEmpty() && !lost) {
          throw e;
        }
      } finally {
        // A cancelled job is over before its tasks are, and those still offer what they have; of a finished one the
        // last counts are on their way.
        reader.awaitTasks(STOP_MILLIS);
        context.clearJobGroup();
        ended.countDown();
      }
      Map<String, Integer> left = lost ? ledger.suspects() : Map.of();
      LedgerProgress progress = ledger.finish();
      LiveCounters.Snapshot counted = reader.snapshot();
      // Spark drops what cancelled tasks have counted; what they decoded and kept is in the ledger.
      long tokens = stopped ? progress.counts().completionTokens() : counted.tokens();
      tell(counted);
      return new Outcome(progress, tokens, (System.nanoTime() - start) / 1e9, stopped, left, lost, counted.engines());
    } finally {
      // What is committed counts, also when the job fails.
      ledger.close();
      done.accept(ledger.progress());
      context.removeSparkListener(reader);
      run.costs().passEnds(reader);
    }
  }

  private void watch(Ledger ledger) {
    try {
      while (!ended.await(PROGRESS_MILLIS, TimeUnit.MILLISECONDS)) {
        LiveCounters.Snapshot s = reader.snapshot();
        long tokens = tokensBefore + s.tokens();
        long generated = tokensBefore + reader.generated();
        run.budget().used(generated, run.costs().soFar(reader, generated));
        stopped |= run.budget().getAsBoolean();
        if (stopped || ledger.failure().isPresent()) {
          // Again and again: between two jobs of a plan there is nothing to cancel.
          run.spark().sparkContext().cancelJobGroup(run.runId());
          continue;
        }
        tell(s);
        if (System.nanoTime() - shownNanos > SHOW_NANOS) {
          shownNanos = System.nanoTime();
          ledger.show(standing(s, tokens));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void tell(LiveCounters.Snapshot s) {
    // What a rule ends beforehand is no longer to be waited for.
    long total = plan.atMost - reader.spared();
    run.progress().update(s.traces(), total, s.failed(), s.correct(), s.decided(), s.tokens(), s.engines());
  }

  private RunProgress standing(LiveCounters.Snapshot s, long tokens) {
    RunProgress start = run.start();
    long now = System.currentTimeMillis();
    double seconds = Math.max(1, now - start.startedAtMillis()) / 1e3;
    return new RunProgress(
        start.runId(), start.workSet(), start.host(), start.pid(), start.startedAtMillis(), now, start.planned(),
        start.existing(), rowsBefore + s.traces(), s.failed(), s.correct(), s.decided(), tokens, tokens / seconds);
  }

  /**
   * One wave of tasks where one engine serves them all: a task that ends early leaves its share to the others. With
   * several executors that each run some tasks at a time there are more of them than slots, because the last partition
   * of one executor would leave the engines of the others idle.
   */
  private int partitions() {
    SparkContext context = run.spark().sparkContext();
    int slots = context.defaultParallelism();
    int executors = Math.max(1, context.getExecutorMemoryStatus().size() - (context.isLocal() ? 0 : 1));
    long wanted = run.options().partitions();
    if (wanted == 0) {
      boolean several = executors > 1 && slots / executors > 1;
      wanted = several ? Math.max(slots, Math.min(TASKS_PER_SLOT * slots, plan.prompts / LEAST_PROMPTS)) : slots;
    }
    return (int) Math.max(1, Math.min(wanted, plan.prompts));
  }
}
