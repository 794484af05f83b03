// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.conf;

/** The caller asked for something that cannot work, found before any work started. The command line exits with 2. */
public final class UsageException extends RuntimeException {
  /** @param message what, where, why and how to mend it, in one line */
  public UsageException(String message) {
    super(message);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }
}
