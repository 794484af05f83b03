// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_set;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.sha2;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;

/**
 * Names every row. With an id column the name is its value: rows with the same id and content (prompt and gold) are
 * one, and with different content they are refused. Else the name is the hash of the content, with {@code -2}, {@code
 * -3} … for its further occurrences: in file order for one file, else ordered by gold and kept columns, so that
 * partitioning never decides. Rows without a value in the id column are named by their content too.
 */
final class PromptIds {
  private static final int EXAMPLES = 3;
  private static final int SHOWN_CHARS = 60;

  private PromptIds() {}

  /**
   * @param rows with prompt_id in place of id
   * @param merged rows left out because the same id and content was there before
   */
  record Named(Dataset<Row> rows, long merged) {}

  /**
   * @param rows with columns id, content_hash, ordinal, gold, question, messages and, where {@code kept}, kept
   * @throws io.winnow.inference.conf.UsageException when one id has different contents
   */
  static Named name(Dataset<Row> rows, InputOptions options, boolean kept) {
    long merged = options.id() == null ? 0 : countMerged(rows, options);
    Column keptText = kept ? coalesce(to_json(col("kept")), lit("")) : lit("");
    Column isNamed = col("id").isNotNull();
    Column key = when(isNamed, concat(lit("i"), col("id"))).otherwise(concat(lit("h"), col("content_hash")));
    WindowSpec sameKey = Window.partitionBy(key).orderBy(col("ordinal"), coalesce(col("gold"), lit("")), keptText);
    Column hashName =
        when(col("occurrence").equalTo(1), col("content_hash"))
            .otherwise(concat(col("content_hash"), lit("-"), col("occurrence").cast("string")));
    Dataset<Row> named =
        rows.withColumn("occurrence", row_number().over(sameKey))
            .filter(col("id").isNull().or(col("occurrence").equalTo(1)))
            .withColumn("prompt_id", when(isNamed, col("id")).otherwise(hashName))
            .drop("occurrence", "id");
    return new Named(named, merged);
  }

  private static long countMerged(Dataset<Row> rows, InputOptions options) {
    Column content = sha2(concat(col("content_hash"), coalesce(concat(lit("="), col("gold")), lit(""))), 256);
    Dataset<Row> named = rows.filter(col("id").isNotNull()).withColumn("content", content);
    Dataset<Row> groups =
        named.groupBy("id").agg(count(lit(1)).as("n"), min("content").as("low"), max("content").as("high"));
    Column conflict = when(col("low").notEqual(col("high")), 1L).otherwise(0L);
    Row totals = groups.agg(coalesce(sum(col("n").minus(1)), lit(0L)), coalesce(sum(conflict), lit(0L))).head();
    long conflicts = totals.getLong(1);
    if (conflicts > 0) {
      throw InputErrors.conflictingIds(options.id(), conflicts, examples(named));
    }
    return totals.getLong(0);
  }

  private static List<String> examples(Dataset<Row> named) {
    Column said =
        concat(
            coalesce(col("question"), to_json(col("messages"))),
            coalesce(concat(lit(" = "), col("gold")), lit("")));
    Dataset<Row> groups =
        named.groupBy("id")
            .agg(min("content").as("low"), max("content").as("high"), collect_set(said).as("said"))
            .filter(col("low").notEqual(col("high")))
            .orderBy("id")
            .limit(EXAMPLES);
    List<String> examples = new ArrayList<>();
    for (Row row : groups.collectAsList()) {
      List<String> texts = row.<String>getList(3).stream().sorted().limit(2).map(PromptIds::shortened).toList();
      examples.add("'" + row.getString(0) + "' for '" + String.join("' and '", texts) + "'");
    }
    return examples;
  }

  private static String shortened(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.codePointCount(0, line.length()) <= SHOWN_CHARS
        ? line
        : line.substring(0, line.offsetByCodePoints(0, SHOWN_CHARS)) + "...";
  }
}
