// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.engine.EmbeddedRuntime;
import io.winnow.inference.udf.EngineHost;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commits, partitions and long traces leave no place of the engine empty while there is work. */
class OccupancyTest {
  private static final int PROMPTS = 2000;
  private static final int PLACES = 64;
  private static final int STEPS_APART = 50;
  /**
   * One trace in twenty is ten times longer: a third of all tokens are in these. Steps are as long as those of a model,
   * so that the second in which a cold JVM writes its first rows is no large part of them.
   */
  private static final String MODEL = "scripted:tokens=32,tail=0.05,step-ms=10";

  @TempDir Path folder;

  @Test
  void theEngineIsFullUntilTheLastRows() throws Exception {
    Path prompts =
        Tables.lines(
            folder.resolve("prompts.jsonl"),
            IntStream.range(0, PROMPTS)
                .mapToObj(i -> "{\"id\": \"p" + i + "\", \"question\": \"What is " + i + " + 1?\", \"answer\": \"1\"}")
                .toArray(String[]::new));
    Map<String, String> options =
        Map.of(
            "prompts", prompts.toString(), "model", MODEL, "out", folder.resolve("table").toString(), "id-column", "id",
            "samples", "1", "verify", "math", "commit-interval", "1", "max-sequences", String.valueOf(PLACES));
    String[] words =
        options.entrySet().stream()
            .flatMap(option -> IntStream.of(0, 1).mapToObj(i -> i == 0 ? "--" + option.getKey() : option.getValue()))
            .toArray(String[]::new);
    EngineSpec spec = GenerateSettings.engineSpec(SettingValues.ofMap(GenerateSettings.ALL, options, key -> null));
    SparkSession spark = Tables.local("local[2]");
    // The job's tasks join the engine that is held here.
    try (EngineHost.Lease engine = EngineHost.acquire(spec)) {
      EmbeddedRuntime runtime = (EmbeddedRuntime) engine.runtime();
      CompletableFuture<Invocation> run =
          CompletableFuture.supplyAsync(
              () -> Invocation.winnow(Stream.concat(Stream.of("generate"), Stream.of(words)).toArray(String[]::new)));
      EngineStats begin = runtime.stats();
      EngineStats atLastRows = begin;
      EngineStats mark = begin;
      List<Long> course = new ArrayList<>();
      while (!run.isDone() && atLastRows.finished() < PROMPTS - PROMPTS / 50) {
        Thread.sleep(1);
        atLastRows = runtime.stats();
        if (atLastRows.steps() - mark.steps() >= STEPS_APART) {
          course.add(Math.round(100 * occupancy(mark, atLastRows)));
          mark = atLastRows;
        }
      }
      run.get().expect(0);
      assertEquals(PROMPTS, runtime.stats().finished());
      double occupancy = occupancy(begin, atLastRows);
      System.out.printf(
          "OccupancyTest: %.3f over %d steps, %.3f over all; in hundredths, by %d steps: %s%n",
          occupancy, atLastRows.steps(), occupancy(begin, runtime.stats()), STEPS_APART, course);
      assertTrue(occupancy >= 0.95, "the engine was " + occupancy + " full");
    } finally {
      spark.stop();
    }
  }

  private static double occupancy(EngineStats from, EngineStats to) {
    return (double) (to.runningSum() - from.runningSum()) / ((to.steps() - from.steps()) * PLACES);
  }
}
