// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

/**
 * A completion split into thinking and answer.
 *
 * @param thinkEnd offset in the text, counted in UTF-16 code units (as {@link String#substring} counts), just after the
 *     closing tag; 0 when the model did not think at all; null when thinking was opened and never closed
 * @param answer what follows the thinking, without leading white space, possibly empty; null exactly when
 *     {@code thinkEnd} is null
 */
public record ParsedTrace(Integer thinkEnd, String answer) {
  public ParsedTrace {
    if ((thinkEnd == null) != (answer == null)) {
      throw new IllegalArgumentException(
          "A trace has both thinkEnd and answer or neither; got thinkEnd " + thinkEnd + " and answer " + answer);
    }
  }

  /** Whether thinking was opened and never closed, so that there is no answer. */
  public boolean unclosed() {
    return thinkEnd == null;
  }
}
