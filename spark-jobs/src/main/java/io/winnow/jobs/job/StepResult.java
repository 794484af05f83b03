// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.util.Map;

/**
 * What a {@link RowStep} has done.
 *
 * @param rows rows of the output; 0 when nothing was to do or the run was stopped
 * @param failedRows those that could not be computed
 * @param counts what its function counted, by the function's names, in their order
 * @param seconds of computing and writing
 * @param wallSeconds of all
 * @param out where the output is
 * @param unchanged whether just this was there already
 * @param stopped whether it was asked to stop, and so wrote nothing
 */
public record StepResult(
    long rows, long failedRows, Map<String, Long> counts, double seconds, double wallSeconds, String out,
    boolean unchanged, boolean stopped) {}
