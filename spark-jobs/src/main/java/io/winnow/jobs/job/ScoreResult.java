// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

/**
 * What a run of {@code score} has done.
 *
 * @param rows rows of the output; 0 when nothing was to do or the run was stopped
 * @param failedRows those that could not be scored
 * @param computedTokens tokens of prompts and completions that went through the model
 * @param scoredTokens tokens of completions
 * @param loglikelihood sum over all of them
 * @param seconds of scoring and writing
 * @param wallSeconds of all
 * @param out where the output is
 * @param unchanged whether just this was there already
 * @param stopped whether it was asked to stop, and so wrote nothing
 */
public record ScoreResult(
    long rows, long failedRows, long computedTokens, long scoredTokens, double loglikelihood, double seconds,
    double wallSeconds, String out, boolean unchanged, boolean stopped) {}
