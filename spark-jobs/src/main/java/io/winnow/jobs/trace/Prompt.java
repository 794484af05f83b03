// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.trace;

import io.winnow.inference.Message;
import java.util.List;

/**
 * One row of the input, ready to be rendered, or the reason why it cannot be.
 *
 * @param id unique in the input
 * @param ordinal line (JSON lines), record (CSV) of its file, from 1; null where the source has no order or is several
 *     files
 * @param question what the user asks, null for a conversation or a row that could not be read
 * @param messages the conversation, the system message first; empty when there is an error
 * @param gold the right answer, or null
 * @param goldNote why there is no gold although the row has one, or null
 * @param replacedBytes bytes that were not valid UTF-8 and read as U+FFFD
 * @param errorClass stable lower-case name of what is wrong with the row, or null
 * @param errorMessage what is wrong, where, and what to do, or null
 */
public record Prompt(
    String id,
    Long ordinal,
    String question,
    List<Message> messages,
    String gold,
    String goldNote,
    long replacedBytes,
    String errorClass,
    String errorMessage) {

  public boolean failed() {
    return errorClass != null;
  }
}
