// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceTableTest {
  private static final StructType NONE = new StructType();
  private static SparkSession spark;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = LocalDelta.session();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void columnsAreThoseOfTheSpecificationInOrder() throws Exception {
    Path spec = Path.of(System.getProperty("winnow.root"), "docs", "TABLES.md");
    List<String> lines = Files.readAllLines(spec, StandardCharsets.UTF_8);
    assertEquals(specLines(TraceTable.schema(NONE)), section(lines, "traces"));
    assertEquals(specLines(RunsTable.schema()), section(lines, "runs"));
    assertEquals(specLines(VerdictsTable.schema()), section(lines, "verdicts"));
  }

  private static List<String> specLines(StructType schema) {
    return java.util.Arrays.stream(schema.fields())
        .map(f -> "| " + f.name() + " | " + typeInSpec(f.dataType()) + " | " + f.getComment().get() + " |")
        .toList();
  }

  private static String typeInSpec(DataType type) {
    return type.sql().toLowerCase(java.util.Locale.ROOT).replaceAll(" comment '[^']*'", "");
  }

  private static List<String> section(List<String> lines, String name) {
    int from = lines.indexOf("<!-- columns of " + name + " -->");
    int to = lines.indexOf("<!-- end of " + name + " -->");
    assertTrue(from >= 0 && to > from, "docs/TABLES.md marks the columns of " + name);
    return lines.subList(from + 1, to).stream().filter(l -> l.startsWith("| ") && !l.startsWith("| column ")).toList();
  }

  @Test
  void schemaAndCommentsComeBackFromTheTable() {
    StructType kept =
        new StructType()
            .add("difficulty", DataTypes.IntegerType, false)
            .add("tags", DataTypes.createArrayType(new StructType().add("name", DataTypes.StringType)), true);
    TraceTable table = TraceTable.open(spark, dir + "/t", kept);
    StructType read = table.read(spark).schema();
    assertEquals(TraceTable.schema(kept), read);
    assertEquals(table.schema(), read);
    assertCommented("", read);
    assertEquals("difficulty", read.fieldNames()[TraceTable.schema(NONE).length()]);
    assertEquals(0, table.version());
  }

  private static void assertCommented(String path, DataType type) {
    if (type instanceof StructType struct) {
      for (StructField f : struct.fields()) {
        assertTrue(f.getComment().isDefined() && !f.getComment().get().isBlank(), "no comment on " + path + f.name());
        assertCommented(path + f.name() + ".", f.dataType());
      }
    } else if (type instanceof ArrayType array) {
      assertCommented(path, array.elementType());
    } else if (type instanceof MapType map) {
      assertCommented(path, map.valueType());
    }
  }

  @Test
  void tableIsAtProtocolOneTwoWhateverTheSessionsDefaults() {
    String key = "spark.databricks.delta.properties.defaults.enableDeletionVectors";
    spark.conf().set(key, "true");
    try {
      for (TraceTable table :
          List.of(TraceTable.open(spark, dir + "/t", NONE), TraceTable.openNamed(spark, "pinned", NONE))) {
        Row detail =
            spark.sql("DESCRIBE DETAIL delta.`" + table.path() + "`")
                .select("minReaderVersion", "minWriterVersion", "properties", "partitionColumns")
                .head();
        assertEquals(1, detail.getInt(0));
        assertEquals(2, detail.getInt(1));
        Map<String, String> properties = new TreeMap<>(detail.getJavaMap(2));
        assertEquals("1", properties.get("winnow.schemaVersion"));
        assertEquals("false", properties.get("delta.enableDeletionVectors"));
        assertEquals(0, detail.getList(3).size());
      }
    } finally {
      spark.conf().unset(key);
      spark.sql("DROP TABLE IF EXISTS pinned");
    }
  }

  @Test
  void openingTwiceCreatesOnce() {
    String path = dir + "/t";
    assertFalse(TraceTable.exists(spark, path));
    TraceTable.open(spark, path, NONE);
    assertTrue(TraceTable.exists(spark, path));
    assertEquals(0, TraceTable.open(spark, path, NONE).version());
  }

  @Test
  void logFolderWithoutFirstCommitIsNoTable() throws Exception {
    Files.createDirectories(dir.resolve("t/_delta_log"));
    Files.writeString(dir.resolve("t/_delta_log/.00000000000000000000.json.1.tmp"), "{");
    assertFalse(TraceTable.exists(spark, dir + "/t"));
    TraceTable table = TraceTable.open(spark, dir + "/t", NONE);
    assertEquals(0, LocalDelta.count(spark, table));
  }

  @Test
  void refusesAFolderWithForeignFiles() throws Exception {
    Files.createDirectories(dir.resolve("t"));
    Files.writeString(dir.resolve("t/thesis.tex"), "years of work");
    assertRefused(TableErrors.FOREIGN_FOLDER, "thesis.tex", NONE);
    assertEquals(List.of("thesis.tex"), Files.list(dir.resolve("t")).map(p -> p.getFileName().toString()).toList());
  }

  @Test
  void refusesAFile() throws Exception {
    Files.writeString(dir.resolve("t"), "a file");
    assertRefused(TableErrors.NOT_A_FOLDER, "it is a file", NONE);
  }

  @Test
  void refusesSomeOtherDeltaTable() {
    spark.range(3).write().format("delta").save(dir + "/t");
    assertRefused(TableErrors.NOT_OUR_TABLE, "winnow.schemaVersion", NONE);
  }

  @Test
  void refusesTheRunsTableAsTraces() {
    TraceTable traces = TraceTable.open(spark, dir + "/out", NONE);
    RunsTable runs = RunsTable.open(traces);
    TableException e = assertThrows(TableException.class, () -> TraceTable.open(spark, runs.path(), NONE));
    assertEquals(TableErrors.NOT_OUR_TABLE, e.errorClass());
  }

  @Test
  void refusesANewerSchemaVersion() {
    TraceTable.open(spark, dir + "/t", NONE);
    spark.sql("ALTER TABLE delta.`" + dir + "/t` SET TBLPROPERTIES ('winnow.schemaVersion' = '2')");
    assertRefused(TableErrors.NEWER_SCHEMA, "'2'", NONE);
  }

  @Test
  void refusesATableWithoutOurColumns() throws Exception {
    spark
        .range(1)
        .writeTo("lacking")
        .using("delta")
        .tableProperty("winnow.schemaVersion", "1")
        .tableProperty("location", dir + "/t")
        .create();
    try {
      String path = spark.sql("DESCRIBE DETAIL lacking").select("location").head().getString(0);
      TableException e = assertThrows(TableException.class, () -> TraceTable.open(spark, path, NONE));
      assertTrue(e.getMessage().contains("prompt_id"), e.getMessage());
    } finally {
      spark.sql("DROP TABLE IF EXISTS lacking");
    }
  }

  @Test
  void refusesARaisedProtocol() {
    TraceTable.open(spark, dir + "/t", NONE);
    spark.sql("ALTER TABLE delta.`" + dir + "/t` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')");
    assertRefused(TableErrors.PROTOCOL_RAISED, "deletionVectors", NONE);
  }

  @Test
  void refusesKeptColumnsThatCollideOrDoNotFit() {
    assertKeptRefused(new StructType().add("Text", DataTypes.StringType), "'Text'");
    assertKeptRefused(new StructType().add("a", DataTypes.StringType).add("A", DataTypes.StringType), "'A'");
    assertKeptRefused(new StructType().add("a b", DataTypes.StringType), "'a b'");
    assertKeptRefused(
        new StructType().add("s", new StructType().add("a=b", DataTypes.StringType)), "s…a=b");
    assertKeptRefused(new StructType().add("t", DataTypes.TimestampNTZType), "TIMESTAMP_NTZ");
    assertKeptRefused(new StructType().add("v", DataTypes.VariantType), "VARIANT");
    assertKeptRefused(new StructType().add("n", DataTypes.NullType), "VOID");
  }

  private static void assertKeptRefused(StructType kept, String part) {
    TableException e = assertThrows(TableException.class, () -> TraceTable.schema(kept));
    assertEquals(TableErrors.KEPT_COLUMN, e.errorClass());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void addsMissingKeptColumnsAndRefusesOnesOfAnotherType() {
    TraceTable.open(spark, dir + "/t", new StructType().add("a", DataTypes.StringType));
    StructType both = new StructType().add("b", DataTypes.LongType).add("a", DataTypes.StringType);
    TraceTable table = TraceTable.open(spark, dir + "/t", both);
    StructType read = table.read(spark).schema();
    assertEquals(DataTypes.LongType, read.apply("b").dataType());
    assertEquals("Kept from the prompts", read.apply("b").getComment().get());
    assertRefused(TableErrors.SCHEMA_MISMATCH, "column a", new StructType().add("a", DataTypes.IntegerType));
  }

  @Test
  void userColumnsSurviveAndAreNullInNewRows() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", NONE);
    spark.sql("ALTER TABLE delta.`" + dir + "/t` ADD COLUMNS (reviewed_by STRING COMMENT 'mine')");
    spark.sql("INSERT INTO delta.`" + dir + "/t` (prompt_id, trace_id, reviewed_by) VALUES ('p0', 't0', 'Ada')");
    table = TraceTable.open(spark, dir + "/t", NONE);
    try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 100))) {
      try (TraceWriter writer = TraceWriter.open(ledger.spec(), 0, 1)) {
        writer.add(LocalDelta.trace(table.schema(), "p1", "t1"));
      }
      ledger.finish();
    }
    List<Row> rows = table.read(spark).select("prompt_id", "reviewed_by").orderBy("prompt_id").collectAsList();
    assertEquals(List.of(RowFactory.create("p0", "Ada"), RowFactory.create("p1", null)), rows);
    assertEquals("mine", table.read(spark).schema().apply("reviewed_by").getComment().get());
  }

  @Test
  void namedTableKeepsItsSideFoldersAtItsLocation() throws Exception {
    try {
      TraceTable table = TraceTable.openNamed(spark, "named_traces", NONE);
      try (Ledger ledger = Ledger.open(spark, table, LedgerOptions.of("r", "w", 100))) {
        try (TraceWriter writer = TraceWriter.open(ledger.spec(), 0, 1)) {
          writer.add(LocalDelta.trace(table.schema(), "p1", "t1"));
        }
        ledger.finish();
      }
      assertEquals(1, spark.table("named_traces").count());
      assertNull(spark.table("named_traces").select("gold").head().get(0));
      assertEquals(1, TraceTable.openNamed(spark, "named_traces", NONE).version());
    } finally {
      spark.sql("DROP TABLE IF EXISTS named_traces");
    }
  }

  private void assertRefused(String errorClass, String part, StructType kept) {
    TableException e = assertThrows(TableException.class, () -> TraceTable.open(spark, dir + "/t", kept));
    assertEquals(errorClass, e.errorClass(), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }
}
