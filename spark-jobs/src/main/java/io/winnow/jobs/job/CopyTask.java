// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.FinishReason;
import io.winnow.inference.Usage;
import io.winnow.jobs.table.LedgerSpec;
import io.winnow.jobs.table.TraceWriter;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.Row;

/** Writes traces whose tokens another prompt's trace has already, with this prompt's own gold and verdicts. */
final class CopyTask implements ForeachPartitionFunction<Row> {
  private final TraceRows rows;
  private final LedgerSpec ledger;

  CopyTask(TraceRows rows, LedgerSpec ledger) {
    this.rows = rows;
    this.ledger = ledger;
  }

  @Override
  public void call(Iterator<Row> copies) throws IOException {
    TaskContext task = TaskContext.get();
    try (TraceWriter writer = GenerateTask.writer(ledger, task)) {
      while (copies.hasNext()) {
        Row row = copies.next();
        String traceId = row.getAs("missing_id");
        int sample = row.<String>getList(row.fieldIndex("trace_ids")).indexOf(traceId);
        writer.add(rows.row(row, traceId, sample, completion(row, sample), 0));
        writer.flushIfDue();
      }
    }
  }

  private static Completion completion(Row row, int sample) {
    List<Integer> tokens = list(row, "twin_token_ids");
    // Without token ids only their number is known.
    int[] ids = tokens == null ? null : tokens.stream().mapToInt(Integer::intValue).toArray();
    Integer promptTokens = row.getAs("twin_prompt_tokens");
    Usage usage =
        tokens == null
            ? new Usage(promptTokens == null ? 0 : promptTokens, 0, row.getAs("twin_completion_tokens"), 0, 0, 0, 0)
            : null;
    return new Completion(
        0, sample, ids, row.getAs("twin_text"), floats(row, "twin_logprobs"), floats(row, "twin_prompt_logprobs"),
        FinishReason.ofLabel(row.getAs("twin_finish_reason")), null, null, 0, usage);
  }

  private static float[] floats(Row row, String name) {
    List<Float> values = list(row, name);
    if (values == null) {
      return null;
    }
    float[] out = new float[values.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = values.get(i) == null ? Float.NaN : values.get(i);
    }
    return out;
  }

  private static <T> List<T> list(Row row, String name) {
    int at = row.fieldIndex(name);
    return row.isNullAt(at) ? null : row.getList(at);
  }
}
