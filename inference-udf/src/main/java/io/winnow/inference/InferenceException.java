// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

/**
 * A failure with a stable class name, so that rows and exit codes can be made of it. Made by {@link InferenceErrors}.
 */
public final class InferenceException extends RuntimeException {
  private final String errorClass;

  public InferenceException(String errorClass, String message) {
    super(message);
    this.errorClass = errorClass;
  }

  public InferenceException(String errorClass, String message, Throwable cause) {
    super(message, cause);
    this.errorClass = errorClass;
  }

  /** Stable lower-case name, for example {@code prompt_too_long}. */
  public String errorClass() {
    return errorClass;
  }
}
