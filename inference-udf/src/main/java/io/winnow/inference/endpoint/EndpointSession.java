// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.Completion;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceException;
import io.winnow.inference.ModelRuntime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** A task's door to a {@link Clerk}. */
final class EndpointSession implements ModelRuntime.Session {
  private final Clerk clerk;
  private final Supplier<InferenceException> death;
  private final LinkedBlockingQueue<Completion> finished = new LinkedBlockingQueue<>();
  private final AtomicLong tokens = new AtomicLong();
  private int pending;
  private volatile boolean closed;

  EndpointSession(Clerk clerk) {
    this(clerk, clerk::death);
  }

  /** With another one who tells of the clerk's death; null while it lives. */
  EndpointSession(Clerk clerk, Supplier<InferenceException> death) {
    this.clerk = clerk;
    this.death = death;
  }

  @Override
  public boolean hasRoom() {
    return clerk.hasRoom();
  }

  @Override
  public void submit(GenerationRequest request) {
    pending += request.sampleIndexes().length;
    clerk.submit(this, request);
  }

  @Override
  public int pending() {
    return pending;
  }

  @Override
  public long generatedTokens() {
    return tokens.get();
  }

  @Override
  public List<Completion> poll(long waitMillis) throws InterruptedException {
    List<Completion> out = new ArrayList<>();
    // In this order: what was finished before the death is seen, and was paid for.
    InferenceException why = death.get();
    Completion first = finished.poll();
    if (first == null && pending > 0 && why != null) {
      throw new InferenceException(why.errorClass(), why.getMessage(), why);
    }
    if (first == null) {
      first = finished.poll(waitMillis, TimeUnit.MILLISECONDS);
    }
    if (first != null) {
      out.add(first);
      finished.drainTo(out);
      pending -= out.size();
    }
    return out;
  }

  /** A sample is done; on the clerk's thread. */
  void finish(Completion completion) {
    tokens.addAndGet(completion.completionTokens());
    finished.add(completion);
  }

  boolean closed() {
    return closed;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      clerk.forget(this);
    }
  }
}
