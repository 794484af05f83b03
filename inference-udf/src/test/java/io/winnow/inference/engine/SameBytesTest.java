// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.model.TinyCheckpoint;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A sample is a function of model, prompt, parameters, seed and sample index: token ids and the bits of their
 * log-probabilities are the same whatever runs beside it and on however many threads.
 */
class SameBytesTest {
  private static final int[] LENGTHS = {1, 3, 20, 63, 64, 65, 90, 127, 128, 130};
  /** Lengths of prompts for models that cost more than the tiny ones. */
  private static final int[] SHORT = {1, 3, 8, 2, 5, 12, 4, 6, 1, 3, 65, 2, 9, 4, 5, 7};
  private static final int PLENTY = 400;

  private static final EngineSetup WIDE = new EngineSetup(1, 32, 300, PLENTY, 1);

  @TempDir Path folder;
  private Path model;
  private WeightPrecision format;
  private KvFormat cache = KvFormat.F32;
  private List<GenerationRequest> requests;
  private Map<String, String> alone;
  private long preemptions;
  private long hits;
  private long guessed;

  @BeforeEach
  void nothingAllocated() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  @Test
  void llamaInFloat32() throws Exception {
    check("llama", "F32", WeightPrecision.F32);
  }

  @Test
  void qwen2InBfloat16() throws Exception {
    check("qwen2", "BF16", WeightPrecision.BF16);
    // What the file holds in BF16 is the same model when it is widened beforehand.
    format = WeightPrecision.F32;
    same("widened", run(WIDE, requests));
  }

  @Test
  void llamaWithKeysAndValuesInBfloat16() throws Exception {
    cache = KvFormat.BF16;
    check("llama", "F32", WeightPrecision.F32);
  }

  @Test
  void qwen2WithKeysAndValuesInInt8() throws Exception {
    cache = KvFormat.INT8;
    check("qwen2", "BF16", WeightPrecision.BF16);
  }

  @Test
  void onEveryImplementationInEveryFormat() throws Exception {
    long seed = Script.seed("SameBytesTest on every implementation");
    Path tiny = TinyCheckpoint.write(folder, "llama", "F32", seed);
    new SameBytesMatrix(tiny, seed, new int[] {1, 3, 8, 20, 2, 64, 5, 65, 12, 7, 4, 260, 9, 6}, 6).check();
  }

  @Test
  void theShippedModelOnEveryImplementationInEveryFormat() throws Exception {
    long seed = Script.seed("SameBytesTest on every implementation, shipped");
    Path shipped = Path.of(System.getProperty("winnow.root", "..")).resolve("examples/model");
    new SameBytesMatrix(shipped, seed, SHORT, 4).check();
  }

  @Test
  void aFilesOwnCodesOnEveryImplementation() throws Exception {
    String fixtures = System.getProperty("winnow.fixtures", "");
    Path mixed = Path.of(fixtures, "models", "gguf-llama-q4_k_m", "gguf-llama-q4_k_m.gguf");
    assumeTrue(!fixtures.isEmpty() && Files.exists(mixed), "no winnow.fixtures: no file of integer weights is here");
    long seed = Script.seed("SameBytesTest on every implementation, codes");
    new SameBytesMatrix(mixed, seed, SHORT, 4).check(WeightPrecision.BLOCKS);
  }

  /** Prompts behind a few prefixes, which end within a page or at its end, and prompts that are a prefix of others. */
  private static List<GenerationRequest> behindPrefixes(Random random) {
    int[] cuts = {64, 65, 100, 128, 200, 256, 290};
    int[] whole = random.ints(320, 3, TinyCheckpoint.VOCAB).toArray();
    List<GenerationRequest> out = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int[] prompt = random.ints(cuts[i % cuts.length] + random.nextInt(70), 3, TinyCheckpoint.VOCAB).toArray();
      System.arraycopy(whole, 0, prompt, 0, i % 5 == 4 ? Math.min(prompt.length, 320) : cuts[i % cuts.length]);
      out.add(new GenerationRequest(i, prompt, new int[] {0, 1, 2}, params(i, 3 + random.nextInt(40))));
    }
    return out;
  }

  @Test
  void prefixesSharedBetweenRequests() throws Exception {
    for (KvFormat held : KvFormat.values()) {
      cache = held;
      String type = held == KvFormat.BF16 ? "qwen2" : "llama";
      long seed = Script.seed("SameBytesTest prefixes " + type + " " + held);
      model = TinyCheckpoint.write(folder.resolve(held.name()), type, "F32", seed);
      format = WeightPrecision.F32;
      Random random = new Random(seed);
      requests = behindPrefixes(random);
      alone = run(new EngineSetup(1, 1, 300, 8, 1).withoutPrefixes(), single(requests));
      List<GenerationRequest> shuffled = new ArrayList<>(requests);
      Collections.shuffle(shuffled, random);
      hits = 0;
      same("without prefixes", run(WIDE.withoutPrefixes(), requests));
      assertEquals(0, hits);
      EngineSetup[] ways = {
        WIDE, new EngineSetup(2, 20, 33, PLENTY, 1), new EngineSetup(5, 40, 300, PLENTY, 3),
        new EngineSetup(1, 16, 100, 8, 1), new EngineSetup(2, 24, 24, 14, 2),
        new EngineSetup(2, 16, 100, 20, 2).withFaults()
      };
      for (EngineSetup way : ways) {
        hits = 0;
        same(way.toString(), run(way, shuffled));
        assertTrue(hits > 1000, way + ": only " + hits + " tokens were taken from prefixes");
      }
    }
  }

  /** Few sequences that repeat themselves, so that guesses are made and come true, and some don't. */
  @Test
  void tokensGuessedAhead() throws Exception {
    for (KvFormat held : KvFormat.values()) {
      cache = held;
      String type = held == KvFormat.BF16 ? "qwen2" : "llama";
      long seed = Script.seed("SameBytesTest guesses " + type + " " + held);
      model = TinyCheckpoint.write(folder.resolve(held.name()), type, "F32", seed);
      format = WeightPrecision.F32;
      Random random = new Random(seed);
      requests = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        int[] again = random.ints(3 + random.nextInt(4), 3, TinyCheckpoint.VOCAB).toArray();
        int[] prompt = IntStream.range(0, 30 + i).map(k -> again[k % again.length]).toArray();
        SamplingParams params =
            new SamplingParams(i % 3 * 0.15, 1, 0, 0, 1, 100 + random.nextInt(60), List.of(), i % 3, true, 0)
                .withLogitBias(Map.of(5, 6.0, 6, 6.0, 7, 6.0, 17, Double.NEGATIVE_INFINITY));
        if (i % 4 == 2) {
          params = params.withEnds(List.of(11, 12), 90, i % 8 == 2);
        } else if (i % 8 == 3) {
          params = params.withPenalties(0.6, -0.3);
        }
        requests.add(new GenerationRequest(i, prompt, new int[] {0, 1}, params));
      }
      guessed = 0;
      alone = run(new EngineSetup(1, 1, 300, 8, 1).withoutPrefixes(), single(requests));
      assertEquals(0, guessed);
      EngineSetup[] ways = {
        new EngineSetup(1, 1, 300, 8, 1), new EngineSetup(2, 4, 8, PLENTY, 1), new EngineSetup(2, 2, 7, 8, 1),
        new EngineSetup(2, 3, 100, 10, 3), new EngineSetup(2, 4, 100, PLENTY, 1).withFaults()
      };
      for (EngineSetup way : ways) {
        guessed = 0;
        same(way.toString(), run(way, requests));
        assertTrue(guessed > 200, way + ": only " + guessed + " guesses came true");
      }
    }
  }

  private void check(String type, String dtype, WeightPrecision weights) throws Exception {
    long seed = Script.seed("SameBytesTest " + type);
    model = TinyCheckpoint.write(folder, type, dtype, seed);
    format = weights;
    Random random = new Random(seed);
    requests = requests(random);
    alone = run(new EngineSetup(1, 1, 300, 8, 1), single(requests));
    assertTrue(alone.values().stream().distinct().count() > alone.size() * 0.8, "samples hardly differ");
    same("in one batch", run(WIDE, requests));
    same("two threads, fewer rows", run(new EngineSetup(2, 20, 33, PLENTY, 1), requests));
    List<GenerationRequest> shuffled = new ArrayList<>(requests);
    Collections.shuffle(shuffled, random);
    same("shuffled, eight threads", run(new EngineSetup(8, 32, 300, PLENTY, 1), shuffled));
    same("from three sessions, two threads", run(new EngineSetup(2, 13, 57, PLENTY, 3), shuffled));
    preemptions = 0;
    same("in the smallest cache", run(new EngineSetup(1, 16, 100, 8, 1), requests));
    assertTrue(preemptions > 0, "nothing was preempted");
    same("in a small cache, two threads", run(new EngineSetup(2, 24, 24, 14, 2), shuffled));
    same("with steps that fail", run(new EngineSetup(2, 16, 100, 20, 2).withFaults(), shuffled));
    moreSamplesContainFewer();
    fewerTokensAreAPrefix();
    goingOnFromAnyCut(new EngineSetup(2, 24, 120, PLENTY, 2), random);
    goingOnFromAnyCut(new EngineSetup(1, 16, 100, 8, 1), random);
  }

  private void moreSamplesContainFewer() throws Exception {
    List<GenerationRequest> more = new ArrayList<>();
    for (GenerationRequest r : requests) {
      more.add(
          new GenerationRequest(
              r.requestId(), r.promptTokens(), new int[] {7, 6, 5, 4, 3, 2, 1, 0}, r.params(), null, r.scoreFrom()));
    }
    Map<String, String> got = run(WIDE, more);
    assertEquals(2 * alone.size(), got.size());
    got.keySet().retainAll(alone.keySet());
    same("among eight samples", got);
  }

  private void fewerTokensAreAPrefix() throws Exception {
    List<GenerationRequest> shorter = new ArrayList<>();
    for (GenerationRequest r : requests) {
      shorter.add(new GenerationRequest(r.requestId(), r.promptTokens(), r.sampleIndexes(), limited(r.params(), 5)));
    }
    run(WIDE, shorter)
        .forEach(
            (sample, text) -> {
              assertTrue(tokens(alone.get(sample)).startsWith(tokens(text)),
                  () -> sample + ": " + text + " is no start of " + alone.get(sample));
            });
  }

  /** Each sample goes on from a part of its tokens: new tokens and their log-probabilities are those of one go. */
  private void goingOnFromAnyCut(EngineSetup setup, Random random) throws Exception {
    List<GenerationRequest> cut = new ArrayList<>();
    Map<String, String> expected = new TreeMap<>();
    for (GenerationRequest r : requests) {
      int[][] generated = new int[r.sampleIndexes().length][];
      for (int i = 0; i < generated.length; i++) {
        String[] words = alone.get(r.requestId() + "/" + r.sampleIndexes()[i]).split(" ");
        // The first word is the reason of the end; the last token is left to draw.
        generated[i] = new int[random.nextInt(4) == 0 ? 0 : random.nextInt(words.length - 1)];
        for (int k = 0; k < generated[i].length; k++) {
          String token = words[k + 1].substring(0, words[k + 1].indexOf(':'));
          generated[i][k] = Integer.parseInt(token);
          words[k + 1] = token + ":given";
        }
        expected.put(r.requestId() + "/" + r.sampleIndexes()[i], String.join(" ", words));
      }
      cut.add(
          new GenerationRequest(
              r.requestId(), r.promptTokens(), r.sampleIndexes(), r.params(), generated, r.scoreFrom()));
    }
    assertEquals(expected, run(setup, cut));
  }

  private static String tokens(String line) {
    return line.substring(line.indexOf(' ')) + " ";
  }

  private void same(String how, Map<String, String> got) {
    SameBytesMatrix.same(how, alone, got);
  }

  private static List<GenerationRequest> requests(Random random) {
    List<GenerationRequest> out = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      // Some beyond 256 positions, where attention has a second chunk; some prompts occur twice.
      int length = i % 20 == 7 ? 250 + random.nextInt(50) : LENGTHS[i % LENGTHS.length];
      int[] prompt =
          i % 9 == 8 ? out.get(i - 5).promptTokens() : random.ints(length, 3, TinyCheckpoint.VOCAB).toArray();
      int maxTokens = (i % 6 == 0 ? 64 : 4) + random.nextInt(30);
      GenerationRequest request = new GenerationRequest(i, prompt, new int[] {0, 1, 2, 3}, params(i, maxTokens));
      out.add(i % 4 == 3 ? request.scoring(1 + i % 7) : request);
    }
    return out;
  }

  private static final AnswerFormat WORDS = AnswerFormat.regex("([a-m][n-z]{1,3}|[aeiou]{2}){2,40}");

  /**
   * Temperature 0.8 with each way of cutting in turn, all together, the most likely token, rules of tokens, a format.
   */
  static SamplingParams params(int turn, int maxTokens) {
    int kind = turn % 10;
    boolean all = kind == 5;
    SamplingParams params =
        new SamplingParams(
            kind == 6 ? 0 : 0.8,
            kind == 1 || all ? 0.9 : 1,
            kind == 2 || all ? 20 : 0,
            kind == 3 || all ? 0.05 : 0,
            kind == 4 || all ? 1.3 : 1,
            maxTokens, List.of(), turn % 3, true, 0);
    if (kind == 7 || all) {
      params = params.withPenalties(0.6, -0.3).withLogitBias(Map.of(5, 2.5, 9, -1.0, 17, Double.NEGATIVE_INFINITY));
    }
    if (kind == 9) {
      return params.withAnswer(WORDS);
    }
    return kind == 8 ? params.withEnds(List.of(11, 12, 13, 14), 6, turn % 2 == 0) : params;
  }

  private static SamplingParams limited(SamplingParams p, int maxTokens) {
    return p.withMaxTokens(Math.min(maxTokens, p.maxTokens()), p.logprobs());
  }

  private Map<String, String> run(EngineSetup setup, List<GenerationRequest> asked) throws Exception {
    EngineSetup.Result result = setup.with(cache).run(model, format, asked);
    preemptions += result.preemptions();
    hits += result.prefixHitTokens();
    guessed += result.guessesKept();
    return result.samples();
  }

  static List<GenerationRequest> single(List<GenerationRequest> requests) {
    List<GenerationRequest> out = new ArrayList<>();
    for (GenerationRequest r : requests) {
      for (int sample : r.sampleIndexes()) {
        out.add(
            new GenerationRequest(
                r.requestId(), r.promptTokens(), new int[] {sample}, r.params(), null, r.scoreFrom()));
      }
    }
    return out;
  }
}
