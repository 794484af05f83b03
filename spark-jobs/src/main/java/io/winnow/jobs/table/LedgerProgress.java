// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/**
 * What a ledger has committed so far, as of one moment.
 *
 * @param counts rows, tokens and verdicts in the table by this run
 * @param files data files committed
 * @param commits transactions committed
 * @param rejectedRows rows of refused files that were not in the table when they were refused: to be planned again
 * @param tableVersion version of the newest commit of this run; -1 before the first
 */
public record LedgerProgress(TraceCounts counts, long files, long commits, long rejectedRows, long tableVersion) {}
