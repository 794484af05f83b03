// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.DecontaminateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.curate.BenchmarkSpec;
import io.winnow.jobs.curate.NgramIndex;
import io.winnow.jobs.input.RowSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.CollectionAccumulator;

/** Marks, or leaves out, the rows of a data set that share n-grams with benchmarks. */
public final class DecontaminateJob {
  private static final String STEP = "decontaminate";
  private static final String INDEX = "index";

  /**
   * What was done.
   *
   * @param contaminated rows that share something with any benchmark
   * @param hits rows that share something with each benchmark, by its name
   * @param examples at most three of what was found, as lines
   */
  public record Result(StepResult step, long contaminated, Map<String, Long> hits, List<String> examples) {}

  private DecontaminateJob() {}

  /**
   * The benchmarks that are asked for.
   *
   * @throws UsageException for one that cannot be read as NAME=PATH:COLUMN
   */
  public static List<BenchmarkSpec> specs(SettingValues values) {
    return BenchmarkSpec.parseAll(values.get(DecontaminateSettings.AGAINST));
  }

  /**
   * Runs the job to its end.
   *
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @param progress told the rows that are done
   * @throws UsageException for what cannot be done as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static Result run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    DecontaminateSettings.validate(values);
    List<BenchmarkSpec> specs = specs(values);
    DecontaminateOptions options = DecontaminateOptions.of(values, specs);
    List<BenchmarkRows> benchmarks = BenchmarkRows.open(spark, specs);
    benchmarks.forEach(each -> each.checkOut(spark, values.get(DecontaminateSettings.OUT)));
    Map<String, String> settings = new TreeMap<>(values.affectingOutput());
    for (int i = 0; i < specs.size(); i++) {
      settings.put("state of " + specs.get(i).name(), benchmarks.get(i).state());
    }
    RowStep.Spec step =
        new RowStep.Spec(
            STEP, DecontaminateSettings.source(values), values.get(DecontaminateSettings.FORMAT),
            values.get(DecontaminateSettings.OUT), values.get(DecontaminateSettings.OUT_FORMAT),
            wanted(values), RowStep.Spec.NO_GROUP, values.get(DecontaminateSettings.PREFIX), settings,
            values.get(DecontaminateSettings.PARTITIONS));
    DecontaminateTotals totals = new DecontaminateTotals();
    String join = join(spark, values, options, benchmarks);
    StepResult done;
    if (join.equals(INDEX)) {
      CollectionAccumulator<String> examples = spark.sparkContext().collectionAccumulator("winnow examples");
      RowFunction function =
          new DecontaminateFunction(options, session -> index(session, options, benchmarks), examples);
      done = RowStep.run(spark, step, function, stop, progress);
      totals.take(done.counts(), examples.value());
    } else {
      done = RowStep.run(spark, step, new OverlapJoin(options, benchmarks, join, totals), stop, progress);
    }
    Map<String, Long> hits = new LinkedHashMap<>();
    options.benchmarks().forEach(name -> hits.put(name, totals.count(DecontaminateFunction.hits(name))));
    return new Result(done, totals.count(DecontaminateFunction.CONTAMINATED), hits, totals.examples());
  }

  /** The hint for the benchmarks' side of a join, or {@link #INDEX}. */
  private static String join(
      SparkSession spark, SettingValues values, DecontaminateOptions options, List<BenchmarkRows> benchmarks) {
    String asked = values.get(DecontaminateSettings.JOIN);
    if (asked.equals("auto")) {
      long most = values.get(DecontaminateSettings.INDEX_MAX);
      long ngrams = 0;
      for (BenchmarkRows each : benchmarks) {
        ngrams += each.mostNgrams(options.wording());
      }
      asked = ngrams > most ? "shuffle" : onAccelerator(spark) ? "broadcast" : INDEX;
    }
    return asked.equals("shuffle") ? "shuffle_merge" : asked;
  }

  private static boolean onAccelerator(SparkSession spark) {
    String plugins = spark.conf().get("spark.plugins", "");
    return plugins.contains("com.nvidia.spark.SQLPlugin")
        && Boolean.parseBoolean(spark.conf().get("spark.rapids.sql.enabled", "true"));
  }

  /**
   * A DataFrame with the columns that the job adds; lazy, but that the benchmarks are read.
   *
   * @param values of {@link DecontaminateSettings#OF_ROWS}
   * @throws UsageException for what cannot be done as asked
   */
  public static Dataset<Row> added(Dataset<Row> rows, SettingValues values) {
    DecontaminateSettings.validateRows(values);
    List<BenchmarkSpec> specs = specs(values);
    DecontaminateOptions options = DecontaminateOptions.of(values, specs);
    List<BenchmarkRows> benchmarks = BenchmarkRows.open(rows.sparkSession(), specs);
    String join = join(rows.sparkSession(), values, options, benchmarks);
    if (!join.equals(INDEX)) {
      OverlapJoin plan = new OverlapJoin(options, benchmarks, join, new DecontaminateTotals());
      return RowStep.added(rows, wanted(values), values.get(DecontaminateSettings.PREFIX), plan);
    }
    RowFunction function =
        new DecontaminateFunction(options, session -> index(session, options, benchmarks), null);
    return RowStep.added(
        rows, wanted(values), RowStep.Spec.NO_GROUP, values.get(DecontaminateSettings.PREFIX),
        values.get(DecontaminateSettings.PARTITIONS), function);
  }

  private static List<RowSource.Wanted> wanted(SettingValues values) {
    Setting<?> option =
        values.get(DecontaminateSettings.COLUMN).isEmpty()
            ? DecontaminateSettings.TRACES
            : DecontaminateSettings.COLUMN;
    return DecontaminateSettings.columns(values).stream()
        .map(name -> new RowSource.Wanted(option.option(), name))
        .toList();
  }

  /** What a broadcast join would send as well, in a tenth of the room. */
  private static Broadcast<NgramIndex> index(
      SparkSession spark, DecontaminateOptions options, List<BenchmarkRows> benchmarks) {
    List<NgramIndex.Source> sources = new ArrayList<>();
    benchmarks.forEach(each -> sources.addAll(each.sources(options.wording()).collect()));
    NgramIndex index = new NgramIndex(options.wording(), options.words(), sources);
    return JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(index);
  }
}
