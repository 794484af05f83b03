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

  static IllegalStateException doNotAddUp(long planned, long existing, long written, long toDo, String table) {
    return new IllegalStateException(
        String.format(
            "The traces in %s do not add up: %d wanted, but %d there before, %d written and %d still to do, and nobody"
                + " else wrote meanwhile. Start the same command again to make what is missing, and report this.",
            table, planned, existing, written, toDo));
  }
}
