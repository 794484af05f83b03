// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The sampling rules of kernels/NUMERICS.md a second time: everything sorted, lists and big integers. */
final class PlainSampler {
  /** What was drawn: token −1 for a row that is refused, log-probability as float32. */
  record Drawn(int token, float logprob) {}

  private PlainSampler() {}

  static Drawn draw(Draws d, int row) {
    float[] raw = d.logits[row];
    float[] logits = raw.clone();
    if (!finite(raw)) {
      return new Drawn(-1, Float.NaN);
    }
    for (int i = 0; i < d.seenCount[row]; i++) {
      int id = d.seen[row][i];
      if (d.penalty[row] != 1f) {
        logits[id] = logits[id] > 0f ? logits[id] / d.penalty[row] : logits[id] * d.penalty[row];
      }
      if ((d.frequency[row] != 0f || d.presence[row] != 0f) && d.times[row][i] > 0) {
        float often = d.frequency[row] * (float) d.times[row][i];
        float less = logits[id] - often;
        logits[id] = less - d.presence[row];
      }
    }
    if (!finite(logits)) {
      return new Drawn(-1, Float.NaN);
    }
    for (int i = 0; i < d.biasCount[row]; i++) {
      int id = d.biased[row][i];
      logits[id] = logits[id] + d.bias[row][i];
      if (Float.isNaN(logits[id]) || logits[id] == Float.POSITIVE_INFINITY) {
        return new Drawn(-1, Float.NaN);
      }
    }
    for (int id = 0; id < logits.length && d.mask[row] != null; id++) {
      boolean allowed = (d.mask[row][id / 32] & 1 << id % 32) != 0;
      logits[id] = allowed ? logits[id] : Float.NEGATIVE_INFINITY;
    }
    if (logits[best(logits)] == Float.NEGATIVE_INFINITY) {
      return new Drawn(-1, Float.NaN);
    }
    int token = d.temperature[row] == 0f ? best(logits) : drawn(d, row, logits);
    return new Drawn(token, logprob(raw, token));
  }

  private static boolean finite(float[] logits) {
    for (float l : logits) {
      if (!Float.isFinite(l)) {
        return false;
      }
    }
    return true;
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int id = 1; id < logits.length; id++) {
      best = logits[id] > logits[best] ? id : best;
    }
    return best;
  }

  /** log p under the raw logits: Σ exp in units of 2^-40. */
  static float logprob(float[] raw, int token) {
    float max = raw[best(raw)];
    BigInteger sum = BigInteger.ZERO;
    for (float l : raw) {
      sum = sum.add(BigInteger.valueOf((long) Math.rint((double) PlainKernels.exp(l - max) * 0x1p40)));
    }
    double below = (double) raw[token] - (double) max;
    return (float) (below - StrictMath.log(sum.doubleValue() / 0x1p40));
  }

  static int[] weights(float[] logits, float temperature) {
    float max = logits[best(logits)];
    int[] weight = new int[logits.length];
    for (int id = 0; id < weight.length; id++) {
      float below = logits[id] - max;
      double w = Math.rint((double) PlainKernels.exp(below / temperature) * 0x1p30);
      weight[id] = Double.isNaN(w) ? 0 : (int) w;
    }
    return weight;
  }

  /** Ids that survive all cuts, ascending. */
  static List<Integer> kept(Draws d, int row, float[] logits, int[] weight) {
    List<Integer> ids = new ArrayList<>();
    for (int id = 0; id < logits.length; id++) {
      ids.add(id);
    }
    if (d.topK[row] > 0 && d.topK[row] < ids.size()) {
      ids.sort((a, b) -> logits[a] > logits[b] ? -1 : logits[a] < logits[b] ? 1 : a - b);
      ids = new ArrayList<>(ids.subList(0, d.topK[row]));
    }
    if (d.topP[row] < 1) {
      ids.sort(Comparator.<Integer>comparingInt(id -> -weight[id]).thenComparingInt(id -> id));
      long target = (long) Math.ceil(d.topP[row] * (double) mass(ids, weight));
      int count = 0;
      long mass = 0;
      while (mass < target) {
        mass += weight[ids.get(count++)];
      }
      ids = new ArrayList<>(ids.subList(0, count));
    }
    double floor = Math.ceil((double) d.minP[row] * 0x1p30);
    ids.removeIf(id -> weight[id] < floor);
    ids.sort(null);
    return ids;
  }

  private static long mass(List<Integer> ids, int[] weight) {
    return ids.stream().mapToLong(id -> weight[id]).sum();
  }

  private static int drawn(Draws d, int row, float[] logits) {
    int[] weight = weights(logits, d.temperature[row]);
    List<Integer> ids = kept(d, row, logits, weight);
    long[] key = {d.seed[row] & 0xFFFFFFFFL, d.seed[row] >>> 32};
    long[] counter = {
      d.position[row] & 0xFFFFFFFFL, d.sample[row] & 0xFFFFFFFFL, d.stream[row] & 0xFFFFFFFFL, d.stream[row] >>> 32
    };
    long[] random = philox(counter, key);
    BigInteger word = BigInteger.valueOf(random[1]).shiftLeft(32).add(BigInteger.valueOf(random[0]));
    BigInteger point = word.multiply(BigInteger.valueOf(mass(ids, weight))).shiftRight(64);
    long passed = 0;
    for (int id : ids) {
      passed += weight[id];
      if (point.longValueExact() < passed) {
        return id;
      }
    }
    throw new AssertionError("beyond the mass");
  }

  /** Philox4x32-10 on words held in longs. */
  static long[] philox(long[] counter, long[] key) {
    long[] c = counter.clone();
    long word = 0xFFFFFFFFL;
    for (int round = 0; round < 10; round++) {
      long k0 = key[0] + round * 0x9E3779B9L & word;
      long k1 = key[1] + round * 0xBB67AE85L & word;
      BigInteger p0 = BigInteger.valueOf(0xD2511F53L).multiply(BigInteger.valueOf(c[0]));
      BigInteger p1 = BigInteger.valueOf(0xCD9E8D57L).multiply(BigInteger.valueOf(c[2]));
      c = new long[] {
        p1.shiftRight(32).longValueExact() ^ c[1] ^ k0,
        p1.longValue() & word,
        p0.shiftRight(32).longValueExact() ^ c[3] ^ k1,
        p0.longValue() & word
      };
    }
    return c;
  }
}
