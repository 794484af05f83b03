// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.export.ExportColumn;
import io.winnow.jobs.export.JsonText;
import io.winnow.jobs.table.ShardWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Writes files of a data set, each whole and by itself, under names of its own; the driver gives the files of one
 * successful attempt their names. Rows come sorted by file and key.
 */
final class ShardTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;
  /** The first row of all goes to the card, if it is no longer than this. */
  private static final int SAMPLE = 20_000;

  /** What is known of a file that was written. */
  static final StructType FILES =
      new StructType()
          .add("file", DataTypes.IntegerType, false)
          .add("name", DataTypes.StringType, false)
          .add("rows", DataTypes.LongType, false)
          .add("bytes", DataTypes.LongType, false)
          .add("sha256", DataTypes.StringType, false)
          .add("sample", DataTypes.StringType, true);

  private final String folder;
  private final ArrayList<ExportColumn> columns;
  private final ShardPlan plan;
  private final boolean single;
  private final SerializableConfiguration conf;

  /**
   * A task.
   *
   * @param folder in which it writes
   * @param columns of Parquet files; null for JSON lines
   * @param single whether only the first row of a prompt counts
   */
  ShardTask(String folder, List<ExportColumn> columns, ShardPlan plan, boolean single, Configuration conf) {
    this.folder = folder;
    this.columns = columns == null ? null : new ArrayList<>(columns);
    this.plan = plan;
    this.single = single;
    this.conf = new SerializableConfiguration(conf);
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) throws IOException {
    List<Row> done = new ArrayList<>();
    Shard shard = null;
    try {
      while (rows.hasNext()) {
        Row row = rows.next();
        int file = row.getInt(0);
        if (shard == null || shard.file != file) {
          if (shard != null) {
            done.add(shard.finish());
          }
          shard = new Shard(file);
        }
        shard.add(row.getString(1), row.getString(5));
      }
      if (shard != null) {
        done.add(shard.finish());
      }
      return done.iterator();
    } catch (IOException | RuntimeException e) {
      if (shard != null) {
        shard.abandon();
      }
      throw e;
    }
  }

  private final class Shard {
    private final int file;
    private final String name;
    private final ShardWriter writer;
    private final ObjectMapper json =
        new ObjectMapper(
            JsonFactory.builder()
                .streamReadConstraints(
                    StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).maxNestingDepth(1000).build())
                .build());
    private String prompt;
    private String sample;
    private long rows;

    Shard(int file) throws IOException {
      this.file = file;
      this.name = file + "-" + TaskContext.get().taskAttemptId();
      this.writer =
          new ShardWriter(folder + "/" + name, columns == null ? null : ExportColumns.schema(columns), conf.value());
    }

    void add(String itsPrompt, String line) throws IOException {
      if (single && itsPrompt.equals(prompt)) {
        return;
      }
      prompt = itsPrompt;
      int marker = line.indexOf(JsonText.NUMBER);
      String whole =
          marker < 0
              ? line
              : line.substring(0, marker) + (plan.shards().get(file).rowsBefore() + rows) + line.substring(marker + 1);
      if (columns == null) {
        writer.write(whole);
      } else {
        writer.write(ExportColumns.row(columns, json.readTree(whole)));
      }
      if (rows == 0 && file == 0 && whole.length() <= SAMPLE) {
        sample = whole;
      }
      rows++;
    }

    Row finish() throws IOException {
      writer.close();
      return RowFactory.create(file, name, rows, writer.bytes(), writer.sha256(), sample);
    }

    void abandon() {
      try {
        writer.close();
      } catch (IOException | RuntimeException e) {
        // What stopped the writing says more.
      }
    }
  }
}
