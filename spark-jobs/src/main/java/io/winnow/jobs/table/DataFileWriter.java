// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.Locale;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.parquet.io.OutputFile;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.datasources.parquet.ParquetWriteSupport;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;

/**
 * Writes one zstd Parquet file of rows straight into a table's folder, exactly as Spark writes them (Spark's own write
 * support does the work), with Delta statistics gathered on the way. The file is no part of the table until it is
 * committed. One thread.
 */
final class DataFileWriter {
  /** What a writer holds on the heap at most before it goes to the file. */
  private static final long ROW_GROUP_BYTES = 32L << 20;

  private final String tablePath;
  private final String name;
  private final Configuration conf;
  private final RowChecker checker;
  private final ColumnStats stats;
  private final scala.Function1<Object, Object> toCatalyst;
  private final ParquetWriter<InternalRow> parquet;
  private long rows;

  DataFileWriter(String tablePath, int partition, StructType schema, RowChecker checker, Configuration base)
      throws IOException {
    this.tablePath = tablePath;
    this.name = String.format(Locale.ROOT, "part-%05d-%s-c000.zstd.parquet", partition, UUID.randomUUID());
    this.checker = checker;
    this.stats = new ColumnStats(schema);
    this.toCatalyst = CatalystTypeConverters.createToCatalystConverter(schema);
    this.conf = new Configuration(base);
    conf.set(ParquetWriteSupport.SPARK_ROW_SCHEMA(), schema.json());
    conf.set(SQLConf.PARQUET_WRITE_LEGACY_FORMAT().key(), "false");
    conf.set(SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE().key(), "TIMESTAMP_MICROS");
    conf.set(SQLConf.PARQUET_FIELD_ID_WRITE_ENABLED().key(), "false");
    conf.set(SQLConf.LEGACY_PARQUET_NANOS_AS_LONG().key(), "false");
    conf.set(SQLConf.PARQUET_ANNOTATE_VARIANT_LOGICAL_TYPE().key(), "false");
    this.parquet =
        new Builder(HadoopOutputFile.fromPath(new Path(tablePath, name), conf))
            .withConf(conf)
            .withCompressionCodec(CompressionCodecName.ZSTD)
            .withRowGroupSize(ROW_GROUP_BYTES)
            .build();
  }

  String name() {
    return name;
  }

  long rows() {
    return rows;
  }

  /** Bytes of the rows so far, about as they will be in the file. */
  long sizeBytes() {
    return parquet.getDataSize();
  }

  /**
   * Adds a row.
   *
   * @return the row as Spark holds it
   * @throws TableException if a value does not fit its column; nothing was written then and the writer can go on
   */
  InternalRow write(Row row) throws IOException {
    checker.check(row);
    InternalRow internal = (InternalRow) toCatalyst.apply(row);
    write(internal);
    return internal;
  }

  /** Adds a row that another file of ours holds. */
  void write(InternalRow row) throws IOException {
    parquet.write(row);
    stats.add(row);
    rows++;
  }

  /** Closes the file; from here on it is complete. */
  DataFile finish() throws IOException {
    parquet.close();
    Path file = new Path(tablePath, name);
    FileStatus status = file.getFileSystem(conf).getFileStatus(file);
    return new DataFile(name, status.getLen(), status.getModificationTime(), rows, stats.toJson());
  }

  /** Closes and deletes the file. */
  void abort() throws IOException {
    try {
      parquet.close();
    } catch (IOException | RuntimeException e) {
      // It is thrown away in any case; a full disk, for one, fails here again.
    } finally {
      delete(tablePath, name, conf);
    }
  }

  static void delete(String tablePath, String name, Configuration conf) throws IOException {
    Path file = new Path(tablePath, name);
    FileSystem fs = file.getFileSystem(conf);
    fs.delete(file, false);
  }

  /** A writer of Spark's own rows; {@link ShardWriter} writes them as well. */
  static final class Builder extends ParquetWriter.Builder<InternalRow, Builder> {
    Builder(OutputFile file) {
      super(file);
    }

    @Override
    protected Builder self() {
      return this;
    }

    @Override
    @SuppressWarnings("deprecation") // the form that Spark's write support implements
    protected WriteSupport<InternalRow> getWriteSupport(Configuration conf) {
      return new ParquetWriteSupport();
    }
  }
}
