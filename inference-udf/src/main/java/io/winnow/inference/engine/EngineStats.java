// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

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
 */
public record EngineStats(
    long steps, long promptTokens, long generatedTokens, long preemptions, long busyNanos, long runningSum,
    long finished) {}
