// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.RuntimeSpec;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;

/**
 * The function that a Spark task maps over its partition: batches of {@link ArrowRequests} in, batches of {@link
 * ArrowCompletions} out, in the order of finishing. It hands requests to the executor's engine as long as that has room
 * and never lets it run dry while there is input; what it holds is bounded by the engine's own limit.
 *
 * <p>An output batch comes at the latest every {@code tickMillis}, empty if nothing has finished, so that the caller
 * can write out what it has.
 */
public final class GenerateFunction implements Serializable {
  private final RuntimeSpec spec;
  private final EngineHosting hosting;
  private final SamplingParams params;
  private final long tickMillis;
  private final ModelInfo expected;

  /** @param expected what the model must be, as the driver found it */
  public GenerateFunction(RuntimeSpec spec, SamplingParams params, long tickMillis, ModelInfo expected) {
    this(spec, EngineHosting.PLAIN, params, tickMillis, expected);
  }

  /** As above, with an engine that is hosted so. */
  public GenerateFunction(
      RuntimeSpec spec, EngineHosting hosting, SamplingParams params, long tickMillis, ModelInfo expected) {
    this.hosting = hosting;
    this.expected = expected;
    this.spec = spec;
    this.params = params;
    this.tickMillis = tickMillis;
  }

  /**
   * Starts generation.
   *
   * @param requests pulled one batch at a time, when the engine has room
   * @param allocator for the output batches
   * @return completions; the batch given by {@code next} is reused by the following call. Closing it cancels whatever
   *     is still open in the engine; it must be closed however the task ends
   */
  public CompletionStream apply(Iterator<VectorSchemaRoot> requests, BufferAllocator allocator) {
    EngineHost.Lease lease = EngineHost.acquire(spec, hosting);
    try {
      String part = expected.partThatDiffers(lease.runtime().info());
      if (part != null) {
        throw EngineHost.differs(spec, part);
      }
      return new Completions(requests, lease, VectorSchemaRoot.create(ArrowCompletions.SCHEMA, allocator));
    } catch (RuntimeException | Error e) {
      lease.close();
      throw e;
    }
  }

  private final class Completions implements CompletionStream {
    private final Iterator<VectorSchemaRoot> requests;
    private final EngineHost.Lease lease;
    private final ModelRuntime.Session session;
    private final VectorSchemaRoot out;
    private boolean closed;

    Completions(Iterator<VectorSchemaRoot> requests, EngineHost.Lease lease, VectorSchemaRoot out) {
      this.requests = requests;
      this.lease = lease;
      this.out = out;
      this.session = lease.runtime().open();
    }

    @Override
    public boolean hasNext() {
      return !closed && (session.pending() > 0 || requests.hasNext());
    }

    @Override
    public VectorSchemaRoot next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      while (session.hasRoom() && requests.hasNext()) {
        VectorSchemaRoot batch = requests.next();
        for (int row = 0; row < batch.getRowCount(); row++) {
          session.submit(ArrowRequests.read(batch, row, params));
        }
      }
      List<Completion> finished;
      try {
        finished = session.poll(tickMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the task was interrupted while it waited for the engine", e);
      }
      ArrowCompletions.write(out, finished);
      return out;
    }

    @Override
    public long generatedTokens() {
      return session.generatedTokens();
    }

    @Override
    public EngineHost.Lease engine() {
      return lease;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        session.close();
        out.close();
        lease.close();
      }
    }
  }
}
