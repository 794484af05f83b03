// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.ArrowCompletions;
import io.winnow.inference.udf.ArrowRequests;
import io.winnow.inference.udf.CloseableIterator;
import io.winnow.inference.udf.CompletionStream;
import io.winnow.inference.udf.GenerateFunction;
import io.winnow.jobs.table.LedgerSpec;
import io.winnow.jobs.table.TraceWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.sql.Row;

/**
 * One partition of the long job: planned rows go to the engine, completions come back, are verified and offered to the
 * ledger. Neighbouring rows with the same tokens are one request, and each gets its own traces of it.
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

  GenerateTask(
      GenerateFunction generate, SamplingParams params, TraceRows rows, LedgerSpec ledger, LiveCounters counters) {
    this.generate = generate;
    this.params = params;
    this.rows = rows;
    this.ledger = ledger;
    this.counters = counters;
  }

  static GenerateFunction function(EngineSpec spec, SamplingParams params, ModelInfo model) {
    return new GenerateFunction(spec, params, TICK_MILLIS, model);
  }

  /** The writer of a task; only where the task or its stage was tried before has it to look for what is done. */
  static TraceWriter writer(LedgerSpec ledger, TaskContext task) throws IOException {
    return TraceWriter.open(ledger, task.partitionId(), task.attemptNumber() + task.stageAttemptNumber());
  }

  @Override
  public void call(Iterator<Row> planned) throws IOException {
    TaskContext task = TaskContext.get();
    try (TraceWriter writer = writer(ledger, task);
        BufferAllocator allocator = new RootAllocator()) {
      Requests requests = new Requests(planned, writer);
      try (CloseableIterator<VectorSchemaRoot> in = ArrowRequests.batches(requests, allocator, ROWS_PER_BATCH);
          CompletionStream out = generate.apply(in, allocator)) {
        long counted = 0;
        while (out.hasNext()) {
          for (Completion c : ArrowCompletions.read(out.next())) {
            requests.finish(c);
          }
          writer.flushIfDue();
          long generated = out.generatedTokens();
          counters.generated(generated - counted);
          counted = generated;
          // A killed task ends here; closing the stream takes its sequences out of the engine.
          if (task.isInterrupted()) {
            throw new IllegalStateException("the task was killed");
          }
        }
      }
    }
  }

  /** Rows of the same tokens, open in the engine. */
  private static final class Group {
    final List<Row> rows = new ArrayList<>();
    int openSamples;
  }

  /** Makes requests of planned rows as the engine asks for them, and rows of completions as they come. */
  private final class Requests implements Iterator<GenerationRequest> {
    private final Iterator<Row> planned;
    private final TraceWriter writer;
    private final Map<Long, Group> open = new HashMap<>();
    private Row ahead;
    private GenerationRequest next;
    private long lastId;

    Requests(Iterator<Row> planned, TraceWriter writer) {
      this.planned = planned;
      this.writer = writer;
    }

    @Override
    public boolean hasNext() {
      while (next == null) {
        Row row = take();
        if (row == null) {
          return false;
        }
        if (row.getAs("failure") != null) {
          writeFailure(row);
        } else {
          next = group(row);
        }
      }
      return true;
    }

    @Override
    public GenerationRequest next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      GenerationRequest out = next;
      next = null;
      return out;
    }

    private Row take() {
      Row row = ahead != null ? ahead : planned.hasNext() ? planned.next() : null;
      ahead = null;
      return row;
    }

    /** The request of a row and of those after it with the same tokens; null when an earlier attempt did all of it. */
    private GenerationRequest group(Row first) {
      Group group = new Group();
      List<Integer> tokens = first.getList(first.fieldIndex("tokens"));
      TreeSet<Integer> samples = new TreeSet<>();
      Row row = first;
      while (row != null) {
        group.rows.add(row);
        samples.addAll(missing(row));
        row = take();
        if (row != null
            && (row.getAs("failure") != null || !row.getList(row.fieldIndex("tokens")).equals(tokens))) {
          ahead = row;
          row = null;
        }
      }
      if (samples.isEmpty()) {
        return null;
      }
      group.openSamples = samples.size();
      open.put(++lastId, group);
      return new GenerationRequest(
          lastId,
          tokens.stream().mapToInt(Integer::intValue).toArray(),
          samples.stream().mapToInt(Integer::intValue).toArray(),
          params);
    }

    /** Sample indexes of a row that are still to be made. */
    private List<Integer> missing(Row row) {
      List<String> ids = row.getList(row.fieldIndex("trace_ids"));
      List<Integer> out = new ArrayList<>();
      for (String id : row.<String>getList(row.fieldIndex("missing"))) {
        if (!writer.alreadyOffered(row.getAs("prompt_id"), id)) {
          out.add(ids.indexOf(id));
        }
      }
      return out;
    }

    private void writeFailure(Row row) {
      Row failure = row.getAs("failure");
      for (int sample : missing(row)) {
        Completion c =
            new Completion(
                0, sample, new int[0], "", null, FinishReason.ERROR, failure.getString(0), failure.getString(1), 0);
        write(row, c);
      }
      try {
        writer.flushIfDue();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      TaskContext.get().killTaskIfInterrupted();
    }

    void finish(Completion c) {
      if (InferenceErrors.KV_CACHE_TOO_SMALL.equals(c.errorClass())) {
        // A setting, not the row, is wrong: as a row the error would outlive the setting.
        throw new InferenceException(c.errorClass(), c.errorMessage());
      }
      Group group = open.get(c.requestId());
      if (c.finishReason() != FinishReason.CANCELLED) {
        for (Row row : group.rows) {
          if (missing(row).contains(c.sampleIndex())) {
            write(row, c);
          }
        }
      }
      if (--group.openSamples == 0) {
        open.remove(c.requestId());
      }
    }

    private void write(Row planned, Completion c) {
      String traceId = planned.<String>getList(planned.fieldIndex("trace_ids")).get(c.sampleIndex());
      Row row = rows.row(planned, traceId, c.sampleIndex(), c);
      try {
        writer.add(row);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      counters.written(c.finishReason() == FinishReason.ERROR, correct(row));
    }

    private Boolean correct(Row row) {
      int at = ledger.schema().fieldIndex("correct");
      return row.isNullAt(at) ? null : row.getBoolean(at);
    }
  }
}
