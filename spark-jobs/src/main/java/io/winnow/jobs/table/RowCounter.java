// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;

/** Reads off a row of traces what {@link TraceCounts} sums up, and its key. */
final class RowCounter {
  private final int promptId;
  private final int traceId;
  private final int error;
  private final int correct;
  private final int promptTokens;
  private final int completionTokens;

  RowCounter(StructType schema) {
    promptId = schema.fieldIndex("prompt_id");
    traceId = schema.fieldIndex("trace_id");
    error = schema.fieldIndex("error");
    correct = schema.fieldIndex("correct");
    promptTokens = schema.fieldIndex("prompt_tokens");
    completionTokens = schema.fieldIndex("completion_tokens");
  }

  RowKey key(InternalRow row) {
    return new RowKey(row.getUTF8String(promptId).toString(), row.getUTF8String(traceId).toString());
  }

  TraceCounts counts(InternalRow row) {
    boolean failed = !row.isNullAt(error);
    boolean decided = !row.isNullAt(correct);
    boolean right = decided && row.getBoolean(correct);
    return new TraceCounts(
        1,
        row.isNullAt(promptTokens) ? 0 : row.getInt(promptTokens),
        row.isNullAt(completionTokens) ? 0 : row.getInt(completionTokens),
        right ? 1 : 0,
        decided && !right ? 1 : 0,
        !decided && !failed ? 1 : 0,
        failed ? 1 : 0);
  }
}
