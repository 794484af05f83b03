// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Snapshot;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The table of traces: its schema, and how it is created and opened. An open table is known to be ours, at a schema and
 * a Delta protocol that this version writes. Immutable.
 */
public final class TraceTable {
  /** Value of the table property {@link #VERSION_PROPERTY} that this code writes. */
  public static final int SCHEMA_VERSION = 1;

  public static final String VERSION_PROPERTY = WinnowTable.VERSION_PROPERTY;

  private static final String KEPT_COMMENT = "Kept from the prompts";

  private final WinnowTable table;
  private final StructType schema;

  private TraceTable(WinnowTable table, StructType schema) {
    this.table = table;
    this.schema = schema;
  }

  /**
   * The schema of {@code traces} with the kept columns at its end.
   *
   * @param keptColumns columns carried along from the prompts, typed; empty for none
   * @throws TableException if a kept column collides with a column of traces (case aside), or has a name or type that
   *     the pinned Delta protocol does not know
   */
  public static StructType schema(StructType keptColumns) {
    Set<String> names = new LinkedHashSet<>();
    for (StructField f : TraceColumns.ALL.fields()) {
      names.add(f.name());
    }
    StructType out = TraceColumns.ALL;
    for (StructField f : keptColumns.fields()) {
      checkNames(f.name(), f);
      if (!names.add(f.name().toLowerCase(Locale.ROOT))) {
        throw TableErrors.keptColumnCollides(f.name());
      }
      if (!Schemas.isPlain(f.dataType())) {
        throw TableErrors.keptColumnType(f.name(), f.dataType().sql());
      }
      out = out.add(Schemas.plain(f, KEPT_COMMENT));
    }
    return out;
  }

  /**
   * The kept columns, with what a run asks for beside them.
   *
   * @param promptLogprobs whether the log-probabilities of prompts' tokens are kept
   * @throws TableException if a kept column has that name
   */
  public static StructType asked(StructType keptColumns, boolean promptLogprobs) {
    if (!promptLogprobs) {
      return keptColumns;
    }
    for (StructField f : keptColumns.fields()) {
      if (f.name().equalsIgnoreCase(TraceColumns.PROMPT_LOGPROBS.name())) {
        throw TableErrors.keptColumnCollides(f.name());
      }
    }
    StructType out = new StructType().add(TraceColumns.PROMPT_LOGPROBS);
    for (StructField f : keptColumns.fields()) {
      out = out.add(f);
    }
    return out;
  }

  /**
   * Opens the table in a folder, creating it where there is none. Columns that are asked for and missing are added at
   * the end by a change of the schema; columns of the user's own stay, and are null in new rows.
   *
   * @param path folder on any Hadoop file system
   * @param keptColumns as in {@link #schema}
   * @throws TableException if the place holds something else; see docs/TABLES.md, "Opening"
   */
  public static TraceTable open(SparkSession spark, String path, StructType keptColumns) {
    StructType schema = schema(keptColumns);
    Configuration conf = LogStores.conf(spark, path);
    WinnowTable table = WinnowTable.openOrCreate(path, WinnowTable.TRACES, schema, conf);
    addMissing(spark, table, schema);
    return new TraceTable(table, schema);
  }

  /** As {@link #open}, for a table of the session's catalog, such as {@code catalog.schema.table}. */
  public static TraceTable openNamed(SparkSession spark, String name, StructType keptColumns) {
    StructType schema = schema(keptColumns);
    if (!spark.catalog().tableExists(name)) {
      io.delta.tables.DeltaTableBuilder builder =
          io.delta.tables.DeltaTable.createIfNotExists(spark).tableName(name).addColumns(schema);
      for (var property : WinnowTable.properties(WinnowTable.TRACES).entrySet()) {
        builder = builder.property(property.getKey(), property.getValue());
      }
      builder.execute();
    }
    String location = io.delta.tables.DeltaTable.forName(spark, name).detail().select("location").head().getString(0);
    return open(spark, new org.apache.hadoop.fs.Path(java.net.URI.create(location)).toString(), keptColumns);
  }

  /** Whether this names a table of the session's catalog (schema.table or catalog.schema.table) and not a folder. */
  public static boolean isName(String table) {
    return table.matches("[\\p{L}_][\\w-]*(\\.[\\p{L}_][\\w-]*){1,2}") && !table.matches(".*\\.(delta|parquet|jsonl)");
  }

  /**
   * Opens a table that is there, to be read: nothing is created or changed, and raised protocols do not matter.
   *
   * @param table a folder or a table of the session's catalog
   * @throws TableException if there is none, or it holds something else
   */
  public static TraceTable existing(SparkSession spark, String table) {
    if (!isName(table)) {
      return existing(table, LogStores.conf(spark, table));
    }
    if (!spark.catalog().tableExists(table)) {
      throw TableErrors.noTraces(table, "the session's catalog has no such table");
    }
    String location = io.delta.tables.DeltaTable.forName(spark, table).detail().select("location").head().getString(0);
    String path = new org.apache.hadoop.fs.Path(java.net.URI.create(location)).toString();
    return existing(path, LogStores.conf(spark, path));
  }

  /** As {@link #existing(SparkSession, String)}, for a folder, without a session. */
  public static TraceTable existing(String path, Configuration conf) {
    WinnowTable table = WinnowTable.at(path, conf);
    Snapshot snapshot = table.latest().orElseThrow(() -> TableErrors.noTraces(path, "there is no Delta table"));
    java.util.Map<String, String> properties = snapshot.getTableProperties();
    String version = properties.get(VERSION_PROPERTY);
    String kind = properties.getOrDefault(WinnowTable.TABLE_PROPERTY, WinnowTable.TRACES);
    if (version == null || !kind.equals(WinnowTable.TRACES)) {
      throw TableErrors.noTraces(path, version == null ? "it is no table of Winnow" : "it is the table of " + kind);
    }
    if (!version.equals(Integer.toString(SCHEMA_VERSION))) {
      throw TableErrors.noTraces(path, "its " + VERSION_PROPERTY + " is " + version + ", which a newer Winnow reads");
    }
    return new TraceTable(table, TraceColumns.ALL);
  }

  /** True if a Delta table with at least one commit is in the folder, ours or not. */
  public static boolean exists(SparkSession spark, String path) {
    return WinnowTable.at(path, LogStores.conf(spark, path)).latest().isPresent();
  }

  /** Fully qualified path of the table's folder. */
  public String path() {
    return table.path();
  }

  /** The columns that a writer of this table fills, in the order in which {@link TraceWriter#add} takes them. */
  public StructType schema() {
    return schema;
  }

  /** Version of the table's newest commit. */
  public long version() {
    return table.snapshot().getVersion();
  }

  /** The rows as of now, by plain Spark. */
  public Dataset<Row> read(SparkSession spark) {
    return spark.read().format("delta").load(path());
  }

  /** The rows of a version, by plain Spark. */
  public Dataset<Row> read(SparkSession spark, long version) {
    return spark.read().format("delta").option("versionAsOf", version).load(path());
  }

  /** The row keys as of now: (prompt_id, trace_id). */
  public Dataset<Row> keys(SparkSession spark) {
    return read(spark).select("prompt_id", "trace_id");
  }

  /** The columns of a row's key. */
  static StructType keySchema() {
    return new StructType().add("prompt_id", "string").add("trace_id", "string");
  }

  WinnowTable table() {
    return table;
  }

  private static void addMissing(SparkSession spark, WinnowTable table, StructType wanted) {
    Snapshot snapshot = table.snapshot();
    table.checkWritable(snapshot, TraceColumns.ALL);
    StructType present = WinnowTable.sparkSchema(snapshot);
    StructType missing = new StructType();
    List<String> wantedNames = new ArrayList<>();
    for (StructField f : wanted.fields()) {
      wantedNames.add(f.name().toLowerCase(Locale.ROOT));
      StructField there = WinnowTable.find(present, f.name());
      if (there == null) {
        missing = missing.add(f);
      } else if (!there.name().equals(f.name()) || !Schemas.sameType(there.dataType(), f.dataType())) {
        throw TableErrors.columnType(
            table.path(), there.name(), there.dataType().sql(), f.name() + " " + f.dataType().sql());
      }
    }
    for (StructField f : present.fields()) {
      if (!f.nullable() && !wantedNames.contains(f.name().toLowerCase(Locale.ROOT))) {
        throw TableErrors.notNullColumn(table.path(), f.name());
      }
    }
    if (missing.length() > 0) {
      // An empty append with mergeSchema adds the columns in one transaction and needs no catalog.
      spark
          .createDataFrame(List.<Row>of(), missing)
          .write()
          .format("delta")
          .mode("append")
          .option("mergeSchema", "true")
          .save(table.path());
    }
  }

  private static void checkNames(String column, StructField field) {
    if (field.name().isBlank() || field.name().chars().anyMatch(c -> " ,;{}()\n\t=".indexOf(c) >= 0)) {
      throw TableErrors.keptColumnName(column.equals(field.name()) ? column : column + "…" + field.name());
    }
    checkNested(column, field.dataType());
  }

  private static void checkNested(String column, org.apache.spark.sql.types.DataType type) {
    if (type instanceof StructType struct) {
      for (StructField f : struct.fields()) {
        checkNames(column, f);
      }
    } else if (type instanceof org.apache.spark.sql.types.ArrayType array) {
      checkNested(column, array.elementType());
    } else if (type instanceof org.apache.spark.sql.types.MapType map) {
      checkNested(column, map.keyType());
      checkNested(column, map.valueType());
    }
  }
}
