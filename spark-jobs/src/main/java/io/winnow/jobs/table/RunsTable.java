// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static io.winnow.jobs.table.Schemas.field;
import static org.apache.spark.sql.types.DataTypes.BooleanType;
import static org.apache.spark.sql.types.DataTypes.DoubleType;
import static org.apache.spark.sql.types.DataTypes.LongType;
import static org.apache.spark.sql.types.DataTypes.StringType;
import static org.apache.spark.sql.types.DataTypes.TimestampType;
import static org.apache.spark.sql.types.DataTypes.createMapType;

import io.delta.kernel.exceptions.ConcurrentWriteException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * The runs of a table of traces: an append-only Delta table in {@code OUT/_winnow/runs}, one row an event of a run.
 * Thread-safe.
 */
public final class RunsTable {
  private static final int MAX_ATTEMPTS = 10;
  private static final String WORK = "winnow/work/";
  private static final StructType SCHEMA = schemaOfRuns();

  private final WinnowTable table;

  private RunsTable(WinnowTable table) {
    this.table = table;
  }

  /** Columns of {@code runs}, version 1, in order. */
  public static StructType schema() {
    return SCHEMA;
  }

  /** Opens the runs beside a table of traces, creating them where there are none. */
  public static RunsTable open(TraceTable traces) {
    WinnowTable table = WinnowTable.openOrCreate(path(traces), WinnowTable.RUNS, SCHEMA, traces.table().conf());
    table.checkWritable(table.snapshot(), SCHEMA);
    return new RunsTable(table);
  }

  /** The runs beside a table of traces; empty where there are none. Creates nothing. */
  public static Optional<RunsTable> find(TraceTable traces) {
    WinnowTable table = WinnowTable.at(path(traces), traces.table().conf());
    return table.latest().map(snapshot -> new RunsTable(table));
  }

  private static String path(TraceTable traces) {
    return new Path(traces.path(), WinnowTable.SIDE_FOLDER + "/runs").toString();
  }

  /** Fully qualified path of the table's folder. */
  public String path() {
    return table.path();
  }

  /** The events as of now. */
  public Dataset<Row> read(SparkSession spark) {
    return spark.read().format("delta").load(path());
  }

  /**
   * Appends the event by which a run claims its work set, and gives it the next epoch. Of all runs of a work set only
   * the one of the newest epoch may commit traces.
   *
   * @return the epoch, from 1
   */
  public long claim(String workSet, Map<String, ?> values) {
    try {
      DataFile file = write(row(values));
      for (int attempt = 1; ; attempt++) {
        long epoch = epoch(workSet) + 1;
        try {
          table.append(WORK + workSet, epoch, SCHEMA, List.of(file));
          return epoch;
        } catch (ConcurrentWriteException e) {
          // Another run was first, or a commit was in the way.
          if (attempt >= MAX_ATTEMPTS) {
            throw TableErrors.commitFailed(path(), String.valueOf(values.get("run_id")), attempt, e);
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write to " + path() + ": " + e.getMessage(), e);
    }
  }

  /** The newest epoch of a work set, 0 if nobody has claimed it. */
  long epoch(String workSet) {
    return table.lastTransaction(WORK + workSet).orElse(0);
  }

  /**
   * Appends one event in a transaction of its own.
   *
   * @param values by column name, with the Java types of the schema; absent columns are null. {@code run_id}, {@code
   *     event} and {@code at} are required.
   * @throws TableException if a name is no column of runs, or a value does not fit its column
   */
  public void append(Map<String, ?> values) {
    try {
      append(row(values));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write to " + path() + ": " + e.getMessage(), e);
    }
  }

  private static Row row(Map<String, ?> values) {
    for (String required : List.of("run_id", "event", "at")) {
      if (values.get(required) == null) {
        throw TableErrors.badRow(required, "is null, and an event needs it");
      }
    }
    Set<String> unknown = new HashSet<>(values.keySet());
    unknown.removeAll(List.of(SCHEMA.fieldNames()));
    if (!unknown.isEmpty()) {
      throw TableErrors.badRow(unknown.iterator().next(), "is not one of runs");
    }
    Object[] row = new Object[SCHEMA.length()];
    for (int i = 0; i < row.length; i++) {
      row[i] = values.get(SCHEMA.fields()[i].name());
    }
    return RowFactory.create(row);
  }

  private DataFile write(Row row) throws IOException {
    DataFileWriter file = new DataFileWriter(path(), 0, SCHEMA, new RowChecker(SCHEMA), table.conf());
    try {
      file.write(row);
      return file.finish();
    } catch (IOException | RuntimeException e) {
      file.abort();
      throw e;
    }
  }

  private void append(Row row) throws IOException {
    DataFile done = write(row);
    // An id of its own makes the append safe to repeat, and says afterwards whether it got in.
    String appId = "winnow/event/" + UUID.randomUUID();
    for (int attempt = 1; ; attempt++) {
      try {
        table.append(appId, 1, SCHEMA, List.of(done));
        return;
      } catch (ConcurrentWriteException e) {
        if (table.lastTransaction(appId).isPresent()) {
          return;
        }
        if (attempt >= MAX_ATTEMPTS) {
          throw TableErrors.commitFailed(path(), row.getString(0), attempt, e);
        }
      }
    }
  }

  private static StructType schemaOfRuns() {
    return new StructType()
        .add(field("run_id", StringType, "Id of the run; joins traces.run_id"))
        .add(field("event", StringType, "start, end, or another step of the run's life"))
        .add(field("at", TimestampType, "When it happened"))
        .add(field("command", StringType, "Command, for example generate"))
        .add(field("version", StringType, "Version of Winnow, with + and the commit it was built from"))
        .add(
            field(
                "settings",
                createMapType(StringType, StringType, true),
                "All settings, secrets left out; files also by the hash of their content"))
        .add(
            field(
                "output_settings",
                createMapType(StringType, StringType, true),
                "The settings that affect the output, generated from their declarations"))
        .add(field("work_set", StringType, "What the run works on; runs of one work set exclude each other"))
        .add(field("model", StringType, "Model as it was named on the command line"))
        .add(field("model_fingerprint", StringType, "SHA-256 of the model's content; for an endpoint its model name"))
        .add(field("tokenizer_fingerprint", StringType, "SHA-256 of the tokenizer"))
        .add(field("template_fingerprint", StringType, "SHA-256 of the chat template"))
        .add(field("weight_format", StringType, "How weights are held: f32, bf16, int8, int4 or blocks (the file's codes)"))
        .add(field("input_path", StringType, "Path or catalog name of the prompts"))
        .add(field("input_version", LongType, "Delta version of the prompts; null for files"))
        .add(field("output_path", StringType, "Path or catalog name of the traces"))
        .add(field("output_version_before", LongType, "Delta version of the traces when the run started"))
        .add(field("output_version_after", LongType, "Delta version of the run's last commit; null if it made none"))
        .add(field("prompts", LongType, "Prompts of the input"))
        .add(field("traces_planned", LongType, "Prompts times samples"))
        .add(field("traces_existing", LongType, "Traces that were in the table before"))
        .add(field("traces_written", LongType, "Traces that this run committed, failed ones included"))
        .add(field("traces_failed", LongType, "Rows with an error among those"))
        .add(field("correct", LongType, "Traces with the verdict correct"))
        .add(field("incorrect", LongType, "Traces with the verdict incorrect"))
        .add(field("undecided", LongType, "Traces without a verdict of correct or incorrect"))
        .add(field("prompt_tokens", LongType, "Tokens of the rendered prompts, once a trace"))
        .add(field("completion_tokens", LongType, "Tokens generated"))
        .add(field("engine_seconds", DoubleType, "Time in the engine, summed over the traces"))
        .add(field("wall_seconds", DoubleType, "Time of the run"))
        .add(field("cost_usd", DoubleType, "Cost by the price table, in US dollars"))
        .add(field("host", StringType, "Host of the driver, and hosts of the executors where they are others"))
        .add(field("cpu", StringType, "Processor of the driver"))
        .add(field("instruction_set", StringType, "Instruction set of the kernels on the driver's host"))
        .add(field("spark_version", StringType, "Version of Spark"))
        .add(field("java_version", StringType, "Version of Java"))
        .add(field("reproducible", BooleanType, "Whether the traces can be made again to the bit; false for endpoints"))
        .add(field("exit_state", StringType, "done, nothing_to_do, stopped, failed; null at the start"))
        .add(field("detail", StringType, "Message of the failure, or other words on the event"));
  }
}
