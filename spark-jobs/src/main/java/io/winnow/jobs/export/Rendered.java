// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What became of a row.
 *
 * @param skip why it is left out; null if it is not
 * @param promptId first part of the key that orders the rows, and what decides the split
 * @param second the sample's number with leading zeros, or the chosen trace; empty where rows are prompts
 * @param third the trace, or the rejected one
 * @param node the row without further columns; null with {@code skip}
 */
public record Rendered(Skip skip, String promptId, String second, String third, ObjectNode node) {
  /** A row that is left out, or, with null, one of which only its facts count. */
  public static Rendered skipped(Skip skip) {
    return new Rendered(skip, "", "", "", null);
  }
}
