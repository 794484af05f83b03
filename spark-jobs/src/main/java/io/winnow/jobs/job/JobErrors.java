// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

/** Failures of a job as a whole that a user can meet. */
final class JobErrors {
  private JobErrors() {}

  static IllegalStateException notConverging(long missing, int passes, String table) {
    return new IllegalStateException(
        String.format(
            "Cannot finish: %d traces are still missing in %s after %d passes, because another run writes the same"
                + " ones, or finished files get lost. Wait until no other run writes there, then start again.",
            missing, table, passes));
  }
}
