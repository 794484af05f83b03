// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

/** Exit codes; stable. */
public final class ExitCode {
  public static final int DONE = 0;
  public static final int FAILED = 1;
  public static final int USAGE = 2;
  /** Done, but some rows failed; only with {@code --strict}. */
  public static final int ROWS_FAILED = 3;
  /** Stopped cleanly with more to do; the same command goes on. */
  public static final int STOPPED = 4;

  private ExitCode() {}
}
