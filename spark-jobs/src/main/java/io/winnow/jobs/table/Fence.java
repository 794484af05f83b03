// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/** Whether a run may still commit: not once a newer run has claimed the same work. */
interface Fence {
  boolean isOpen();

  /** The fence of a run that has claimed its work set in {@code runs}. */
  static Fence of(RunsTable runs, String workSet, long epoch) {
    return () -> runs.epoch(workSet) == epoch;
  }

  /** For a run that claims nothing. */
  static Fence none() {
    return () -> true;
  }
}
