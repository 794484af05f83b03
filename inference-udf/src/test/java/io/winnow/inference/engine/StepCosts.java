// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineHosting;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.tokenizer.ModelText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Prints what a step takes on teams of several sizes, and what a trace of the steps costs: the engine alone, one prompt
 * a sequence, rounds in turn, medians. docs/SCALING.md has its figures.
 */
public final class StepCosts {
  private static final int PROMPT = 64;
  private static final SamplingParams PARAMS =
      new SamplingParams(
          0.6, 0.95, 0, 0, 1, 32, List.of(), 7, false, 0, 0, 0, Collections.emptySortedMap(), List.of(), 0,
          true);

  private StepCosts() {}

  /** One way of running: a team's size, and a folder for a trace or null. */
  private record Way(int threads, String trace) {}

  /** @param args model, weights, sequences, rounds, sizes of the team with commas, and a folder for traces if wanted */
  public static void main(String[] args) throws InterruptedException {
    int sequences = Integer.parseInt(args[2]);
    int rounds = Integer.parseInt(args[3]);
    List<Way> ways = new ArrayList<>();
    for (String threads : args[4].split(",")) {
      ways.add(new Way(Integer.parseInt(threads), null));
      if (args.length > 5) {
        ways.add(new Way(Integer.parseInt(threads), args[5]));
      }
    }
    ModelText text = ModelText.load(Path.of(args[0]), null, Map.of());
    List<EmbeddedRuntime> engines = new ArrayList<>();
    for (Way way : ways) {
      EngineSpec spec = new EngineSpec(args[0], args[1], way.threads(), sequences, 256 * sequences, null, Map.of());
      engines.add(EmbeddedRuntime.load(spec, text, MemoryBudget.host(0), new EngineHosting(way.trace(), false, false)));
    }
    double[][] seconds = new double[ways.size()][rounds];
    EngineStats[][] did = new EngineStats[ways.size()][rounds];
    for (int round = -1; round < rounds; round++) {
      for (int i = 0; i < ways.size(); i++) {
        EngineStats before = engines.get(i).stats();
        long start = System.nanoTime();
        decode(engines.get(i), sequences);
        if (round >= 0) {
          seconds[i][round] = (System.nanoTime() - start) / 1e9;
          did[i][round] = engines.get(i).stats().since(before);
        }
      }
    }
    for (int i = 0; i < ways.size(); i++) {
      print(ways.get(i), seconds[i], did[i]);
    }
    for (int i = 1; i < ways.size() && args.length > 5; i += 2) {
      double[] ratio = new double[rounds];
      for (int r = 0; r < rounds; r++) {
        ratio[r] = seconds[i][r] / seconds[i - 1][r] - 1;
      }
      System.out.printf(
          Locale.ROOT, "threads %d: a trace adds %.2f %% (%s)%n", ways.get(i).threads(), 100 * median(ratio),
          Arrays.toString(Arrays.stream(ratio).map(x -> Math.round(10_000 * x) / 100.0).toArray()));
    }
    engines.forEach(EmbeddedRuntime::close);
  }

  private static void decode(ModelRuntime runtime, int sequences) throws InterruptedException {
    Random random = new Random(1);
    try (ModelRuntime.Session session = runtime.open()) {
      for (int i = 0; i < sequences; i++) {
        int[] prompt = random.ints(PROMPT, 0, runtime.info().vocabSize()).toArray();
        session.submit(new GenerationRequest(i, prompt, new int[] {0}, PARAMS));
      }
      while (session.pending() > 0) {
        session.poll(1000);
      }
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static void print(Way way, double[] seconds, EngineStats[] did) {
    int rounds = seconds.length;
    double[] steps =
        IntStream.range(0, rounds).mapToDouble(r -> did[r].busyNanos() / 1e6 / did[r].steps()).toArray();
    Map<String, Double> ops = new TreeMap<>();
    for (String op : did[0].opNanos().keySet()) {
      ops.put(op, median(Arrays.stream(did).mapToDouble(d -> d.opNanos().get(op) / 1e6 / d.steps()).toArray()));
    }
    double counted = ops.values().stream().mapToDouble(Double::doubleValue).sum();
    double between =
        median(IntStream.range(0, rounds).mapToDouble(r -> 1 - did[r].busyNanos() / 1e9 / seconds[r]).toArray());
    System.out.printf(
        Locale.ROOT, "threads %d%s: %.0f tok/s, %.3f ms a step of %.1f sequences; rest of a step %.3f ms, between steps"
            + " %.1f %%; ms a step: %s%n",
        way.threads(), way.trace() == null ? "" : " traced",
        median(IntStream.range(0, rounds).mapToDouble(r -> did[r].generatedTokens() / seconds[r]).toArray()),
        median(steps), did[0].meanBatch(), median(steps) - counted, 100 * between,
        ops.entrySet().stream().map(e -> String.format(Locale.ROOT, "%s %.3f", e.getKey(), e.getValue())).toList());
  }
}
