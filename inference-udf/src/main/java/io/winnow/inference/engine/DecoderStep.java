// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.SamplingParams;
import io.winnow.inference.model.DecoderModel;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.OpNanos;
import io.winnow.kernels.SampleArgs;
import io.winnow.kernels.ScoreArgs;

/** A step on the decoder: forward pass, then drawing. Owns model, cache and kernels. */
final class DecoderStep implements StepRunner {
  private final DecoderModel model;
  private final Kernels kernels;
  private final KvCache cache;
  private final float[] temperature;
  private final int[] topK;
  private final double[] topP;
  private final float[] minP;
  private final float[] penalty;
  private final float[] frequency;
  private final float[] presence;
  private final int[][] seen;
  private final int[][] times;
  private final int[] seenCount;
  private final int[][] biased;
  private final float[][] bias;
  private final int[] biasCount;
  private final int[][] mask;
  private final long[] seed;
  private final long[] stream;
  private final int[] sample;
  private final int[] position;
  private final boolean[] wantLogprob;

  DecoderStep(DecoderModel model, Kernels kernels, KvCache cache, int maxDraws) {
    this.model = model;
    this.kernels = kernels;
    this.cache = cache;
    temperature = new float[maxDraws];
    topK = new int[maxDraws];
    topP = new double[maxDraws];
    minP = new float[maxDraws];
    penalty = new float[maxDraws];
    frequency = new float[maxDraws];
    presence = new float[maxDraws];
    seen = new int[maxDraws][];
    times = new int[maxDraws][];
    seenCount = new int[maxDraws];
    biased = new int[maxDraws][];
    bias = new float[maxDraws][];
    biasCount = new int[maxDraws];
    mask = new int[maxDraws][];
    seed = new long[maxDraws];
    stream = new long[maxDraws];
    sample = new int[maxDraws];
    position = new int[maxDraws];
    wantLogprob = new boolean[maxDraws];
  }

  @Override
  public void run(StepBatch batch, int[] token, float[] logprob) {
    NativeBuffer logits = model.step(batch.tokens, batch.rowMap(), batch.logitRows, batch.draws, cache);
    for (int i = 0; i < batch.draws; i++) {
      Sequence s = batch.drawing[i];
      SamplingParams p = s.request.params();
      temperature[i] = (float) p.temperature();
      topK[i] = p.topK();
      topP[i] = p.topP();
      minP[i] = (float) p.minP();
      penalty[i] = (float) p.repetitionPenalty();
      frequency[i] = (float) p.frequencyPenalty();
      presence[i] = (float) p.presencePenalty();
      seen[i] = s.seen == null ? null : s.seen.ids;
      times[i] = s.seen == null ? null : s.seen.times;
      seenCount[i] = s.seen == null ? 0 : s.seen.count;
      biased[i] = s.request.rules().biased;
      bias[i] = s.request.rules().bias(s.count + batch.ahead[i]);
      biasCount[i] = s.forced() ? 0 : bias[i].length;
      mask[i] = s.mask();
      seed[i] = p.seed();
      stream[i] = s.request.promptStream;
      sample[i] = s.sampleIndex;
      position[i] = s.count + batch.ahead[i];
      wantLogprob[i] = p.logprobs();
    }
    kernels.sample(
        new SampleArgs(
            logits, batch.draws, model.config().vocabSize(), temperature, topK, topP, minP, penalty, frequency,
            presence, seen, times, seenCount, biased, bias, biasCount, mask, seed, stream, sample, position,
            wantLogprob, token, logprob));
    score(batch);
  }

  /** Scores rows in blocks: the logits of all of a step's rows at once would be the largest buffer of the engine. */
  private void score(StepBatch batch) {
    int count;
    for (int first = 0; first < batch.scores; first += count) {
      count = Math.min(model.maxLogitRows(), batch.scores - first);
      NativeBuffer logits = model.logits(batch.scoreRows, first, count);
      kernels.score(
          new ScoreArgs(logits, count, model.config().vocabSize(), batch.scoreTokens, batch.scored, first));
    }
  }

  @Override
  public OpNanos opNanos() {
    return kernels.opNanos();
  }

  @Override
  public void copyPage(int from, int to) {
    cache.copyPage(from, to);
  }

  @Override
  public void close() {
    try {
      cache.close();
    } finally {
      try {
        model.close();
      } finally {
        kernels.close();
      }
    }
  }
}
