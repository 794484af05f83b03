// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.tables.DeltaTable;
import java.util.OptionalLong;
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
    boolean name = TraceTable.isName(table);
    try {
      if (!name && !DeltaTable.isDeltaTable(spark, table)) {
        return OptionalLong.empty();
      }
      DeltaTable delta = name ? DeltaTable.forName(spark, table) : DeltaTable.forPath(spark, table);
      return OptionalLong.of(delta.history(1).select("version").head().getLong(0));
    } catch (Exception e) { // a table of another kind, a glob: Spark throws checked exceptions that it does not declare
      return OptionalLong.empty();
    }
  }
}
