// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.TinyCheckpoint;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.inference.model.WeightPrecision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
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
  private static final int PLENTY = 400;

  /** How an engine is set up, none of which may change a byte. */
  private record Setup(int threads, int maxSequences, int maxRows, int pages, int sessions, boolean faults) {
    static final Setup WIDE = new Setup(1, 32, 300, PLENTY, 1);

    Setup(int threads, int maxSequences, int maxRows, int pages, int sessions) {
      this(threads, maxSequences, maxRows, pages, sessions, false);
    }
  }

  @TempDir Path folder;
  private Path model;
  private WeightPrecision format;
  private List<GenerationRequest> requests;
  private Map<String, String> alone;
  private long preemptions;

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
    same("widened", run(Setup.WIDE, requests));
  }

  private void check(String type, String dtype, WeightPrecision weights) throws Exception {
    long seed = Script.seed("SameBytesTest " + type);
    model = TinyCheckpoint.write(folder, type, dtype, seed);
    format = weights;
    Random random = new Random(seed);
    requests = requests(random);
    alone = run(new Setup(1, 1, 300, 8, 1), single(requests));
    assertTrue(alone.values().stream().distinct().count() > alone.size() * 0.8, "samples hardly differ");
    same("in one batch", run(Setup.WIDE, requests));
    same("two threads, fewer rows", run(new Setup(2, 20, 33, PLENTY, 1), requests));
    List<GenerationRequest> shuffled = new ArrayList<>(requests);
    Collections.shuffle(shuffled, random);
    same("shuffled, five threads", run(new Setup(5, 32, 300, PLENTY, 1), shuffled));
    same("from three sessions, two threads", run(new Setup(2, 13, 57, PLENTY, 3), shuffled));
    preemptions = 0;
    same("in the smallest cache", run(new Setup(1, 16, 100, 8, 1), requests));
    assertTrue(preemptions > 0, "nothing was preempted");
    same("in a small cache, two threads", run(new Setup(2, 24, 24, 14, 2), shuffled));
    same("with steps that fail", run(new Setup(2, 16, 100, 20, 2, true), shuffled));
    moreSamplesContainFewer();
    fewerTokensAreAPrefix();
    goingOnFromAnyCut(new Setup(2, 24, 120, PLENTY, 2), random);
    goingOnFromAnyCut(new Setup(1, 16, 100, 8, 1), random);
  }

  private void moreSamplesContainFewer() throws Exception {
    List<GenerationRequest> more = new ArrayList<>();
    for (GenerationRequest r : requests) {
      more.add(new GenerationRequest(r.requestId(), r.promptTokens(), new int[] {7, 6, 5, 4, 3, 2, 1, 0}, r.params()));
    }
    Map<String, String> got = run(Setup.WIDE, more);
    assertEquals(2 * alone.size(), got.size());
    got.keySet().retainAll(alone.keySet());
    same("among eight samples", got);
  }

  private void fewerTokensAreAPrefix() throws Exception {
    List<GenerationRequest> shorter = new ArrayList<>();
    for (GenerationRequest r : requests) {
      shorter.add(new GenerationRequest(r.requestId(), r.promptTokens(), r.sampleIndexes(), limited(r.params(), 5)));
    }
    run(Setup.WIDE, shorter)
        .forEach(
            (sample, text) -> {
              assertTrue(tokens(alone.get(sample)).startsWith(tokens(text)),
                  () -> sample + ": " + text + " is no start of " + alone.get(sample));
            });
  }

  /** Each sample goes on from a part of its tokens: new tokens and their log-probabilities are those of one go. */
  private void goingOnFromAnyCut(Setup setup, Random random) throws Exception {
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
      cut.add(new GenerationRequest(r.requestId(), r.promptTokens(), r.sampleIndexes(), r.params(), generated));
    }
    assertEquals(expected, run(setup, cut));
  }

  private static String tokens(String line) {
    return line.substring(line.indexOf(' ')) + " ";
  }

  private void same(String how, Map<String, String> got) {
    assertEquals(alone.keySet(), got.keySet(), how);
    alone.forEach((sample, expected) -> assertEquals(expected, got.get(sample), how + ": sample " + sample));
  }

  private static List<GenerationRequest> requests(Random random) {
    List<GenerationRequest> out = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      // Some beyond 256 positions, where attention has a second chunk; some prompts occur twice.
      int length = i % 20 == 7 ? 250 + random.nextInt(50) : LENGTHS[i % LENGTHS.length];
      int[] prompt =
          i % 9 == 8 ? out.get(i - 5).promptTokens() : random.ints(length, 3, TinyCheckpoint.VOCAB).toArray();
      int maxTokens = (i % 6 == 0 ? 64 : 4) + random.nextInt(30);
      out.add(new GenerationRequest(i, prompt, new int[] {0, 1, 2, 3}, params(i, maxTokens)));
    }
    return out;
  }

  /** Temperature 0.8 with each way of cutting in turn, all together, and the most likely token. */
  private static SamplingParams params(int turn, int maxTokens) {
    int kind = turn % 7;
    boolean all = kind == 5;
    return new SamplingParams(
        kind == 6 ? 0 : 0.8,
        kind == 1 || all ? 0.9 : 1,
        kind == 2 || all ? 20 : 0,
        kind == 3 || all ? 0.05 : 0,
        kind == 4 || all ? 1.3 : 1,
        maxTokens, List.of(), turn % 3, true, 0);
  }

  private static SamplingParams limited(SamplingParams p, int maxTokens) {
    return new SamplingParams(
        p.temperature(), p.topP(), p.topK(), p.minP(), p.repetitionPenalty(), Math.min(maxTokens, p.maxTokens()),
        p.stop(), p.seed(), p.logprobs(), p.thinkingBudget());
  }

  private static List<GenerationRequest> single(List<GenerationRequest> requests) {
    List<GenerationRequest> out = new ArrayList<>();
    for (GenerationRequest r : requests) {
      for (int sample : r.sampleIndexes()) {
        out.add(new GenerationRequest(r.requestId(), r.promptTokens(), new int[] {sample}, r.params()));
      }
    }
    return out;
  }

  /** All samples as text by "request/sample": reason, then each token with "given" or its log-probability's bits. */
  private Map<String, String> run(Setup setup, List<GenerationRequest> asked) throws Exception {
    EngineCore core = open(setup);
    Map<String, String> out = new ConcurrentSkipListMap<>();
    try {
      Callers.run(
          setup.sessions,
          caller -> {
            try (EngineSession session = core.open()) {
              for (int i = caller; i < asked.size(); i += setup.sessions) {
                session.submit(asked.get(i));
              }
              for (Completion c : EngineCoreTest.all(session)) {
                String line = line(c, given(asked, c));
                assertNull(out.put(c.requestId() + "/" + c.sampleIndex(), line), "delivered twice");
              }
            }
          });
      assertEquals(setup.pages, core.freePages());
      preemptions += core.stats().preemptions();
    } finally {
      core.close();
    }
    return new TreeMap<>(out);
  }

  private static int given(List<GenerationRequest> asked, Completion c) {
    for (GenerationRequest r : asked) {
      if (r.requestId() == c.requestId() && r.generated() != null) {
        return r.generated()[c.sampleIndex()].length;
      }
    }
    return 0;
  }

  private static String line(Completion c, int given) {
    assertFalse(c.finishReason() == FinishReason.ERROR, c.errorMessage());
    assertEquals(c.tokenIds().length, c.logprobs().length);
    StringBuilder line = new StringBuilder(c.finishReason().label());
    for (int i = 0; i < c.tokenIds().length; i++) {
      line.append(' ').append(c.tokenIds()[i]).append(':');
      if (i < given) {
        assertTrue(Float.isNaN(c.logprobs()[i]), "log-probability " + c.logprobs()[i] + " of a given token");
        line.append("given");
      } else {
        assertTrue(c.logprobs()[i] <= 0, "log-probability " + c.logprobs()[i]);
        line.append(Integer.toHexString(Float.floatToRawIntBits(c.logprobs()[i])));
      }
    }
    return line.toString();
  }

  private EngineCore open(Setup setup) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      Kernels kernels = KernelsLadder.open(setup.threads);
      DecoderModel decoder =
          new DecoderModel(
              checkpoint, kernels, format, setup.maxRows, setup.maxSequences, checkpoint.config().contextLength());
      var config = decoder.config();
      KvCache cache = new KvCache(config.layers(), config.kvHeads(), config.headDim(), setup.pages);
      EngineCore.Limits limits =
          new EngineCore.Limits(
              config.vocabSize(), config.contextLength(), Set.copyOf(config.eosTokenIds()), setup.maxSequences,
              setup.maxRows);
      StepRunner step = new DecoderStep(decoder, kernels, cache, setup.maxSequences);
      return new EngineCore(limits, setup.pages, setup.faults ? failing(step) : step, LetterText::new);
    }
  }

  /** Now and then a step of several sequences throws when all is computed, as a fault of the last operation would. */
  private static StepRunner failing(StepRunner sound) {
    return new StepRunner() {
      private int steps;

      @Override
      public void run(StepBatch batch, int[] token, float[] logprob) {
        sound.run(batch, token, logprob);
        if (++steps % 50 == 0 && batch.draws > 1) {
          throw new IllegalStateException("scripted");
        }
      }

      @Override
      public void copyPage(int from, int to) {
        sound.copyPage(from, to);
      }

      @Override
      public void close() {
        sound.close();
      }
    };
  }
}
