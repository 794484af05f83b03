// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.Serializable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/**
 * What a task needs in order to write traces for a ledger; travels in the task's closure. Made by {@link Ledger#spec}.
 *
 * @param tablePath fully qualified folder of the table
 * @param schemaJson columns of the rows, as Spark's JSON
 * @param flushMillis age at which a row is flushed, the size of the file aside
 * @param targetFileRows rows at which a file is flushed, its age aside
 * @param targetFileBytes size at which a file is flushed, its age aside
 */
public record LedgerSpec(
    String tablePath,
    String runId,
    String schemaJson,
    long flushMillis,
    long targetFileRows,
    long targetFileBytes,
    SerializableConfiguration hadoop)
    implements Serializable {
  /** Columns of the rows that {@link TraceWriter#add} takes. */
  public StructType schema() {
    return (StructType) DataType.fromJson(schemaJson);
  }

  Configuration conf() {
    return hadoop.value();
  }
}
