// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.tables.DeltaTable;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** The version of any Delta table that Spark can read. */
public final class TableVersion {
  private TableVersion() {}

  /**
   * The newest version as of now; empty where there is no Delta table.
   *
   * @param table a folder, or a table of the session's catalog
   */
  public static OptionalLong of(SparkSession spark, String table) {
    return newest(spark, table).map(commit -> OptionalLong.of(commit.getLong(0))).orElse(OptionalLong.empty());
  }

  /**
   * What tells the newest version from all others: its number and when it was committed, since a table that is removed
   * and made anew counts from 0 again. Empty where there is no Delta table.
   *
   * @param table as above
   */
  public static Optional<String> state(SparkSession spark, String table) {
    return newest(spark, table).map(commit -> commit.getLong(0) + " of " + commit.getTimestamp(1).getTime());
  }

  private static Optional<Row> newest(SparkSession spark, String table) {
    try {
      // The folder first, as readers look for it: traces.v2 may be either.
      boolean folder = DeltaTable.isDeltaTable(spark, table);
      if (!folder && !TraceTable.isName(table)) {
        return Optional.empty();
      }
      DeltaTable delta = folder ? DeltaTable.forPath(spark, table) : DeltaTable.forName(spark, table);
      return Optional.of(delta.history(1).select("version", "timestamp").head());
    } catch (Exception e) { // a table of another kind, a glob: Spark throws checked exceptions that it does not declare
      return Optional.empty();
    }
  }
}
