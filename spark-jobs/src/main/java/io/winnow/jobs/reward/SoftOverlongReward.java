// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * Punishes length in tokens (DAPO, equation 13): nothing up to M − C, then falling in a line to −1 at M, and −1 beyond,
 * where M is {@code max_completion_len} and C {@code soft_punish_cache}.
 */
final class SoftOverlongReward extends RowReward {
  static final String NAME = "soft_overlong_punishment";

  private final long most;
  private final long cache;

  SoftOverlongReward(RewardParams params) {
    super(NAME, params, Field.TOKENS);
    most = params.whole("max_completion_len", 16_384, 0);
    cache = params.whole("soft_punish_cache", 4_096, 0);
  }

  @Override
  public Double of(Sample sample) {
    if (sample.tokens() == null) {
      return null;
    }
    long tokens = sample.tokens();
    if (tokens <= most - cache) {
      return 0.0;
    }
    return tokens <= most ? (most - cache - tokens) / (double) cache : -1.0;
  }
}
