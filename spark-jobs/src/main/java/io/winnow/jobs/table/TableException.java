// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

/** A failure of a table or of the ledger, with a stable class name. Made by {@link TableErrors}. */
public final class TableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String errorClass;

  TableException(String errorClass, String message, Throwable cause) {
    super(message, cause);
    this.errorClass = errorClass;
  }

  /** Stable lower-case name, for example {@code not_our_table}. */
  public String errorClass() {
    return errorClass;
  }
}
