// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.winnow.inference.EngineStats.Load;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the driver makes of reports: one engine of several tasks, tasks and executors that die. */
class EngineCountersTest {
  private static SparkContext context;

  private EngineCounters counters;
  private EngineCounters.Reader reader;
  private long loads;
  private long decode;

  @BeforeAll
  static void start() {
    context =
        new SparkContext(
            new SparkConf(false).setMaster("local[1]").setAppName("counters").set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1"));
  }

  @BeforeEach
  void open() throws ReflectiveOperationException {
    counters = new EngineCounters(context);
    reader = new EngineCounters.Reader(counters);
    loads = ((CollectionAccumulator<?>) field("loads")).id();
    decode = ((LongAccumulator) field("decode")).id();
  }

  @AfterAll
  static void stop() {
    context.stop();
  }

  private Object field(String name) throws ReflectiveOperationException {
    var field = EngineCounters.class.getDeclaredField(name);
    field.setAccessible(true);
    return field.get(counters);
  }

  private Load load() {
    return reader.stats(LongAccumulator::sum).load();
  }

  @Test
  void anEngineCountsOnceHoweverManyOfItsTasksReport() {
    reader.heard(1, loads, List.of("7/1 30 5 32 10 12 100"));
    reader.heard(2, loads, List.of("7/1 31 4 32 11 12 100"));
    reader.heard(3, loads, List.of("8/1 1 0 32 2 3 100"));
    reader.heard(4, loads + 1000, List.of("of somebody else"));
    assertEquals(new Load(32, 4, 32, 13, 15, 200), load());
    // A peak stays, whatever a later report of the same engine says.
    reader.heard(1, loads, List.of("7/1 10 0 32 4 5 100"));
    assertEquals(new Load(11, 0, 32, 6, 15, 200), load());
  }

  @Test
  void anEngineWithoutTasksIsEmptyAndOneOfALostExecutorIsGone() {
    reader.heard(1, loads, List.of("7/1 30 5 32 10 12 100"));
    reader.heard(2, loads, List.of("7/1 30 5 32 10 12 100"));
    reader.heard(3, loads, List.of("70/1 1 0 32 2 3 100"));
    reader.ended(1, true, null);
    assertEquals(new Load(31, 5, 32, 12, 15, 200), load());
    reader.ended(2, true, null);
    assertEquals(new Load(1, 0, 32, 2, 15, 200), load());
    reader.lost("7");
    assertEquals(new Load(1, 0, 32, 2, 3, 100), load());
  }

  @Test
  void whatTasksHadReportedBeforeTheyDiedWasDone() {
    reader.ended(1, false, Map.of(decode, 40L, decode + 1000, 7L));
    reader.ended(2, true, Map.of(decode, 1000L)); // Spark adds that itself
    reader.ended(3, false, null);
    assertEquals(40, reader.stats(LongAccumulator::sum).generatedTokens());
    assertEquals(45, reader.stats(a -> a.id() == decode ? 5 : 0).generatedTokens());
  }

  @Test
  @SuppressWarnings("unchecked") // the field is what the name says
  void tasksThatEndBeforeAHeartbeatTellTheirPeakByTheirResult() throws ReflectiveOperationException {
    CollectionAccumulator<String> results = (CollectionAccumulator<String>) field("loads");
    results.add("7/1 3 0 32 2 50 100");
    assertEquals(new Load(0, 0, 32, 0, 50, 100), load());
    reader.heard(9, loads, List.of("7/1 4 1 32 3 20 100"));
    results.add("7/1 3 0 32 2 60 100");
    assertEquals(new Load(4, 1, 32, 3, 60, 100), load());
    reader.lost("7");
    results.add("7/1 3 0 32 2 70 100");
    assertEquals(Load.NONE, load());
  }
}
