// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import java.util.Map;

/**
 * What a run of {@code generate} did.
 *
 * @param runId the run, as in the tables
 * @param table where the traces are
 * @param prompts prompts of the input, failed ones included
 * @param accounts where the wanted traces have gone
 * @param copied of the traces written, traces taken over from another prompt of the same text
 * @param failedByClass rows of this run with an error, by class
 * @param correct traces with the verdict correct
 * @param incorrect traces with the verdict incorrect
 * @param undecided traces without such a verdict
 * @param generatedTokens tokens decoded by this run
 * @param generateSeconds wall time of the generating job
 * @param wallSeconds wall time of the whole run
 * @param adopted rows that an earlier, interrupted run had finished and this one took over
 * @param stopped whether it was asked to end before all was done
 * @param verified whether a verifier was asked for
 * @param stopReason why it was asked to end, naming the budget where one was reached; null unless stopped
 * @param engineSeconds time in the engine, summed over the traces of this run
 * @param costUsd cost of the traces of this run in US dollars; null without prices
 * @param engines what the engines have done for it, as far as the driver was told; their load is that of the last pass
 */
public record GenerateResult(
    String runId,
    String table,
    long prompts,
    Accounts accounts,
    long copied,
    Map<String, Long> failedByClass,
    long correct,
    long incorrect,
    long undecided,
    long generatedTokens,
    double generateSeconds,
    double wallSeconds,
    long adopted,
    boolean stopped,
    boolean verified,
    String stopReason,
    Double engineSeconds,
    Double costUsd,
    EngineStats engines) {

  /** Prompts times samples. */
  public long planned() {
    return accounts.planned();
  }

  /** Traces that were there before. */
  public long existing() {
    return accounts.existing();
  }

  /** Traces that this run wrote, failed ones included. */
  public long written() {
    return accounts.written();
  }

  public long failed() {
    return failedByClass.values().stream().mapToLong(Long::longValue).sum();
  }
}
