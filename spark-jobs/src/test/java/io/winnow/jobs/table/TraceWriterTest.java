// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Date;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceWriterTest {
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

  private static final StructType KEPT =
      new StructType()
          .add("k_decimal", DataTypes.createDecimalType(20, 4))
          .add("k_date", DataTypes.DateType)
          .add("k_binary", DataTypes.BinaryType)
          .add("k_small", DataTypes.ShortType)
          .add(
              "k_nested",
              DataTypes.createMapType(DataTypes.StringType, DataTypes.createArrayType(DataTypes.TimestampType)));

  private static scala.collection.Seq<?> seq(List<?> list) {
    return scala.jdk.javaapi.CollectionConverters.asScala(list).toSeq();
  }

  private static scala.collection.Map<?, ?> map(Map<?, ?> map) {
    return scala.jdk.javaapi.CollectionConverters.asScala(map);
  }

  /** Values in the classes that Spark's own row encoder takes, so that both ways get the same rows. */
  private static List<Row> rows(StructType schema, long seed) {
    Random random = new Random(seed);
    List<Row> out = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      Map<String, Object> v = new HashMap<>();
      v.put("prompt_id", "p" + i % 7 + "-Ω" + i);
      v.put("trace_id", Long.toHexString(random.nextLong()));
      if (i % 5 != 0) {
        Timestamp at = Timestamp.from(Instant.ofEpochSecond(random.nextInt(), 1000L * random.nextInt(1_000_000)));
        v.put("sample_index", i);
        v.put("seed", random.nextLong());
        v.put("reward", i % 3 == 0 ? Double.NaN : -random.nextDouble());
        v.put("cost_usd", i % 2 == 0 ? -0.0 : 1e-300);
        v.put("engine_ms", Long.MAX_VALUE - i);
        v.put("created_at", at);
        v.put("correct", i % 2 == 0);
        v.put("finish_reason", i % 4 == 0 ? "" : "stop");
        String odd = "<think>\u0000 tab\t \ud83e\udd16 日本語 \"quote\" \\ é\r\n</think>";
        v.put("text", odd + "x".repeat(random.nextInt(200)));
        v.put("token_ids", seq(Arrays.asList(1, null, Integer.MIN_VALUE, i)));
        v.put("logprobs", seq(Arrays.asList(-0.5f, Float.NaN, Float.NEGATIVE_INFINITY)));
        Row turn = RowFactory.create("user", "räksmörgås");
        v.put("messages", seq(Arrays.asList(turn, null, RowFactory.create(null, ""))));
        v.put("error", i % 6 == 0 ? RowFactory.create("engine_fault", "why", 2, null) : null);
        Map<String, Row> verdicts = new HashMap<>();
        verdicts.put("math", RowFactory.create("correct", 1.0, "\\frac{1}{2}", "rule", null, "{}", "1", 17L));
        verdicts.put("leer", null);
        v.put("verdicts", map(verdicts));
        v.put("extra", map(i % 7 == 1 ? Map.of() : Map.of("schlüssel", "wert", "k", "")));
        v.put("k_decimal", new BigDecimal("-1234567890123456.7890"));
        v.put("k_date", Date.valueOf("1969-12-31"));
        v.put("k_binary", new byte[] {0, (byte) 0xff, (byte) i});
        v.put("k_small", (short) -i);
        v.put("k_nested", map(Map.of("a", seq(Arrays.asList(at, null)))));
      }
      out.add(LocalDelta.row(schema, v));
    }
    return out;
  }

  @Test
  void rowsAreTheSameAsThoseOfADataFrameWrite() throws Exception {
    long seed = Long.getLong("winnow.seed", 20260101L);
    System.out.println("seed " + seed);
    TraceTable ours = TraceTable.open(spark, dir + "/a folder, with Ünïcode % and #/ours", KEPT);
    TraceTable theirs = TraceTable.open(spark, dir + "/theirs", KEPT);
    List<Row> rows = rows(ours.schema(), seed);
    // Spark's default, INT96, is an outdated type without statistics.
    spark.conf().set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS");
    spark
        .createDataFrame(rows, theirs.schema())
        .coalesce(1)
        .write()
        .format("delta")
        .option("compression", "zstd")
        .mode("append")
        .save(theirs.path());
    try (Ledger ledger = Ledger.open(spark, ours, LedgerOptions.of("r", "w", 100))) {
      try (TraceWriter writer = TraceWriter.open(ledger.spec(), 0, 0)) {
        for (Row row : rows) {
          assertTrue(writer.add(row));
        }
      }
      assertEquals(rows.size(), ledger.finish().counts().rows());
    }
    List<String> a = ours.read(spark).orderBy("prompt_id").toJSON().collectAsList();
    List<String> b = theirs.read(spark).orderBy("prompt_id").toJSON().collectAsList();
    assertEquals(rows.size(), a.size());
    assertEquals(b, a);
    // JSON hides what is below a microsecond's text form, NaN and bytes; hash values see all of it.
    String hash = "xxhash64(" + String.join(", ", hashable(ours.schema())) + ")";
    assertEquals(
        theirs.read(spark).orderBy("prompt_id").selectExpr(hash).collectAsList(),
        ours.read(spark).orderBy("prompt_id").selectExpr(hash).collectAsList());
    assertEquals(columnsOf(dir.resolve("theirs")), columnsOf(dir.resolve("a folder, with Ünïcode % and #/ours")));
    // The statistics let no row slip: a filter on each row's own values finds it.
    for (Row row : ours.read(spark).limit(5).collectAsList()) {
      String at = row.isNullAt(row.fieldIndex("created_at")) ? "created_at is null" : "created_at = timestamp_micros("
          + micros(row.getTimestamp(row.fieldIndex("created_at"))) + ")";
      assertEquals(1, ours.read(spark).where("prompt_id = '" + row.getString(0) + "' and " + at).count());
    }
  }

  private static long micros(Timestamp t) {
    return Math.multiplyExact(Math.floorDiv(t.getTime(), 1000L), 1_000_000L) + t.getNanos() / 1000;
  }

  private static List<String> hashable(StructType schema) {
    return Arrays.stream(schema.fields())
        .map(f -> f.dataType().typeName().equals("map") ? "to_json(" + f.name() + ")" : f.name())
        .toList();
  }

  /** The Parquet types of the table's one file, as another reader sees them. */
  private static String columnsOf(Path folder) throws Exception {
    String file;
    try (Stream<Path> files = Files.list(folder)) {
      file = files.map(Path::toString).filter(f -> f.endsWith(".parquet")).findFirst().orElseThrow();
    }
    var conf = spark.sparkContext().hadoopConfiguration();
    try (var reader =
        org.apache.parquet.hadoop.ParquetFileReader.open(
            org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(new org.apache.hadoop.fs.Path(file), conf))) {
      var block = reader.getFooter().getBlocks().get(0);
      block.getColumns().forEach(c -> assertEquals("ZSTD", c.getCodec().name(), c.toString()));
      return reader.getFooter().getFileMetaData().getSchema().toString();
    }
  }

  private LedgerSpec spec(TraceTable table, long flushMillis, long rows, long bytes) {
    return new LedgerSpec(
        table.path(), "run", table.schema().json(), flushMillis, rows, bytes,
        new org.apache.spark.util.SerializableConfiguration(spark.sparkContext().hadoopConfiguration()));
  }

  private List<Manifest> offered(TraceTable table) throws Exception {
    PendingFolder pending = new PendingFolder(table.path(), "run", spark.sparkContext().hadoopConfiguration());
    List<Manifest> out = new ArrayList<>();
    for (String name : pending.offered()) {
      out.add(pending.readOffered(name));
    }
    return out;
  }

  private static long parquetFiles(Path folder) throws Exception {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(p -> p.getFileName().toString().endsWith(".parquet")).count();
    }
  }

  @Test
  void flushesByAgeRowsAndSize() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    try (TraceWriter writer = TraceWriter.open(spec(table, 1, 1000, 1 << 30), 0, 0)) {
      assertFalse(writer.flushIfDue());
      writer.add(LocalDelta.trace(table.schema(), "p", "age"));
      Thread.sleep(5);
      assertTrue(writer.flushIfDue());
      assertFalse(writer.flushIfDue());
    }
    try (TraceWriter writer = TraceWriter.open(spec(table, 1_000_000, 2, 1 << 30), 1, 0)) {
      writer.add(LocalDelta.trace(table.schema(), "p", "rows 1"));
      assertFalse(writer.flushIfDue());
      writer.add(LocalDelta.trace(table.schema(), "p", "rows 2"));
      assertTrue(writer.flushIfDue());
    }
    try (TraceWriter writer = TraceWriter.open(spec(table, 1_000_000, 1000, 1), 2, 0)) {
      writer.add(LocalDelta.trace(table.schema(), "p", "bytes"));
      assertTrue(writer.flushIfDue());
    }
    assertEquals(List.of(1L, 2L, 1L), offered(table).stream().map(m -> m.file().rows()).toList());
    assertEquals(0, LocalDelta.count(spark, table));
  }

  @Test
  void tasksOfAnExecutorShareAFileAndTheirRowsAreKnownByPartition() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    LedgerSpec spec = spec(table, 1_000_000, 1000, 1 << 30);
    TraceWriter one = TraceWriter.open(spec, 0, 0);
    TraceWriter two = TraceWriter.open(spec, 7, 0);
    one.add(LocalDelta.trace(table.schema(), "p", "a"));
    two.add(LocalDelta.trace(table.schema(), "p", "b"));
    two.replace(LocalDelta.trace(table.schema(), "p", "c"));
    one.close();
    assertEquals(2, parquetFiles(dir.resolve("t")));
    assertThrows(IllegalStateException.class, () -> one.add(LocalDelta.trace(table.schema(), "p", "late")));
    two.add(LocalDelta.trace(table.schema(), "p", "d"));
    two.close();
    List<Manifest> offered = offered(table);
    assertEquals(3, offered.size());
    assertEquals(1, offered.stream().filter(Manifest::replaces).count());
    try (TraceWriter again = TraceWriter.open(spec, 7, 1)) {
      assertFalse(again.alreadyOffered("p", "a"));
      for (String id : List.of("b", "c", "d")) {
        assertTrue(again.alreadyOffered("p", id), id);
      }
    }
  }

  @Test
  void whatIsFinishedIsOfferedWhenTheProcessIsToldToGo() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    LedgerSpec spec = spec(table, 1_000_000, 1000, 1 << 30);
    TraceWriter writer = TraceWriter.open(spec, 0, 0);
    writer.add(LocalDelta.trace(table.schema(), "p", "a"));
    assertEquals(List.of(), offered(table));
    SharedFile.offerAll();
    assertEquals(List.of(new RowKey("p", "a")), offered(table).get(0).keys());
    writer.close();
    assertEquals(1, offered(table).size());
  }

  @Test
  void aFileThatCannotBeCompletedIsALossForAllOfItsTasks() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    LedgerSpec spec = spec(table, 1_000_000, 1000, 1 << 30);
    TraceWriter one = TraceWriter.open(spec, 0, 0);
    TraceWriter two = TraceWriter.open(spec, 1, 0);
    one.add(LocalDelta.trace(table.schema(), "p", "a"));
    two.add(LocalDelta.trace(table.schema(), "p", "b"));
    // A file in the place of the folder: the manifest cannot be written.
    Files.createDirectories(dir.resolve("t/_winnow/pending/run"));
    Path offers = Files.writeString(dir.resolve("t/_winnow/pending/run/offered"), "");
    assertThrows(java.io.IOException.class, one::close);
    Files.delete(offers);
    java.io.IOException e = assertThrows(java.io.IOException.class, two::flushIfDue);
    assertTrue(e.getMessage().contains("finished traces of this task"), e.getMessage());
    assertThrows(java.io.IOException.class, two::close);
    assertEquals(List.of(), offered(table));
  }

  @Test
  void aRetriedTaskSkipsWhatEarlierAttemptsOffered() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    LedgerSpec spec = spec(table, 1_000_000, 1000, 1 << 30);
    try (TraceWriter first = TraceWriter.open(spec, 3, 0)) {
      first.add(LocalDelta.trace(table.schema(), "p", "a"));
    }
    try (TraceWriter second = TraceWriter.open(spec, 3, 1)) {
      assertTrue(second.alreadyOffered("p", "a"));
      assertFalse(second.alreadyOffered("pa", ""));
      assertFalse(second.add(LocalDelta.trace(table.schema(), "p", "a")));
      assertTrue(second.add(LocalDelta.trace(table.schema(), "p", "b")));
      assertFalse(second.add(LocalDelta.trace(table.schema(), "p", "b")));
    }
    try (TraceWriter other = TraceWriter.open(spec, 33, 1)) {
      assertFalse(other.alreadyOffered("p", "a"));
    }
    assertEquals(2, offered(table).size());
  }

  @Test
  void aValueOfTheWrongClassIsNamedAndSpoilsNothing() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    StructType schema = table.schema();
    try (TraceWriter writer = TraceWriter.open(spec(table, 1_000_000, 1000, 1 << 30), 0, 0)) {
      writer.add(LocalDelta.trace(schema, "p", "a"));
      Map<String, Object> bad = new HashMap<>(Map.of("prompt_id", "p", "trace_id", "b"));
      bad.put("seed", 7);
      assertBad("column seed is BIGINT but holds a java.lang.Integer", () -> writer.add(LocalDelta.row(schema, bad)));
      bad.put("seed", 7L);
      bad.put("token_ids", List.of(1, "2"));
      assertBad("column token_ids[] is INT", () -> writer.add(LocalDelta.row(schema, bad)));
      bad.put("token_ids", new int[] {1, 2});
      bad.put("verdicts", Map.of("math", RowFactory.create("correct")));
      assertBad("column verdicts[math] has 1 values for 8", () -> writer.add(LocalDelta.row(schema, bad)));
      bad.remove("verdicts");
      bad.put("trace_id", null);
      assertBad("column trace_id is null", () -> writer.add(LocalDelta.row(schema, bad)));
      bad.put("trace_id", "c");
      assertTrue(writer.add(LocalDelta.row(schema, bad)));
    }
    assertEquals(2, offered(table).get(0).file().rows());
  }

  private static void assertBad(String part, org.junit.jupiter.api.function.Executable call) {
    TableException e = assertThrows(TableException.class, call);
    assertEquals(TableErrors.BAD_ROW, e.errorClass());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void statisticsAreExactAndLeaveOutWhatCannotBe() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    StructType schema = table.schema();
    try (TraceWriter writer = TraceWriter.open(spec(table, 1_000_000, 1000, 1 << 30), 0, 0)) {
      // U+FF5E sorts before U+1F916 by bytes, behind it by UTF-16 units.
      Instant at = Instant.parse("2026-01-02T03:04:05.000001Z");
      Map<String, Object> one =
          Map.of("prompt_id", "\uff5e", "trace_id", "t".repeat(97), "seed", -5L, "reward", 0.5, "created_at", at);
      writer.add(LocalDelta.row(schema, one));
      Map<String, Object> two =
          Map.of("prompt_id", "\ud83e\udd16", "trace_id", "s", "seed", 9L, "reward", Double.NaN);
      writer.add(LocalDelta.row(schema, two));
    }
    JsonNode stats = new ObjectMapper().readTree(offered(table).get(0).file().stats());
    assertEquals(2, stats.path("numRecords").asInt());
    assertEquals("\uff5e", stats.path("minValues").path("prompt_id").asText());
    assertEquals("\ud83e\udd16", stats.path("maxValues").path("prompt_id").asText());
    assertTrue(stats.path("minValues").path("trace_id").isMissingNode());
    assertTrue(stats.path("maxValues").path("reward").isMissingNode());
    assertEquals(-5, stats.path("minValues").path("seed").asLong());
    assertEquals("2026-01-02T03:04:05.000Z", stats.path("minValues").path("created_at").asText());
    assertEquals("2026-01-02T03:04:05.001Z", stats.path("maxValues").path("created_at").asText());
    assertEquals(1, stats.path("nullCount").path("created_at").asInt());
    assertEquals(2, stats.path("nullCount").path("gold").asInt());
  }

  @Test
  void countsTellVerdictsApart() throws Exception {
    TraceTable table = TraceTable.open(spark, dir + "/t", new StructType());
    StructType schema = table.schema();
    try (TraceWriter writer = TraceWriter.open(spec(table, 1_000_000, 1000, 1 << 30), 0, 0)) {
      Row error = RowFactory.create("c", "m", 1, "retry");
      List<Map<String, Object>> rows =
          List.of(
              Map.of("prompt_id", "p", "trace_id", "1", "correct", true, "completion_tokens", 4),
              Map.of("prompt_id", "p", "trace_id", "2", "correct", false, "prompt_tokens", 3),
              Map.of("prompt_id", "p", "trace_id", "3"),
              Map.of("prompt_id", "p", "trace_id", "4", "error", error));
      for (Map<String, Object> row : rows) {
        writer.add(LocalDelta.row(schema, row));
      }
    }
    assertEquals(new TraceCounts(4, 3, 4, 1, 1, 1, 1), offered(table).get(0).counts());
  }
}
