// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.util.List;
import java.util.Map;

/**
 * What a run of {@code verify} did.
 *
 * @param runId the run, as in the tables
 * @param traces folder of the traces
 * @param verdicts folder of the verdicts
 * @param failedTraces traces with an error, which have no verdict
 * @param verifiers one for each that was asked for, in their order
 * @param wallSeconds wall time of the run
 * @param stopped whether it was asked to end before all was done
 */
public record VerifyResult(
    String runId,
    String traces,
    String verdicts,
    long failedTraces,
    List<Judged> verifiers,
    double wallSeconds,
    boolean stopped) {

  /**
   * What one verifier did.
   *
   * @param name verifier, with parameters where it has some
   * @param wanted traces without an error
   * @param existing verdicts that were there before
   * @param byValue verdicts of this run by value
   * @param changes verdicts of this run by what the trace says and what they say, for example {@code correct →
   *     incorrect}; {@code none} where the trace has no verdict of a verifier of that name
   */
  public record Judged(
      String name, String version, long wanted, long existing, Map<String, Long> byValue, Map<String, Long> changes) {
    /** Verdicts of this run. */
    public long judged() {
      return byValue.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /** Verdicts of this run, over all verifiers. */
  public long judged() {
    return verifiers.stream().mapToLong(Judged::judged).sum();
  }

  /** Verdicts of this run with a value. */
  public long count(String value) {
    return verifiers.stream().mapToLong(v -> v.byValue().getOrDefault(value, 0L)).sum();
  }
}
