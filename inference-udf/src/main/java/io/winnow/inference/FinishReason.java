// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Locale;

/** Why a sequence stopped. The lower-case names are what tables hold. */
public enum FinishReason {
  /** The model produced an end-of-sequence token, a stop token or a stop string. */
  STOP,
  /** The limit of new tokens or of the context was reached; the trace is a prefix of a longer one. */
  LENGTH,
  /** The sequence could not be computed; {@link Completion#error()} says why. */
  ERROR,
  /** Nobody waits for it any more (task killed, job stopped). Never written to a table. */
  CANCELLED;

  /** The name in tables and Arrow batches. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The inverse of {@link #label()}. */
  public static FinishReason ofLabel(String label) {
    return valueOf(label.toUpperCase(Locale.ROOT));
  }
}
