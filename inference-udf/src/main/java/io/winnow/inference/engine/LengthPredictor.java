// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.FinishReason;

/**
 * How many tokens a sample will probably have: as many as the finished samples of its prompt have on average, else as
 * those of prompts of about its length lately, else as many as it may. It only decides who goes first, so it may be
 * wrong. Depends on what has finished, in its order, and on nothing else.
 */
final class LengthPredictor {
  /** Fewer samples say nothing: those that finish first are the short ones. */
  private static final int LEAST_SEEN = 8;
  /** So many of the latest samples make most of an average. */
  private static final int LATEST = 64;

  /** By the number of binary digits of the prompt's length. */
  private final double[] mean = new double[Integer.SIZE];
  private final int[] seen = new int[Integer.SIZE];

  /** Takes in the length of a sample that has its end; one that failed, or that draws nothing, tells nothing. */
  void finished(Sequence s) {
    if (s.finish == FinishReason.ERROR || s.count == 0) {
      return;
    }
    s.request.finishedSamples++;
    s.request.finishedTokens += s.count;
    int group = group(s);
    seen[group] = Math.min(LATEST, seen[group] + 1);
    mean[group] += (s.count - mean[group]) / seen[group];
  }

  /** Tokens that the sample will probably have from now on, 1 or more. */
  long remaining(Sequence s) {
    double length = s.limit;
    if (s.request.finishedSamples > 0) {
      length = (double) s.request.finishedTokens / s.request.finishedSamples;
    } else if (seen[group(s)] >= LEAST_SEEN) {
      length = mean[group(s)];
    }
    long whole = Math.min(s.limit, (long) Math.ceil(length));
    // Whoever is longer than expected already may be the longest of all.
    return Math.max(1, whole > s.count ? whole - s.count : s.limit - s.count);
  }

  private static int group(Sequence s) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(s.request.prompt().length);
  }
}
