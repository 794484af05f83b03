// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What an engine has done since it was opened, and how full it is.
 *
 * @param steps steps computed
 * @param promptTokens tokens prefilled, recomputed ones included
 * @param prefixHitTokens tokens of prompts, and of sequences that came back, which were not computed because their
 *     prefix was in the cache
 * @param generatedTokens tokens drawn
 * @param preemptions sequences whose pages were taken back
 * @param finished sequences that ended in a step
 * @param busyNanos nanoseconds spent in steps
 * @param prefillNanos of those, what went into prompts: of each step the part that prompts have in its rows
 * @param runningSum sum over steps of the sequences that drew a token: divided by steps, the mean batch
 * @param guesses what sequences guessed ahead
 * @param load how full it was in its last step
 * @param opNanos nanoseconds by name of the operation, of those spent in steps; empty where nothing was counted
 */
public record EngineStats(
    long steps, long promptTokens, long prefixHitTokens, long generatedTokens, long preemptions, long finished,
    long busyNanos, long prefillNanos, long runningSum, Guesses guesses, Load load, Map<String, Long> opNanos) {
  /**
   * Tokens that sequences guessed ahead.
   *
   * @param made guesses that were computed
   * @param kept those that came true, and so cost no step of their own
   */
  public record Guesses(long made, long kept) {
    public static final Guesses NONE = new Guesses(0, 0);
  }

  /** Without guesses. */
  public EngineStats(
      long steps, long promptTokens, long prefixHitTokens, long generatedTokens, long preemptions, long finished,
      long busyNanos, long prefillNanos, long runningSum, Load load, Map<String, Long> opNanos) {
    this(
        steps, promptTokens, prefixHitTokens, generatedTokens, preemptions, finished, busyNanos, prefillNanos, runningSum,
        Guesses.NONE, load, opNanos);
  }

  /** Nothing done yet. */
  public static final EngineStats NONE = new EngineStats(0, 0, 0, 0, 0, 0, 0, 0, 0, Load.NONE, Map.of());

  /**
   * How full an engine is; of several engines, the sums of all but the places.
   *
   * @param running sequences that drew a token in the last step
   * @param waiting sequences that were accepted and don't draw yet: they wait, or their prompt is in prefill
   * @param places sequences that can run together in one engine
   * @param usedPages pages of the KV cache in use
   * @param peakPages the most that were in use
   * @param pages pages of the KV cache
   */
  public record Load(int running, int waiting, int places, long usedPages, long peakPages, long pages) {
    public static final Load NONE = new Load(0, 0, 0, 0, 0, 0);

    /** Both engines together; the peaks need not have been at the same time, so theirs is an upper bound. */
    public Load plus(Load o) {
      return new Load(
          running + o.running, waiting + o.waiting, Math.max(places, o.places), usedPages + o.usedPages,
          peakPages + o.peakPages, pages + o.pages);
    }
  }

  /** Both engines together. */
  public EngineStats plus(EngineStats o) {
    return combined(o, 1, load.plus(o.load));
  }

  /** What was done since an earlier moment of the same engine; the load is that of now. */
  public EngineStats since(EngineStats before) {
    return combined(before, -1, load);
  }

  private EngineStats combined(EngineStats o, int sign, Load newLoad) {
    Map<String, Long> ops = new LinkedHashMap<>(opNanos);
    o.opNanos.forEach((name, nanos) -> ops.merge(name, sign * nanos, Long::sum));
    return new EngineStats(
        steps + sign * o.steps, promptTokens + sign * o.promptTokens, prefixHitTokens + sign * o.prefixHitTokens,
        generatedTokens + sign * o.generatedTokens, preemptions + sign * o.preemptions, finished + sign * o.finished,
        busyNanos + sign * o.busyNanos, prefillNanos + sign * o.prefillNanos, runningSum + sign * o.runningSum,
        new Guesses(guesses.made + sign * o.guesses.made, guesses.kept + sign * o.guesses.kept), newLoad, ops);
  }

  /** The same work, and another load. */
  public EngineStats withLoad(Load newLoad) {
    return new EngineStats(
        steps, promptTokens, prefixHitTokens, generatedTokens, preemptions, finished, busyNanos, prefillNanos,
        runningSum, guesses, newLoad, opNanos);
  }

  /** Of the tokens of prompts, the part that was found in the cache; 0 without prompts. */
  public double prefixShare() {
    return prefixHitTokens == 0 ? 0 : (double) prefixHitTokens / (prefixHitTokens + promptTokens);
  }

  /** Sequences that drew a token in a step, on average; 0 without a step. */
  public double meanBatch() {
    return steps == 0 ? 0 : (double) runningSum / steps;
  }
}
