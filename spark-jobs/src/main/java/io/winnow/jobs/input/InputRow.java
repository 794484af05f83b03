// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import java.util.List;

/**
 * The columns of a row that a step asked for.
 *
 * @param place where the row stands, for messages: {@code line 7 of answers.jsonl}
 * @param errorClass stable name of why the row cannot be read, null if it can
 * @param errorMessage what is wrong, where, and what to do; null with {@code errorClass}
 * @param cells one for each column asked for, in that order; null where the row has no value. All null in a row that
 *     cannot be read
 */
public record InputRow(String place, String errorClass, String errorMessage, List<Cell> cells) {
  /** The value of a column asked for, null where there is none. */
  public Cell cell(int column) {
    return cells.get(column);
  }
}
