// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.math;

/**
 * A text is not mathematics that the reader knows; the message says what and where. Has no stack trace: it is common.
 */
public final class UnreadableException extends Exception {
  private static final long serialVersionUID = 1L;

  UnreadableException(String message) {
    super(message, null, false, false);
  }
}
