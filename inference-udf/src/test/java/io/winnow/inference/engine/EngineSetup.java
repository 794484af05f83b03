// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineStats;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.grammar.AnswerGrammars;
import io.winnow.inference.model.DecoderModel;
import io.winnow.inference.model.WeightPrecision;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * How an engine is set up, none of which may change a byte.
 *
 * @param kernels a name of {@link KernelsLadder#names}; null for the best
 * @param cache how keys and values are held
 * @param sessions callers that hand it requests beside each other
 * @param faults whether steps of several sequences fail now and then
 * @param prefixes whether pages are kept for contexts that begin alike, and few sequences guess ahead
 */
record EngineSetup(
    String kernels, int threads, int maxSequences, int maxRows, int pages, KvFormat cache, int sessions,
    boolean faults, boolean prefixes) {
  /**
   * What came of requests.
   *
   * @param samples by "request/sample": reason of the end, then each token with "given" or its log-probability's bits
   */
  record Result(Map<String, String> samples, long preemptions, long prefixHitTokens, long guessesKept) {}

  EngineSetup(int threads, int maxSequences, int maxRows, int pages, int sessions) {
    this(null, threads, maxSequences, maxRows, pages, KvFormat.F32, sessions, false, true);
  }

  EngineSetup(
      String kernels, int threads, int maxSequences, int maxRows, int pages, int sessions, boolean faults) {
    this(kernels, threads, maxSequences, maxRows, pages, KvFormat.F32, sessions, faults, true);
  }

  EngineSetup withFaults() {
    return new EngineSetup(kernels, threads, maxSequences, maxRows, pages, cache, sessions, true, prefixes);
  }

  EngineSetup with(KvFormat format) {
    return new EngineSetup(kernels, threads, maxSequences, maxRows, pages, format, sessions, faults, prefixes);
  }

  EngineSetup withoutPrefixes() {
    return new EngineSetup(kernels, threads, maxSequences, maxRows, pages, cache, sessions, faults, false);
  }

  /** An engine of its own for these requests, all handed over at once. */
  Result run(Path model, WeightPrecision format, List<GenerationRequest> asked) throws Exception {
    EngineCore core = open(model, format);
    try {
      return run(core, List.of(asked));
    } finally {
      core.close();
    }
  }

  /** Runs batch after batch on an engine that {@link #open} gave; each is handed over when the one before it is done. */
  Result run(EngineCore core, List<List<GenerationRequest>> batches) throws Exception {
    Map<String, String> out = new ConcurrentSkipListMap<>();
    EngineStats before = core.stats();
    for (List<GenerationRequest> batch : batches) {
      Callers.run(
          sessions,
          caller -> {
            try (EngineSession session = core.open()) {
              for (int i = caller; i < batch.size(); i += sessions) {
                session.submit(batch.get(i));
              }
              for (Completion c : EngineCoreTest.all(session)) {
                String line = line(c, given(batch, c));
                assertNull(out.put(c.requestId() + "/" + c.sampleIndex(), line), "delivered twice");
              }
            }
          });
    }
    assertEquals(pages, core.freePages());
    EngineStats after = core.stats();
    return new Result(
        new TreeMap<>(out), after.preemptions() - before.preemptions(),
        after.prefixHitTokens() - before.prefixHitTokens(),
        after.guesses().kept() - before.guesses().kept());
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
    if (c.promptLogprobs() != null) {
      // In the first word, because others go by the number of a token's word.
      line.append('/').append(PromptScoresTest.bits(c.promptLogprobs()));
    }
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

  EngineCore open(Path model, WeightPrecision format) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      Kernels opened = kernels == null ? KernelsLadder.open(threads) : KernelsLadder.open(kernels, threads);
      DecoderModel decoder =
          new DecoderModel(
              checkpoint, opened, format, maxRows, EngineCore.draws(maxSequences), checkpoint.config().contextLength());
      var config = decoder.config();
      KvCache held = new KvCache(cache, config.layers(), config.kvHeads(), config.headDim(), pages);
      EngineCore.Limits limits =
          new EngineCore.Limits(
              config.vocabSize(), config.contextLength(), Set.copyOf(config.eosTokenIds()), maxSequences, maxRows);
      StepRunner step = new DecoderStep(decoder, opened, held, EngineCore.draws(maxSequences));
      AnswerGrammars grammars =
          new AnswerGrammars(new LetterTokenizer(config.vocabSize()), config.vocabSize(), limits.eosTokens());
      EngineCore core =
          new EngineCore(limits, pages, prefixes, faults ? failing(step) : step, LetterText::new, grammars);
      return prefixes ? core.guessing(new PromptLookup(maxRows, new AlwaysGuess())) : core;
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
