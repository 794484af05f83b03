// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.util.List;
import java.util.Map;

/**
 * What {@link Ledger#recover} found of earlier runs.
 *
 * @param recoveredRuns runs whose pending files were taken up; they cannot commit any more
 * @param runningRuns runs that were left alone: other work, and alive as far as can be seen
 * @param adoptedRows rows that had been finished and are now in the table
 * @param adoptedFiles files they came in
 * @param refusedFiles files left out, or of which rows were, because they were in the table or the file was damaged
 * @param suspects prompts that were in an engine whose process died, with the processes that died with them alone under
 *     suspicion
 */
public record RecoveryResult(
    List<String> recoveredRuns,
    List<String> runningRuns,
    long adoptedRows,
    long adoptedFiles,
    long refusedFiles,
    Map<String, Integer> suspects) {
  public RecoveryResult {
    suspects = Map.copyOf(suspects);
    recoveredRuns = List.copyOf(recoveredRuns);
    runningRuns = List.copyOf(runningRuns);
  }
}
