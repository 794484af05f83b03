// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.conf.ModelAddress;
import io.winnow.inference.conf.ReplaySettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.job.ReplayResult.Found;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TraceTable;
import io.winnow.jobs.table.VerdictsTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import scala.jdk.javaapi.CollectionConverters;

/** Makes recorded traces again from their rows and compares; writes nothing. One Spark job a group of equal runs. */
public final class ReplayJob {
  private static final long PROGRESS_MILLIS = 500;

  private final SparkSession spark;
  private final SettingValues values;
  private final BooleanSupplier stop;
  private final GenerateJob.Progress progress;
  private final String jobGroup = "replay-" + RunId.next();
  private final long startNanos = System.nanoTime();
  private volatile boolean stopped;

  private ReplayJob(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    this.spark = spark;
    this.values = values;
    this.stop = stop;
    this.progress = progress;
  }

  /**
   * Runs the replay to its end.
   *
   * @param values settings of {@code replay}
   * @param stop asked now and then; once true, the replay ends with what is compared so far
   * @param progress told of traces compared (differing ones as failed) and tokens
   * @throws UsageException when the model is another one than that of the traces, or not there
   * @throws io.winnow.jobs.table.TableException when there is no table of traces
   */
  public static ReplayResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    return new ReplayJob(spark, values, stop, progress).run();
  }

  private ReplayResult run() {
    TraceTable table = TraceTable.existing(spark, values.get(ReplaySettings.TRACES));
    Dataset<Row> traces = table.read(spark).filter("error is null");
    long population = traces.count();
    Dataset<Row> sample = sample(traces);
    Map<String, Long> sampledByRun = new LinkedHashMap<>();
    for (Row row : sample.groupBy("run_id").count().orderBy("run_id").collectAsList()) {
      sampledByRun.put(row.getString(0), row.getLong(1));
    }
    long sampled = sampledByRun.values().stream().mapToLong(Long::longValue).sum();
    Map<ReplayGroup, List<String>> groups = groups(table, new ArrayList<>(sampledByRun.keySet()));
    Dataset<Row> rows = withLaterVerdicts(table, sample);
    Found found = new Found();
    long done = 0;
    for (Map.Entry<ReplayGroup, List<String>> group : groups.entrySet()) {
      long size = group.getValue().stream().mapToLong(sampledByRun::get).sum();
      stopped |= stop.getAsBoolean();
      if (!stopped) {
        replay(group.getKey(), rows.filter(ofRuns(group.getValue())), size, done, sampled, found);
      }
      done += size;
    }
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    return new ReplayResult(population, sampled, found, seconds, stopped);
  }

  private static Column ofRuns(List<String> runIds) {
    Column in = col("run_id").isin(runIds.stream().filter(id -> id != null).toArray());
    return runIds.contains(null) ? in.or(col("run_id").isNull()) : in;
  }

  /** The rows whose key has the lowest hashes; a filter, so that it can be evaluated again and again. */
  private Dataset<Row> sample(Dataset<Row> traces) {
    // 53 bits, as many as a double holds: a share of them is exact and the same everywhere.
    Column rank =
        expr("shiftrightunsigned(xxhash64(prompt_id, trace_id, " + values.get(ReplaySettings.SEED) + "L), 11)");
    Column place = struct(rank.as("rank"), col("prompt_id"), col("trace_id"));
    if (ReplaySettings.sampleCount(values).isEmpty()) {
      double share = ReplaySettings.sampleShare(values);
      Dataset<Row> some = traces.filter(rank.cast("double").lt(share * 0x1p53));
      if (!some.isEmpty()) {
        return some;
      }
    }
    long count = ReplaySettings.sampleCount(values).orElse(1);
    int most = (int) Math.min(count, Integer.MAX_VALUE);
    Dataset<Row> first = traces.select(place.as("place")).orderBy("place").limit(most);
    Row last = first.agg(org.apache.spark.sql.functions.max("place")).head();
    if (last.isNullAt(0)) {
      return traces.limit(0);
    }
    Row bound = last.getStruct(0);
    return traces.filter(
        place.leq(
            struct(
                lit(bound.getLong(0)).as("rank"), lit(bound.getString(1)).as("prompt_id"),
                lit(bound.getString(2)).as("trace_id"))));
  }

  private Map<ReplayGroup, List<String>> groups(TraceTable table, List<String> runIds) {
    Map<String, ReplayGroup.Recorded> recorded = recorded(table);
    Optional<String> given = values.find(ReplaySettings.MODEL);
    String fingerprint = null;
    if (given.isPresent()) {
      ModelAddress.check(given.get());
      EngineSpec spec =
          new EngineSpec(
              ModelAddress.absolute(given.get()), "auto", values.get(ReplaySettings.THREADS),
              values.get(ReplaySettings.MAX_SEQUENCES),
              values.get(ReplaySettings.KV_CACHE_TOKENS), null, Map.of());
      fingerprint = EngineHost.describe(EngineHost.seen(spec)).fingerprint();
      checkWanted(given.get(), fingerprint, runIds, recorded);
    }
    Map<ReplayGroup.Recorded, ReplayGroup> made = new HashMap<>();
    Map<ReplayGroup, List<String>> out = new LinkedHashMap<>();
    for (String runId : runIds) {
      ReplayGroup.Recorded run = recorded.get(runId);
      ReplayGroup group;
      if (run == null) {
        group = ReplayGroup.impossible("its run is not in _winnow/runs");
      } else {
        boolean here = run.modelFingerprint() != null && run.modelFingerprint().equals(fingerprint);
        group = made.computeIfAbsent(run, r -> ReplayGroup.of(r, values, here ? given.get() : null));
      }
      out.computeIfAbsent(group, g -> new ArrayList<>()).add(runId);
    }
    checkSomeModel(out);
    return out;
  }

  private static void checkWanted(
      String model, String fingerprint, List<String> runIds, Map<String, ReplayGroup.Recorded> recorded) {
    List<String> wanted =
        runIds.stream().map(recorded::get).filter(run -> run != null).map(ReplayGroup.Recorded::modelFingerprint)
            .distinct().toList();
    if (!wanted.isEmpty() && !wanted.contains(fingerprint)) {
      throw new UsageException(
          "Cannot replay with --model '" + model + "': its fingerprint is " + fingerprint + ", the traces were made by "
              + String.join(" and ", wanted) + ". Give the model that made them.");
    }
  }

  /** A model that is nowhere is a matter of the command, unless another one has something to do. */
  private static void checkSomeModel(Map<ReplayGroup, List<String>> groups) {
    for (Map.Entry<ReplayGroup, List<String>> group : groups.entrySet()) {
      boolean any = groups.keySet().stream().anyMatch(g -> g.reason() == null);
      if (group.getKey().modelMissing() && !any) {
        throw new UsageException(
            "Cannot replay the traces of run " + group.getValue().get(0) + ": " + group.getKey().reason()
                + " Say by --model where the model lies now.");
      }
    }
  }

  private Map<String, ReplayGroup.Recorded> recorded(TraceTable table) {
    Map<String, ReplayGroup.Recorded> out = new HashMap<>();
    RunsTable.find(table)
        .ifPresent(
            runs -> {
              Dataset<Row> starts = runs.read(spark).filter("event = 'start' and command = 'generate'");
              for (Row run : starts.collectAsList()) {
                out.put(run.getAs("run_id"), ReplayGroup.Recorded.of(run));
              }
            });
    return out;
  }

  /** Adds {@code later}: the verdicts of the side table on each trace. */
  private Dataset<Row> withLaterVerdicts(TraceTable table, Dataset<Row> sample) {
    Optional<VerdictsTable> side = VerdictsTable.find(table);
    if (side.isEmpty() || !values.get(ReplaySettings.VERDICTS)) {
      return sample.withColumn("later", lit(null).cast("array<string>"));
    }
    Column verdict =
        struct(
            col("verifier"), col("value"), col("score"), col("extracted"), col("rule"), col("detail"), col("params"),
            col("version"));
    Dataset<Row> made = sample.select(col("prompt_id"), col("trace_id"), col("created_at").as("made_at"));
    // Those on a text that was continued since are about another one.
    Dataset<Row> later =
        side.get().read(spark).join(made, keys(), "inner")
            .filter("made_at is null or created_at >= made_at")
            .groupBy("prompt_id", "trace_id").agg(collect_list(verdict).as("later"));
    return sample.join(later, keys(), "left_outer");
  }

  private static scala.collection.immutable.Seq<String> keys() {
    return CollectionConverters.asScala(List.of("prompt_id", "trace_id")).toSeq();
  }

  private void replay(ReplayGroup group, Dataset<Row> rows, long size, long before, long total, Found found) {
    SparkContext context = spark.sparkContext();
    LiveCounters counters = new LiveCounters(context);
    LiveCounters.Reader reader = new LiveCounters.Reader(counters, jobGroup);
    context.addSparkListener(reader);
    CountDownLatch ended = new CountDownLatch(1);
    Thread watcher = new Thread(() -> watch(ended, reader, before, total), "winnow-progress");
    watcher.setDaemon(true);
    watcher.start();
    context.setJobGroup(jobGroup, "winnow replay", false);
    try {
      Dataset<Row> needed =
          rows.select(
                  "prompt_id", "trace_id", "sample_index", "finish_reason", "completion_tokens", "prompt", "messages",
                  "gold", "text", "token_ids", "logprobs", "verdicts", "later")
              .repartition(partitions(size), col("prompt_id"), col("trace_id"));
      ReplayTask task = new ReplayTask(group, values.get(ReplaySettings.VERDICTS), counters);
      Found here = new Found();
      needed.javaRDD().mapPartitions(task).collect().forEach(here::add);
      score(group, here);
      found.add(here);
    } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
      if (!stopped) {
        throw e;
      }
    } finally {
      ended.countDown();
      context.clearJobGroup();
      context.removeSparkListener(reader);
    }
    long done = Math.min(total, before + (stopped ? reader.snapshot().traces() : size));
    progress.update(
        done, total, found.differentTraces(), 0, 0, found.generatedTokens(), reader.snapshot().engines());
  }

  /** Finds how likely the recorded tokens are where the table does not say. On an executor: there the model fits. */
  private void score(ReplayGroup group, Found found) {
    List<ReplayResult.Difference> all = found.differences();
    List<ReplayResult.Difference> open = all.stream().filter(ReplayJob::lacksLogprob).toList();
    if (open.isEmpty() || stopped) {
      return;
    }
    EngineSpec spec = group.spec();
    ArrayList<int[]> contexts = new ArrayList<>(open.stream().map(ReplayResult.Difference::context).toList());
    int[] tokens = open.stream().mapToInt(d -> Integer.parseInt(d.recorded())).toArray();
    float[] logprobs =
        JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(List.of(0), 1)
            .map(any -> EngineHost.logprobs(spec, contexts, tokens))
            .collect()
            .get(0);
    List<ReplayResult.Difference> scored = new ArrayList<>();
    int next = 0;
    for (ReplayResult.Difference d : all) {
      scored.add(lacksLogprob(d) ? d.withRecordedLogprob(logprobs[next++]) : d);
    }
    found.replaceDifferences(scored);
  }

  private static boolean lacksLogprob(ReplayResult.Difference d) {
    return d.part() == ReplayResult.Part.TOKEN && d.context() != null && d.recorded() != null
        && d.recordedLogprob() == null;
  }

  private int partitions(long rows) {
    int asked = values.get(ReplaySettings.PARTITIONS);
    int wanted = asked > 0 ? asked : spark.sparkContext().defaultParallelism();
    return (int) Math.max(1, Math.min(wanted, rows));
  }

  private void watch(CountDownLatch ended, LiveCounters.Reader reader, long before, long total) {
    try {
      while (!ended.await(PROGRESS_MILLIS, TimeUnit.MILLISECONDS)) {
        stopped |= stop.getAsBoolean();
        if (stopped) {
          spark.sparkContext().cancelJobGroup(jobGroup);
          continue;
        }
        LiveCounters.Snapshot s = reader.snapshot();
        progress.update(before + s.traces(), total, s.failed(), 0, 0, s.tokens(), s.engines());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
