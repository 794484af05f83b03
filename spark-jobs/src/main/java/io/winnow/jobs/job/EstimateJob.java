// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.xxhash64;

import io.winnow.inference.conf.EstimateSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.RouteRule;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.TraceTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * What a run of {@code generate} will take, by a run on a sample of its prompts. The sample is run as any other, into a
 * table that goes away afterwards, or where its traces are wanted into the table of the run itself; so routes, prices
 * and failures count as they will. The prompts with the lowest hashes are taken, whatever their order in the input.
 */
public final class EstimateJob {
  /** A number in all, with its interval. */
  public record Quantity(double total, double low, double high) {}

  /**
   * A teacher's part.
   *
   * @param traces, tokens, usd of the whole run; usd is null without prices
   */
  public record Part(String model, Quantity traces, Quantity tokens, Quantity usd) {}

  /**
   * What is predicted of the run.
   *
   * @param prompts of the run
   * @param rows prompts of the sample
   * @param share of the run's traces that the table lacks: what is predicted is for these
   * @param traces that the run will write
   * @param promptTokens tokens of the prompts of these
   * @param tokens that they will have
   * @param seconds of generating, at the sample's speed; null where nothing was generated
   * @param usd null without prices
   * @param tokensPerSecond the sample's speed
   * @param spentTokens tokens that the estimate has generated
   * @param spentUsd what the estimate has cost; null without prices
   * @param meanBatch traces in a step of the engine, 0 where it was not told
   * @param places traces that fit into a step
   * @param kept the table that the traces are in, or null
   * @param stopped whether the sample was cut short, so that nothing is predicted by it
   */
  public record Result(
      long prompts, int rows, double share, Quantity traces, Quantity promptTokens, Quantity tokens, Quantity seconds,
      Quantity usd, List<Part> parts, double tokensPerSecond, long spentTokens, Double spentUsd, double meanBatch,
      int places, String kept, boolean stopped, String stopReason) {
    /** How sure intervals are. */
    public double level() {
      return TotalEstimate.LEVEL;
    }
  }

  private final SparkSession spark;
  private final SettingValues values;
  private final boolean keep;

  private EstimateJob(SparkSession spark, SettingValues values) {
    this.spark = spark;
    this.values = values;
    this.keep = values.get(EstimateSettings.KEEP);
  }

  /**
   * Makes the estimate.
   *
   * @param values settings of {@code generate}
   * @throws io.winnow.inference.conf.UsageException as the run would
   */
  public static Result run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress,
      Consumer<String> told) {
    return new EstimateJob(spark, values).run(stop, progress, told);
  }

  private Result run(BooleanSupplier stop, GenerateJob.Progress progress, Consumer<String> told) {
    GenerateSettings.validate(values);
    RouteRule rule = TeacherSettings.route(values);
    List<Teacher> teachers = Teacher.of(values);
    Prompts all = PromptRoutes.opened(spark, values, rule).prompts();
    Prompts sample = sampled(all);
    int rows = (int) sample.counts().total();
    double share = lacking(rule, teachers, all);
    String out = keep ? values.get(GenerateSettings.OUT) : scratch();
    SettingValues inner =
        values.with(GenerateSettings.OUT, out).without(EstimateSettings.ESTIMATE).without(EstimateSettings.ROWS)
            .without(EstimateSettings.KEEP).without(EstimateSettings.JSON);
    try {
      GenerateResult done =
          GenerateJob.run(spark, inner, stop, progress, told, this::sampled);
      if (done.stopped() || rows == 0) {
        return new Result(
            all.counts().total(), rows, share, null, null, null, null, null, List.of(), 0, done.generatedTokens(),
            done.costUsd(), 0, 0, keep ? out : null, done.stopped(), done.stopReason());
      }
      return predicted(teachers, all, sample, share, done, out);
    } finally {
      if (!keep) {
        delete(out);
      }
    }
  }

  /** The prompts with the lowest hashes of their ids. */
  private Prompts sampled(Prompts all) {
    List<String> ids = ids(all);
    Dataset<Row> some = spark.createDataset(ids, Encoders.STRING()).toDF("prompt_id");
    return all.of(all.rows().join(some, new String[] {"prompt_id"}, "left_semi"), all.kept());
  }

  private List<String> ids(Prompts all) {
    return all.rows().select("prompt_id").orderBy(xxhash64(col("prompt_id")), col("prompt_id"))
        .limit(values.get(EstimateSettings.ROWS)).as(Encoders.STRING()).collectAsList();
  }

  /** The share of the wanted traces that the table lacks, by what is known before any is made. */
  private double lacking(RouteRule rule, List<Teacher> teachers, Prompts all) {
    String out = values.find(GenerateSettings.OUT).orElse("");
    boolean there =
        !out.isEmpty()
            && (TraceTable.isName(out) ? spark.catalog().tableExists(out) : TraceTable.exists(spark, out));
    if (!there) {
      return 1;
    }
    Dataset<Row> traces = TraceTable.existing(spark, out).read(spark);
    PromptRoutes routes = PromptRoutes.of(spark, values, rule, teachers, all);
    double wanted = 0;
    double missing = 0;
    int asked = rule.escalates() ? 1 : teachers.size();
    for (int i = 0; i < asked; i++) {
      Teacher teacher = routes.teachers().get(i);
      Prompts share = routes.share(i);
      wanted += (double) share.counts().total() * teacher.options().samples();
      Redo redo = teacher.options().redo(teacher.info(), "");
      try (WorkPlan plan = WorkPlan.of(GenerateJob.encoded(share, teacher), redo.there(traces))) {
        missing += plan.traces;
      }
    }
    return wanted == 0 ? 1 : missing / wanted;
  }

  private Result predicted(
      List<Teacher> teachers, Prompts all, Prompts sample, double share, GenerateResult done, String out) {
    List<String> ids = ids(all);
    Dataset<Row> table = TraceTable.existing(spark, out).read(spark);
    double population = all.counts().total() * share;
    boolean priced = done.costUsd() != null;
    double[][] whole = new double[4][ids.size()];
    List<Part> parts = new ArrayList<>();
    for (Teacher teacher : teachers) {
      double[][] own = sums(GenerateJob.encoded(sample, teacher), table, ids);
      for (int i = 0; i < whole.length; i++) {
        for (int j = 0; j < ids.size(); j++) {
          whole[i][j] += own[i][j];
        }
      }
      parts.add(
          new Part(
              teacher.address(), quantity(own[0], population), quantity(own[2], population),
              priced ? quantity(own[3], population) : null));
    }
    Quantity tokens = quantity(whole[2], population);
    double speed = done.generateSeconds() > 0 ? done.generatedTokens() / done.generateSeconds() : 0;
    Quantity seconds =
        speed == 0 ? null : new Quantity(tokens.total() / speed, tokens.low() / speed, tokens.high() / speed);
    return new Result(
        all.counts().total(), ids.size(), share, quantity(whole[0], population), quantity(whole[1], population), tokens,
        seconds, priced ? quantity(whole[3], population) : null, parts.size() > 1 ? parts : List.of(), speed,
        done.generatedTokens(), done.costUsd(), done.engines().meanBatch(), done.engines().load().places(),
        keep ? out : null, false, null);
  }

  /** Sums of traces, prompt tokens, generated tokens and dollars by prompt, in the order of the ids. */
  private static double[][] sums(Dataset<Row> encoded, Dataset<Row> table, List<String> ids) {
    Dataset<Row> wanted = encoded.select(col("prompt_id"), explode(col("trace_ids")).as("trace_id"));
    Map<String, Integer> places = new HashMap<>();
    ids.forEach(id -> places.put(id, places.size()));
    double[][] out = new double[4][ids.size()];
    List<Row> rows =
        table.join(wanted, new String[] {"prompt_id", "trace_id"}, "left_semi").groupBy("prompt_id")
            .agg(
                count(lit(1)).cast("double"), number("prompt_tokens"), number("completion_tokens"), number("cost_usd"))
            .collectAsList();
    for (Row row : rows) {
      for (int i = 0; i < out.length; i++) {
        out[i][places.get(row.getString(0))] = row.getDouble(i + 1);
      }
    }
    return out;
  }

  private static Column number(String column) {
    return coalesce(sum(col(column)).cast("double"), lit(0.0));
  }

  private static Quantity quantity(double[] values, double population) {
    // Where the table has most of what is wanted, the sample may be more than what is left.
    TotalEstimate whole = TotalEstimate.of(values, Math.max(values.length, population));
    double scale = Math.min(1, population / values.length);
    return new Quantity(whole.total() * scale, whole.low() * scale, whole.high() * scale);
  }

  /** A place for traces that go away again, where executors can write too. */
  private String scratch() {
    String out = values.find(GenerateSettings.OUT).orElse("");
    String name = "winnow-estimate-" + RunId.next();
    if (!out.isEmpty() && !TraceTable.isName(out)) {
      return new Path(out).suffix("." + name).toString();
    }
    String base =
        spark.sparkContext().isLocal()
            ? System.getProperty("java.io.tmpdir")
            : spark.sessionState().conf().warehousePath();
    return new Path(base, name).toString();
  }

  private void delete(String out) {
    try {
      Path path = new Path(out);
      path.getFileSystem(spark.sessionState().newHadoopConf()).delete(path, true);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot remove the estimate's own table " + out + ": " + e.getMessage(), e);
    }
  }
}
