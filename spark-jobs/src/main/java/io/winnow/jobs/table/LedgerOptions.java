// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/**
 * How a ledger works.
 *
 * @param runId new for each run; letters, digits, '.', '_', '-'
 * @param workSet what the run works on: two runs of one work set exclude each other (the newer wins), runs of
 *     different sets go on beside each other
 * @param commitIntervalMillis a finished row is in the table within about this time
 * @param targetFileRows rows at which a file is flushed earlier
 * @param targetFileBytes size at which a file is flushed earlier
 * @param epoch what {@link RunsTable#claim} gave for the work set; 0 for a run that nobody excludes
 * @param plannedVersion version of the table in which the run has looked for what is missing: rows that others commit
 *     after it are known before any of this run's; -1 for the version as the ledger is opened
 */
public record LedgerOptions(
    String runId,
    String workSet,
    long commitIntervalMillis,
    long targetFileRows,
    long targetFileBytes,
    long epoch,
    long plannedVersion) {
  static final long DEFAULT_FILE_ROWS = 100_000;
  static final long DEFAULT_FILE_BYTES = 128L << 20;

  public LedgerOptions {
    if (runId == null || !runId.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")) {
      throw TableErrors.badRunId(runId, "it is not a plain name of at most 128 characters");
    }
    if (workSet == null) {
      throw new IllegalArgumentException("workSet must not be null");
    }
    if (commitIntervalMillis <= 0 || targetFileRows <= 0 || targetFileBytes <= 0) {
      throw new IllegalArgumentException(
          "commit interval, file rows and file bytes must be positive: "
              + commitIntervalMillis + ", " + targetFileRows + ", " + targetFileBytes);
    }
  }

  public static LedgerOptions of(String runId, String workSet, long commitIntervalMillis) {
    return new LedgerOptions(runId, workSet, commitIntervalMillis, DEFAULT_FILE_ROWS, DEFAULT_FILE_BYTES, 0, -1);
  }

  /** The same for a run that has claimed its work set and planned. */
  public LedgerOptions claimed(long newEpoch, long newPlannedVersion) {
    return new LedgerOptions(
        runId, workSet, commitIntervalMillis, targetFileRows, targetFileBytes, newEpoch, newPlannedVersion);
  }
}
