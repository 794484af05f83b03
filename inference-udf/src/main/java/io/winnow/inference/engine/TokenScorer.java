// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.model.DecoderModel;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.ScoreArgs;
import java.util.Arrays;

/**
 * Says how likely a model finds tokens that it did not draw. Loads the model for itself, beside any engine, and works
 * on one context at a time: for the few places at which two traces differ. One caller at a time.
 */
public final class TokenScorer implements AutoCloseable {
  private static final int MAX_ROWS = 256;

  private final Kernels kernels;
  private final int maxContext;
  private DecoderModel model;
  private KvCache cache;

  private TokenScorer(Kernels kernels, int maxContext) {
    this.kernels = kernels;
    this.maxContext = maxContext;
  }

  /**
   * Loads the model.
   *
   * @param maxContext tokens of a context at most; no more than the model's own limit
   * @throws io.winnow.inference.InferenceException when the model cannot be opened
   */
  public static TokenScorer load(EngineSpec spec, int maxContext) {
    int threads = spec.threads() > 0 ? spec.threads() : Runtime.getRuntime().availableProcessors();
    try (Checkpoint checkpoint = EmbeddedRuntime.open(spec)) {
      TokenScorer scorer = new TokenScorer(KernelsLadder.open(threads), maxContext);
      try {
        ModelConfig config = checkpoint.config();
        scorer.model =
            new DecoderModel(
                checkpoint, scorer.kernels, EmbeddedRuntime.precision(spec, checkpoint), MAX_ROWS, 1, maxContext);
        scorer.cache = EmbeddedRuntime.cache(spec, config, Scheduler.pagesFor(maxContext));
        return scorer;
      } catch (RuntimeException | Error e) {
        scorer.close();
        throw e;
      }
    }
  }

  /**
   * The natural-log probability of a token behind a context, under the raw logits, to the bit what the engine gives
   * for a token that it draws; NaN where a logit is not finite.
   *
   * @param context token ids, at least one
   * @throws IllegalArgumentException for an id that the model does not know, or a context that is too long
   */
  public float logprob(int[] context, int token) {
    int vocab = model.config().vocabSize();
    if (context.length == 0 || context.length > maxContext
        || token < 0 || token >= vocab || Arrays.stream(context).anyMatch(id -> id < 0 || id >= vocab)) {
      throw new IllegalArgumentException(
          "cannot score the token " + token + " behind " + context.length + " tokens: unknown ids, or too many");
    }
    NativeBuffer logits = lastLogits(context);
    float[] logprob = new float[1];
    kernels.score(new ScoreArgs(logits, 1, vocab, new int[] {token}, logprob, 0));
    return logprob[0];
  }

  private NativeBuffer lastLogits(int[] context) {
    int[] pages = new int[cache.pages()];
    Arrays.setAll(pages, i -> i);
    NativeBuffer logits = null;
    for (int from = 0; from < context.length; from += MAX_ROWS) {
      int count = Math.min(MAX_ROWS, context.length - from);
      int[] positions = new int[count];
      int[][] tables = new int[count][];
      for (int i = 0; i < count; i++) {
        positions[i] = from + i;
        tables[i] = pages;
      }
      int[] chunk = Arrays.copyOfRange(context, from, from + count);
      boolean last = from + count == context.length;
      logits = model.step(chunk, new RowMap(count, positions, tables), new int[] {count - 1}, last ? 1 : 0, cache);
    }
    return logits;
  }

  @Override
  public void close() {
    if (cache != null) {
      cache.close();
    }
    if (model != null) {
      model.close();
    }
    kernels.close();
  }
}
