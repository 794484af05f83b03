// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.jobs.curate.NgramIndex;
import io.winnow.jobs.curate.Overlap;
import io.winnow.jobs.curate.OverlapSearch;
import io.winnow.jobs.input.InputRow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.CollectionAccumulator;

/** The columns that {@code decontaminate} adds, by an index of the benchmarks that each executor holds once. */
final class DecontaminateFunction implements RowFunction {
  private static final long serialVersionUID = 1L;

  /** Name of the count of contaminated rows. */
  static final String CONTAMINATED = "contaminated";
  private static final int EXAMPLES = 3;

  private final DecontaminateOptions options;
  private final transient Function<SparkSession, Broadcast<NgramIndex>> indexing;
  private final CollectionAccumulator<String> examples;
  private final Broadcast<NgramIndex> index;

  /**
   * A function whose index is made when it is known to be needed.
   *
   * @param indexing makes the index
   * @param examples gets some of what is found, as lines for people
   */
  DecontaminateFunction(
      DecontaminateOptions options, Function<SparkSession, Broadcast<NgramIndex>> indexing,
      CollectionAccumulator<String> examples) {
    this(options, indexing, examples, null);
  }

  private DecontaminateFunction(
      DecontaminateOptions options, Function<SparkSession, Broadcast<NgramIndex>> indexing,
      CollectionAccumulator<String> examples, Broadcast<NgramIndex> index) {
    this.options = options;
    this.indexing = indexing;
    this.examples = examples;
    this.index = index;
  }

  @Override
  public RowFunction prepared(SparkSession spark) {
    return new DecontaminateFunction(options, null, examples, indexing.apply(spark));
  }

  @Override
  public boolean replacesEarlier() {
    return true;
  }

  @Override
  public StructType schema() {
    return options.schema();
  }

  @Override
  public String version() {
    return DecontaminateOptions.VERSION;
  }

  @Override
  public List<String> counts() {
    List<String> names = new ArrayList<>(List.of(CONTAMINATED));
    options.benchmarks().forEach(name -> names.add(hits(name)));
    return names;
  }

  /** Name of the count of rows that share something with a benchmark. */
  static String hits(String benchmark) {
    return "hits of " + benchmark;
  }

  @Override
  public Task start(Tally tally) {
    return new Search(tally);
  }

  private final class Search implements Task {
    private final Tally tally;
    private final OverlapSearch search = new OverlapSearch(index.value());
    private int told;

    Search(Tally tally) {
      this.tally = tally;
    }

    @Override
    public List<Row> apply(List<InputRow> rows) {
      List<Row> out = new ArrayList<>(rows.size());
      for (InputRow row : rows) {
        out.add(judged(row));
      }
      return out;
    }

    private Row judged(InputRow row) {
      if (row.errorClass() != null) {
        tally.row(true, null);
        return RowFactory.create(null, null);
      }
      List<Row> evidence = new ArrayList<>();
      Set<Integer> hit = new HashSet<>();
      for (int c = 0; c < options.columns().size(); c++) {
        for (Overlap overlap : search.find(CellTexts.of(row.cell(c)))) {
          hit.add(overlap.benchmark());
          evidence.add(evidence(overlap, c));
          tell(row, overlap);
        }
      }
      tally.row(false, null);
      if (!hit.isEmpty()) {
        tally.count(CONTAMINATED, 1);
        hit.forEach(benchmark -> tally.count(hits(options.benchmarks().get(benchmark)), 1));
      }
      return hit.isEmpty()
          ? RowFactory.create(false, new Row[0])
          : options.cleanup() ? null : RowFactory.create(true, evidence.toArray(Row[]::new));
    }

    private Row evidence(Overlap overlap, int column) {
      List<Object> values = new ArrayList<>();
      Collections.addAll(
          values, options.benchmarks().get(overlap.benchmark()), overlap.row(), overlap.span(),
          overlap.whole() ? DecontaminateOptions.EXACT : options.ngramMethod());
      if (options.columns().size() > 1) {
        values.add(options.columns().get(column));
      }
      return RowFactory.create(values.toArray());
    }

    private void tell(InputRow row, Overlap overlap) {
      if (told < EXAMPLES && examples != null) {
        told++;
        String name = options.benchmarks().get(overlap.benchmark());
        examples.add("row " + overlap.row() + " of " + name + ", " + row.place() + ": " + overlap.span());
      }
    }
  }
}
