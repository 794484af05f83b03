// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerdictsTableTest {
  private static final VerdictsTable.Kind MATH = new VerdictsTable.Kind("math", "math/1", "{}");
  private static final VerdictsTable.Kind OTHER = new VerdictsTable.Kind("math", "math/2", "{}");

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

  private TraceTable traces() {
    return TraceTable.open(spark, dir + "/out", new StructType());
  }

  private static VerdictFile file(VerdictsTable verdicts, VerdictsTable.Kind kind, String traceId) throws IOException {
    try (VerdictWriter writer = new VerdictWriter(verdicts.writerSpec(), 0)) {
      Map<String, Object> row = new HashMap<>();
      row.putAll(Map.of("prompt_id", "p", "trace_id", traceId, "verifier", kind.verifier(), "value", "correct"));
      row.putAll(Map.of("params", kind.params(), "version", kind.version(), "created_at", Instant.EPOCH));
      writer.add(LocalDelta.row(VerdictsTable.schema(), row));
      return writer.finish().orElseThrow();
    }
  }

  private static List<String> ids(VerdictsTable verdicts, VerdictsTable.Kind kind) {
    return verdicts.read(spark, kind).select("trace_id").collectAsList().stream().map(r -> r.getString(0)).sorted()
        .toList();
  }

  @Test
  void aBatchGetsInOnceAndOnlyOnTopOfTheLastOne() throws IOException {
    VerdictsTable verdicts = VerdictsTable.open(traces());
    assertEquals(VerdictsTable.schema(), verdicts.read(spark).schema());
    assertEquals(0, verdicts.lastBatch(MATH));
    VerdictFile first = file(verdicts, MATH, "a");
    assertEquals(Optional.of(1L), verdicts.append(MATH, 1, List.of(first)));
    assertEquals(Optional.empty(), verdicts.append(MATH, 1, List.of(first)));
    // Another run that had planned on the empty table.
    assertEquals(Optional.empty(), verdicts.append(MATH, 1, List.of(file(verdicts, MATH, "b"))));
    assertEquals(List.of("a"), ids(verdicts, MATH));
    assertEquals(1, verdicts.lastBatch(MATH));
    assertEquals(Optional.of(2L), verdicts.append(MATH, 2, List.of(file(verdicts, MATH, "b"))));
    assertEquals(List.of("a", "b"), ids(verdicts, MATH));
  }

  @Test
  void kindsDoNotMeet() throws IOException {
    VerdictsTable verdicts = VerdictsTable.open(traces());
    verdicts.append(MATH, 1, List.of(file(verdicts, MATH, "a"))).orElseThrow();
    assertEquals(0, verdicts.lastBatch(OTHER));
    verdicts.append(OTHER, 1, List.of(file(verdicts, OTHER, "b"))).orElseThrow();
    assertEquals(List.of("a"), ids(verdicts, MATH));
    assertEquals(List.of("b"), ids(verdicts, OTHER));
    assertEquals(0, LocalDelta.count(spark, traces()));
  }

  @Test
  void whatIsNotFinishedLeavesNothingBehind() throws IOException {
    VerdictsTable verdicts = VerdictsTable.open(traces());
    try (VerdictWriter writer = new VerdictWriter(verdicts.writerSpec(), 0)) {
      Map<String, Object> row = Map.of("prompt_id", "p", "trace_id", "t");
      writer.add(LocalDelta.row(VerdictsTable.schema(), row));
    }
    try (VerdictWriter empty = new VerdictWriter(verdicts.writerSpec(), 1)) {
      assertEquals(Optional.empty(), empty.finish());
    }
    try (Stream<Path> files = Files.list(dir.resolve("out/_winnow/verdicts"))) {
      assertEquals(List.of("_delta_log"), files.map(f -> f.getFileName().toString()).toList());
    }
  }

  @Test
  void anExistingTableIsReadAndNothingIsMade() throws IOException {
    String out = dir + "/out";
    TableException none = assertThrows(TableException.class, () -> TraceTable.existing(spark, out));
    assertEquals(TableErrors.NO_TRACES, none.errorClass());
    assertTrue(!Files.exists(dir.resolve("out")));
    TraceTable traces = traces();
    assertEquals(traces.path(), TraceTable.existing(spark, out).path());
    assertEquals(Optional.empty(), VerdictsTable.find(traces));
    assertTrue(!Files.exists(dir.resolve("out/_winnow/verdicts")));
    VerdictsTable.open(traces);
    assertTrue(VerdictsTable.find(traces).isPresent());
    TableException other =
        assertThrows(TableException.class, () -> TraceTable.existing(spark, out + "/_winnow/verdicts"));
    assertTrue(other.getMessage().contains("it is the table of verdicts"), other.getMessage());
  }
}
