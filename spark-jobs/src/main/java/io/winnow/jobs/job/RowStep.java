// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TableVersion;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Rows in, the same rows with columns more out. The source is any data set that Winnow reads; the output a Delta table,
 * a folder of Parquet files, or one local file of JSON lines with the order, the columns and the nulls of the input,
 * numbers and texts as they came. It is there wholly or not at all; run again, it is left as it is unless the source, a
 * setting or the {@link RowFunction} changed, and what no run of the step made is never written over
 * ({@link StepOutput}).
 */
public final class RowStep {
  /**
   * What a step is made of.
   *
   * @param step its name: outputs of other steps are not written over
   * @param in the source
   * @param format of the source: auto, delta, parquet, jsonl, csv or table
   * @param out the output
   * @param outFormat auto (by the ending of {@code out}), delta, parquet or jsonl
   * @param wanted the columns that the function reads, in the order of its cells
   * @param group which of them brings rows together, −1 for none. The rows of a group are in memory together
   * @param prefix in front of the names of added columns
   * @param settings texts of all settings that decide what comes out, by name
   * @param partitions of the work; 0 takes as many as there are slots
   */
  public record Spec(
      String step, String in, String format, String out, String outFormat, List<RowSource.Wanted> wanted, int group,
      String prefix, Map<String, String> settings, int partitions) {
    public static final int NO_GROUP = -1;
  }

  private RowStep() {}

  /**
   * Runs a step to its end.
   *
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @param progress told the rows that are done
   * @throws UsageException for what cannot be done as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static StepResult run(
      SparkSession spark, Spec spec, RowFunction function, BooleanSupplier stop, GenerateJob.Progress progress) {
    Opened opened = open(spark, spec, function.schema(), function.version(), function.replacesEarlier());
    if (opened.unchanged()) {
      return opened.nothingToDo();
    }
    RowCounters counters = new RowCounters(spark.sparkContext(), function.counts());
    long start = System.nanoTime();
    long total = opened.source().rows().count();
    RowWork work = new RowWork(spark, opened.source().rows(), opened.asLines(), spec.partitions());
    boolean grouped = spec.group() >= 0;
    RowFunction ready = function.prepared(spark);
    RowTask task = new RowTask(ready, opened.source().reader(), work.payload(), grouped, counters);
    boolean stopped =
        RowWork.watched(
            spark, spec.step(), counters.live(), total, stop, progress,
            () -> {
              Dataset<Row> rows = grouped ? work.grouped(opened.source().reader(), spec.group()) : work.spread();
              work.write(opened.output(), rows, task, opened.added(), opened.replaced(), total, opened.key());
            });
    return stopped
        ? opened.stopped(start)
        : new StepResult(
            counters.rows(), counters.failedRows(), counters.counts(), since(start), since(opened.startNanos()),
            spec.out(), false, false);
  }

  /**
   * Runs a step that is a plan. The same key goes with the same rows, whichever of the two computes them.
   *
   * @param stop, progress as above; rows count as done when all are
   * @throws UsageException for what cannot be done as asked, before any work
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  static StepResult run(
      SparkSession spark, Spec spec, RowPlan plan, BooleanSupplier stop, GenerateJob.Progress progress) {
    Opened opened = open(spark, spec, plan.schema(), plan.version(), plan.replacesEarlier());
    if (opened.unchanged()) {
      return opened.nothingToDo();
    }
    long start = System.nanoTime();
    long failed = opened.source().rows().filter("error_class is not null").count();
    long total = opened.source().rows().count();
    RowWork work = new RowWork(spark, opened.source().rows(), opened.asLines(), spec.partitions());
    boolean stopped =
        RowWork.watched(
            spark, spec.step(), new LiveCounters(spark.sparkContext()), total, stop, progress,
            () ->
                plan.told(
                    work.write(
                        opened.output(), opened.source(), plan, opened.added(), opened.replaced(), total,
                        opened.key())));
    if (!stopped) {
      progress.update(total, total, failed, 0, 0, 0, EngineStats.NONE);
    }
    return stopped
        ? opened.stopped(start)
        : new StepResult(
            total, failed, Map.of(), since(start), since(opened.startNanos()), spec.out(), false, false);
  }

  /** Source and output of a step, looked at before any work. */
  private record Opened(
      Spec spec, StepOutput output, RowSource source, StructType added, List<String> replaced, String key,
      boolean unchanged, long startNanos) {
    boolean asLines() {
      return output.format() == StepOutput.Format.JSONL;
    }

    StepResult nothingToDo() {
      return new StepResult(0, 0, Map.of(), 0, since(startNanos), spec.out(), true, false);
    }

    StepResult stopped(long start) {
      return new StepResult(0, 0, Map.of(), since(start), since(startNanos), spec.out(), false, true);
    }
  }

  private static Opened open(
      SparkSession spark, Spec spec, StructType schema, String version, boolean replacesEarlier) {
    long startNanos = System.nanoTime();
    StepOutput output = new StepOutput(spark, spec.out(), spec.outFormat(), spec.step());
    if (StepOutput.covers(spark, spec.out(), spec.in())) {
      throw new UsageException(
          "Cannot write to --out '" + spec.out() + "': it is the input, or holds it. Give another place.");
    }
    boolean asLines = output.format() == StepOutput.Format.JSONL;
    String tableVersion = TableVersion.state(spark, spec.in()).orElse(null);
    RowSource source = RowSource.open(spark, spec.in(), spec.format(), spec.wanted(), asLines, tableVersion);
    StructType added = added(schema, spec.prefix());
    List<String> replaced = replaced(source, added, replacesEarlier);
    checkNames(source, added, replaced, spec.in(), spec.prefix());
    String key = StepKey.of(spec.step(), version, spec.settings(), source.state());
    return new Opened(spec, output, source, added, replaced, key, output.holds(key), startNanos);
  }

  /**
   * The same on a DataFrame, lazily; nothing is written. Rows keep their order unless they are grouped.
   *
   * @param wanted, group, prefix, partitions as in {@link Spec}; partitions count only where rows are grouped
   * @throws UsageException when a column is missing or would be there twice
   */
  public static Dataset<Row> added(
      Dataset<Row> rows, List<RowSource.Wanted> wanted, int group, String prefix, int partitions,
      RowFunction function) {
    RowSource source = RowSource.of(rows, wanted);
    StructType added = added(function.schema(), prefix);
    List<String> replaced = replaced(source, added, function.replacesEarlier());
    checkNames(source, added, replaced, "the DataFrame", prefix);
    RowFunction.Tally nobody = new Silent();
    RowFunction ready = function.prepared(rows.sparkSession());
    RowTask task = new RowTask(ready, source.reader(), RowWork.ROW, group >= 0, nobody);
    Dataset<Row> arranged = source.rows();
    if (group >= 0) {
      arranged = new RowWork(rows.sparkSession(), arranged, false, partitions).grouped(source.reader(), group);
    }
    return RowWork.table(arranged, task, added, replaced);
  }

  /**
   * What a plan makes of a DataFrame, lazily; nothing is written. Rows come in any order.
   *
   * @throws UsageException when a column is missing or would be there twice
   */
  static Dataset<Row> added(Dataset<Row> rows, List<RowSource.Wanted> wanted, String prefix, RowPlan plan) {
    RowSource source = RowSource.of(rows, wanted);
    StructType added = added(plan.schema(), prefix);
    List<String> replaced = replaced(source, added, plan.replacesEarlier());
    checkNames(source, added, replaced, "the DataFrame", prefix);
    Dataset<Row> computed = plan.apply(source, source.rows(), RowWork.ROW);
    return RowWork.flat(plan.kept() == null ? computed : computed.filter(plan.kept()), added, replaced);
  }

  private static StructType added(StructType schema, String prefix) {
    return new StructType(
        Arrays.stream(schema.fields())
            .map(f -> new StructField(prefix + f.name(), f.dataType(), true, f.metadata()))
            .toArray(StructField[]::new));
  }

  /** The source's columns that give way. */
  private static List<String> replaced(RowSource source, StructType added, boolean replacesEarlier) {
    List<String> names = List.of(added.fieldNames());
    return replacesEarlier && source.columns().contains(names.get(0))
        ? source.columns().stream().filter(names::contains).toList()
        : List.of();
  }

  private static void checkNames(
      RowSource source, StructType added, List<String> replaced, String in, String prefix) {
    List<String> clashes =
        source.clashes(List.of(added.fieldNames())).stream().filter(name -> !replaced.contains(name)).toList();
    if (!clashes.isEmpty()) {
      throw new UsageException(
          "Cannot add the columns " + String.join(", ", clashes) + ": " + in + " has them already. Give --prefix, for"
              + " example --prefix " + prefix + "new_.");
    }
  }

  private static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }

  /** Counts nothing. */
  private static final class Silent implements RowFunction.Tally, java.io.Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public void row(boolean failed, Boolean correct) {}

    @Override
    public void count(String name, long n) {}
  }
}
