// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.input.Cell;
import io.winnow.jobs.input.InputRow;
import io.winnow.jobs.input.RowSource;
import io.winnow.jobs.table.TableException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows in, rows and columns out: order, columns, nulls, numbers and texts, in all formats. */
class RowStepTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static SparkSession spark;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = StepSession.start();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Says what it sees: the kind and text of the first cell, how many rows its group has, and what is wrong. */
  private record Seen(String version) implements RowFunction {
    @Override
    public StructType schema() {
      return new StructType().add("seen", "string").add("together", "int").add("wrong", "string");
    }

    @Override
    public List<String> counts() {
      return List.of("numbers");
    }

    @Override
    public Task start(Tally tally) {
      return rows -> rows.stream().map(row -> row(row, rows.size(), tally)).toList();
    }

    private static Row row(InputRow row, int together, Tally tally) {
      Cell cell = row.cell(0);
      tally.row(row.errorClass() != null, null);
      tally.count("numbers", cell != null && cell.kind() == Cell.Kind.NUMBER ? 1 : 0);
      return RowFactory.create(cell == null ? null : cell.kind() + " " + cell.text(), together, row.errorClass());
    }
  }

  private RowStep.Spec spec(Path in, Path out, int group, Map<String, String> settings) {
    List<RowSource.Wanted> wanted =
        List.of(new RowSource.Wanted("--a", "a"), new RowSource.Wanted("--group-column", "g"));
    return new RowStep.Spec(
        "try", in.toString(), "auto", out.toString(), "auto", wanted, group, "", settings, 3);
  }

  private StepResult run(RowStep.Spec spec) {
    return RowStep.run(spark, spec, new Seen("1"), () -> false, (d, t, f, c, x, n, e) -> {});
  }

  private Path file(String name, String... lines) throws IOException {
    return Files.write(dir.resolve(name), List.of(lines));
  }

  @Test
  void aLineKeepsItsPlaceAndAllThatStandsInIt() throws IOException {
    List<String> in = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      in.add("{ \"g\": " + i % 7 + ", \"b\": null, \"n\": " + i + ".50, \"a\": \"x" + i + "\" }");
    }
    in.set(3, "{\"a\": 12345678901234567890.10, \"g\": null, \"b\": [1, null]}");
    in.set(4, "{\"a\": [\"4\", 4.0, null], \"g\": 1}");
    in.set(5, "no JSON");
    in.set(6, "{\"g\": null}");
    Path out = dir.resolve("out.jsonl");
    StepResult result = run(spec(file("in.jsonl", in.toArray(String[]::new)), out, 1, Map.of()));
    assertEquals(60, result.rows());
    assertEquals(1, result.failedRows());
    assertEquals(Map.of("numbers", 1L), result.counts());
    List<String> got = Files.readAllLines(out);
    assertEquals(60, got.size());
    String first =
        "{ \"g\": 0, \"b\": null, \"n\": 0.50, \"a\": \"x0\",\"seen\":\"TEXT x0\",\"together\":9,\"wrong\":null}";
    assertEquals(first, got.get(0));
    assertEquals(
        "{\"a\": 12345678901234567890.10, \"g\": null, \"b\": [1, null],"
            + "\"seen\":\"NUMBER 12345678901234567890.10\",\"together\":1,\"wrong\":null}",
        got.get(3));
    assertEquals("ARRAY [\"4\",4,null]", JSON.readTree(got.get(4)).get("seen").asText());
    assertEquals("{\"seen\":null,\"together\":1,\"wrong\":\"broken_line\"}", got.get(5));
    assertEquals("{\"g\": null,\"seen\":null,\"together\":1,\"wrong\":null}", got.get(6));
    for (int i = 7; i < 60; i++) {
      assertEquals("TEXT x" + i, JSON.readTree(got.get(i)).get("seen").asText());
    }
  }

  @Test
  void columnsOfCsvKeepTheirOrder() throws IOException {
    Path out = dir.resolve("out.jsonl");
    run(spec(file("in.csv", "z,a,g", "1,\"a,1\",", "2,,x"), out, -1, Map.of()));
    assertEquals(
        List.of(
            "{\"z\":\"1\",\"a\":\"a,1\",\"g\":null,\"seen\":\"TEXT a,1\",\"together\":1,\"wrong\":null}",
            "{\"z\":\"2\",\"a\":null,\"g\":\"x\",\"seen\":null,\"together\":1,\"wrong\":null}"),
        Files.readAllLines(out));
  }

  @Test
  void tablesOfAllFormatsHoldTheSame() throws IOException {
    Path in = file("in.jsonl", "{\"a\": 1.50, \"g\": 2, \"m\": {\"k\": [null]}}", "broken", "{\"a\": null, \"g\": 2}");
    List<JsonNode> expected = new ArrayList<>();
    for (String name : List.of("delta", "files.parquet")) {
      Path out = dir.resolve(name);
      run(spec(in, out, 1, Map.of()));
      Dataset<Row> rows =
          spark.read().format(name.equals("delta") ? "delta" : "parquet").load(out.toString()).orderBy("seen", "wrong");
      assertEquals("a g m seen together wrong", String.join(" ", rows.columns()));
      List<JsonNode> got = new ArrayList<>();
      for (Row row : rows.collectAsList()) {
        got.add(JSON.readTree(row.json()));
      }
      assertEquals("NUMBER 1.50", got.get(2).get("seen").asText());
      assertEquals(List.of(2, 1, 2), got.stream().map(row -> row.get("together").asInt()).toList());
      expected = expected.isEmpty() ? got : expected;
      assertEquals(expected, got);
      // From a table on to lines: what is null stays, numbers have their plain form.
      Path lines = dir.resolve(name + ".jsonl");
      RowStep.Spec more = spec(out, lines, -1, Map.of());
      RowStep.Spec renamed =
          new RowStep.Spec(
              "try", more.in(), "auto", more.out(), "auto", more.wanted(), -1, "my_", Map.of(), 2);
      run(renamed);
      String text = Files.readAllLines(lines).stream().filter(l -> l.contains("1.5")).findFirst().get();
      JsonNode line = JSON.readTree(text);
      assertEquals("NUMBER 1.5", line.get("my_seen").asText());
      assertTrue(line.get("m").get("k").get(0).isNull(), line::toString);
    }
  }

  @Test
  void isLeftAsItIsUntilSomethingChangesAndNeverWritesOverOthers() throws IOException {
    Path in = file("in.jsonl", "{\"a\": 1, \"g\": 2}");
    for (String name : List.of("out.jsonl", "delta", "files.parquet")) {
      Path out = dir.resolve(name);
      assertFalse(run(spec(in, out, -1, Map.of())).unchanged());
      assertTrue(run(spec(in, out, -1, Map.of())).unchanged(), name);
      assertFalse(run(spec(in, out, -1, Map.of("other", "1"))).unchanged());
      RowFunction newer = new Seen("2");
      RowStep.Spec same = spec(in, out, -1, Map.of("other", "1"));
      assertFalse(RowStep.run(spark, same, newer, () -> false, (d, t, f, c, x, n, e) -> {}).unchanged());
    }
    Path mine = file("mine.jsonl", "{\"mine\": 1}");
    TableException refused = assertThrows(TableException.class, () -> run(spec(in, mine, -1, Map.of())));
    assertTrue(refused.getMessage().contains("was not made by winnow try"), refused.getMessage());
    assertEquals(List.of("{\"mine\": 1}"), Files.readAllLines(mine));
    assertThrows(UsageException.class, () -> run(spec(in, in, -1, Map.of())));
    Path clash = file("clash.jsonl", "{\"a\": 1, \"g\": 2, \"Seen\": 3}");
    UsageException twice =
        assertThrows(UsageException.class, () -> run(spec(clash, dir.resolve("never"), -1, Map.of())));
    assertTrue(twice.getMessage().startsWith("Cannot add the columns seen: "), twice.getMessage());
    assertFalse(Files.exists(dir.resolve("never")));
  }

  @Test
  void aDataFrameGetsTheColumnsLazily() {
    Dataset<Row> rows = spark.sql("SELECT * FROM VALUES (1, 'p', 2.50), (2, NULL, 3.0), (3, 'p', NULL) AS t(k, g, a)");
    List<RowSource.Wanted> wanted = List.of(new RowSource.Wanted("a", "a"), new RowSource.Wanted("g", "g"));
    Dataset<Row> out = RowStep.added(rows, wanted, 1, "x_", 2, new Seen("1"));
    assertEquals("k g a x_seen x_together x_wrong", String.join(" ", out.columns()));
    assertEquals(
        "[[1,p,2.50,NUMBER 2.5,2,null], [2,null,3.00,NUMBER 3,1,null], [3,p,null,null,2,null]]",
        out.orderBy("k").collectAsList().toString());
    assertThrows(UsageException.class, () -> RowStep.added(out, wanted, 1, "x_", 2, new Seen("1")));
  }

  /** A run may die when its mark says what will be there and the file is still the older one, or is the new one. */
  @Test
  void aFileWhoseRunDiedAtItsEndIsStillItsOwnAndNobodyElsesIs() throws IOException {
    Path in = file("in.jsonl", "{\"a\": 1, \"g\": 2}");
    Path later = file("later.jsonl", "{\"a\": 3, \"g\": 2}");
    Path out = dir.resolve("out.jsonl");
    Path mark = dir.resolve(".out.jsonl.winnow");
    Files.createDirectory(mark); // no mark can be written
    assertThrows(RuntimeException.class, () -> run(spec(in, out, -1, Map.of())));
    Files.delete(mark);
    assertFalse(run(spec(in, out, -1, Map.of())).unchanged());
    byte[] before = Files.readAllBytes(out);
    JsonNode older = JSON.readTree(mark.toFile());
    assertFalse(run(spec(later, out, -1, Map.of())).unchanged());
    assertEquals(before.length, Files.size(out));
    ObjectNode pending = (ObjectNode) JSON.readTree(mark.toFile());
    String died = pending.put("pending", true).<ObjectNode>set("before", older).toString();
    Files.writeString(mark, died);
    assertTrue(run(spec(later, out, -1, Map.of())).unchanged());
    Files.write(out, before);
    assertTrue(run(spec(in, out, -1, Map.of())).unchanged());
    assertFalse(run(spec(later, out, -1, Map.of())).unchanged());
    assertTrue(run(spec(later, out, -1, Map.of())).unchanged());
    String mine = "x".repeat(before.length);
    Files.writeString(mark, died);
    Files.writeString(out, mine);
    assertThrows(TableException.class, () -> run(spec(later, out, -1, Map.of())));
    assertEquals(mine, Files.readString(out));
    Files.delete(out);
    assertFalse(run(spec(later, out, -1, Map.of())).unchanged());
  }

  @Test
  void linesInASettingAreNotTakenForOtherSettings() {
    Map<String, String> two = new TreeMap<>(Map.of("a", "1", "b", "2"));
    // Of s, 1, a=1, b=2 and x in a line each, as sha256sum has it.
    assertEquals("566f056af64bb59fb195cbb45b2e1855fa97209e35067af8879f19ff0bf407ad", StepKey.of("s", "1", two, "x"));
    assertNotEquals(StepKey.of("s", "1", two, "x"), StepKey.of("s", "1", Map.of("a", "1\nb=2"), "x"));
    assertNotEquals(
        StepKey.of("s", "1", Map.of("a", "1\nb=2\nc=3"), "x"),
        StepKey.of("s", "1", new TreeMap<>(Map.of("a", "1\nb=2", "c", "3")), "x"));
  }

  @Test
  void filesThatAreGoneFromAFolderAreMadeAgainAndOthersAreLeft() throws IOException {
    Path in = file("in.jsonl", "{\"a\": 1, \"g\": 2}");
    Path out = dir.resolve("out.parquet");
    RowStep.Spec spec = spec(in, out, -1, Map.of());
    run(spec);
    for (File part : out.toFile().listFiles((folder, name) -> name.startsWith("part-"))) {
      Files.delete(part.toPath());
    }
    assertFalse(run(spec).unchanged());
    assertEquals(1, spark.read().parquet(out.toString()).count());
    assertTrue(run(spec).unchanged());
    Path mine = Files.writeString(out.resolve("mine.txt"), "mine");
    assertThrows(TableException.class, () -> run(spec));
    assertThrows(TableException.class, () -> run(spec(in, out, -1, Map.of("other", "1"))));
    assertEquals("mine", Files.readString(mine));
    // Marks of earlier versions have no list.
    ObjectNode noted = (ObjectNode) JSON.readTree(out.resolve("_winnow_step").toFile());
    Files.deleteIfExists(out.resolve("._winnow_step.crc"));
    Files.writeString(out.resolve("_winnow_step"), noted.without("files").toString());
    assertTrue(run(spec).unchanged());
  }

  @Test
  void anEmptyFileIsSaidToBeEmpty() throws IOException {
    Path in = Files.createFile(dir.resolve("empty.jsonl"));
    UsageException refused =
        assertThrows(UsageException.class, () -> run(spec(in, dir.resolve("never"), -1, Map.of())));
    assertTrue(refused.getMessage().contains("is empty"), refused.getMessage());
    assertTrue(refused.getMessage().contains("--in"), refused.getMessage());
  }
}
