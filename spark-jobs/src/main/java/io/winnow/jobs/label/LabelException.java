// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.label;

/** A text that is no label of the format; the message says why, in a clause without a full stop. */
public final class LabelException extends Exception {
  private static final long serialVersionUID = 1L;

  LabelException(String message) {
    super(message, null, false, false);
  }
}
