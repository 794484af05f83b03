// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.udf.EngineHost;
import io.winnow.kernels.CpuAffinity;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What engines do, as Spark's UI, the progress line and the summary tell it. */
@Timeout(300)
class EngineMetricsTest {
  private static final int PROMPTS = 40;
  private static final int SAMPLES = 3;
  private static final Pattern FULL = Pattern.compile(" batch \\d+/8 · KV \\d+ % ");

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    System.setProperty("winnow.log.spark", "error");
    spark =
        Tables.builder("local[2]")
            .config("spark.ui.enabled", "true")
            .config("spark.ui.port", "0")
            .config("spark.executor.heartbeatInterval", "200ms")
            .config("spark.plugins", "io.winnow.inference.udf.EngineMetrics")
            .getOrCreate();
    prompts =
        Tables.lines(
            folder.resolve("prompts.jsonl"),
            IntStream.range(0, PROMPTS)
                .mapToObj(i -> "{\"id\": \"p" + i + "\", \"question\": \"What is " + i + " + 1?\"}")
                .toArray(String[]::new));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Invocation generate(Path table, String model, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "generate", "--prompts", prompts.toString(), "--model", model, "--id-column", "id", "--out",
                table.toString(), "--samples", String.valueOf(SAMPLES), "--max-sequences", "8", "--partitions", "2"));
    words.addAll(List.of(more));
    return Invocation.winnow(words.toArray(String[]::new));
  }

  /** Values of the accumulators of all stages, as the page of a stage shows them, by name. */
  private static Map<String, Long> accumulators() throws IOException {
    String url = spark.sparkContext().uiWebUrl().get();
    JsonNode stages =
        new ObjectMapper()
            .readTree(
                URI.create(url + "/api/v1/applications/" + spark.sparkContext().applicationId() + "/stages").toURL());
    Map<String, Long> out = new HashMap<>();
    for (JsonNode stage : stages) {
      for (JsonNode accumulator : stage.get("accumulatorUpdates")) {
        String name = accumulator.get("name").asText();
        if (name.startsWith("winnow ")) {
          out.merge(name, accumulator.get("value").asLong(), Long::sum);
        }
      }
    }
    return out;
  }

  @Test
  void theStagesPageAndTheSummaryTellWhatTheEnginesDid() throws Exception {
    Map<String, Long> before = accumulators();
    Invocation run = generate(folder.resolve("told"), "scripted:tokens=60,step-ms=1", "--speculation", "off").expect(0);
    Map<String, Long> told = accumulators();
    before.forEach((name, value) -> told.merge(name, -value, Long::sum));
    // A scripted engine draws what traces hold, no more: nobody was preempted, no row failed.
    assertEquals(run.count("tokens"), told.get("winnow decode tokens"), told::toString);
    assertEquals(run.count("tokens"), told.get("winnow generated tokens"), told::toString);
    assertEquals(run.count("tokens"), told.get("winnow sequences, summed over steps"), told::toString);
    assertEquals(run.count("prefill"), told.get("winnow prefill tokens"), told::toString);
    assertTrue(told.get("winnow prefill tokens") >= PROMPTS * "What is 1 + 1?".length(), told::toString);
    long steps = told.get("winnow engine steps");
    assertTrue(steps * 8 >= run.count("tokens"), told::toString);
    assertTrue(told.get("winnow engine time (ns)") >= steps * 1_000_000, told::toString);
    assertTrue(told.get("winnow engine time in prefill (ns)") > 0, told::toString);
    String mean = String.format(Locale.ROOT, "%.1f of 8 sequences", (double) run.count("tokens") / steps);
    assertEquals(mean, run.summary("mean batch"));
    Matcher peak = Pattern.compile("(\\d+\\.\\d) % at most").matcher(run.summary("KV cache"));
    assertTrue(peak.matches() && Double.parseDouble(peak.group(1)) > 0, run.summary("KV cache"));
    // What an engine did for the run before is not told again.
    Invocation again = generate(folder.resolve("again"), "scripted:tokens=60,step-ms=1").expect(0);
    // (How often a prompt is prefilled depends on how its samples find places, so the two are not quite the same.)
    assertTrue(again.count("prefill") < 1.5 * run.count("prefill"), again.summary("prefill"));
  }

  @Test
  void sparksMetricsSystemHasTheFiguresOfTheEnginesThatAreHere() throws Exception {
    EngineHost.closeIdle();
    Invocation run = generate(folder.resolve("sink"), "scripted:tokens=20").expect(0);
    JsonNode metrics =
        new ObjectMapper().readTree(URI.create(spark.sparkContext().uiWebUrl().get() + "/metrics/json/").toURL());
    Map<String, Long> gauges = new HashMap<>();
    metrics.get("gauges").fields().forEachRemaining(
        gauge -> {
          int at = gauge.getKey().indexOf(".EngineMetrics.");
          if (at >= 0) {
            String name = gauge.getKey().substring(at + ".EngineMetrics.".length());
            gauges.put(name, gauge.getValue().get("value").asLong());
          }
        });
    assertEquals(run.count("tokens"), gauges.get("decodeTokens"), gauges::toString);
    assertEquals(run.count("prefill"), gauges.get("prefillTokens"), gauges::toString);
    assertTrue(gauges.get("pages") > 0 && gauges.get("busyNanos") > 0 && gauges.get("running") == 0, gauges::toString);
    assertEquals(11, gauges.size(), gauges::toString);
  }

  @Test
  void theProgressLineTellsHowFullTheEngineIsWhileItWorks() throws Exception {
    // Some 1,500 steps: longer than the ten seconds between two lines.
    Invocation run = generate(folder.resolve("line"), "scripted:tokens=60,step-ms=9").expect(0);
    String line = run.err().lines().filter(l -> l.contains("ETA")).findFirst().orElseThrow();
    assertTrue(FULL.matcher(line).find(), line);
    assertTrue(line.length() <= 120, line);
  }

  @Test
  void aStepTraceIsWrittenWhereItIsAskedForAndChangesNothing() throws Exception {
    Path plain = folder.resolve("plain");
    Path traced = folder.resolve("traced");
    Path steps = folder.resolve("steps");
    generate(plain, "scripted:tokens=30").expect(0);
    Invocation run = generate(traced, "scripted:tokens=30", "--step-trace", steps.toString()).expect(0);
    assertEquals(Tables.comparable(spark, plain), Tables.comparable(spark, traced));
    assertEquals(run.count("tokens"), tokens(steps, 1));
    Invocation refused = generate(folder.resolve("refused"), "scripted:", "--step-trace", "hdfs://host/steps");
    refused.expect(2);
    assertTrue(refused.err().contains("must be a folder of the executors' own disks"), refused.err());
  }

  /** Tokens that were drawn, over the steps of all files. */
  private static long tokens(Path steps, int files) throws IOException {
    EngineHost.closeIdle(); // only so that nothing of a file is on its way
    List<Path> all = Tables.files(steps).stream().map(steps::resolve).toList();
    assertEquals(files, all.size(), all::toString);
    long tokens = 0;
    for (Path file : all) {
      long before = tokens;
      for (JsonNode event : new ObjectMapper().readTree(file.toFile())) {
        tokens += event.path("args").path("tokens").asLong();
      }
      assertTrue(tokens > before, () -> file + " tells of no step");
    }
    return tokens;
  }

  @Test
  void anEngineANodeGivesTheSameRowsAndAllEnginesAreCounted() throws Exception {
    List<Integer> processors = CpuAffinity.supported() ? CpuAffinity.ofThread() : List.of();
    assumeTrue(processors.size() >= 2, "there is one processor, or there are no native kernels");
    Path nodes = folder.resolve("nodes");
    for (int node = 0; node < 2; node++) {
      Path one = Files.createDirectories(nodes.resolve("node" + node));
      Files.writeString(one.resolve("cpulist"), processors.get(node) + "\n");
    }
    Path plain = folder.resolve("one-engine");
    Path table = folder.resolve("two-engines");
    Path steps = folder.resolve("two-steps");
    generate(plain, "scripted:tokens=40,step-ms=1").expect(0);
    System.setProperty("winnow.numa.nodes", nodes.toString());
    try {
      Invocation run =
          generate(
              table, "scripted:tokens=40,step-ms=1", "--engine-per-node", "--step-trace", steps.toString());
      run.expect(0);
      assertEquals(Tables.comparable(spark, plain), Tables.comparable(spark, table));
      assertEquals(run.count("tokens"), tokens(steps, 2));
      assertTrue(run.summary("mean batch").endsWith(" of 8 sequences"), run.summary("mean batch"));
    } finally {
      System.clearProperty("winnow.numa.nodes");
    }
  }
}
