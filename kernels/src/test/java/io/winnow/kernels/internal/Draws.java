// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.SampleArgs;
import java.util.Arrays;
import java.util.Random;

/** Arguments of {@link Kernels#sample} for some rows; at first temperature 1, nothing cut, log-probabilities wanted. */
final class Draws {
  final int rows;
  final int vocab;
  final float[][] logits;
  final float[] temperature;
  final int[] topK;
  final double[] topP;
  final float[] minP;
  final float[] penalty;
  final float[] frequency;
  final float[] presence;
  final int[][] seen;
  final int[][] times;
  final int[] seenCount;
  final int[][] biased;
  final float[][] bias;
  final int[] biasCount;
  final int[][] mask;
  final long[] seed;
  final long[] stream;
  final int[] sample;
  final int[] position;
  final boolean[] wantLogprob;
  final int[] token;
  final float[] logprob;

  Draws(float[]... logits) {
    this.logits = logits;
    rows = logits.length;
    vocab = logits[0].length;
    temperature = new float[rows];
    Arrays.fill(temperature, 1f);
    topK = new int[rows];
    topP = new double[rows];
    Arrays.fill(topP, 1.0);
    minP = new float[rows];
    penalty = new float[rows];
    Arrays.fill(penalty, 1f);
    frequency = new float[rows];
    presence = new float[rows];
    seen = new int[rows][];
    times = new int[rows][];
    seenCount = new int[rows];
    biased = new int[rows][];
    bias = new float[rows][];
    biasCount = new int[rows];
    mask = new int[rows][];
    seed = new long[rows];
    stream = new long[rows];
    sample = new int[rows];
    position = new int[rows];
    wantLogprob = new boolean[rows];
    Arrays.fill(wantLogprob, true);
    token = new int[rows];
    logprob = new float[rows];
  }

  /** The same logits in every row; position tells the rows apart. */
  static Draws repeated(float[] logits, int rows) {
    float[][] lines = new float[rows][];
    Arrays.fill(lines, logits);
    Draws draws = new Draws(lines);
    Arrays.setAll(draws.position, i -> i);
    return draws;
  }

  /** Random settings for one row, each cut used in about half of all rows. */
  void randomise(int row, Random random) {
    float[] temperatures = {0f, 1e-3f, 0.1f, 0.6f, 1f, 1f, 2f, 100f, Float.MIN_VALUE, Float.POSITIVE_INFINITY};
    double[] topPs = {1, 1, 0.95, 0.9, 0.5, 0.05, 1e-9, Double.MIN_VALUE, Math.nextDown(1.0)};
    float[] minPs = {0f, 0f, 0.05f, 0.5f, 1f, 1e-9f, Float.MIN_VALUE};
    float[] penalties = {1f, 1f, 1.1f, 2f, 0.5f};
    temperature[row] = temperatures[random.nextInt(temperatures.length)];
    topK[row] = random.nextBoolean() ? 0 : 1 + random.nextInt(random.nextBoolean() ? 5 : vocab + 2);
    topP[row] = topPs[random.nextInt(topPs.length)];
    minP[row] = minPs[random.nextInt(minPs.length)];
    penalty[row] = penalties[random.nextInt(penalties.length)];
    int distinct = random.nextInt(Math.min(vocab, 30) + 1);
    int[] ids = random.ints(0, vocab).distinct().limit(distinct).toArray();
    seen[row] = Arrays.copyOf(ids, distinct + 2);
    seenCount[row] = distinct;
    times[row] = random.ints(distinct + 2, 0, 4).toArray();
    float[] perToken = {0f, 0f, 0f, 0.5f, -2f, 1.1f};
    frequency[row] = perToken[random.nextInt(perToken.length)];
    presence[row] = perToken[random.nextInt(perToken.length)];
    int some = random.nextInt(3) > 0 ? 0 : random.nextInt(Math.min(vocab, 40) + 1);
    int[] chosen = random.ints(0, vocab).distinct().limit(some).toArray();
    biased[row] = Arrays.copyOf(chosen, some + 1);
    bias[row] = new float[some + 1];
    biasCount[row] = some;
    float[] biases = {Float.NEGATIVE_INFINITY, 1.7f, -100f, 100f, -0.3f, 1e-7f};
    for (int i = 0; i < some; i++) {
      bias[row][i] = biases[random.nextInt(biases.length)];
    }
    if (random.nextInt(3) == 0) {
      mask[row] = mask(random, vocab);
    }
    seed[row] = random.nextLong();
    stream[row] = random.nextLong();
    sample[row] = random.nextInt();
    position[row] = random.nextInt();
    wantLogprob[row] = random.nextInt(4) > 0;
  }

  /** About half of the tokens, some or all but some; bits beyond the vocabulary mean nothing. */
  static int[] mask(Random random, int vocab) {
    int[] words = random.ints((vocab + 31) / 32 + 1).toArray();
    int kind = random.nextInt(3);
    if (kind > 0) {
      Arrays.fill(words, kind - 2);
      for (int i = 1 + random.nextInt(4); i > 0; i--) {
        int id = random.nextInt(vocab);
        words[id / 32] ^= 1 << id % 32;
      }
    }
    return words;
  }

  /** Row {@code from} of other arguments as row {@code to} of these. */
  void take(Draws other, int from, int to) {
    logits[to] = other.logits[from];
    temperature[to] = other.temperature[from];
    topK[to] = other.topK[from];
    topP[to] = other.topP[from];
    minP[to] = other.minP[from];
    penalty[to] = other.penalty[from];
    frequency[to] = other.frequency[from];
    presence[to] = other.presence[from];
    seen[to] = other.seen[from];
    times[to] = other.times[from];
    seenCount[to] = other.seenCount[from];
    biased[to] = other.biased[from];
    bias[to] = other.bias[from];
    biasCount[to] = other.biasCount[from];
    mask[to] = other.mask[from];
    seed[to] = other.seed[from];
    stream[to] = other.stream[from];
    sample[to] = other.sample[from];
    position[to] = other.position[from];
    wantLogprob[to] = other.wantLogprob[from];
  }

  /** Draws; results are in {@link #token} and {@link #logprob}. */
  int[] run(Kernels kernels) {
    Arrays.fill(token, -2);
    Arrays.fill(logprob, Float.NaN);
    try (NativeBuffer buffer = NativeBuffer.ofElements((long) rows * vocab)) {
      for (int r = 0; r < rows; r++) {
        buffer.write((long) r * vocab, logits[r], 0, vocab);
      }
      kernels.sample(args(buffer, rows, vocab));
    }
    return token.clone();
  }

  /** The arguments, with logits and sizes that may be wrong. */
  SampleArgs args(NativeBuffer logits, int rows, int vocab) {
    return new SampleArgs(logits, rows, vocab, temperature, topK, topP, minP, penalty, frequency, presence, seen, times,
        seenCount, biased, bias, biasCount, mask, seed, stream, sample, position, wantLogprob, token, logprob);
  }

  String describe(int row) {
    return String.format(
        "row %d of %d, vocab %d, temperature %s, top-k %d, top-p %s, min-p %s, penalty %s, frequency %s, presence %s"
            + " over %d tokens, %d biases, %s",
        row, rows, vocab, temperature[row], topK[row], topP[row], minP[row], penalty[row], frequency[row],
        presence[row], seenCount[row], biasCount[row], mask[row] == null ? "no mask" : "a mask");
  }
}
