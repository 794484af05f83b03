// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.to_json;

import io.winnow.inference.EngineStats;
import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.JsonText;
import io.winnow.jobs.input.RowReader;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.StepOutput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.spark.Partitioner;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Observation;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * Sends the rows of a source through tasks and writes them with what those add: as a table, or as lines in the order of
 * the source.
 */
final class RowWork {
  /** A row as a struct, in a source and behind the tasks. */
  static final String ROW = "row";
  /** A row as JSON, in a source. */
  static final String LINE = "line";
  /** A row as JSON with its number, behind the tasks. */
  static final String ITEM = "item";
  /** What rows of a group have alike; never null. */
  static final String GROUP = "group";

  private static final String ADDED = RowPlan.ADDED;
  private static final long PROGRESS_MILLIS = 200;
  private static final Map<String, String> WITH_NULLS = Map.of("ignoreNullFields", "false");
  private static final int ROWS_OF_PART = 20_000;
  private static final int MOST_PARTS = 10_000;

  private final SparkSession spark;
  private final Dataset<Row> rows;
  private final boolean asLines;
  private final int partitions;

  /**
   * Work on rows.
   *
   * @param rows with a column {@link #ROW} or {@link #LINE}
   * @param asLines whether they go out as lines
   * @param partitions of the work; 0 takes as many as there are slots
   */
  RowWork(SparkSession spark, Dataset<Row> rows, boolean asLines, int partitions) {
    this.spark = spark;
    this.asLines = asLines;
    this.partitions = partitions > 0 ? partitions : spark.sparkContext().defaultParallelism();
    this.rows = asLines ? numbered(rows) : rows;
  }

  /** The column that tasks give back as their first: {@link #ROW} or {@link #ITEM}. */
  String payload() {
    return asLines ? ITEM : ROW;
  }

  /** Work on the same rows, brought together where they have the same value in a column that the reader knows. */
  Dataset<Row> grouped(RowReader reader, int column) {
    String payload = payload();
    MapPartitionsFunction<Row, Row> key = all -> new WithGroups(all, reader, column, payload);
    StructType schema = rows.schema().add(GROUP, "string", false);
    return rows.mapPartitions(key, Encoders.row(schema)).repartition(partitions, col(GROUP))
        .sortWithinPartitions(GROUP);
  }

  /** Rows with the text of their group at their end. */
  private static final class WithGroups implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final RowReader reader;
    private final int column;
    private final String payload;
    private long alone;

    WithGroups(Iterator<Row> rows, RowReader reader, int column, String payload) {
      this.rows = rows;
      this.reader = reader;
      this.column = column;
      this.payload = payload;
    }

    @Override
    public boolean hasNext() {
      return rows.hasNext();
    }

    @Override
    public Row next() {
      Row row = rows.next();
      Cell cell = RowTask.read(reader, row, payload).cell(column);
      Object[] out = new Object[row.length() + 1];
      for (int i = 0; i < row.length(); i++) {
        out[i] = row.get(i);
      }
      // A row without a group is one of its own; NUL is in front, so that it is nobody else's.
      out[row.length()] = cell == null ? "\0" + TaskContext.getPartitionId() + "." + alone++ : " " + cell.text();
      return RowFactory.create(out);
    }
  }

  /** As many partitions as there are slots: a file is one otherwise, and would keep one executor alone busy. */
  Dataset<Row> spread() {
    return rows.rdd().getNumPartitions() < partitions ? rows.repartition(partitions) : rows;
  }

  /**
   * Runs the tasks and writes.
   *
   * @param arranged {@link #spread} or {@link #grouped}
   * @param task gives rows of ({@link #payload}, a struct of the added columns)
   * @param added the added columns
   * @param replaced columns of the source that are left out
   * @param total rows
   * @param key of the output
   */
  void write(
      StepOutput output, Dataset<Row> arranged, MapPartitionsFunction<Row, Row> task, StructType added,
      List<String> replaced, long total, String key) {
    if (asLines) {
      output.writeLines(lines(arranged, task, added, replaced, total), key);
    } else {
      output.write(table(arranged, task, added, replaced), key);
    }
  }

  /** The same, with all columns of the source. */
  void write(
      StepOutput output, Dataset<Row> arranged, MapPartitionsFunction<Row, Row> task, StructType added, long total,
      String key) {
    write(output, arranged, task, added, List.of(), total, key);
  }

  /**
   * Runs a plan and writes.
   *
   * @param source of the rows
   * @return what the plan's totals came to
   */
  Map<String, Object> write(
      StepOutput output, RowSource source, RowPlan plan, StructType added, List<String> replaced, long total,
      String key) {
    Dataset<Row> computed = plan.apply(source, rows, payload());
    Observation observed = new Observation("winnow totals");
    Column[] totals =
        plan.totals().entrySet().stream().map(each -> each.getValue().as(each.getKey())).toArray(Column[]::new);
    computed = computed.observe(observed, totals[0], Arrays.copyOfRange(totals, 1, totals.length));
    computed = plan.kept() == null ? computed : computed.filter(plan.kept());
    if (asLines) {
      Dataset<Row> held = computed.persist(StorageLevel.MEMORY_AND_DISK());
      held.count(); // only an action of the data set itself, not one of its RDD, is observed
      output.writeLines(lines(held.select(col(ITEM), col(ADDED).cast(added).as(ADDED)), replaced, total), key);
      held.unpersist(false);
    } else {
      output.write(flat(computed, added, replaced), key);
    }
    try {
      return observed.getAsJava();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while waiting for the totals of a plan that has ended.", e);
    }
  }

  /** The source's columns, but for those that are replaced, and the added ones. */
  static Dataset<Row> table(
      Dataset<Row> arranged, MapPartitionsFunction<Row, Row> task, StructType added, List<String> replaced) {
    StructField row = arranged.schema().apply(ROW);
    return flat(
        arranged.mapPartitions(task, Encoders.row(new StructType().add(row).add(ADDED, added))), added, replaced);
  }

  /** Rows of (a struct of the row, a struct of what was added) as rows of their fields. */
  static Dataset<Row> flat(Dataset<Row> computed, StructType added, List<String> replaced) {
    List<Column> columns = new ArrayList<>();
    Arrays.stream(((StructType) computed.schema().apply(ROW).dataType()).fieldNames())
        .filter(name -> !replaced.contains(name))
        .forEach(name -> columns.add(field(ROW, name)));
    StructField[] computedFields = ((StructType) computed.schema().apply(ADDED).dataType()).fields();
    for (int i = 0; i < computedFields.length; i++) {
      columns.add(col(ADDED).getField(computedFields[i].name()).as(added.fields()[i].name()));
    }
    return computed.select(columns.toArray(Column[]::new));
  }

  private static Column field(String struct, String name) {
    return col(struct).getField(name).as(name);
  }

  private Dataset<Row> numbered(Dataset<Row> source) {
    StructType item = new StructType().add("line", "string").add("number", "long");
    StructType schema = new StructType();
    List<Integer> others = new ArrayList<>();
    StructField[] fields = source.schema().fields();
    for (int i = 0; i < fields.length; i++) {
      if (!fields[i].name().equals(LINE)) {
        schema = schema.add(fields[i]);
        others.add(i);
      }
    }
    int line = source.schema().fieldIndex(LINE);
    return spark.createDataFrame(
        source.javaRDD().zipWithIndex().map(
            pair -> {
              Object[] out = new Object[others.size() + 1];
              for (int i = 0; i < others.size(); i++) {
                out[i] = pair._1().get(others.get(i));
              }
              out[others.size()] = RowFactory.create(pair._1().get(line), pair._2());
              return RowFactory.create(out);
            }),
        schema.add(ITEM, item));
  }

  /** Each row's own text with what was added at its end, in the order of the source. */
  private static Iterator<String> lines(
      Dataset<Row> arranged, MapPartitionsFunction<Row, Row> task, StructType added, List<String> replaced,
      long total) {
    StructType out = new StructType().add(arranged.schema().apply(ITEM)).add(ADDED, added);
    return lines(arranged.mapPartitions(task, Encoders.row(out)), replaced, total);
  }

  /** Each row's own text with what was added, given rows of (the numbered text, a struct of what was added). */
  private static Iterator<String> lines(Dataset<Row> computed, List<String> replaced, long total) {
    Dataset<Row> texts = computed.select(col("item.number"), col("item.line"), to_json(col(ADDED), WITH_NULLS));
    int parts = (int) Math.max(1, Math.min(MOST_PARTS, total / ROWS_OF_PART));
    JavaPairRDD<Long, String> lines =
        texts.javaRDD().mapToPair(
            row -> {
              String line = row.getString(1);
              String left = replaced.isEmpty() || line == null ? line : JsonText.without(line, replaced);
              return new Tuple2<>(row.getLong(0), joined(left, row.getString(2)));
            });
    // By their numbers, and not by a sample of what was computed, for which it would be computed twice.
    return lines
        .repartitionAndSortWithinPartitions(new ByNumber(parts, Math.max(1, total)))
        .values()
        .toLocalIterator();
  }

  /** One object of two; the first, as it stands, may be null. */
  private static String joined(String line, String added) {
    if (line == null) {
      return added;
    }
    String open = line.substring(0, line.lastIndexOf('}')).stripTrailing();
    return open + (open.endsWith("{") ? "" : ",") + added.substring(1);
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

  /**
   * Runs what computes and writes, shows how far it is, and ends it when it is asked to stop.
   *
   * @param step its name, for Spark's UI
   * @return whether it was stopped; then nothing was written
   */
  static boolean watched(
      SparkSession spark, String step, LiveCounters counters, long total, BooleanSupplier stop,
      GenerateJob.Progress progress, Runnable body) {
    SparkContext context = spark.sparkContext();
    String group = RunId.next();
    LiveCounters.Reader reader = new LiveCounters.Reader(counters, group);
    context.addSparkListener(reader);
    Watch watch = new Watch(context, group, reader, total, stop, progress);
    Thread watcher = new Thread(watch, "winnow-progress");
    watcher.setDaemon(true);
    context.setJobGroup(group, "winnow " + step + " " + group, false);
    watcher.start();
    try {
      body.run();
    } catch (Exception e) { // a cancelled job ends with a SparkException, which is checked and not declared
      if (!watch.stopped) {
        throw e;
      }
    } finally {
      watch.ended.countDown();
      context.clearJobGroup();
      context.removeSparkListener(reader);
    }
    watch.tell(counters.finished());
    return watch.stopped;
  }

  private static final class Watch implements Runnable {
    private final SparkContext context;
    private final String group;
    private final LiveCounters.Reader reader;
    private final long total;
    private final BooleanSupplier stop;
    private final GenerateJob.Progress progress;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean stopped;

    Watch(
        SparkContext context, String group, LiveCounters.Reader reader, long total, BooleanSupplier stop,
        GenerateJob.Progress progress) {
      this.context = context;
      this.group = group;
      this.reader = reader;
      this.total = total;
      this.stop = stop;
      this.progress = progress;
    }

    @Override
    public void run() {
      try {
        while (!ended.await(PROGRESS_MILLIS, TimeUnit.MILLISECONDS)) {
          stopped |= stop.getAsBoolean();
          if (stopped) {
            context.cancelJobGroup(group);
          }
          tell(reader.snapshot());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    void tell(LiveCounters.Snapshot s) {
      progress.update(s.traces(), total, s.failed(), s.correct(), s.decided(), s.tokens(), EngineStats.NONE);
    }
  }
}
