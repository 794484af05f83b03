// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineSpec;
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
import java.util.HexFormat;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.SparkSession;

/**
 * Says how likely a model finds completions that are there. Rows go through the executors' engines, many at a time, and
 * come out with their scores; a row that cannot be scored comes out with the reason.
 */
public final class ScoreJob {
  /** Nothing is drawn. */
  static final SamplingParams NOTHING = SamplingParams.DEFAULT.withMaxTokens(0, false);

  private static final String STEP = "score";
  private static final long TICK_MILLIS = 200;

  private final SparkSession spark;
  private final SettingValues values;
  private final BooleanSupplier stop;
  private final GenerateJob.Progress progress;
  private final long startNanos = System.nanoTime();
  private boolean stopped;

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
    String version = TableVersion.state(spark, values.get(ScoreSettings.IN)).orElse(null);
    CompletionSource source = CompletionSource.open(spark, values, asLines, version);
    LikelihoodRow shape =
        new LikelihoodRow(source.lists(), values.get(ScoreSettings.LOGPROBS), values.get(ScoreSettings.PREFIX));
    checkNames(source, shape);
    String key = key(spec, model, source.state());
    if (output.holds(key)) {
      return result(null, 0, output, true);
    }
    ScoreCounters counters = new ScoreCounters(spark.sparkContext());
    RowWork work = new RowWork(spark, source.rows(), asLines, values.get(GenerateSettings.PARTITIONS));
    ScoreTask task =
        new ScoreTask(
            spec, new GenerateFunction(spec, GenerateSettings.hosting(values), NOTHING, TICK_MILLIS, model),
            model.contextLength(), source.reader(), form(), shape, work.payload(), counters);
    long start = System.nanoTime();
    long total = source.rows().count();
    stopped =
        RowWork.watched(
            spark, STEP, counters.live(), total, stop, progress,
            () -> work.write(output, work.spread(), task, shape.schema(), total, key));
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
    StringBuilder all = new StringBuilder(STEP).append('\n').append(spec.numericsVersion()).append('\n');
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
}
