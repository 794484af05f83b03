// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.curate.BenchmarkSpec;
import io.winnow.jobs.curate.NgramIndex;
import io.winnow.jobs.curate.Wording;
import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.RowReader;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TableVersion;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * The texts of a benchmark, with the numbers of their rows: from 0, in the order of the file, or of the files by their
 * names.
 */
final class BenchmarkRows {
  private static final String OPTION = "--against";
  private static final StructType TEXTS =
      new StructType()
          .add("benchmark", DataTypes.IntegerType, false)
          .add("row", DataTypes.LongType, false)
          .add("text", DataTypes.StringType, false);

  private final int place;
  private final String name;
  private final String path;
  private final RowSource source;

  private BenchmarkRows(int place, String name, String path, RowSource source) {
    this.place = place;
    this.name = name;
    this.path = path;
    this.source = source;
  }

  /**
   * Finds benchmarks and checks their columns.
   *
   * @throws UsageException when one cannot be read as asked
   */
  static List<BenchmarkRows> open(SparkSession spark, List<BenchmarkSpec> specs) {
    List<BenchmarkRows> out = new ArrayList<>();
    for (BenchmarkSpec spec : specs) {
      String path = path(place(spark, spec).path());
      out.add(new BenchmarkRows(out.size(), spec.name(), path, source(spark, spec)));
    }
    return List.copyOf(out);
  }

  private static RowSource source(SparkSession spark, BenchmarkSpec spec) {
    BenchmarkSpec.Place place = place(spark, spec);
    String path = path(place.path());
    try {
      String version = TableVersion.state(spark, path).orElse(null);
      RowSource.Wanted wanted = new RowSource.Wanted(OPTION, place.column());
      return RowSource.open(spark, path, "auto", List.of(wanted), true, version);
    } catch (UsageException e) {
      throw new UsageException(
          "Cannot use the benchmark '" + spec.name() + "': " + e.getMessage().replace("--in '", OPTION + " '"), e);
    }
  }

  /** The first way to part path and column at which there is something; if there is none, the first. */
  private static BenchmarkSpec.Place place(SparkSession spark, BenchmarkSpec spec) {
    List<BenchmarkSpec.Place> places = spec.places();
    return places.stream().filter(each -> exists(spark, path(each.path()))).findFirst().orElse(places.get(0));
  }

  private static boolean exists(SparkSession spark, String path) {
    try {
      Path root = new Path(path);
      FileSystem fs = root.getFileSystem(spark.sessionState().newHadoopConf());
      FileStatus[] found = fs.exists(root) ? new FileStatus[1] : fs.globStatus(root);
      return found != null && found.length > 0 || path.matches("[\\w`.-]+") && spark.catalog().tableExists(path);
    } catch (IOException | RuntimeException e) {
      return false;
    }
  }

  /** Hadoop takes what stands before a colon in the first part of a path for the name of a file system. */
  private static String path(String path) {
    File file = new File(path);
    return path.matches("[^/]*:.*") && file.exists() ? file.getAbsolutePath() : path;
  }

  /**
   * Checks that an output does not take the benchmark away.
   *
   * @throws UsageException when it is the same place, or the benchmark lies in it
   */
  void checkOut(SparkSession spark, String out) {
    if (StepOutput.covers(spark, out, path)) {
      throw new UsageException(
          "Cannot write to --out '" + out + "': it is the benchmark " + OPTION + " '" + name + "', or holds it. Give"
              + " another place.");
    }
  }

  /** What tells the benchmark from what it was or will be. */
  String state() {
    return source.state();
  }

  /** The words of all texts, as rows of an index. */
  JavaRDD<NgramIndex.Source> sources(Wording wording) {
    RowReader reader = source.reader();
    int benchmark = place;
    return lean().javaRDD().zipWithIndex().flatMap(
        pair -> {
          Cell cell = RowTask.read(reader, pair._1(), RowWork.ROW).cell(0);
          List<NgramIndex.Source> out = new ArrayList<>();
          for (String text : CellTexts.of(cell)) {
            out.add(new NgramIndex.Source(benchmark, pair._2(), wording.words(text)));
          }
          return out.iterator();
        });
  }

  /** N-grams that the texts have at most: as many as their words. */
  long mostNgrams(Wording wording) {
    return sources(wording).map(each -> (long) Wording.count(each.words())).fold(0L, Long::sum);
  }

  /** (benchmark, row, text). */
  Dataset<Row> texts() {
    RowReader reader = source.reader();
    int benchmark = place;
    JavaRDD<Row> numbered =
        lean().javaRDD().zipWithIndex().flatMap(
            pair ->
                CellTexts.of(RowTask.read(reader, pair._1(), RowWork.ROW).cell(0)).stream()
                    .map(text -> RowFactory.create(benchmark, pair._2(), text))
                    .iterator());
    return lean().sparkSession().createDataFrame(numbered, TEXTS);
  }

  private Dataset<Row> lean() {
    String texts = source.reader().needsLine() ? RowWork.LINE : "cells";
    return source.rows().select("place", "error_class", "error_message", texts);
  }
}
