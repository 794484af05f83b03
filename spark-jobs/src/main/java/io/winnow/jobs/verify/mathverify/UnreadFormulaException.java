// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify.mathverify;

/** A formula is outside the grammar; the message says what stood in the way. Common, so it has no stack trace. */
final class UnreadFormulaException extends Exception {
  private static final long serialVersionUID = 1L;

  UnreadFormulaException(String message) {
    super(message, null, false, false);
  }
}
