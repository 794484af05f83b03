// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.winnow.inference.EngineStats.Load;
import io.winnow.inference.conf.PriceTable;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.Tuple4;
import scala.collection.immutable.Map$;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

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

  /** A running task tells what it has added to an accumulator. */
  private static SparkListenerExecutorMetricsUpdate told(long task, LongAccumulator accumulator, long value) {
    AccumulableInfo info = accumulator.toInfo(Option.apply(value), Option.empty());
    var one = new Tuple4<Object, Object, Object, Seq<AccumulableInfo>>(
        task, 0, 0, CollectionConverters.asScala(List.of(info)).toSeq());
    return new SparkListenerExecutorMetricsUpdate(
        "1", CollectionConverters.asScala(List.of(one)).toSeq(), Map$.MODULE$.empty());
  }

  @Test
  void whatATaskThatFailedHadCostStaysSpent() throws ReflectiveOperationException {
    TraceCosts costs = new TraceCosts(new PriceTable.Price(0, 0, 0, 0), context);
    var money = TraceCosts.class.getDeclaredField("nanodollars");
    money.setAccessible(true);
    LiveCounters.Reader live = new LiveCounters.Reader(new LiveCounters(context), "run");
    live.onExecutorMetricsUpdate(told(5, (LongAccumulator) money.get(costs), 2_500_000_000L));
    assertEquals(2.5, costs.soFar(live, 0));
    live.onTaskEnd(
        new SparkListenerTaskEnd(
            0, 0, "ResultTask", null, new TaskInfo(5, 0, 0, 0, 0, "1", "host", TaskLocality.ANY(), false), null, null));
    assertEquals(2.5, costs.soFar(live, 0), "its executor died, and the budget forgot what it had paid");
    costs.passEnds(live);
    LiveCounters.Reader next = new LiveCounters.Reader(new LiveCounters(context), "run");
    assertEquals(2.5, costs.soFar(next, 0), "the next pass forgot");
  }
}
