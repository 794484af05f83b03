// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Map;

/**
 * What an engine has done since it was opened.
 *
 * @param steps steps computed
 * @param promptTokens tokens prefilled, recomputed ones included
 * @param generatedTokens tokens drawn
 * @param preemptions sequences whose pages were taken back
 * @param busyNanos nanoseconds spent in steps
 * @param runningSum sum over steps of the sequences that drew a token: divided by steps, the mean batch
 * @param finished sequences that ended in a step
 * @param prefixHitTokens tokens of prompts, and of sequences that came back, which were not computed because their
 *     prefix was in the cache
 * @param opNanos nanoseconds by name of the operation, of those spent in steps; empty where nothing was counted
 */
public record EngineStats(
    long steps, long promptTokens, long generatedTokens, long preemptions, long busyNanos, long runningSum,
    long finished, long prefixHitTokens, Map<String, Long> opNanos) {
  /** Nothing done yet. */
  public static final EngineStats NONE = new EngineStats(0, 0, 0, 0, 0, 0, 0, 0, Map.of());
}
