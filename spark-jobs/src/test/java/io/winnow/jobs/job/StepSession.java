// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import org.apache.spark.sql.SparkSession;

/** A small session with Delta, for tests of steps that read rows and write rows. */
final class StepSession {
  private StepSession() {}

  /** Without compiled stages, which take longer to compile than small tables take to read. */
  static SparkSession start() {
    return started(builder());
  }

  /** As above, and without compiled expressions. */
  static SparkSession startInterpreted() {
    return started(builder().config("spark.sql.codegen.factoryMode", "NO_CODEGEN"));
  }

  private static SparkSession.Builder builder() {
    return SparkSession.builder()
        .master("local[2]")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC");
  }

  private static SparkSession started(SparkSession.Builder builder) {
    SparkSession spark = builder.getOrCreate();
    spark.sparkContext().setLogLevel("ERROR");
    return spark;
  }
}
