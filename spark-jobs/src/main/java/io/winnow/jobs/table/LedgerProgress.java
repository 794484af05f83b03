// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/**
 * What a ledger has committed so far, as of one moment.
 *
 * @param counts rows, tokens and verdicts in the table by this run
 * @param files data files committed
 * @param commits transactions committed
 * @param rejectedRows rows of refused files that were not in the table when they were refused: to be planned again
 * @param others whether somebody else has committed rows, or removed some, since the run was planned
 * @param tableVersion version of the newest commit of this run; -1 before the first
 */
public record LedgerProgress(
    TraceCounts counts, long files, long commits, long rejectedRows, boolean others, long tableVersion) {
  static final LedgerProgress NONE = new LedgerProgress(TraceCounts.ZERO, 0, 0, 0, false, -1);

  LedgerProgress plusCommit(TraceCounts more, int moreFiles, long version) {
    return new LedgerProgress(
        counts.plus(more), files + moreFiles, commits + 1, rejectedRows, others, Math.max(version, tableVersion));
  }

  LedgerProgress plusRejected(long rows) {
    return new LedgerProgress(counts, files, commits, rejectedRows + rows, others, tableVersion);
  }

  LedgerProgress withOthers() {
    return new LedgerProgress(counts, files, commits, rejectedRows, true, tableVersion);
  }

  LedgerProgress atVersion(long version) {
    return new LedgerProgress(counts, files, commits, rejectedRows, others, Math.max(version, tableVersion));
  }
}
