// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.SampleArgs;
import java.util.Arrays;

/**
 * Draws tokens from logits with an arithmetic that no order of summation can change.
 *
 * <p>Each token's probability is proportional to the integer w = rint(exp((l − max) / T) · 2^30); the total, the
 * nucleus and the draw are sums of integers. Steps: penalties, biases and the mask on the logits; temperature; top-k
 * keeps the k largest logits (ties: the lower id); top-p keeps the shortest list by (w descending, id ascending) whose
 * share of what top-k left reaches top-p; min-p drops tokens whose w is below minP · 2^30. One 64-bit Philox number r,
 * scaled to [0, kept mass) by the high half of the product, is walked off along ascending ids.
 */
final class Sample {
  private static final float ONE = 0x1p30f;

  private static final class Scratch {
    float[] logits = new float[0];
    int[] weight = new int[0];
    long[] order = new long[0];

    void fit(int vocab) {
      if (logits.length < vocab) {
        logits = new float[vocab];
        weight = new int[vocab];
        order = new long[vocab];
      }
    }
  }

  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);
  private final ThreadTeam team;

  Sample(ThreadTeam team) {
    this.team = team;
  }

  void run(SampleArgs args) {
    team.run(args.rows(), row -> draw(args, row));
  }

  private void draw(SampleArgs args, int row) {
    int vocab = args.vocab();
    Scratch s = scratch.get();
    s.fit(vocab);
    float[] logits = s.logits;
    args.logits().read((long) row * vocab, logits, 0, vocab);
    if (!allFinite(logits, vocab)) {
      args.token()[row] = -1;
      return;
    }
    int best = largest(logits, vocab);
    float rawMax = logits[best];
    double logSum = args.wantLogprob()[row] ? logSum(logits, vocab, rawMax) : 0;
    float[] raw = null;
    int[] mask = args.maskOf(row);
    if (args.penalised(row) > 0 || args.biasCount()[row] > 0 || mask != null) {
      raw = args.wantLogprob()[row] ? Arrays.copyOf(logits, vocab) : null;
      boolean good = penalise(args, row, logits) && addBiases(args, row, logits);
      if (mask != null) {
        forbid(mask, logits, vocab);
      }
      best = largest(logits, vocab);
      if (!good || logits[best] == Float.NEGATIVE_INFINITY) {
        args.token()[row] = -1;
        return;
      }
    }
    int token = args.temperature()[row] == 0f ? best : drawn(args, row, s, best);
    args.token()[row] = token;
    if (args.wantLogprob()[row]) {
      float chosen = (raw == null ? logits : raw)[token];
      args.logprob()[row] = logprob(chosen, rawMax, logSum);
    }
  }

  static boolean allFinite(float[] logits, int vocab) {
    boolean finite = true;
    for (int i = 0; i < vocab; i++) {
      finite &= Math.abs(logits[i]) <= Float.MAX_VALUE;
    }
    return finite;
  }

  /** Index of the largest logit, ties to the lower. */
  static int largest(float[] logits, int vocab) {
    int best = 0;
    for (int i = 0; i < vocab; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  /** log Σ exp(l − max): integers again, so that the sum has no order. */
  static double logSum(float[] logits, int vocab, float max) {
    long total = 0;
    for (int i = 0; i < vocab; i++) {
      total += (long) Math.rint(Exp.exp(logits[i] - max) * (double) (1L << 40));
    }
    return logOfSum(total);
  }

  /** The natural-log probability of a logit, where the largest is {@code max}. */
  static float logprob(float logit, float max, double logSum) {
    return (float) ((double) logit - max - logSum);
  }

  /** log of a sum in units of 2^-40. */
  static double logOfSum(long total) {
    return StrictMath.log(total / (double) (1L << 40));
  }

  /** False where a result is not finite. */
  private static boolean penalise(SampleArgs args, int row, float[] logits) {
    float repetition = args.repetitionPenalty()[row];
    float frequency = args.frequencyPenalty()[row];
    float presence = args.presencePenalty()[row];
    boolean counts = args.counts(row);
    boolean good = true;
    for (int i = 0; i < args.penalised(row); i++) {
      int id = args.seen()[row][i];
      float l = logits[id];
      if (repetition != 1f) {
        l = l > 0 ? l / repetition : l * repetition;
      }
      if (counts && args.times()[row][i] > 0) {
        l = l - frequency * args.times()[row][i] - presence;
      }
      good &= Math.abs(l) <= Float.MAX_VALUE;
      logits[id] = l;
    }
    return good;
  }

  /** False where a result is neither finite nor −∞. */
  private static boolean addBiases(SampleArgs args, int row, float[] logits) {
    boolean good = true;
    for (int i = 0; i < args.biasCount()[row]; i++) {
      int id = args.biased()[row][i];
      logits[id] += args.bias()[row][i];
      good &= logits[id] <= Float.MAX_VALUE;
    }
    return good;
  }

  /** Takes the tokens out whose bits are not set. */
  private static void forbid(int[] mask, float[] logits, int vocab) {
    for (int i = 0; i < vocab; i++) {
      if ((mask[i >> 5] >>> i & 1) == 0) {
        logits[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private int drawn(SampleArgs args, int row, Scratch s, int best) {
    int vocab = args.vocab();
    float temperature = args.temperature()[row];
    float max = s.logits[best];
    int[] weight = s.weight;
    for (int i = 0; i < vocab; i++) {
      weight[i] = (int) Math.rint(Exp.exp((s.logits[i] - max) / temperature) * ONE);
    }
    int topK = args.topK()[row];
    if (topK > 0 && topK < vocab) {
      keepTopK(s, vocab, topK);
    }
    long total = 0;
    for (int i = 0; i < vocab; i++) {
      total += weight[i];
    }
    if (args.topP()[row] < 1) {
      total = keepTopP(s, vocab, args.topP()[row], total);
    }
    if (args.minP()[row] > 0) {
      int floor = (int) Math.ceil(args.minP()[row] * (double) ONE);
      for (int i = 0; i < vocab; i++) {
        if (weight[i] < floor) {
          total -= weight[i];
          weight[i] = 0;
        }
      }
    }
    long stream = args.stream()[row];
    long random = Philox.next64(
        args.seed()[row], args.position()[row], args.sample()[row], (int) stream, (int) (stream >>> 32));
    // The high half of the unsigned product random × total.
    long r = Math.multiplyHigh(random, total) + (random < 0 ? total : 0);
    for (int i = 0; i < vocab; i++) {
      r -= weight[i];
      if (r < 0) {
        return i;
      }
    }
    throw new IllegalStateException("the draw " + r + " lies beyond the mass " + total);
  }

  /** Zeroes the weight of all but the k largest logits, ties to the lower id. */
  private static void keepTopK(Scratch s, int vocab, int k) {
    for (int i = 0; i < vocab; i++) {
      // Ascending order of these is descending order of logits, then ascending id.
      int bits = Float.floatToIntBits(s.logits[i] + 0f);
      int ascending = bits ^ (bits >> 31 & 0x7FFFFFFF);
      s.order[i] = (long) ~ascending << 32 | i;
    }
    Arrays.sort(s.order, 0, vocab);
    for (int i = k; i < vocab; i++) {
      s.weight[(int) s.order[i]] = 0;
    }
  }

  /**
   * Zeroes all weights outside the nucleus and returns the mass inside. Of n tokens with total Z, one outside the top
   * has w·n < (1 − top_p)·Z only if all such together weigh less than (1 − top_p)·Z, so only the others need sorting.
   */
  private static long keepTopP(Scratch s, int vocab, double topP, long total) {
    int[] weight = s.weight;
    long target = (long) Math.ceil(topP * total);
    double floor = (total - target) / (double) vocab;
    int candidates = 0;
    for (int i = 0; i < vocab; i++) {
      if (weight[i] > 0 && weight[i] >= floor) {
        s.order[candidates++] = (long) (Integer.MAX_VALUE - weight[i]) << 32 | i;
      }
    }
    Arrays.sort(s.order, 0, candidates);
    long mass = 0;
    int kept = 0;
    while (kept < candidates && mass < target) {
      mass += weight[(int) s.order[kept++]];
    }
    long last = s.order[kept - 1];
    for (int i = 0; i < vocab; i++) {
      if (((long) (Integer.MAX_VALUE - weight[i]) << 32 | i) > last) {
        weight[i] = 0;
      }
    }
    return mass;
  }
}
