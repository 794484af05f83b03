// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.ceil;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.desc;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.stddev_samp;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;

import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.estimate.Normal;
import io.winnow.jobs.estimate.PromptMean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Pass rates of all prompts, for the screen.
 *
 * @param counts samples, n, correct, incorrect, undecided, errors and ties, summed over prompts
 * @param measures means over prompts with their standard errors, by the names of their columns
 * @param histogram prompts by mean: 0, the ten tenths between (upper ends count), 1
 * @param z deviations to either side of an interval
 * @param groups by the values of {@code --by}, those with most prompts first
 * @param moreGroups whether there are others
 */
public record PassRateSummary(
    long prompts, long kept, Map<String, Long> counts, Map<String, PromptMean> measures, long[] histogram, double z,
    List<Group> groups, boolean moreGroups) {
  /** More would be a table and no summary. */
  static final int MOST_GROUPS = 50;
  private static final int BINS = 12;

  /**
   * The prompts of one source, difficulty or the like.
   *
   * @param values in the order of {@code --by}
   * @param measures as above
   */
  public record Group(List<String> values, long prompts, long kept, Map<String, PromptMean> measures) {}

  /** Of a table of rates. */
  static PassRateSummary of(Dataset<Row> rates, SettingValues values, boolean majority) {
    Map<String, Column> measures = measures(values, majority);
    List<Column> all = aggregates(measures);
    List<String> counts =
        new ArrayList<>(List.of("samples", "n", "correct", "incorrect", "undecided", "errors"));
    counts.forEach(name -> all.add(coalesce(sum(col(name)), lit(0L)).as("sum_" + name)));
    if (majority) {
      counts.add("ties");
      all.add(count(when(col("maj_tie"), lit(1))).as("sum_ties"));
    }
    Row total = rates.agg(all.get(0), all.subList(1, all.size()).toArray(Column[]::new)).head();
    Map<String, Long> summed = new LinkedHashMap<>();
    counts.forEach(name -> summed.put(name, total.<Long>getAs("sum_" + name)));
    List<Group> groups = groups(rates, values.get(PassRateSettings.BY), measures);
    boolean more = groups.size() > MOST_GROUPS;
    return new PassRateSummary(
        total.<Long>getAs("prompts"), total.<Long>getAs("kept"), summed, read(total, measures), histogram(rates),
        Normal.twoSided(values.get(PassRateSettings.CONFIDENCE)), more ? groups.subList(0, MOST_GROUPS) : groups, more);
  }

  /** What is averaged: null for prompts that do not have it. */
  private static Map<String, Column> measures(SettingValues values, boolean majority) {
    Map<String, Column> out = new LinkedHashMap<>();
    out.put("mean", col("mean"));
    out.put("avg_at_n", col("avg_at_n"));
    for (int k : PassRates.ks(values)) {
      out.put("pass_at_" + k, col("pass_at_" + k));
    }
    for (int k : PassRates.ks(values)) {
      if (k > 1) {
        List<String> names = new ArrayList<>(PassRates.gPass(values, k).keySet());
        names.add("mg_pass_at_" + k);
        // They are 0 where fewer than k samples count, which says nothing.
        names.forEach(name -> out.put(name, when(col("n").geq(k), col(name))));
      }
    }
    if (majority) {
      out.put("maj_at_n", when(col("n").gt(0), col("maj_at_n")));
    }
    return out;
  }

  private static List<Column> aggregates(Map<String, Column> measures) {
    List<Column> out = new ArrayList<>();
    out.add(count(lit(1)).as("prompts"));
    out.add(count(when(col("kept"), lit(1))).as("kept"));
    measures.forEach(
        (name, column) -> {
          out.add(avg(column).as("avg_" + name));
          out.add(stddev_samp(column).as("sd_" + name));
          out.add(count(column).as("n_" + name));
        });
    return out;
  }

  private static Map<String, PromptMean> read(Row row, Map<String, Column> measures) {
    Map<String, PromptMean> out = new LinkedHashMap<>();
    for (String name : measures.keySet()) {
      out.put(name, PromptMean.of(row.getAs("avg_" + name), row.getAs("sd_" + name), row.<Long>getAs("n_" + name)));
    }
    return out;
  }

  private static List<Group> groups(Dataset<Row> rates, List<String> by, Map<String, Column> measures) {
    List<Group> groups = new ArrayList<>();
    if (by.isEmpty()) {
      return groups;
    }
    List<Column> all = aggregates(measures);
    Column[] keys = by.stream().map(GradedRows::column).toArray(Column[]::new);
    List<Column> order = new ArrayList<>(List.of(desc("prompts")));
    order.addAll(Arrays.asList(keys));
    for (Row row :
        rates.groupBy(keys).agg(all.get(0), all.subList(1, all.size()).toArray(Column[]::new))
            .orderBy(order.toArray(Column[]::new)).limit(MOST_GROUPS + 1).collectAsList()) {
      List<String> names = new ArrayList<>();
      for (int i = 0; i < keys.length; i++) {
        names.add(String.valueOf(row.get(i)));
      }
      groups.add(new Group(names, row.<Long>getAs("prompts"), row.<Long>getAs("kept"), read(row, measures)));
    }
    return groups;
  }

  private static long[] histogram(Dataset<Row> rates) {
    Column mean = col("mean");
    // A mean of 0.3 is 3 of 10 and no more, whatever its last place says.
    Column bin =
        when(mean.leq(0), 0).when(mean.geq(1), BINS - 1)
            .otherwise(ceil(mean.multiply(10).minus(1e-9)).cast("int"));
    long[] out = new long[BINS];
    for (Row row : rates.filter(mean.isNotNull()).groupBy(bin.as("bin")).count().collectAsList()) {
      out[row.getInt(0)] += row.getLong(1);
    }
    return out;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PassRateSummary that && toString().equals(that.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }

  @Override
  public String toString() {
    return prompts + " prompts, " + kept + " kept, " + counts + ", " + measures + ", " + Arrays.toString(histogram)
        + ", " + groups;
  }
}
