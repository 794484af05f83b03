// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.CatalystTypeConverters;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.datasources.parquet.ParquetWriteSupport;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;

/**
 * Writes one file of a data set, JSON lines or Parquet, and its SHA-256 on the way. The same rows in the same order
 * give the same bytes: nothing of the time, the machine or the file system goes in, and the sizes of pages and row
 * groups depend on the rows alone. One thread.
 */
public final class ShardWriter implements Closeable {
  /**
   * What a writer holds on the heap at most, but for rows that are larger; and what a viewer reads to show some rows.
   */
  private static final long ROW_GROUP_BYTES = 32L << 20;
  /** After how many rows sizes are looked at; the default of 100 would hold 100 rows of any size. */
  private static final int LEAST_ROWS = 4;
  private static final int MOST_ROWS = 1000;
  private static final int BUFFER = 1 << 16;

  private final Counted out;
  private final ParquetWriter<InternalRow> parquet;
  private final scala.Function1<Object, Object> toCatalyst;
  private boolean closed;

  /**
   * A file, replacing one that is there.
   *
   * @param schema of the rows; null for JSON lines
   */
  public ShardWriter(String file, StructType schema, Configuration base) throws IOException {
    Path path = new Path(file);
    this.out = new Counted(StepFolder.files(path, base).create(path, true));
    if (schema == null) {
      this.parquet = null;
      this.toCatalyst = null;
      return;
    }
    this.toCatalyst = CatalystTypeConverters.createToCatalystConverter(schema);
    Configuration conf = new Configuration(base);
    conf.set(ParquetWriteSupport.SPARK_ROW_SCHEMA(), schema.json());
    conf.set(SQLConf.PARQUET_WRITE_LEGACY_FORMAT().key(), "false");
    conf.set(SQLConf.PARQUET_OUTPUT_TIMESTAMP_TYPE().key(), "TIMESTAMP_MICROS");
    conf.set(SQLConf.PARQUET_FIELD_ID_WRITE_ENABLED().key(), "false");
    conf.set(SQLConf.LEGACY_PARQUET_NANOS_AS_LONG().key(), "false");
    conf.set(SQLConf.PARQUET_ANNOTATE_VARIANT_LOGICAL_TYPE().key(), "false");
    // The session's could say otherwise.
    conf.set("parquet.compression.codec.zstd.level", "3");
    conf.set("parquet.compression.codec.zstd.workers", "0");
    this.parquet =
        new DataFileWriter.Builder(new Sink(out))
            .withConf(conf)
            .withCompressionCodec(CompressionCodecName.ZSTD)
            .withRowGroupSize(ROW_GROUP_BYTES)
            .withMinRowCountForPageSizeCheck(LEAST_ROWS)
            .withMaxRowCountForPageSizeCheck(MOST_ROWS)
            .build();
  }

  /** Adds a line of JSON, without its end. */
  public void write(String line) throws IOException {
    out.write(line.getBytes(StandardCharsets.UTF_8));
    out.write('\n');
  }

  /** Adds a row of the schema. */
  public void write(Row row) throws IOException {
    parquet.write((InternalRow) toCatalyst.apply(row));
  }

  /** Completes the file. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    if (parquet != null) {
      parquet.close();
    }
    out.close();
  }

  /** Bytes of the file, once it is closed. */
  public long bytes() {
    return out.position;
  }

  /** SHA-256 (hex) of the file, once it is closed. */
  public String sha256() {
    return HexFormat.of().formatHex(out.digest.digest());
  }

  private static final class Counted extends PositionOutputStream {
    private final MessageDigest digest;
    private final OutputStream target;
    private long position;

    Counted(OutputStream file) {
      try {
        this.digest = MessageDigest.getInstance("SHA-256");
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("Every Java platform has SHA-256.", e);
      }
      this.target = new BufferedOutputStream(new DigestOutputStream(file, digest), BUFFER);
    }

    @Override
    public long getPos() {
      return position;
    }

    @Override
    public void write(int b) throws IOException {
      target.write(b);
      position++;
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      target.write(bytes, from, length);
      position += length;
    }

    @Override
    public void flush() throws IOException {
      target.flush();
    }

    @Override
    public void close() throws IOException {
      target.close();
    }
  }

  /** Has no blocks, so that row groups are never moved to fit those of a file system. */
  private record Sink(Counted out) implements OutputFile {
    @Override
    public PositionOutputStream create(long blockSizeHint) {
      return out;
    }

    @Override
    public PositionOutputStream createOrOverwrite(long blockSizeHint) {
      return out;
    }

    @Override
    public boolean supportsBlockSize() {
      return false;
    }

    @Override
    public long defaultBlockSize() {
      return 0;
    }
  }
}
