// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.array_union;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.when;

import io.winnow.jobs.export.CardFacts;
import io.winnow.jobs.export.Places;
import io.winnow.jobs.export.Skip;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TraceTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;

/** Counts over the keys of an export, for its card. All are exact, so that a card is the same each time. */
final class ExportStatistics {
  /** Settings of generate that decide what a model says; others may hold what is nobody's business. */
  private static final List<String> SETTINGS =
      List.of(
          "temperature", "top-p", "top-k", "min-p", "repetition-penalty", "presence-penalty", "frequency-penalty",
          "max-tokens", "seed", "samples", "weights", "verify");
  private static final String OF_TRACES = "is_trace and skip is null";
  private static final String SKIP = "skip";
  private static final String CORRECT = "correct";
  private static final String MODEL = "model";
  private static final String FINISH = "finish_reason";
  private static final String RUN = "run_id";
  private static final String VERIFIER = "verifier";
  /** How many names of a kind are looked at, and how many a card has. */
  private static final int MOST = 1000;
  private static final int MOST_NAMES = 50;
  /** Numbers of {@link CardFacts.Tokens}. */
  private static final int RANKS = 8;

  private ExportStatistics() {}

  /**
   * What there is to tell of the keys.
   *
   * @param leftOut rows by the reason for which they are left out
   */
  record Found(Map<Skip, Long> leftOut, CardFacts.Traces traces) {}

  /** Facts of the rows of {@link ExportTask#KEYS}. */
  static Found of(Dataset<Row> keys) {
    Map<String, Map<String, Long>> tallies = tallies(keys);
    Map<Skip, Long> leftOut = new EnumMap<>(Skip.class);
    tallies.getOrDefault(SKIP, Map.of()).forEach((name, rows) -> leftOut.put(Skip.of(name), rows));
    Map<String, Long> correct = tallies.getOrDefault(CORRECT, Map.of());
    Row tokens = keys.where(OF_TRACES).agg(count(lit(1)), tokens().toArray(Column[]::new)).head();
    return new Found(
        leftOut,
        new CardFacts.Traces(
            tokens.getLong(0), correct.getOrDefault("true", 0L), correct.getOrDefault("false", 0L),
            shown(tallies, MODEL), shown(tallies, FINISH), shown(tallies, VERIFIER), tokens(tokens, 1),
            tokens(tokens, 1 + RANKS), tallies.getOrDefault(RUN, Map.of()).keySet().stream().sorted().toList()));
  }

  /** Counts by kind and name, of each kind the most frequent first: in one pass, however many kinds there are. */
  private static Map<String, Map<String, Long>> tallies(Dataset<Row> keys) {
    Column isTrace = expr(OF_TRACES);
    Column named =
        array_union(
            array(
                when(col("is_row"), named(SKIP, col("skip"))), when(isTrace, named(CORRECT, col("correct"))),
                when(isTrace, named(MODEL, col("model"))), when(isTrace, named(FINISH, col("finish_reason"))),
                when(isTrace, named(RUN, col("run_id")))),
            coalesce(
                when(isTrace, transform(col("verifiers"), name -> named(VERIFIER, name))),
                array().cast("array<struct<kind:string,name:string>>")));
    Dataset<Row> counts =
        keys.select(explode(named).as("each")).select("each.kind", "each.name").where("name is not null")
            .groupBy("kind", "name").count();
    WindowSpec most = Window.partitionBy("kind").orderBy(col("count").desc(), col("name"));
    Map<String, Map<String, Long>> out = new TreeMap<>();
    for (Row row :
        counts.withColumn("place", row_number().over(most)).where(col("place").leq(MOST)).orderBy("kind", "place")
            .collectAsList()) {
      out.computeIfAbsent(row.getString(0), kind -> new LinkedHashMap<>()).put(row.getString(1), row.getLong(2));
    }
    return out;
  }

  private static Column named(String kind, Column name) {
    return struct(lit(kind).as("kind"), name.as("name"));
  }

  private static Map<String, Long> shown(Map<String, Map<String, Long>> tallies, String kind) {
    Map<String, Long> out = new LinkedHashMap<>();
    tallies.getOrDefault(kind, Map.of()).entrySet().stream().limit(MOST_NAMES)
        .forEach(entry -> out.merge(Places.name(entry.getKey()), entry.getValue(), Long::sum));
    return out;
  }

  private static List<Column> tokens() {
    List<Column> out = new ArrayList<>();
    for (String column : List.of("prompt_tokens", "completion_tokens")) {
      out.add(count(col(column)));
      out.add(expr("sum(" + column + ")"));
      out.add(expr("min(" + column + ")"));
      for (String share : List.of("0.1", "0.5", "0.9", "0.99")) {
        out.add(expr("percentile_disc(" + share + ") within group (order by " + column + ")"));
      }
      out.add(expr("max(" + column + ")"));
    }
    return out;
  }

  private static CardFacts.Tokens tokens(Row row, int from) {
    long[] out = new long[RANKS];
    for (int i = 0; i < out.length; i++) {
      out[i] = row.isNullAt(from + i) ? 0 : ((Number) row.get(from + i)).longValue();
    }
    return new CardFacts.Tokens(out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7]);
  }

  /** A list of one is shown as the one. */
  private static String plain(String text) {
    return text.matches("\\[\"[^\"]*\"\\]") ? text.substring(2, text.length() - 2) : text;
  }

  /** The runs that made traces, those of one kind together; none where the table does not know them. */
  static List<CardFacts.Run> runs(SparkSession spark, String traces, List<String> ids) {
    var table = RunsTable.find(TraceTable.existing(spark, traces));
    if (table.isEmpty() || ids.isEmpty()) {
      return List.of();
    }
    List<Row> rows =
        table.get().read(spark).where("command = 'generate' and event = 'start'")
            .where(col("run_id").isin(ids.toArray())).select("run_id", "model", "version", "settings").orderBy("run_id")
            .collectAsList();
    Map<String, CardFacts.Run> kinds = new TreeMap<>();
    for (Row row : rows) {
      Map<String, String> settings = new LinkedHashMap<>();
      Map<String, String> all = row.isNullAt(3) ? Map.of() : row.getJavaMap(3);
      for (String name : SETTINGS) {
        if (all.get(name) != null) {
          settings.put(name, plain(all.get(name)));
        }
      }
      String model = row.isNullAt(1) ? "" : Places.name(row.getString(1));
      String version = row.isNullAt(2) ? "" : row.getString(2).replaceAll("([+][0-9a-f]{9})[0-9a-f]*", "$1");
      CardFacts.Run run =
          kinds.computeIfAbsent(
              model + "\n" + version + "\n" + settings,
              key -> new CardFacts.Run(model, version, settings, new ArrayList<>()));
      run.ids().add(row.getString(0));
    }
    List<CardFacts.Run> out = new ArrayList<>(kinds.values());
    out.sort(Comparator.comparing(run -> run.ids().get(0)));
    return out;
  }
}
