// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;

import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.export.CardFacts;
import io.winnow.jobs.export.DataCard;
import io.winnow.jobs.export.ExportColumn;
import io.winnow.jobs.export.ExportFormat;
import io.winnow.jobs.export.ExportOptions;
import io.winnow.jobs.export.Manifest;
import io.winnow.jobs.export.Places;
import io.winnow.jobs.export.Skip;
import io.winnow.jobs.export.Splits;
import io.winnow.jobs.table.StepFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;

/**
 * Writes rows as a data set that trainers and the Hugging Face Hub read: {@code export}.
 *
 * <p>Rows are rendered for their keys and sizes alone, and sorted; of that every file's first key is known. Then they
 * are rendered again, each goes to the task of its file, and that sorts and writes it. So the data is shuffled once,
 * files are written at the same time, and which bytes they have is a matter of the rows alone.
 */
public final class ExportJob {
  private static final String STEP = "export";
  /** Another text means that the same rows and settings may give other bytes. */
  private static final String VERSION = "1";
  /** Where tasks write; gone before anybody sees the folder. */
  private static final String TASKS = "_tasks";

  private final SparkSession spark;
  private final SettingValues values;
  private final ExportInput input;
  private final ExportOptions options;
  private final Splits splits;
  private final List<ExportColumn> columns;
  private final StepFolder folder;
  private final Configuration conf;
  private final int partitions;
  private final boolean single;

  private ExportJob(SparkSession spark, SettingValues values, ExportInput input) {
    this.spark = spark;
    this.values = values;
    this.input = input;
    this.options = input.options();
    this.splits =
        new Splits(ExportSettings.shares(values.get(ExportSettings.SPLIT)), values.get(ExportSettings.SPLIT_SALT));
    this.columns = input.columns();
    this.conf = spark.sessionState().newHadoopConf();
    this.folder = new StepFolder(values.get(ExportSettings.OUT), STEP, conf);
    int given = values.get(ExportSettings.PARTITIONS);
    this.partitions = given > 0 ? given : spark.sparkContext().defaultParallelism();
    this.single = options.format().unit() == ExportFormat.Unit.PROMPT;
  }

  /**
   * Checks what needs no session.
   *
   * @throws UsageException for what does not go together
   */
  public static void validate(SettingValues values) {
    ExportSettings.validate(values, false);
    ExportOptions.of(values);
  }

  /**
   * Runs the job to its end.
   *
   * @param stop asked now and then; once true, the run ends and nothing is written
   * @throws UsageException for what cannot be done as asked
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static ExportResult run(
      SparkSession spark, SettingValues values, BooleanSupplier stop, GenerateJob.Progress progress) {
    return new ExportJob(spark, values, ExportInput.open(spark, values)).run(stop, progress);
  }

  /**
   * The same of a DataFrame, which must give the same rows each time it is read.
   *
   * @throws UsageException for what cannot be done as asked
   * @throws io.winnow.jobs.table.TableException when something else is at the output's place
   */
  public static ExportResult run(Dataset<Row> rows, SettingValues values) {
    ExportSettings.validate(values, true);
    return new ExportJob(rows.sparkSession(), values, ExportInput.of(rows, values))
        .run(() -> false, (done, total, failed, correct, decided, tokens, engines) -> {});
  }

  private ExportResult run(BooleanSupplier stop, GenerateJob.Progress progress) {
    long startNanos = System.nanoTime();
    String out = values.get(ExportSettings.OUT);
    String key = key();
    if (folder.holds(key)) {
      StepResult step = new StepResult(0, 0, Map.of(), 0, since(startNanos), out, true, false);
      return new ExportResult(step, List.of(), Map.of());
    }
    long total = input.rows().count();
    RowCounters counters = new RowCounters(spark.sparkContext(), List.of());
    CardFacts[] made = new CardFacts[1];
    boolean stopped;
    try {
      // Each row is rendered twice, and counted each time.
      stopped =
          RowWork.watched(
              spark, STEP, counters.live(), 2 * total, stop, progress, () -> made[0] = write(counters, total));
      if (!stopped) {
        folder.commit(key);
      }
    } finally {
      folder.abort();
    }
    if (stopped) {
      StepResult step = new StepResult(0, 0, Map.of(), since(startNanos), since(startNanos), out, false, true);
      return new ExportResult(step, List.of(), Map.of());
    }
    CardFacts facts = made[0];
    long faults =
        facts.leftOut().entrySet().stream().filter(e -> e.getKey().fault()).mapToLong(Map.Entry::getValue).sum();
    double seconds = since(startNanos);
    StepResult step = new StepResult(facts.rows(), faults, Map.of(), seconds, seconds, out, false, false);
    return new ExportResult(step, facts.splits(), facts.leftOut());
  }

  private CardFacts write(RowCounters counters, long total) {
    Dataset<Row> source = input.arranged(partitions);
    Dataset<Row> rendered =
        source.mapPartitions(task(null, counters), Encoders.row(ExportTask.KEYS))
            .persist(StorageLevel.MEMORY_AND_DISK());
    Dataset<Row> sorted = null;
    try {
      sorted =
          rendered.where("is_row and skip is null").repartitionByRange(partitions, col("split"), col("first"))
              .sortWithinPartitions("split", "first", "second", "third", "digest")
              .persist(StorageLevel.MEMORY_AND_DISK());
      ShardPlan plan =
          ShardPlan.of(
              sorted.javaRDD(), splits.names().size(), single,
              ExportSettings.bytes(values.get(ExportSettings.SHARD_SIZE)));
      if (plan.shards().isEmpty()) {
        throw nothing(ExportStatistics.of(rendered).leftOut(), total);
      }
      long kept = Arrays.stream(plan.totals().rows()).sum();
      ExportStatistics.Found found = ExportStatistics.of(rendered);
      Map<Skip, Long> leftOut = new EnumMap<>(Skip.class);
      leftOut.putAll(found.leftOut());
      if (single && sorted.count() > kept) {
        leftOut.put(Skip.SAME_PROMPT, sorted.count() - kept);
      }
      folder.begin();
      List<Row> files = shards(source, plan, counters);
      CardFacts facts = facts(plan, files, leftOut, found.traces(), total);
      finish(facts);
      return facts;
    } finally {
      rendered.unpersist();
      if (sorted != null) {
        sorted.unpersist();
      }
    }
  }

  private ExportTask task(ShardPlan plan, RowCounters counters) {
    return new ExportTask(input.reader(), input.there(), options, splits, input.further(), plan, counters);
  }

  private List<Row> shards(Dataset<Row> source, ShardPlan plan, RowCounters counters) {
    boolean parquet = values.get(ExportSettings.FILE_FORMAT).equals("parquet");
    ShardTask writer = new ShardTask(folder.path(TASKS), parquet ? columns : null, plan, single, conf);
    return source.mapPartitions(task(plan, counters), Encoders.row(ExportTask.LINES))
        .repartitionById(plan.shards().size(), col("file"))
        .sortWithinPartitions("file", "first", "second", "third", "digest")
        .mapPartitions(writer, Encoders.row(ShardTask.FILES))
        .collectAsList();
  }

  private CardFacts facts(
      ShardPlan plan, List<Row> written, Map<Skip, Long> leftOut, CardFacts.Traces traces, long total) {
    Row[] byFile = new Row[plan.shards().size()];
    written.forEach(row -> byFile[row.getInt(0)] = row);
    String ending = values.get(ExportSettings.FILE_FORMAT);
    Map<Integer, List<CardFacts.File>> files = new TreeMap<>();
    for (int i = 0; i < byFile.length; i++) {
      ShardPlan.Shard shard = plan.shards().get(i);
      int split = shard.first().split();
      Row row = byFile[i];
      if (row == null || row.getLong(2) != shard.rows()) {
        throw new IllegalStateException(
            "The input gave other rows when it was read again: " + (row == null ? 0 : row.getLong(2)) + " and not "
                + shard.rows() + " for one file. Export from a Delta table, or from files that nobody writes to.");
      }
      String name =
          String.format(
              Locale.ROOT, "data/%s-%05d-of-%05d.%s", splits.names().get(split), shard.number(), shard.of(), ending);
      folder.move(TASKS + "/" + row.getString(1), name);
      files.computeIfAbsent(split, s -> new ArrayList<>())
          .add(new CardFacts.File(name, row.getLong(2), row.getLong(3), row.getString(4)));
    }
    folder.remove(TASKS);
    ShardPlan.Sums sums = plan.totals();
    List<CardFacts.Split> all = new ArrayList<>();
    files.forEach(
        (split, its) ->
            all.add(
                new CardFacts.Split(
                    splits.names().get(split), sums.rows()[split], sums.prompts()[split], sums.bytes()[split], its)));
    List<CardFacts.Run> runs =
        values.isGiven(ExportSettings.TRACES)
            ? ExportStatistics.runs(spark, values.get(ExportSettings.TRACES), traces.runIds())
            : List.of();
    return new CardFacts(
        name(), values.find(ExportSettings.DESCRIPTION).orElse(null), values.find(ExportSettings.LICENSE).orElse(null),
        values.get(ExportSettings.LANGUAGE), values.get(ExportSettings.TAGS), options.format(), ending,
        values.get(ExportSettings.THINKING), new CardFacts.Source(input.name(), input.version(), total), columns, all,
        leftOut, traces, runs, byFile[0].getString(5), release(BuildFacts.version()));
  }

  /** Without the commit: a build of the same code elsewhere gives the same bytes. */
  private static String release(String version) {
    return version.replaceAll("[+].*", "");
  }

  private String name() {
    return values.find(ExportSettings.NAME).orElse(folder.name());
  }

  /** Writes what stands beside the data, and the checksums of all. */
  private void finish(CardFacts facts) {
    TreeMap<String, String> sums = new TreeMap<>();
    facts.splits().forEach(split -> split.files().forEach(file -> sums.put(file.path(), file.sha256())));
    Map<String, String> texts = new TreeMap<>();
    texts.put("manifest.json", Manifest.of(facts, shownSettings()));
    if (values.get(ExportSettings.CARD)) {
      texts.put("README.md", DataCard.of(facts));
    }
    texts.forEach(
        (name, text) -> {
          folder.write(name, text);
          sums.put(name, StepKey.sha256(text));
        });
    StringBuilder lines = new StringBuilder();
    sums.forEach((name, sum) -> lines.append(sum).append("  ").append(name).append('\n'));
    folder.write("SHA256SUMS", lines.toString());
  }

  /** Settings that decided the content, without places. */
  private Map<String, String> shownSettings() {
    Map<String, String> shown = new TreeMap<>(values.affectingOutput());
    for (String place : List.of(ExportSettings.IN.name(), ExportSettings.TRACES.name())) {
      shown.computeIfPresent(place, (name, path) -> Places.last(path));
    }
    return shown;
  }

  private static UsageException nothing(Map<Skip, Long> leftOut, long total) {
    StringBuilder why = new StringBuilder();
    leftOut.forEach((skip, rows) -> why.append(why.isEmpty() ? "" : "; ").append(rows).append(": ").append(skip.why()));
    return new UsageException(
        total == 0
            ? "Nothing to export: the input has no rows."
            : "Nothing to export: all " + total + " rows of the input are left out (" + why
                + "). Take other rows, or other options.");
  }

  /** Names all that decides the output. */
  private String key() {
    String all = StepKey.joined(STEP + ' ' + VERSION, values.affectingOutput(), name() + '\n' + input.state());
    return StepKey.sha256(all);
  }

  private static double since(long nanos) {
    return (System.nanoTime() - nanos) / 1e9;
  }
}
