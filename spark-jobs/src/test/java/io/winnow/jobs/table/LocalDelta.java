// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** A small Spark session with Delta, and rows to put in tables. */
final class LocalDelta {
  private LocalDelta() {}

  static SparkSession session() {
    SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .appName("tables")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.databricks.delta.snapshotPartitions", "1")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", System.getProperty("java.io.tmpdir") + "/warehouse")
            // Delta's VACUUM lists folders in as many tasks as this.
            .config("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.ui.enabled", "false")
            .config("spark.hadoop.fs.objstore.impl", ObjectStoreFileSystem.class.getName())
            .config("spark.delta.logStore.objstore.impl", "io.delta.storage.S3SingleDriverLogStore")
            .config("spark.sql.session.timeZone", "America/St_Johns")
            .getOrCreate();
    spark.sparkContext().setLogLevel("ERROR");
    return spark;
  }

  /** A row of the given columns; those not named are null. */
  static Row row(StructType schema, Map<String, ?> values) {
    Object[] out = new Object[schema.length()];
    for (int i = 0; i < out.length; i++) {
      out[i] = values.get(schema.fields()[i].name());
    }
    for (String name : values.keySet()) {
      schema.fieldIndex(name);
    }
    return RowFactory.create(out);
  }

  static Row trace(StructType schema, String promptId, String traceId) {
    return row(
        schema,
        Map.of(
            "prompt_id", promptId, "trace_id", traceId, "correct", true, "prompt_tokens", 3, "completion_tokens", 5));
  }

  /** The row keys in the table as "prompt/trace", in order, as often as they are there. */
  static List<String> keys(SparkSession spark, TraceTable table) {
    return table.keys(spark).collectAsList().stream().map(r -> r.getString(0) + "/" + r.getString(1)).sorted().toList();
  }

  static long count(SparkSession spark, TraceTable table) {
    return keys(spark, table).size();
  }

  static long distinct(SparkSession spark, TraceTable table) {
    return keys(spark, table).stream().distinct().count();
  }

  static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + 30_000_000_000L;
    while (!condition.call()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited 30 s in vain: " + what);
      }
      Thread.sleep(20);
    }
  }
}
