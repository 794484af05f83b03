// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one transaction that changes rows: those that failed or were cut off get what a run has made of them since. It is
 * Delta's MERGE, so files are copied on write and columns of the user's own stay. A row is replaced only by one that
 * goes further (a failed one by a whole one or by a later attempt, a truncated one by a longer or an ended one), so
 * that doing it twice, or late, harms nothing; a row that was deleted meanwhile stays deleted.
 */
final class Replacement {
  private static final Logger LOG = LoggerFactory.getLogger(Replacement.class);
  private static final int MAX_ATTEMPTS = 10;
  private static final String FURTHER =
      "(t.error IS NOT NULL AND (s.error IS NULL OR s.error.attempts > t.error.attempts))"
          + " OR (t.error IS NULL AND t.finish_reason = 'length' AND s.error IS NULL"
          + " AND (s.finish_reason <> 'length' OR s.completion_tokens > t.completion_tokens))";

  private Replacement() {}

  /**
   * Replaces rows by those in these files, which are no part of the table.
   *
   * @return version of the table that holds them
   * @throws Exception what Spark throws, also after conflicts with other writers
   */
  static long apply(SparkSession spark, WinnowTable table, List<Manifest> manifests) throws Exception {
    String[] files =
        manifests.stream().map(m -> new Path(table.path(), m.file().name()).toString()).toArray(String[]::new);
    // By the columns that the files have: others of the table, of the user's own for one, stay as they are.
    Dataset<Row> rows = spark.read().parquet(files);
    Map<String, Column> values = new LinkedHashMap<>();
    for (String name : rows.schema().fieldNames()) {
      values.put("`" + name + "`", functions.col("s.`" + name + "`"));
    }
    for (int attempt = 1; ; attempt++) {
      try {
        io.delta.tables.DeltaTable.forPath(spark, table.path())
            .as("t")
            .merge(rows.as("s"), "t.prompt_id = s.prompt_id AND t.trace_id = s.trace_id")
            .whenMatched(FURTHER)
            .update(values)
            .execute();
        return table.snapshot().getVersion();
      } catch (Exception e) {
        boolean raced = e.getClass().getSimpleName().contains("Concurrent");
        if (!raced || attempt >= MAX_ATTEMPTS) {
          throw e;
        }
        LOG.info("Another writer of {} was first; replacing again", table.path());
      }
    }
  }
}
