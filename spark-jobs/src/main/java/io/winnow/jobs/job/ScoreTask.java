// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ScoredText;
import io.winnow.inference.ScoredTextEncoder;
import io.winnow.inference.udf.ArrowCompletions;
import io.winnow.inference.udf.ArrowRequests;
import io.winnow.inference.udf.CloseableIterator;
import io.winnow.inference.udf.CompletionStream;
import io.winnow.inference.udf.EngineHost;
import io.winnow.inference.udf.GenerateFunction;
import io.winnow.jobs.input.CompletionReader;
import io.winnow.jobs.input.InputErrors;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;

/**
 * One partition of completions: many are in the engine at a time, and rows come out in the order in which they went in,
 * as (the row as it was, its {@link LikelihoodRow}).
 */
final class ScoreTask implements MapPartitionsFunction<Row, Row> {
  private static final int ROWS_PER_BATCH = 1;

  private final EngineSpec spec;
  private final GenerateFunction score;
  private final int contextLength;
  private final CompletionReader reader;
  private final CompletionReader.Form form;
  private final LikelihoodRow shape;
  private final String payload;
  private final ScoreCounters counters;

  /** @param payload column of the row itself */
  ScoreTask(
      EngineSpec spec, GenerateFunction score, int contextLength, CompletionReader reader, CompletionReader.Form form,
      LikelihoodRow shape, String payload, ScoreCounters counters) {
    this.spec = spec;
    this.score = score;
    this.contextLength = contextLength;
    this.reader = reader;
    this.form = form;
    this.shape = shape;
    this.payload = payload;
    this.counters = counters;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    Scoring scoring = new Scoring(rows, EngineHost.scoredTexts(spec));
    TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> scoring.close());
    return scoring;
  }

  /** A row on its way. */
  private static final class Waiting {
    final Row row;
    ScoredText[] texts = {};
    float[][] logprobs = {};
    int open;
    String errorClass;
    String errorMessage;

    Waiting(Row row) {
      this.row = row;
    }

    void fail(String newClass, String message) {
      if (errorClass == null) {
        errorClass = newClass;
        errorMessage = message;
      }
    }
  }

  private final class Scoring implements Iterator<Row>, AutoCloseable {
    private final Iterator<Row> rows;
    private final ScoredTextEncoder encoder;
    private final BufferAllocator allocator = new RootAllocator();
    private final CloseableIterator<VectorSchemaRoot> batches;
    private final CompletionStream stream;
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private final ArrayDeque<GenerationRequest> ahead = new ArrayDeque<>();
    private final Map<Long, Waiting> owner = new HashMap<>();
    private final Map<Long, Integer> place = new HashMap<>();
    private long lastId;
    private boolean closed;

    Scoring(Iterator<Row> rows, ScoredTextEncoder encoder) {
      this.rows = rows;
      this.encoder = encoder;
      CloseableIterator<VectorSchemaRoot> opened = null;
      try {
        opened = ArrowRequests.batches(new Requests(), allocator, ROWS_PER_BATCH);
        stream = score.apply(opened, allocator);
      } catch (RuntimeException | Error e) {
        if (opened != null) {
          opened.close();
        }
        allocator.close();
        throw e;
      }
      batches = opened;
    }

    /** What goes to the engine, made of the rows as it asks for more. */
    private final class Requests implements Iterator<GenerationRequest> {
      @Override
      public boolean hasNext() {
        while (ahead.isEmpty() && rows.hasNext()) {
          take(rows.next());
        }
        return !ahead.isEmpty();
      }

      @Override
      public GenerationRequest next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return ahead.poll();
      }
    }

    private void take(Row row) {
      Waiting w = new Waiting(row);
      waiting.add(w);
      CompletionReader.Asked asked = reader.read(row);
      if (asked.errorClass() != null) {
        w.fail(asked.errorClass(), asked.errorMessage());
        return;
      }
      try {
        List<ScoredText> texts = new ArrayList<>();
        for (String completion : asked.completions()) {
          texts.add(checked(encode(asked, completion)));
        }
        w.texts = texts.toArray(ScoredText[]::new);
        w.logprobs = new float[w.texts.length][];
      } catch (InferenceException e) {
        w.fail(e.errorClass(), e.getMessage());
        return;
      }
      for (int i = 0; i < w.texts.length; i++) {
        ScoredText text = w.texts[i];
        long id = ++lastId;
        owner.put(id, w);
        place.put(id, i);
        w.open++;
        ahead.add(
            new GenerationRequest(id, text.tokenIds(), new int[] {0}, ScoreJob.NOTHING, null, text.from()));
      }
    }

    private ScoredText encode(CompletionReader.Asked asked, String completion) {
      return switch (form) {
        case NONE -> encoder.document(completion);
        case TEXT -> encoder.continuation(asked.text(), completion);
        case CONVERSATION -> encoder.answer(asked.prompt(), completion);
      };
    }

    private ScoredText checked(ScoredText text) {
      if (text.tokenIds().length > contextLength) {
        throw InferenceErrors.scoredTextTooLong(text.tokenIds().length, contextLength);
      }
      if (text.scored() == 0) {
        throw new InferenceException(
            InputErrors.COMPLETION_EMPTY,
            "Cannot score: the completion has no token of its own to be scored (a document's first one has nothing"
                + " before it).");
      }
      return text;
    }

    @Override
    public boolean hasNext() {
      while (!headIsDone() && !closed) {
        if (TaskContext.get().isInterrupted()) {
          throw new IllegalStateException("the task was killed");
        }
        if (!stream.hasNext()) {
          break;
        }
        for (Completion c : ArrowCompletions.read(stream.next())) {
          finish(c);
        }
        counters.engine(stream.engine());
      }
      return headIsDone();
    }

    private boolean headIsDone() {
      return !waiting.isEmpty() && waiting.peekFirst().open == 0;
    }

    private void finish(Completion c) {
      if (InferenceErrors.KV_CACHE_TOO_SMALL.equals(c.errorClass())) {
        // A setting, not the row, is wrong.
        throw new InferenceException(c.errorClass(), c.errorMessage());
      }
      Waiting w = owner.remove(c.requestId());
      int i = place.remove(c.requestId());
      w.open--;
      if (c.finishReason() == FinishReason.ERROR) {
        w.fail(c.errorClass(), c.errorMessage());
      } else {
        w.logprobs[i] = c.promptLogprobs();
      }
      counters.computed(w.texts[i].tokenIds().length);
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      Waiting w = waiting.poll();
      boolean failed = w.errorClass != null;
      Row scores =
          failed ? shape.failed(w.errorClass, w.errorMessage) : shape.row(w.texts, w.logprobs, counters::scored);
      counters.row(failed);
      return RowFactory.create(w.row.getAs(payload), scores);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        stream.close();
        batches.close();
        allocator.close();
      }
    }
  }
}
