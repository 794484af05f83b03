// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.PromptRenderer;
import io.winnow.inference.RenderedPrompt;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.udf.EngineHost;
import io.winnow.jobs.input.PromptSource;
import io.winnow.jobs.input.Prompts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Tokens a second of the engine alone and of the whole job on the same prompts, in turn on one loaded engine, so that
 * the difference is what Spark, verification and the table add. Both decode the same tokens, because traces don't
 * depend on how they are computed.
 */
public final class EngineBenchmark implements AutoCloseable {
  private final SparkSession spark;
  private final SettingValues values;
  private final List<GenerationRequest> requests;
  private final EngineHost.Lease lease;

  private EngineBenchmark(
      SparkSession spark, SettingValues values, List<GenerationRequest> requests, EngineHost.Lease lease) {
    this.spark = spark;
    this.values = values;
    this.requests = requests;
    this.lease = lease;
  }

  /**
   * One way of running, in seconds.
   *
   * @param tokens tokens decoded
   * @param engineSeconds bare engine: from the first request to the last completion
   * @param jobSeconds the Spark job over the same work: reading, decoding, verifying, writing, committing
   * @param wallSeconds the whole run with planning, as the command line would take
   * @param before counters of the engine before it ran alone
   * @param after and after that
   */
  public record Round(
      long tokens, double engineSeconds, double jobSeconds, double wallSeconds, EngineStats before, EngineStats after) {
    /**
     * Where the engine's seconds went when it ran alone, as shares by name: operations, the rest of its steps (Java),
     * and what lies between steps.
     */
    public Map<String, Double> shares() {
      Map<String, Double> out = new LinkedHashMap<>();
      Map<String, Long> start = before.opNanos();
      double counted = 0;
      for (Map.Entry<String, Long> op : after.opNanos().entrySet()) {
        double seconds = (op.getValue() - start.getOrDefault(op.getKey(), 0L)) / 1e9;
        counted += seconds;
        out.put(op.getKey(), seconds / engineSeconds);
      }
      double steps = (after.busyNanos() - before.busyNanos()) / 1e9;
      out.put("rest of steps", (steps - counted) / engineSeconds);
      out.put("between steps", (engineSeconds - steps) / engineSeconds);
      return out;
    }

    /** Tokens of prompts that the engine alone computed, and those that it found computed. */
    public long[] prompts() {
      return new long[] {
        after.promptTokens() - before.promptTokens(), after.prefixHitTokens() - before.prefixHitTokens()
      };
    }

    /** Sequences that drew a token in a step of the engine alone, on average. */
    public double batch() {
      return (double) (after.runningSum() - before.runningSum()) / (after.steps() - before.steps());
    }
  }

  /** The engine alone over all requests: tokens decoded, and seconds from the first request to the last completion. */
  public record Alone(long tokens, double seconds) {}

  /**
   * Reads the prompts and loads the engine.
   *
   * @param asked settings of {@code bench}
   */
  public static EngineBenchmark open(SparkSession spark, SettingValues asked) throws Exception {
    if (!spark.sparkContext().isLocal()) {
      throw new UsageException(
          "Cannot measure on " + spark.sparkContext().master() + ": the engine alone runs in this process, so the job must"
              + " as well. Use --master local[*].");
    }
    SettingValues values =
        ModelDefaults.applied(asked.with(GenerateSettings.OUT, "none").with(GenerateSettings.DRY_RUN, "false"));
    GenerateOptions options = GenerateOptions.of(values);
    options.describe(values);
    List<GenerationRequest> requests = requests(spark, values, options);
    return new EngineBenchmark(spark, values, requests, EngineHost.acquire(options.runtime(), options.hosting()));
  }

  /** The token ids of the prompts. */
  public List<int[]> prompts() {
    return requests.stream().map(GenerationRequest::promptTokens).toList();
  }

  /** Runs the engine alone. */
  public Alone alone() throws InterruptedException {
    long start = System.nanoTime();
    long tokens = alone(lease.runtime(), requests);
    return new Alone(tokens, (System.nanoTime() - start) / 1e9);
  }

  /** Runs both sides, in turn. */
  public Round round() throws Exception {
    Round alone = engineRound();
    lease.news(); // else the job's tasks would tell it as theirs
    GenerateResult job = inSpark(spark, values);
    if (job.generatedTokens() != alone.tokens()) {
      throw new IllegalStateException(
          "the engine alone decoded " + alone.tokens() + " tokens, inside Spark " + job.generatedTokens());
    }
    return new Round(
        alone.tokens(), alone.engineSeconds(), job.generateSeconds(), job.wallSeconds(), alone.before(), alone.after());
  }

  /** Runs the engine alone, as a round without the other side, whose seconds are NaN. */
  public Round engineRound() throws InterruptedException {
    EngineStats before = lease.runtime().stats();
    Alone alone = alone();
    return new Round(alone.tokens(), alone.seconds(), Double.NaN, Double.NaN, before, lease.runtime().stats());
  }

  @Override
  public void close() {
    lease.close();
  }

  /** The median of a figure over the rounds. */
  public static double median(List<Round> rounds, Function<Round, Double> figure) {
    List<Double> sorted = rounds.stream().map(figure).sorted().toList();
    int n = sorted.size();
    return n % 2 == 1 ? sorted.get(n / 2) : (sorted.get(n / 2 - 1) + sorted.get(n / 2)) / 2;
  }

  private static List<GenerationRequest> requests(SparkSession spark, SettingValues values, GenerateOptions options) {
    if (!(options.runtime() instanceof EngineSpec spec)) {
      throw new UsageException(
          "Cannot measure an endpoint: bench measures the embedded engine. Give a model's path.");
    }
    PromptRenderer renderer = EngineHost.renderer(spec);
    int[] samples = IntStream.range(0, options.samples()).toArray();
    List<GenerationRequest> out = new ArrayList<>();
    Set<String> texts = new HashSet<>();
    for (Row row : PromptSource.open(spark, values).rows().filter("error is null").collectAsList()) {
      RenderedPrompt prompt = renderer.render(Prompts.prompt(row).messages());
      int[] tokens = prompt.tokenIds();
      if (!texts.add(prompt.text())) {
        continue; // the job decodes equal prompts once
      }
      out.add(new GenerationRequest(out.size(), tokens, samples, options.sampling()));
    }
    return out;
  }

  private static long alone(ModelRuntime runtime, List<GenerationRequest> requests) throws InterruptedException {
    long tokens = 0;
    int next = 0;
    try (ModelRuntime.Session session = runtime.open()) {
      while (next < requests.size() || session.pending() > 0) {
        while (next < requests.size() && session.hasRoom()) {
          session.submit(requests.get(next++));
        }
        for (Completion c : session.poll(1000)) {
          tokens += c.tokenIds().length;
        }
      }
    }
    return tokens;
  }

  private static GenerateResult inSpark(SparkSession spark, SettingValues values) throws IOException {
    Path folder = Files.createTempDirectory("winnow-bench");
    try {
      SettingValues here = values.with(GenerateSettings.OUT, folder.resolve("traces").toString());
      return GenerateJob.run(spark, here, () -> false, (done, total, failed, correct, decided, tokens, engines) -> {});
    } finally {
      delete(folder);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
