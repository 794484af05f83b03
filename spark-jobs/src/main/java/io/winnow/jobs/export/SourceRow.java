// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import com.fasterxml.jackson.databind.JsonNode;

/** A row of the input, by what the columns mean. */
public interface SourceRow {
  /** What export reads. */
  enum Field {
    ID("prompt_id"),
    TRACE_ID("trace_id"),
    SAMPLE_INDEX("sample_index"),
    PROMPT("prompt"),
    MESSAGES("messages"),
    TEXT("text"),
    THINK_END("think_end"),
    GOLD("gold"),
    CORRECT("correct"),
    ERROR("error"),
    FINISH_REASON("finish_reason"),
    PROMPT_TOKENS("prompt_tokens"),
    COMPLETION_TOKENS("completion_tokens"),
    MODEL("model"),
    RUN_ID("run_id"),
    VERDICTS("verdicts"),
    REWARD("reward"),
    ADVANTAGE("advantage"),
    GROUP_SIZE("group_size"),
    CHOSEN("chosen"),
    REJECTED("rejected"),
    CHOSEN_ID("chosen_trace_id"),
    REJECTED_ID("rejected_trace_id"),
    CHOSEN_THINK_END("chosen_think_end"),
    REJECTED_THINK_END("rejected_think_end"),
    CHOSEN_TOKENS("chosen_tokens"),
    LABEL("label"),
    STEPS("steps"),
    STEP_LABELS("step_labels");

    private final String column;

    Field(String column) {
      this.column = column;
    }

    /** Its name in a table of traces and in what select makes. */
    public String column() {
      return column;
    }
  }

  /** Whether the input has the column at all. */
  boolean has(Field field);

  /** The value as text; null where there is none. */
  String text(Field field);

  /** The value as a tree, JSON in a text included; null where there is none or it is no JSON. */
  JsonNode json(Field field);

  /** Why the row cannot be read at all; null if it can. */
  String unreadable();
}
