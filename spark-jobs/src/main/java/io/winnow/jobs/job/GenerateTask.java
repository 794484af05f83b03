// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.FinishReason;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.ArrowCompletions;
import io.winnow.inference.udf.ArrowRequests;
import io.winnow.inference.udf.CloseableIterator;
import io.winnow.inference.udf.CompletionStream;
import io.winnow.inference.udf.GenerateFunction;
import io.winnow.jobs.table.InFlight;
import io.winnow.jobs.table.LedgerSpec;
import io.winnow.jobs.table.TraceWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.Row;

/**
 * One partition of the long job: planned rows go to the engine, completions come back, are verified and offered to the
 * ledger. Neighbouring rows with the same tokens are one request, and each gets its own traces of it. Where a rule
 * decides when a prompt has samples enough, it is asked as soon as a block of them is whole.
 */
final class GenerateTask implements ForeachPartitionFunction<Row> {
  private static final int ROWS_PER_BATCH = 1;
  /** How long the engine may be silent before the task looks whether something is to be written out. */
  private static final long TICK_MILLIS = 200;

  private final GenerateFunction generate;
  private final SamplingParams params;
  private final TraceRows rows;
  private final LedgerSpec ledger;
  private final LiveCounters counters;
  private final KnownSamples rule;

  /** @param rule decides when a prompt has samples enough; null where all get as many */
  GenerateTask(
      GenerateFunction generate, SamplingParams params, TraceRows rows, LedgerSpec ledger, LiveCounters counters,
      KnownSamples rule) {
    this.generate = generate;
    this.params = params;
    this.rows = rows;
    this.ledger = ledger;
    this.counters = counters;
    this.rule = rule;
  }

  static GenerateFunction function(RuntimeSpec spec, EngineHosting hosting, SamplingParams params, ModelInfo model) {
    return new GenerateFunction(spec, hosting, params, TICK_MILLIS, model);
  }

  /** How often the task was tried before; only then has it to look for what is done. */
  private static int attempt(TaskContext task) {
    return task.attemptNumber() + task.stageAttemptNumber();
  }

  static TraceWriter writer(LedgerSpec ledger, TaskContext task) throws IOException {
    return TraceWriter.open(ledger, task.partitionId(), attempt(task));
  }

  @Override
  public void call(Iterator<Row> planned) throws IOException {
    TaskContext task = TaskContext.get();
    try (TraceWriter writer = writer(ledger, task);
        InFlight inFlight = InFlight.open(ledger, task.partitionId(), task.taskAttemptId(), attempt(task));
        BufferAllocator allocator = new RootAllocator()) {
      RequestQueue requests =
          new RequestQueue(
              planned, writer, inFlight, params, rows.run().promptLogprobs(), rule, (g, c) -> write(writer, g, c));
      try (CloseableIterator<VectorSchemaRoot> in = ArrowRequests.batches(requests, allocator, ROWS_PER_BATCH);
          CompletionStream out = generate.apply(in, allocator)) {
        long counted = 0;
        long spared = 0;
        while (out.hasNext()) {
          for (Completion c : ArrowCompletions.read(out.next())) {
            if (InferenceErrors.KV_CACHE_TOO_SMALL.equals(c.errorClass())) {
              // A setting, not the row, is wrong: as a row the error would outlive the setting.
              throw new InferenceException(c.errorClass(), c.errorMessage());
            }
            write(writer, requests.of(c), c);
            requests.finish(c);
          }
          writer.flushIfDue();
          long generated = out.generatedTokens();
          counters.generated(generated - counted);
          counted = generated;
          counters.spared(requests.spared() - spared);
          spared = requests.spared();
          counters.engine(out.engine());
          // A killed task ends here; closing the stream takes its sequences out of the engine.
          if (task.isInterrupted()) {
            throw new IllegalStateException("the task was killed");
          }
        }
      }
    }
  }

  /** Writes a completion as the trace of each row of the group that lacks it. */
  private void write(TraceWriter writer, RequestGroup group, Completion c) {
    if (c.finishReason() == FinishReason.CANCELLED) {
      return;
    }
    Completion whole = group.whole(c);
    for (RequestGroup.Member member : group.members()) {
      if (member.lacks(c.sampleIndex())) {
        write(writer, member, whole);
      }
    }
  }

  private void write(TraceWriter writer, RequestGroup.Member member, Completion c) {
    String traceId = member.traceId(c.sampleIndex());
    RequestGroup.Before before = member.before(c.sampleIndex());
    Row row = rows.row(member.row(), traceId, c.sampleIndex(), c, before == null ? 0 : before.attempts());
    try {
      if (before == null) {
        writer.add(row);
      } else {
        writer.replace(row);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    boolean failed = !row.isNullAt(ledger.schema().fieldIndex("error"));
    if (rule != null) {
      String text = row.getString(ledger.schema().fieldIndex("text"));
      member.made(c.sampleIndex(), rule.of(correct(row), text, failed));
    }
    counters.written(failed, correct(row));
  }

  private Boolean correct(Row row) {
    int at = ledger.schema().fieldIndex("correct");
    return row.isNullAt(at) ? null : row.getBoolean(at);
  }
}
