// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.Closeable;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.RebaseDateTime;
import org.apache.spark.sql.execution.datasources.parquet.ParquetReadSupport;
import org.apache.spark.sql.internal.LegacyBehaviorPolicy;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;

/**
 * Reads the rows of one Parquet file in this thread, by Spark's own read support and without a Spark job: the driver
 * needs it while all slots of the cluster are taken by the long job. Columns that the file lacks are null.
 */
final class DataFileReader implements Closeable {
  private final ParquetReader<InternalRow> parquet;

  DataFileReader(String tablePath, String name, StructType columns, Configuration base) throws IOException {
    Configuration conf = new Configuration(base);
    conf.set(ParquetReadSupport.SPARK_ROW_REQUESTED_SCHEMA(), columns.json());
    conf.set(SQLConf.CASE_SENSITIVE().key(), "true");
    conf.set(SQLConf.NESTED_SCHEMA_PRUNING_ENABLED().key(), "false");
    conf.set(SQLConf.PARQUET_BINARY_AS_STRING().key(), "false");
    conf.set(SQLConf.PARQUET_INT96_AS_TIMESTAMP().key(), "true");
    conf.set(SQLConf.PARQUET_INFER_TIMESTAMP_NTZ_ENABLED().key(), "false");
    conf.set(SQLConf.PARQUET_FIELD_ID_READ_ENABLED().key(), "false");
    conf.set(SQLConf.LEGACY_PARQUET_NANOS_AS_LONG().key(), "false");
    this.parquet = new Builder(new Path(tablePath, name)).withConf(conf).build();
  }

  /** The next row, null at the end; valid until the following call. */
  InternalRow next() throws IOException {
    return parquet.read();
  }

  @Override
  public void close() throws IOException {
    parquet.close();
  }

  private static final class Builder extends ParquetReader.Builder<InternalRow> {
    @SuppressWarnings("deprecation") // the form that takes a path with the configuration's file system
    Builder(Path file) {
      super(file);
    }

    @Override
    protected ReadSupport<InternalRow> getReadSupport() {
      // Files of ours hold no dates of the old calendar.
      RebaseDateTime.RebaseSpec plain =
          new RebaseDateTime.RebaseSpec(LegacyBehaviorPolicy.CORRECTED(), scala.Option.empty());
      return new ParquetReadSupport(scala.Option.empty(), false, plain, plain);
    }
  }
}
