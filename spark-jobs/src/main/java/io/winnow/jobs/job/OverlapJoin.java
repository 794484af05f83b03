// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_join;
import static org.apache.spark.sql.functions.sort_array;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.exists;
import static org.apache.spark.sql.functions.filter;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.posexplode;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.slice;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.substring_index;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.winnow.jobs.curate.Wording;
import io.winnow.jobs.input.RowSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * What {@link DecontaminateFunction} gives, by a join of n-grams and expressions of Spark's own.
 *
 * <p>The n-grams of the texts meet those of the benchmarks by a hash and, letter by letter, by themselves. What was
 * found comes back to the rows by two hashes of their texts, so rows with the same texts are judged once, however many
 * there are and in whatever order they are read again; and what comes back must stand in the text.
 */
final class OverlapJoin implements RowPlan {
  private static final String TEXTS = "texts";
  private static final Column ADDED_COLUMN = col(ADDED);
  /** A hash with another beginning is another hash. */
  private static final Column SECOND = lit(1L);

  private final DecontaminateOptions options;
  private final List<BenchmarkRows> benchmarks;
  private final String hint;
  private final DecontaminateTotals totals;

  /**
   * A plan.
   *
   * @param hint of the join for the benchmarks' side: broadcast, or shuffle_merge in Spark's words
   * @param totals gets what was found
   */
  OverlapJoin(
      DecontaminateOptions options, List<BenchmarkRows> benchmarks, String hint, DecontaminateTotals totals) {
    this.options = options;
    this.benchmarks = benchmarks;
    this.hint = hint;
    this.totals = totals;
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
  public boolean replacesEarlier() {
    return true;
  }

  @Override
  public Column kept() {
    Column contaminated = ADDED_COLUMN.getField("contaminated");
    return options.cleanup() ? contaminated.isNull().or(contaminated.equalTo(false)) : null;
  }

  @Override
  public Dataset<Row> apply(RowSource source, Dataset<Row> rows, String payload) {
    Dataset<Row> texts = RowTexts.of(source, rows, payload, options.columns(), TEXTS);
    Dataset<Row> keyed =
        texts.select(
            col(payload), col(TEXTS), xxhash64(col(TEXTS)).as("key"), xxhash64(SECOND, col(TEXTS)).as("key_two"));
    Dataset<Row> found = evidence(hits(grams(keyed), benchmarkGrams()));
    return keyed.join(found, columns("key", "key_two"), "left").select(col(payload), added().as(ADDED));
  }

  /**
   * (key, key_two, column, unit, at, width, whole, gram, hash): the n-grams of the texts, and how many words they have.
   */
  private Dataset<Row> grams(Dataset<Row> keyed) {
    Dataset<Row> units =
        keyed.select(col("key"), col("key_two"), posexplode(col(TEXTS)).as(new String[] {"unit", "one"}));
    Dataset<Row> worded =
        units.select(
            col("key"), col("key_two"), col("unit"), col("one.column").as("column"),
            OverlapExpressions.words(options.wording(), col("one.text")).as("plain"));
    return exploded(worded, "key", "key_two", "column", "unit");
  }

  /** (gram, hash, benchmark, row), each once. */
  private Dataset<Row> benchmarkGrams() {
    Dataset<Row> all = null;
    for (BenchmarkRows each : benchmarks) {
      Dataset<Row> texts = each.texts();
      all = all == null ? texts : all.union(texts);
    }
    Dataset<Row> worded =
        all.select(
            col("benchmark"), col("row"), OverlapExpressions.words(options.wording(), col("text")).as("plain"));
    return exploded(worded, "benchmark", "row").select("gram", "hash", "benchmark", "row").distinct();
  }

  private Dataset<Row> exploded(Dataset<Row> worded, String... ids) {
    Wording wording = options.wording();
    List<Column> carried = new ArrayList<>();
    for (String id : ids) {
      carried.add(col(id));
    }
    Dataset<Row> parts =
        worded.select(
            with(
                carried, col("plain"),
                OverlapExpressions.parts(OverlapExpressions.masked(wording, col("plain"))).as("parts")));
    Column width =
        when(size(col("parts")).geq(options.words()), lit(options.words()))
            .otherwise(size(OverlapExpressions.parts(col("plain"))));
    Dataset<Row> grams =
        parts.select(
            with(
                carried, width.as("width"), size(col("parts")).lt(options.words()).as("whole"),
                posexplode(
                        OverlapExpressions.ngrams(wording, options.words(), col("parts"), col("plain")))
                    .as(new String[] {"at", "gram"})));
    return grams.withColumn("hash", xxhash64(col("gram")));
  }

  private static Column[] with(List<Column> columns, Column... more) {
    List<Column> out = new ArrayList<>(columns);
    out.addAll(List.of(more));
    return out.toArray(Column[]::new);
  }

  private static String[] columns(String... names) {
    return names;
  }

  /** (key, key_two, column, unit, at, width, gram, benchmark, row), each once. */
  private Dataset<Row> hits(Dataset<Row> grams, Dataset<Row> benchmarkGrams) {
    Dataset<Row> side = benchmarkGrams.hint(hint);
    return grams
        .join(side, columns("hash", "gram"))
        .select("key", "key_two", "column", "unit", "at", "width", "whole", "gram", "benchmark", "row")
        .distinct();
  }

  /** (key, key_two, found): of each row of a benchmark the longest span, the first such one. */
  private Dataset<Row> evidence(Dataset<Row> hits) {
    var stretch = Window.partitionBy("key", "key_two", "unit", "benchmark", "row").orderBy("at");
    Dataset<Row> islands = hits.withColumn("island", col("at").minus(row_number().over(stretch)));
    Dataset<Row> spans =
        islands
            .groupBy("key", "key_two", "column", "unit", "benchmark", "row", "island", "width", "whole")
            .agg(
                min("at").as("at"), count(lit(1)).as("grams"),
                sort_array(collect_list(struct(col("at"), col("gram")))).as("run"))
            .withColumn("length", col("width").plus(col("grams")).minus(1));
    var best =
        Window.partitionBy("key", "key_two", "column", "benchmark", "row")
            .orderBy(col("length").desc(), col("unit"), col("at"));
    Column first = element_at(col("run"), 1).getField("gram");
    Column rest =
        transform(
            slice(col("run"), lit(2), size(col("run"))),
            each -> substring_index(each.getField("gram"), " ", -1));
    Column span =
        array_join(concat(array(first), rest), " ");
    return spans
        .withColumn("place", row_number().over(best))
        .filter("place = 1")
        .select(
            col("key"), col("key_two"),
            struct(
                    col("column"), col("benchmark"), col("row"), col("unit"), span.as("span"),
                    col("whole"))
                .as("one"))
        .groupBy("key", "key_two")
        .agg(sort_array(collect_list("one")).as("found"));
  }

  private Column added() {
    Column standing =
        filter(
            col("found"),
            each -> {
              Column plain =
                  OverlapExpressions.words(
                      options.wording(),
                      element_at(col(TEXTS), each.getField("unit").plus(1)).getField("text"));
              Column words = OverlapExpressions.masked(options.wording(), plain);
              Column span = each.getField("span");
              return OverlapExpressions.holds(words, span).or(plain.equalTo(span));
            });
    StructField evidence = options.schema().fields()[1];
    Column shown =
        transform(
            standing,
            each -> {
              List<Column> fields = new ArrayList<>();
              fields.add(OverlapExpressions.name(options.benchmarks(), each.getField("benchmark")).as("benchmark"));
              fields.add(each.getField("row").as("row"));
              fields.add(each.getField("span").as("span"));
              fields.add(
                  when(each.getField("whole"), lit(DecontaminateOptions.EXACT)).otherwise(lit(options.ngramMethod()))
                      .as("method"));
              if (options.columns().size() > 1) {
                fields.add(OverlapExpressions.name(options.columns(), each.getField("column")).as("column"));
              }
              return struct(fields.toArray(Column[]::new));
            });
    Column list = coalesce(shown, array().cast(evidence.dataType()));
    Column readable = col(TEXTS).isNotNull();
    return struct(when(readable, size(list).gt(0)).as("contaminated"), when(readable, list).as("evidence"));
  }

  @Override
  public Map<String, Column> totals() {
    Map<String, Column> out = new LinkedHashMap<>();
    Column evidence = ADDED_COLUMN.getField("evidence");
    out.put(DecontaminateFunction.CONTAMINATED, sum(flag(ADDED_COLUMN.getField("contaminated"))));
    Column example =
        when(size(evidence).gt(0), DecontaminateTotals.example(element_at(evidence, 1)));
    out.put("example one", min(example));
    out.put("example two", max(example));
    for (String name : options.benchmarks()) {
      out.put(
          DecontaminateFunction.hits(name),
          sum(flag(exists(evidence, each -> each.getField("benchmark").equalTo(name)))));
    }
    return out;
  }

  private static Column flag(Column condition) {
    return when(condition, 1L).otherwise(0L);
  }

  @Override
  public void told(Map<String, Object> values) {
    totals.take(values);
  }
}
