// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.GenerationRequest;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * The same requests of one model in every way that must not matter: alone, in one batch, in shuffled batches of 1 to 64,
 * with 1, 2 and 5 threads, on every implementation of the kernels that this machine has, with the weights, keys and
 * values held in each way.
 */
final class SameBytesMatrix {
  private static final int REQUESTS = 200;
  private static final int[] THREADS = {1, 2, 5};
  private static final int MAX_BATCH = 64;
  private static final int MAX_ROWS = 300;

  private final Path model;
  private final List<WeightPrecision> precisions;
  private final List<GenerationRequest> requests;
  private final List<List<GenerationRequest>> alone;
  private final List<List<GenerationRequest>> shuffled;
  private final int samples;
  private final int pages;

  /**
   * Draws the requests.
   *
   * @param prompts lengths of prompts, taken in turn
   * @param maxTokens new tokens of a sample at most
   */
  SameBytesMatrix(Path model, long seed, int[] prompts, int maxTokens) throws IOException {
    this.model = model;
    int vocab;
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      vocab = checkpoint.config().vocabSize();
      // Blocks of a file without any are floats once more.
      boolean blocks = WeightPrecision.of(checkpoint) == WeightPrecision.BLOCKS;
      long weights = checkpoint.tensors().stream().mapToLong(t -> t.rows() * t.cols()).sum();
      // Without tiles their model in Java computes, which is slow.
      boolean tiles = weights < 200_000 || KernelsLadder.nativeRefusal() == null;
      precisions =
          Arrays.stream(WeightPrecision.values())
              .filter(p -> (p != WeightPrecision.BLOCKS || blocks) && (p != WeightPrecision.BF16_TILES || tiles))
              .toList();
    }
    Random random = new Random(seed);
    requests = requests(random, vocab, prompts, maxTokens);
    alone = SameBytesTest.single(requests).stream().map(List::of).toList();
    shuffled = batches(random);
    samples = alone.size();
    pages =
        alone.stream()
            .mapToInt(one -> Scheduler.pagesFor(one.get(0).promptTokens().length + maxTokens) + 1)
            .sum();
  }

  private static List<GenerationRequest> requests(Random random, int vocab, int[] prompts, int maxTokens) {
    List<GenerationRequest> out = new ArrayList<>();
    for (int i = 0; i < REQUESTS; i++) {
      // Some prompts occur twice, some requests have more than one sample.
      int[] prompt =
          i % 9 == 8
              ? out.get(i - 5).promptTokens()
              : random.ints(prompts[i % prompts.length], 3, vocab).toArray();
      int[] indexes = i % 20 == 11 ? new int[] {0, 1, 2} : new int[] {i % 4};
      GenerationRequest request =
          new GenerationRequest(i, prompt, indexes, SameBytesTest.params(i, 1 + random.nextInt(maxTokens)));
      out.add(i % 3 == 1 ? request.scoring(1 + i % 5) : request);
    }
    return out;
  }

  private List<List<GenerationRequest>> batches(Random random) {
    List<GenerationRequest> order = new ArrayList<>(requests);
    Collections.shuffle(order, random);
    List<List<GenerationRequest>> out = new ArrayList<>();
    for (int from = 0; from < order.size(); ) {
      int to = Math.min(order.size(), from + 1 + random.nextInt(MAX_BATCH));
      out.add(order.subList(from, to));
      from = to;
    }
    return out;
  }

  /**
   * Compares all of it; the expectation is the reference's, one sample after the other on one thread. Alone they go on
   * each implementation with another size of team: one row at a time takes as long as all the rest.
   */
  void check() throws Exception {
    for (WeightPrecision format : precisions) {
      check(format);
    }
    check(WeightPrecision.F32, KvFormat.BF16);
    check(WeightPrecision.F32, KvFormat.INT8);
  }

  /** As {@link #check()}, with the weights held in one way. */
  void check(WeightPrecision format) throws Exception {
    check(format, KvFormat.F32);
  }

  private void check(WeightPrecision format, KvFormat cache) throws Exception {
    Map<String, String> expected = null;
    List<String> names = new ArrayList<>(KernelsLadder.names());
    if (format == WeightPrecision.BF16_TILES) {
      // Their model in Java where there are no tiles.
      names.retainAll(List.of(KernelsLadder.nativeRefusal() == null ? "amx" : "reference"));
    }
    for (String kernels : names) {
      int turn = names.indexOf(kernels) % THREADS.length;
      int ways = 0;
      long start = System.nanoTime();
      for (int threads : THREADS) {
        EngineSetup setup = new EngineSetup(kernels, threads, samples, MAX_ROWS, pages, cache, 1, false, true);
        EngineCore core = setup.open(model, format);
        try {
          String where = format + ", keys and values " + cache + ", " + kernels + ", threads " + threads;
          if (threads == THREADS[turn]) {
            Map<String, String> one = setup.run(core, alone).samples();
            expected = expected == null ? varied(one) : expected;
            same(where + ", alone", expected, one);
            ways++;
          }
          same(where + ", in one batch", expected, setup.run(core, List.of(requests)).samples());
          same(where + ", shuffled batches", expected, setup.run(core, shuffled).samples());
          ways += 2;
        } finally {
          core.close();
        }
      }
      System.out.printf(
          Locale.ROOT, "same bytes: %s, %s, keys and values %s, %s: %d samples in %d ways, %.1f s%n",
          model.getFileName(), format, cache, kernels, samples, ways, (System.nanoTime() - start) / 1e9);
    }
  }

  /** A model that says the same to everybody would hide all differences. */
  private Map<String, String> varied(Map<String, String> lines) {
    assertEquals(samples, lines.size());
    long distinct = lines.values().stream().distinct().count();
    assertTrue(distinct > samples * 0.8, "samples hardly differ: " + distinct);
    return lines;
  }

  static void same(String how, Map<String, String> expected, Map<String, String> got) {
    assertEquals(expected.keySet(), got.keySet(), how);
    expected.forEach((sample, line) -> assertEquals(line, got.get(sample), how + ": sample " + sample));
  }
}
