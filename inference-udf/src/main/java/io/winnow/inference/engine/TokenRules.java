// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.SamplingParams;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What single tokens mean for a request: which end its sequences, and what is added to their logits. Made once for a
 * request, so that a draw only points at it.
 */
final class TokenRules {
  private static final int[] NO_IDS = {};
  private static final float[] NO_BIASES = {};

  /** Tokens with a bias, and behind them those that only a sequence which must not end yet has a bias for. */
  final int[] biased;
  private final float[] early;
  private final float[] later;
  private final int minTokens;
  private final Set<Integer> ends;

  private TokenRules(int[] biased, float[] early, float[] later, int minTokens, Set<Integer> ends) {
    this.biased = biased;
    this.early = early;
    this.later = later;
    this.minTokens = minTokens;
    this.ends = ends;
  }

  /**
   * The rules of a request.
   *
   * @param eosTokens the model's end-of-sequence tokens; those that it has no logit for can never be drawn
   */
  static TokenRules of(SamplingParams params, Set<Integer> eosTokens, int vocabSize) {
    Set<Integer> ends = eosTokens;
    if (params.ignoreEos() || !params.stopTokenIds().isEmpty()) {
      ends = new HashSet<>(params.ignoreEos() ? Set.of() : eosTokens);
      ends.addAll(params.stopTokenIds());
    }
    Map<Integer, Float> biases = new HashMap<>();
    params.logitBias().forEach((id, bias) -> biases.put(id, bias.floatValue()));
    // As in vLLM the end of sequence waits for min_tokens even where it would be ignored.
    Set<Integer> masked = new TreeSet<>();
    if (params.minTokens() > 0) {
      masked.addAll(eosTokens);
      masked.addAll(params.stopTokenIds());
      masked.removeIf(id -> id < 0 || id >= vocabSize);
    }
    if (biases.isEmpty() && masked.isEmpty()) {
      return new TokenRules(NO_IDS, NO_BIASES, NO_BIASES, params.minTokens(), ends);
    }
    Set<Integer> all = new TreeSet<>(masked);
    all.removeAll(biases.keySet());
    int[] biased = new int[biases.size() + all.size()];
    float[] early = new float[biased.length];
    float[] later = new float[biases.size()];
    int n = 0;
    for (int id : new TreeSet<>(biases.keySet())) {
      biased[n] = id;
      later[n] = biases.get(id);
      early[n++] = masked.contains(id) ? Float.NEGATIVE_INFINITY : biases.get(id);
    }
    Arrays.fill(early, n, early.length, Float.NEGATIVE_INFINITY);
    for (int id : all) {
      biased[n++] = id;
    }
    return new TokenRules(biased, early, later, params.minTokens(), ends);
  }

  /** What is added to the logits of the first of {@link #biased} when the token at a place of a trace is drawn. */
  float[] bias(int place) {
    return place < minTokens ? early : later;
  }

  /** Whether a trace that has so many tokens with the last one may end with it. */
  boolean mayEnd(int count) {
    return count > minTokens;
  }

  /** Whether a trace ends with the token, which makes it so long. */
  boolean ends(int token, int count) {
    return count > minTokens && ends.contains(token);
  }

  /** Whether anything is added to logits at all. */
  boolean biases() {
    return biased.length > 0;
  }
}
