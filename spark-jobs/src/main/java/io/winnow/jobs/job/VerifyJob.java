// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;

import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.conf.VerifySettings;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.table.VerdictFile;
import io.winnow.jobs.table.VerdictsTable;
import io.winnow.jobs.verify.VerifierSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction0;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * Judges a table of traces again without generating. One Spark job a verifier: each task judges its share of what has
 * no verdict yet and writes it into one file, and the driver commits the files of finished tasks while the job goes on.
 *
 * <p>No ledger here: a verdict takes microseconds, so a task's whole share is cheap to do again. What counts is what
 * {@link VerdictsTable#append} took; each attempt's files are told to the driver by Spark itself, once a partition.
 */
public final class VerifyJob {
  private static final int MAX_PASSES = 10;
  private static final long TICK_MILLIS = 100;

  private final SparkSession spark;
  private final SettingValues values;
  private final BooleanSupplier stop;
  private final GenerateJob.Progress progress;
  private final String runId = RunId.next();
  private final long startNanos = System.nanoTime();
  private TraceTable traces;
  private VerdictsTable verdicts;
  private long lastVersion = -1;
  private boolean stopped;

  private VerifyJob(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    this.spark = spark;
    this.values = values;
    this.stop = stop;
    this.progress = progress;
  }

  /**
   * Runs the job to its end.
   *
   * @param values settings of {@code verify}
   * @param stop asked now and then; once true, the job ends cleanly with what is judged so far
   * @param progress told the verdicts that are there and wanted, of one verifier after the other
   * @throws UsageException for a verifier that is not known
   * @throws io.winnow.jobs.table.TableException when there is no table of traces, or it cannot be written beside
   */
  public static VerifyResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    return new VerifyJob(spark, values, stop, progress).run();
  }

  private VerifyResult run() {
    VerifySettings.validate(values);
    List<VerifierSpec> specs = VerifyOptions.verifiers(values);
    if (new HashSet<>(specs).size() < specs.size()) {
      throw new UsageException("Cannot use the same --verifier with the same parameters twice: give it once.");
    }
    traces = TraceTable.existing(spark, values.get(VerifySettings.TRACES));
    verdicts = VerdictsTable.open(traces);
    RunsTable runs = RunsTable.open(traces);
    VerifyFacts facts = new VerifyFacts(spark, values, runId, traces.version(), verdicts.version());
    runs.append(facts.start());
    try {
      Dataset<Row> all = traces.read(spark);
      long failed = all.filter("error is not null").count();
      long wanted = all.count() - failed;
      List<VerifyResult.Judged> judged = new ArrayList<>();
      for (VerifierSpec spec : specs) {
        judged.add(judge(spec, wanted));
      }
      double seconds = (System.nanoTime() - startNanos) / 1e9;
      VerifyResult result =
          new VerifyResult(runId, traces.path(), verdicts.path(), failed, judged, seconds, stopped);
      long existing = judged.stream().mapToLong(VerifyResult.Judged::existing).sum();
      String state = stopped ? "stopped" : result.judged() == 0 ? "nothing_to_do" : "done";
      runs.append(facts.end(result, wanted * specs.size(), existing, lastVersion, state));
      return result;
    } catch (Exception | Error e) { // Spark throws checked exceptions that it does not declare
      try {
        runs.append(facts.failed(String.valueOf(e.getMessage())));
      } catch (RuntimeException beside) {
        e.addSuppressed(beside);
      }
      throw e;
    }
  }

  private VerifyResult.Judged judge(VerifierSpec spec, long wanted) {
    VerdictsTable.Kind kind =
        new VerdictsTable.Kind(spec.name(), spec.verifier().version(), spec.paramsJson());
    Map<String, Long> byValue = new TreeMap<>();
    Map<String, Long> changes = new TreeMap<>();
    long existing = wanted;
    for (int pass = 1; ; pass++) {
      // Before the verdicts are read: what comes in after that is then refused by the number of the batch.
      long lastBatch = verdicts.lastBatch(kind);
      Dataset<Row> missing = missing(kind);
      long count = missing.count();
      // A generate beside this run may add traces meanwhile.
      existing = pass == 1 ? Math.max(0, wanted - count) : existing;
      stopped |= stop.getAsBoolean();
      if (count == 0 || stopped) {
        break;
      }
      if (pass > MAX_PASSES) {
        throw JobErrors.notConverging(count, MAX_PASSES, verdicts.path());
      }
      if (new Pass(spec, kind, missing, wanted, Math.max(0, wanted - count), lastBatch, byValue, changes).run()) {
        break;
      }
    }
    String params = spec.params().isEmpty() ? "" : ":" + spec.paramsJson();
    return new VerifyResult.Judged(spec.name() + params, kind.version(), wanted, existing, byValue, changes);
  }

  /**
   * The traces that have no verdict of the kind, with the value that {@code generate} gave them as {@code stored}. A
   * trace that was continued since it was judged is another text under the same key, and has none.
   */
  private Dataset<Row> missing(VerdictsTable.Kind kind) {
    Column stored = col("verdicts").getItem(kind.verifier()).getField("value");
    Dataset<Row> all =
        traces.read(spark).filter("error is null")
            .select(
                col("prompt_id"), col("trace_id"), col("gold"), col("text"), col("finish_reason"), stored.as("stored"),
                col("created_at"));
    Dataset<Row> there =
        verdicts.read(spark, kind)
            .select(
                col("prompt_id").as("there_prompt"), col("trace_id").as("there_trace"),
                col("created_at").as("judged_at"));
    Column judged =
        col("prompt_id").equalTo(col("there_prompt"))
            .and(col("trace_id").equalTo(col("there_trace")))
            .and(col("created_at").isNull().or(col("judged_at").geq(col("created_at"))));
    // Without verdicts there is nothing to compare with, and the text need not be shuffled.
    return there.isEmpty() ? all : all.join(there, judged, "left_anti");
  }

  /** One Spark job over what is missing. */
  private final class Pass {
    private final VerifierSpec spec;
    private final VerdictsTable.Kind kind;
    private final Dataset<Row> missing;
    private final long wanted;
    private final long existing;
    private final Map<String, Long> byValue;
    private final Map<String, Long> changes;
    private final BlockingQueue<VerifyTask.Done> finished = new LinkedBlockingQueue<>();
    private final List<VerifyTask.Done> uncommitted = new ArrayList<>();
    private long lastBatch;

    Pass(
        VerifierSpec spec, VerdictsTable.Kind kind, Dataset<Row> missing, long wanted, long existing, long lastBatch,
        Map<String, Long> byValue, Map<String, Long> changes) {
      this.spec = spec;
      this.kind = kind;
      this.missing = missing;
      this.wanted = wanted;
      this.existing = existing;
      this.lastBatch = lastBatch;
      this.byValue = byValue;
      this.changes = changes;
    }

    /** True if all of it is in the table or the run is to stop; false if it has to be planned again. */
    boolean run() {
      SparkContext context = spark.sparkContext();
      LiveCounters counters = new LiveCounters(context);
      LiveCounters.Reader reader = new LiveCounters.Reader(counters, runId);
      context.addSparkListener(reader);
      context.setJobGroup(runId, "winnow verify " + runId, false);
      try {
        VerifyTask task = new VerifyTask(spec, kind, verdicts.writerSpec(), runId, counters);
        RDD<Row> rows = partitioned().javaRDD().rdd();
        return follow(context, rows, submit(context, rows, task), reader);
      } finally {
        context.clearJobGroup();
        context.removeSparkListener(reader);
      }
    }

    private Dataset<Row> partitioned() {
      int asked = values.get(VerifySettings.PARTITIONS);
      return asked > 0 ? missing.repartition(asked, col("prompt_id"), col("trace_id")) : missing;
    }

    private SimpleFutureAction<Object> submit(SparkContext context, RDD<Row> rows, VerifyTask task) {
      List<Object> partitions = IntStream.range(0, rows.getNumPartitions()).<Object>mapToObj(i -> i).toList();
      return context.submitJob(
          rows,
          task,
          CollectionConverters.asScala(partitions).toSeq(),
          new AbstractFunction2<Object, VerifyTask.Done, BoxedUnit>() {
            @Override
            public BoxedUnit apply(Object partition, VerifyTask.Done done) {
              finished.add(done); // on Spark's own thread: it must not wait for a commit
              return BoxedUnit.UNIT;
            }
          },
          new AbstractFunction0<Object>() {
            @Override
            public Object apply() {
              return BoxedUnit.UNIT;
            }
          });
    }

    private boolean follow(
        SparkContext context, RDD<Row> rows, SimpleFutureAction<Object> job, LiveCounters.Reader reader) {
      long interval = values.get(VerifySettings.COMMIT_INTERVAL).toNanos();
      long committedAt = System.nanoTime();
      boolean ended = false;
      try {
        while (!ended) {
          // First: what finishes after the question is seen in the next turn.
          ended = job.isCompleted();
          take(ended ? 0 : TICK_MILLIS);
          stopped |= stop.getAsBoolean();
          if (stopped) {
            break;
          }
          if (ended || System.nanoTime() - committedAt >= interval) {
            if (!commit()) {
              return false;
            }
            committedAt = System.nanoTime();
          }
          LiveCounters.Snapshot s = reader.snapshot();
          progress.update(existing + s.traces(), wanted, s.failed(), s.correct(), s.decided(), 0, s.engines());
        }
        if (stopped) {
          job.cancel();
          take(0);
          // What another run has judged meanwhile is done as well.
          commit();
          return true;
        }
        job.value().get().get(); // throws what the job failed with
        return true;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the run was interrupted", e);
      } finally {
        job.cancel();
      }
    }

    private void take(long waitMillis) throws InterruptedException {
      VerifyTask.Done first = finished.poll(waitMillis, TimeUnit.MILLISECONDS);
      if (first != null) {
        uncommitted.add(first);
        finished.drainTo(uncommitted);
      }
    }

    /** Commits what has finished; false if another run was faster. */
    private boolean commit() {
      List<VerdictFile> files = uncommitted.stream().map(VerifyTask.Done::file).filter(Objects::nonNull).toList();
      if (!files.isEmpty()) {
        Optional<Long> version = verdicts.append(kind, lastBatch + 1, files);
        if (version.isEmpty()) {
          return false;
        }
        lastBatch++;
        lastVersion = version.get();
        for (VerifyTask.Done done : uncommitted) {
          done.byValue().forEach((value, n) -> byValue.merge(value, n, Long::sum));
          done.changes().forEach((change, n) -> changes.merge(change, n, Long::sum));
        }
      }
      uncommitted.clear();
      return true;
    }
  }
}
