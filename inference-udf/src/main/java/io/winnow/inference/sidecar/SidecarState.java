// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.util.Locale;

/**
 * How a server is.
 *
 * @param phase what it is at
 * @param detail a word on it: the last line of its log, or why it is down
 * @param percent of the load, as its log tells; -1 where it does not
 * @param restarts how often it was started again, all in all
 */
public record SidecarState(Phase phase, String detail, int percent, int restarts) {
  /** What a server is at. */
  public enum Phase {
    /** The process runs and does not answer yet. */
    STARTING,
    /** It answers. */
    READY,
    /** It has ended or hangs, and is started again after a pause. */
    DOWN,
    /** It is not started again. */
    FAILED,
    /** Whoever wanted it has closed it. */
    CLOSED
  }

  /** For a line of progress. */
  public String line() {
    return phase.name().toLowerCase(Locale.ROOT)
        + (percent >= 0 ? " " + percent + " %" : "")
        + (detail.isEmpty() ? "" : ": " + detail);
  }
}
