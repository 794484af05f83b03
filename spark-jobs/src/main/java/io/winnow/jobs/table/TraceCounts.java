// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/**
 * What the progress line needs to know of some trace rows.
 *
 * @param rows all rows
 * @param promptTokens sum over the rows, nulls as 0
 * @param completionTokens sum over the rows, nulls as 0
 * @param correct rows whose {@code correct} is true
 * @param incorrect rows whose {@code correct} is false
 * @param undecided rows whose {@code correct} is null and that carry no error
 * @param errors rows with an {@code error}
 */
public record TraceCounts(
    long rows, long promptTokens, long completionTokens, long correct, long incorrect, long undecided, long errors) {
  public static final TraceCounts ZERO = new TraceCounts(0, 0, 0, 0, 0, 0, 0);

  public TraceCounts plus(TraceCounts o) {
    return new TraceCounts(
        rows + o.rows,
        promptTokens + o.promptTokens,
        completionTokens + o.completionTokens,
        correct + o.correct,
        incorrect + o.incorrect,
        undecided + o.undecided,
        errors + o.errors);
  }
}
