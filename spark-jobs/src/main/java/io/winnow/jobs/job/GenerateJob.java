// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.Ledger;
import io.winnow.jobs.table.LedgerOptions;
import io.winnow.jobs.table.LedgerProgress;
import io.winnow.jobs.table.RecoveryResult;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TableException;
import io.winnow.jobs.table.TraceCounts;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.trace.TraceKey;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Prompts to verified traces. The driver's side of {@code generate}: finds what is missing in the table, runs one long
 * Spark job over it, whose finished traces a {@link Ledger} commits while it goes on, and says what came of it.
 */
public final class GenerateJob {
  /** What did not get in is made again; more often means that something is wrong with the folder of the table. */
  private static final int MAX_PASSES = 3;
  private static final long PROGRESS_MILLIS = 500;
  /** A stopped task needs a tick of the engine and a flush; one that needs longer is left to the next run. */
  private static final long STOP_MILLIS = 10_000;

  /** Gets the state of the run now and then, on a thread of the job's. */
  public interface Progress {
    void update(long done, long total, long failed, long correct, long decided, long tokens);
  }

  private final SparkSession spark;
  private final SettingValues values;
  private final GenerateOptions options;
  private final String runId = newRunId();
  private final long startNanos = System.nanoTime();
  private final RunBudget budget;
  private TraceCosts costs;
  private long copied;
  private long generatedTokens;
  private double generateSeconds;
  private volatile boolean stopped;
  private TraceCounts committed = TraceCounts.ZERO;
  private long lastVersion = -1;
  private long epoch;
  private long plannedVersion;

  private GenerateJob(SparkSession spark, SettingValues values, BooleanSupplier stop) {
    this.spark = spark;
    this.values = values;
    this.budget = new RunBudget(values, stop, System::nanoTime, startNanos);
    this.options = GenerateOptions.of(values);
  }

  /**
   * Runs the job to its end.
   *
   * @param values checked settings of {@code generate}
   * @param stop asked now and then; once true, the job ends cleanly with what is decoded so far
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   * @throws io.winnow.inference.conf.UsageException when the prompts cannot be used as asked
   * @throws TableException when the output is some other table, or cannot be written
   */
  public static GenerateResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, Progress progress) {
    return new GenerateJob(spark, values, stop).run(progress);
  }

  private GenerateResult run(Progress progress) {
    EngineSpec spec = options.engine();
    ModelInfo model = EngineHost.describe(spec);
    this.costs = new TraceCosts(options.price(values, model), spark.sparkContext());
    VersionedPrompts source = VersionedPrompts.open(spark, values);
    Prompts prompts = source.prompts();
    StructType kept = new StructType(prompts.kept().toArray(StructField[]::new));
    TraceTable table = open(kept);
    TraceKey key = TraceKey.of(values, model, EngineSpec.NUMERICS_VERSION);
    String workSet = RunFacts.workSet(spark, values, model);
    RunsTable runs = RunsTable.open(table);
    RunFacts facts = new RunFacts(spark, values, options, model, runId, workSet, table.version());
    // From here on an older run of the same work cannot commit any more; only then is what it has done looked at.
    epoch = runs.claim(workSet, facts.start(source));
    RecoveryResult recovered = Ledger.recover(spark, table, workSet, epoch);

    long total = prompts.counts().total() * options.samples();
    Dataset<Row> encoded = encode(prompts, spec, key, model);
    TraceRows rows = new TraceRows(options.run(runId, model), table.schema(), costs);
    try {
      long existing = total;
      for (int pass = 1; ; pass++) {
        plannedVersion = table.version();
        boolean fresh = plannedVersion == 0;
        WorkPlan plan = WorkPlan.of(encoded, table.keys(spark));
        try {
          existing = pass == 1 ? total - plan.traces : existing;
          stopped |= budget.getAsBoolean();
          if (plan.traces == 0 || stopped) {
            break;
          }
          if (pass > MAX_PASSES) {
            throw JobErrors.notConverging(plan.traces, MAX_PASSES, table.path());
          }
          if (pass == 1 && !fresh && copy(plan, table, rows, workSet) > 0) {
            // What was copied is no longer missing.
            plan.close();
            plannedVersion = table.version();
            plan = WorkPlan.of(encoded, table.keys(spark));
          }
          if (plan.traces == 0 || generate(plan, model, table, rows, workSet, pass, progress) == 0 || stopped) {
            break;
          }
        } finally {
          plan.close();
        }
      }
      stopped &= committed.rows() < total - existing;
      GenerateResult result = result(table, prompts, total, existing, recovered);
      String state = stopped ? "stopped" : result.written() == 0 ? "nothing_to_do" : "done";
      runs.append(facts.end(result, committed, lastVersion, state, result.stopReason()));
      return result;
    } catch (Exception | Error e) { // Spark throws checked exceptions that it does not declare
      try {
        runs.append(facts.failed(totals(table), committed, lastVersion, String.valueOf(e.getMessage())));
      } catch (RuntimeException beside) {
        e.addSuppressed(beside);
      }
      throw e;
    }
  }

  private TraceTable open(StructType kept) {
    return TraceTable.isName(options.out())
        ? TraceTable.openNamed(spark, options.out(), kept)
        : TraceTable.open(spark, options.out(), kept);
  }

  private Dataset<Row> encode(Prompts prompts, EngineSpec spec, TraceKey key, ModelInfo model) {
    PromptEncoder encoder = new PromptEncoder(spec, key, options.samples(), model.contextLength());
    StructType schema = PromptEncoder.schema(prompts.rows().schema());
    return prompts.rows().mapPartitions(encoder, Encoders.row(schema));
  }

  /** Takes over traces that another prompt of the same text has; returns how many. */
  private long copy(WorkPlan plan, TraceTable table, TraceRows rows, String workSet) {
    Dataset<Row> copies =
        plan.copies(
            table.read(spark), options.sampling().maxTokens(), options.tokenIds(), options.sampling().logprobs());
    if (copies.isEmpty()) {
      return 0;
    }
    try (Ledger ledger = Ledger.open(spark, table, ledgerOptions(runId + "-copies", workSet))) {
      copies.foreachPartition(new CopyTask(rows, ledger.spec()));
      LedgerProgress done = ledger.finish();
      count(done);
      copied += done.counts().rows();
      return done.counts().rows();
    }
  }

  /** Runs the long job over what is missing; returns how many of these traces did not get in. */
  private long generate(
      WorkPlan plan, ModelInfo model, TraceTable table, TraceRows rows, String workSet, int pass, Progress progress) {
    SparkContext context = spark.sparkContext();
    LiveCounters counters = new LiveCounters(context);
    LiveCounters.Reader reader = new LiveCounters.Reader(counters, runId);
    context.addSparkListener(reader);
    String ledgerId = pass == 1 ? runId : runId + "-" + pass;
    CountDownLatch ended = new CountDownLatch(1);
    long start = System.nanoTime();
    Ledger ledger = Ledger.open(spark, table, ledgerOptions(ledgerId, workSet));
    try {
      GenerateTask task =
          new GenerateTask(
              GenerateTask.function(options.engine(), options.sampling(), model), options.sampling(), rows, ledger.spec(),
              counters);
      Thread watcher = new Thread(() -> watch(ended, ledger, reader, plan.traces, progress), "winnow-progress");
      watcher.setDaemon(true);
      watcher.start();
      // Stopped tasks look for it themselves: an interrupt would also hit the file that they write at their end.
      context.setJobGroup(runId, "winnow generate " + runId, false);
      try {
        plan.partitioned(partitions(plan)).foreachPartition(task);
      } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
        // The reason lies with the ledger, or with whoever asked to stop; else it is the job's own.
        if (!stopped && ledger.failure().isEmpty()) {
          throw e;
        }
      } finally {
        // A cancelled job is over before its tasks are, and those still offer what they have; of a finished one the
        // last counts are on their way.
        reader.awaitTasks(STOP_MILLIS);
        context.clearJobGroup();
        ended.countDown();
      }
      LedgerProgress done = ledger.finish();
      LiveCounters.Snapshot counted = reader.snapshot();
      // Spark drops what cancelled tasks have counted; what they decoded and kept is in the ledger.
      generatedTokens += stopped ? done.counts().completionTokens() : counted.tokens();
      generateSeconds += (System.nanoTime() - start) / 1e9;
      progress.update(
          counted.traces(), plan.traces, counted.failed(), counted.correct(), counted.decided(), counted.tokens());
      // Counted by what is in, whatever kept the rest out: a refused file, a lost or damaged offer.
      return plan.traces - done.counts().rows();
    } finally {
      // What is committed counts, also when the job fails.
      ledger.close();
      count(ledger.progress());
      context.removeSparkListener(reader);
    }
  }

  private void watch(
      CountDownLatch ended, Ledger ledger, LiveCounters.Reader reader, long traces, Progress progress) {
    try {
      while (!ended.await(PROGRESS_MILLIS, TimeUnit.MILLISECONDS)) {
        long tokens = generatedTokens + reader.snapshot().tokens();
        budget.used(tokens, costs.soFar(reader, tokens));
        stopped |= budget.getAsBoolean();
        if (stopped || ledger.failure().isPresent()) {
          // Again and again: between two jobs of a plan there is nothing to cancel.
          spark.sparkContext().cancelJobGroup(runId);
          continue;
        }
        LiveCounters.Snapshot s = reader.snapshot();
        progress.update(s.traces(), traces, s.failed(), s.correct(), s.decided(), s.tokens());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private int partitions(WorkPlan plan) {
    int asked = options.partitions();
    // One wave of tasks: a task that ends early leaves its share of the engine to the others.
    int wanted = asked > 0 ? asked : spark.sparkContext().defaultParallelism();
    return (int) Math.max(1, Math.min(wanted, plan.prompts));
  }

  private LedgerOptions ledgerOptions(String id, String workSet) {
    return LedgerOptions.of(id, workSet, options.commitIntervalMillis()).claimed(epoch, plannedVersion);
  }

  private void count(LedgerProgress done) {
    committed = committed.plus(done.counts());
    lastVersion = Math.max(lastVersion, done.tableVersion());
  }

  private GenerateResult result(
      TraceTable table, Prompts prompts, long total, long existing, RecoveryResult recovered) {
    RunTotals totals = committed.rows() == 0 ? RunTotals.NONE : RunTotals.of(spark, table, runId);
    return new GenerateResult(
        runId,
        table.path(),
        prompts.counts().total(),
        total,
        existing,
        committed.rows(),
        copied,
        totals.failedByClass(),
        committed.correct(),
        committed.incorrect(),
        committed.undecided(),
        generatedTokens,
        generateSeconds,
        (System.nanoTime() - startNanos) / 1e9,
        recovered.adoptedRows(),
        stopped,
        !options.verifiers().isEmpty(),
        stopped ? budget.reason() : null,
        totals.engineSeconds(),
        totals.costUsd());
  }

  /** The sums of a run that failed, which may have lost its session as well. */
  private RunTotals totals(TraceTable table) {
    try {
      return committed.rows() == 0 ? RunTotals.NONE : RunTotals.of(spark, table, runId);
    } catch (RuntimeException e) {
      return RunTotals.UNKNOWN;
    }
  }

  /** Sorts by time, and is unique among runs that start in the same second. */
  private static String newRunId() {
    String time = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC).format(Instant.now());
    return String.format("%s-%06x", time, new SecureRandom().nextInt(1 << 24));
  }
}
