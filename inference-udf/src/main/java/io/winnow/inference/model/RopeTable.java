// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.kernels.NativeBuffer;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Cosines and sines of the rotary embedding, [positions][headDim/2]. Frequencies and angles are float32 as in Hugging
 * Face's models (angle = position · frequency, rounded once), cosine and sine of them by StrictMath, so that every
 * machine has the same bits.
 */
final class RopeTable implements AutoCloseable {
  private static final int BLOCK = 256;

  final NativeBuffer cos;
  final NativeBuffer sin;

  RopeTable(ModelConfig config, int positions) {
    int half = config.headDim() / 2;
    float[] frequency = frequencies(config);
    cos = NativeBuffer.ofElements((long) positions * half);
    NativeBuffer sines = null;
    try {
      sines = NativeBuffer.ofElements((long) positions * half);
      fill(frequency, positions, cos, sines);
    } catch (RuntimeException | Error e) {
      cos.close();
      if (sines != null) {
        sines.close();
      }
      throw e;
    }
    sin = sines;
  }

  private static void fill(float[] frequency, int positions, NativeBuffer cos, NativeBuffer sin) {
    // Long contexts have millions of angles; each is computed for itself. The pool's threads run where this one may, and
    // end: the common pool's would be those of whoever came first, and stay bound to a node where this thread is.
    ForkJoinPool pool = new ForkJoinPool();
    try {
      pool.submit(
          () -> IntStream.range(0, (positions + BLOCK - 1) / BLOCK).parallel()
              .forEach(
                  block -> fill(frequency, block * BLOCK, Math.min(positions, (block + 1) * BLOCK), cos, sin)))
          .join();
    } finally {
      // Where one thread fails others may still write.
      pool.shutdownNow();
      awaitEnd(pool);
    }
  }

  private static void awaitEnd(ForkJoinPool pool) {
    boolean interrupted = false;
    while (!pool.isTerminated()) {
      try {
        pool.awaitTermination(1, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void fill(float[] frequency, int from, int to, NativeBuffer cos, NativeBuffer sin) {
    int half = frequency.length;
    float[] c = new float[half];
    float[] s = new float[half];
    for (int p = from; p < to; p++) {
      for (int i = 0; i < half; i++) {
        float angle = p * frequency[i];
        c[i] = (float) StrictMath.cos(angle);
        s[i] = (float) StrictMath.sin(angle);
      }
      cos.write((long) p * half, c, 0, half);
      sin.write((long) p * half, s, 0, half);
    }
  }

  /** Inverse frequencies [headDim/2], scaled as the model asks. */
  static float[] frequencies(ModelConfig config) {
    ModelConfig.Rope rope = config.rope();
    int half = config.headDim() / 2;
    float[] out = new float[half];
    for (int i = 0; i < half; i++) {
      double plain = (float) (1.0 / StrictMath.pow(rope.theta(), 2.0 * i / config.headDim()));
      double scaled =
          switch (rope.type()) {
            case "linear" -> plain / rope.factor();
            case "llama3" -> llama3(plain, rope);
            default -> plain;
          };
      out[i] = (float) (rope.freqDivisors() == null ? scaled : scaled / rope.freqDivisors()[i]);
    }
    return out;
  }

  /** Llama 3.1's scaling: long waves are stretched by the factor, short ones kept, those between blended. */
  private static double llama3(double frequency, ModelConfig.Rope rope) {
    double wave = 2 * Math.PI / frequency;
    double original = rope.originalContextLength();
    if (wave > original / rope.lowFreqFactor()) {
      return frequency / rope.factor();
    }
    if (wave < original / rope.highFreqFactor()) {
      return frequency;
    }
    double smooth = (original / wave - rope.lowFreqFactor()) / (rope.highFreqFactor() - rope.lowFreqFactor());
    return (1 - smooth) * frequency / rope.factor() + smooth * frequency;
  }

  @Override
  public void close() {
    cos.close();
    sin.close();
  }
}
