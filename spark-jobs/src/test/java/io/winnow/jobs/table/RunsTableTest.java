// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunsTableTest {
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
  void eventsAreAppendedAndRead() {
    TraceTable traces = TraceTable.open(spark, dir + "/out", new StructType());
    RunsTable runs = RunsTable.open(traces);
    Instant at = Instant.parse("2026-01-02T03:04:05.678901Z");
    Map<String, String> settings = Map.of("samples", "4");
    runs.append(Map.of("run_id", "r1", "event", "start", "at", at, "settings", settings, "prompts", 200L));
    Instant later = at.plusSeconds(1);
    RunsTable.open(traces)
        .append(Map.of("run_id", "r1", "event", "end", "at", later, "reproducible", true, "exit_state", "done"));
    List<Row> rows =
        runs.read(spark)
            .selectExpr("event", "unix_micros(at)", "settings['samples']", "prompts", "reproducible", "exit_state")
            .orderBy("at")
            .collectAsList();
    assertEquals("[start,1767323045678901,4,200,null,null]", rows.get(0).toString());
    assertEquals("[end,1767323046678901,null,null,true,done]", rows.get(1).toString());
    assertEquals(RunsTable.schema(), runs.read(spark).schema());
    assertEquals(0, LocalDelta.count(spark, traces));
  }

  @Test
  void eventsOfTwoProcessesAtOnceAreAllKept() {
    RunsTable runs = RunsTable.open(TraceTable.open(spark, dir + "/out", new StructType()));
    IntStream.range(0, 4)
        .parallel()
        .forEach(i -> runs.append(Map.of("run_id", "r" + i, "event", "start", "at", Instant.EPOCH)));
    assertEquals(4, runs.read(spark).select("run_id").distinct().count());
  }

  @Test
  void unknownColumnsAndMissingOnesAreNamed() {
    RunsTable runs = RunsTable.open(TraceTable.open(spark, dir + "/out", new StructType()));
    Map<String, Object> good = Map.of("run_id", "r", "event", "start", "at", Instant.EPOCH);
    TableException missing = assertThrows(TableException.class, () -> runs.append(Map.of("run_id", "r")));
    assertTrue(missing.getMessage().contains("column event"), missing.getMessage());
    Map<String, Object> unknown = new java.util.HashMap<>(good);
    unknown.put("promts", 1L);
    TableException e = assertThrows(TableException.class, () -> runs.append(unknown));
    assertTrue(e.getMessage().contains("column promts"), e.getMessage());
    assertEquals(0, runs.read(spark).count());
  }
}
