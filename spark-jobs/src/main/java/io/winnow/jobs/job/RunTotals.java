// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.sum;

import io.winnow.jobs.table.TraceTable;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Sums over the rows that a run has in the table.
 *
 * @param failedByClass rows with an error, by its class, sorted
 * @param engineSeconds time in the engine
 * @param costUsd cost in US dollars; null when no row has one
 */
record RunTotals(Map<String, Long> failedByClass, Double engineSeconds, Double costUsd) {
  static final RunTotals NONE = new RunTotals(Map.of(), 0.0, null);
  /** Where the table cannot be asked. */
  static final RunTotals UNKNOWN = new RunTotals(Map.of(), null, null);

  /** Reads four narrow columns of the run's own files: the bounds of run_id leave out all others. */
  static RunTotals of(SparkSession spark, TraceTable table, String runId) {
    Map<String, Long> failed = new TreeMap<>();
    long millis = 0;
    Double cost = null;
    var mine = table.read(spark).filter(col("run_id").equalTo(runId));
    for (Row row :
        mine.groupBy(col("error.class"))
            .agg(count(lit(1)), sum("engine_ms"), sum("cost_usd"))
            .collectAsList()) {
      if (!row.isNullAt(0)) {
        failed.put(row.getString(0), row.getLong(1));
      }
      millis += row.isNullAt(2) ? 0 : row.getLong(2);
      cost = row.isNullAt(3) ? cost : Double.valueOf(row.getDouble(3) + (cost == null ? 0 : cost));
    }
    return new RunTotals(failed, millis / 1e3, cost);
  }
}
