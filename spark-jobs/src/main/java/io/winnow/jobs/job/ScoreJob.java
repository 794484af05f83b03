// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.to_json;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.udf.EngineHost;
import io.winnow.inference.udf.GenerateFunction;
import io.winnow.jobs.input.CompletionReader;
import io.winnow.jobs.input.CompletionSource;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TableVersion;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.Partitioner;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import scala.Tuple2;

/**
 * Says how likely a model finds completions that are there. Rows go through the executors' engines, many at a time, and
 * come out with their scores; a row that cannot be scored comes out with the reason.
 */
public final class ScoreJob {
  /** Nothing is drawn. */
  static final SamplingParams NOTHING = SamplingParams.DEFAULT.withMaxTokens(0, false);

  private static final String STEP = "score";
  private static final long TICK_MILLIS = 200;
  private static final long PROGRESS_MILLIS = 200;
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");
  private static final int ROWS_OF_PART = 20_000;
  private static final int MOST_PARTS = 10_000;

  private final SparkSession spark;
  private final SettingValues values;
  private final BooleanSupplier stop;
  private final GenerateJob.Progress progress;
  private final long startNanos = System.nanoTime();
  private volatile boolean stopped;

  private ScoreJob(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    this.spark = spark;
    this.values = values;
    this.stop = stop;
    this.progress = progress;
  }

  /**
   * Runs the job to its end.
   *
   * @param values settings of {@code score}
   * @param stop asked now and then; once true, the job ends and nothing is written
   * @param progress told rows and tokens
   * @throws UsageException for what cannot be scored as asked
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static ScoreResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    return new ScoreJob(spark, values, stop, progress).run();
  }

  private ScoreResult run() {
    ScoreSettings.validate(values);
    EngineSpec spec = EngineHost.seen(GenerateSettings.engineSpec(values));
    ModelInfo model = EngineHost.describe(spec);
    StepOutput output =
        new StepOutput(spark, values.get(ScoreSettings.OUT), values.get(ScoreSettings.OUT_FORMAT), STEP);
    boolean asLines = output.format() == StepOutput.Format.JSONL;
    long version = TableVersion.of(spark, values.get(ScoreSettings.IN)).orElse(-1);
    CompletionSource source = CompletionSource.open(spark, values, asLines, version);
    LikelihoodRow shape =
        new LikelihoodRow(source.lists(), values.get(ScoreSettings.LOGPROBS), values.get(ScoreSettings.PREFIX));
    checkNames(source, shape);
    String key = key(spec, model, source.state());
    if (output.holds(key)) {
      return result(null, 0, output, true);
    }
    ScoreCounters counters = new ScoreCounters(spark.sparkContext());
    ScoreTask task =
        new ScoreTask(
            spec, new GenerateFunction(spec, GenerateSettings.hosting(values), NOTHING, TICK_MILLIS, model),
            model.contextLength(), source.reader(), form(), shape, asLines ? "item" : "row", counters);
    long start = System.nanoTime();
    long total = source.rows().count();
    watched(counters, total, () -> {
      if (asLines) {
        output.writeLines(lines(source.rows(), task, shape, total), key);
      } else {
        output.write(table(source, task, shape), key);
      }
    });
    return result(counters, (System.nanoTime() - start) / 1e9, output, false);
  }

  private ScoreResult result(ScoreCounters c, double seconds, StepOutput output, boolean unchanged) {
    double wall = (System.nanoTime() - startNanos) / 1e9;
    String out = values.get(ScoreSettings.OUT);
    return c == null || stopped
        ? new ScoreResult(0, 0, 0, 0, 0, seconds, wall, out, unchanged, stopped)
        : new ScoreResult(
            c.rows(), c.failedRows(), c.computedTokens(), c.scoredTokens(), c.totalLoglikelihood(), seconds, wall, out,
            unchanged, false);
  }

  private CompletionReader.Form form() {
    if (!ScoreSettings.hasPrompt(values)) {
      return CompletionReader.Form.NONE;
    }
    return values.get(ScoreSettings.PLAIN) ? CompletionReader.Form.TEXT : CompletionReader.Form.CONVERSATION;
  }

  private void checkNames(CompletionSource source, LikelihoodRow shape) {
    List<String> clashes = source.clashes(shape.names());
    if (!clashes.isEmpty()) {
      throw new UsageException(
          "Cannot add the columns " + String.join(", ", clashes) + ": " + values.get(ScoreSettings.IN)
              + " has them already. Give --prefix, for example --prefix "
              + values.get(ScoreSettings.PREFIX) + "lm_.");
    }
  }

  /** Names all that decides the output. */
  private String key(EngineSpec spec, ModelInfo model, String state) {
    StringBuilder all = new StringBuilder(STEP).append('\n').append(EngineSpec.NUMERICS_VERSION).append('\n');
    all.append(model.fingerprint()).append('\n').append(model.tokenizerFingerprint()).append('\n');
    all.append(model.templateFingerprint()).append('\n').append(model.weightFormat()).append('\n');
    values.affectingOutput().forEach((name, value) -> {
      if (!name.equals(GenerateSettings.MODEL.name())) {
        all.append(name).append('=').append(value).append('\n');
      }
    });
    all.append(state);
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(all.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256.", e);
    }
  }

  private int partitions() {
    int asked = values.get(GenerateSettings.PARTITIONS);
    return asked > 0 ? asked : spark.sparkContext().defaultParallelism();
  }

  /** As many partitions as there are slots: a file is one otherwise, and would keep one executor alone busy. */
  private Dataset<Row> spread(Dataset<Row> rows) {
    return rows.rdd().getNumPartitions() < partitions() ? rows.repartition(partitions()) : rows;
  }

  private Dataset<Row> table(CompletionSource source, ScoreTask task, LikelihoodRow shape) {
    StructType row = new StructType().add(source.rows().schema().apply("row")).add("scores", shape.schema());
    List<Column> columns = new ArrayList<>();
    source.rowColumns().forEach(name -> columns.add(field("row", name)));
    shape.names().forEach(name -> columns.add(field("scores", name)));
    return spread(source.rows()).mapPartitions(task, Encoders.row(row)).select(columns.toArray(Column[]::new));
  }

  private static Column field(String struct, String name) {
    return col(struct).getField(name).as(name);
  }

  /** Each row's own text with the scores at its end, in the order of the source. */
  private Iterator<String> lines(Dataset<Row> rows, ScoreTask task, LikelihoodRow shape, long total) {
    StructType item = new StructType().add("line", "string").add("number", "long");
    StructType schema =
        new StructType().add(rows.schema().apply("src")).add(rows.schema().apply("holder")).add("item", item);
    Dataset<Row> numbered =
        spark.createDataFrame(
            rows.javaRDD().zipWithIndex().map(
                pair ->
                    RowFactory.create(
                        pair._1().getAs("src"), pair._1().getAs("holder"),
                        RowFactory.create(pair._1().<String>getAs("line"), pair._2()))),
            schema);
    StructType scored = new StructType().add("item", item).add("scores", shape.schema());
    Dataset<Row> texts =
        spread(numbered)
            .mapPartitions(task, Encoders.row(scored))
            .select(col("item.number"), col("item.line"), to_json(col("scores"), WITH_NULLS));
    int parts = (int) Math.max(1, Math.min(MOST_PARTS, total / ROWS_OF_PART));
    JavaPairRDD<Long, String> lines =
        texts.javaRDD().mapToPair(row -> new Tuple2<>(row.getLong(0), joined(row.getString(1), row.getString(2))));
    // By their numbers, and not by a sample of what was scored, for which it would be scored twice.
    return lines
        .repartitionAndSortWithinPartitions(new ByNumber(parts, Math.max(1, total)))
        .values()
        .toLocalIterator();
  }

  /** One object of two; the first, as it stands, may be null. */
  private static String joined(String line, String scores) {
    if (line == null) {
      return scores;
    }
    String open = line.substring(0, line.lastIndexOf('}')).stripTrailing();
    return open + (open.endsWith("{") ? "" : ",") + scores.substring(1);
  }

  /** Rows that follow one another in one partition, and these in their order. */
  private static final class ByNumber extends Partitioner {
    private static final long serialVersionUID = 1L;

    private final int parts;
    private final long total;

    ByNumber(int parts, long total) {
      this.parts = parts;
      this.total = total;
    }

    @Override
    public int numPartitions() {
      return parts;
    }

    @Override
    public int getPartition(Object number) {
      return (int) Math.min(parts - 1L, (Long) number * parts / total);
    }
  }

  /** Runs what scores, shows how far it is, and ends it when it is asked to stop. */
  private void watched(ScoreCounters counters, long total, Runnable body) {
    SparkContext context = spark.sparkContext();
    String group = RunId.next();
    LiveCounters.Reader reader = new LiveCounters.Reader(counters.live(), group);
    context.addSparkListener(reader);
    CountDownLatch ended = new CountDownLatch(1);
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (!ended.await(PROGRESS_MILLIS, TimeUnit.MILLISECONDS)) {
                  stopped |= stop.getAsBoolean();
                  if (stopped) {
                    context.cancelJobGroup(group);
                  }
                  LiveCounters.Snapshot s = reader.snapshot();
                  progress.update(s.traces(), total, s.failed(), 0, 0, s.tokens(), EngineStats.NONE);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "winnow-progress");
    watcher.setDaemon(true);
    context.setJobGroup(group, "winnow score " + group, false);
    watcher.start();
    try {
      body.run();
    } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
      if (!stopped) {
        throw e;
      }
    } finally {
      ended.countDown();
      context.clearJobGroup();
      context.removeSparkListener(reader);
    }
    progress.update(counters.rows(), total, counters.failedRows(), 0, 0, counters.computedTokens(), EngineStats.NONE);
  }
}
