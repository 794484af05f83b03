// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.refine;

import static org.apache.spark.sql.functions.char_length;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.isnan;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.md5;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.regexp_replace;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.substring_index;
import static org.apache.spark.sql.functions.trim;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.winnow.inference.conf.GradedSettings;
import io.winnow.inference.conf.SelectSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;

/** The traces that a selection looks at, and the order of those of a prompt. */
final class Candidates {
  private static final String CLOSE = "</think>";
  private static final String FIRST = "winnow_first";

  private final GradedRows input;
  private final SettingValues values;
  private final Dataset<Row> rates;

  /**
   * Candidates.
   *
   * @param rates ids of the prompts that are looked at, as prompt_id; null for all
   */
  Candidates(GradedRows input, SettingValues values, Dataset<Row> rates) {
    this.input = input;
    this.values = values;
    this.rates = rates;
  }

  /** Those that every strategy looks at, before {@code --dedup}. */
  Dataset<Row> all() {
    need(GradedSettings.COMPLETION_COLUMN.option(), values.get(GradedSettings.COMPLETION_COLUMN), "text");
    Dataset<Row> rows =
        input.rows()
            .filter(col("prompt_id").isNotNull().and(col("text").isNotNull()).and(not(col(GradedRows.FAILED))));
    if (values.isGiven(SelectSettings.MIN_TOKENS) || values.isGiven(SelectSettings.MAX_TOKENS)) {
      need(GradedSettings.TOKENS_COLUMN.option(), values.get(GradedSettings.TOKENS_COLUMN), "completion_tokens");
      int least = values.find(SelectSettings.MIN_TOKENS).orElse(0);
      int most = values.find(SelectSettings.MAX_TOKENS).orElse(Integer.MAX_VALUE);
      rows = rows.filter(col("completion_tokens").between(least, most));
    }
    if (values.get(SelectSettings.REQUIRE_THINKING)) {
      rows = rows.filter(input.has("think_end") ? col("think_end").gt(0) : col("text").contains(CLOSE));
    }
    List<String> reasons = values.get(SelectSettings.FINISH_REASON);
    if (!reasons.isEmpty()) {
      need(SelectSettings.FINISH_REASON.option(), "finish_reason", "finish_reason");
      rows = rows.filter(col("finish_reason").isin(reasons.toArray()));
    }
    return rates == null ? rows : rows.join(rates, "prompt_id", "left_semi").select(names(rows));
  }

  /** One of a prompt's traces that are alike, the first in the order, where that is asked for. */
  Dataset<Row> distinct(Dataset<Row> rows, List<Column> order) {
    String by = values.get(SelectSettings.DEDUP);
    if (by.equals("none")) {
      return rows;
    }
    // With no such tag all of the text.
    Column answer = trim(regexp_replace(substring_index(col("text"), CLOSE, -1), "\\s+", " "));
    Column alike = md5(by.equals("text") ? col("text") : answer);
    Column place = row_number().over(Window.partitionBy(col("prompt_id"), alike).orderBy(array(order)));
    return rows.withColumn(FIRST, place).filter(col(FIRST).equalTo(1)).drop(FIRST);
  }

  /** Breaks ties, and is all of the order where that is random. */
  Column tie() {
    return xxhash64(lit(values.get(SelectSettings.SEED)), col("prompt_id"), col("trace_id"));
  }

  /** Tokens of the completion; characters where those are not known. */
  Column length() {
    return input.has("completion_tokens")
        ? col("completion_tokens").cast(DataTypes.DoubleType)
        : char_length(col("text")).cast(DataTypes.DoubleType);
  }

  /**
   * The order in a prompt.
   *
   * @param by as {@code --rank-by} has it
   */
  List<Column> order(String by) {
    List<Column> order = new ArrayList<>();
    switch (by) {
      case "random" -> { }
      case "shortest" -> order.add(length().asc_nulls_last());
      case "longest" -> order.add(length().desc_nulls_last());
      case "reward" -> order.add(number(SelectSettings.REWARD_COLUMN.option(), rewardColumn()).desc_nulls_last());
      default -> order.add(number(SelectSettings.RANK_BY.option(), by).desc_nulls_last());
    }
    order.add(tie());
    order.add(col("trace_id"));
    // Ids that are there twice, as in files of two runs, leave the texts to tell rows apart.
    order.add(col("text"));
    return order;
  }

  /** Whether an order goes by a number that says how good a trace is. */
  static boolean scores(String by) {
    return !List.of("random", "shortest", "longest").contains(by);
  }

  String rewardColumn() {
    return values.find(SelectSettings.REWARD_COLUMN).orElse("reward");
  }

  /**
   * A column of numbers; NaN is null.
   *
   * @throws UsageException when it is not there, or holds something else
   */
  Column number(String option, String column) {
    need(option, column, column);
    DataType type = input.rows().schema().apply(column).dataType();
    if (!(type instanceof NumericType)) {
      throw new UsageException(
          "Cannot use " + option + " '" + column + "': it holds " + type.simpleString() + ", and a number is needed.");
    }
    Column number = GradedRows.column(column).cast(DataTypes.DoubleType);
    return when(not(isnan(number)), number);
  }

  private void need(String option, String asked, String column) {
    if (!input.has(column)) {
      throw GradedRows.unknown(option, asked, input.name(), input.columns());
    }
  }

  static Column[] array(List<Column> columns) {
    return columns.toArray(Column[]::new);
  }

  private static Column[] names(Dataset<Row> rows) {
    return List.of(rows.columns()).stream().map(GradedRows::column).toArray(Column[]::new);
  }
}
