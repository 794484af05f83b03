// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.engine;

import io.winnow.inference.Completion;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.ModelRuntime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A caller's door to the engine. Submitting and polling are the caller's thread, delivering is the engine's. */
final class EngineSession implements ModelRuntime.Session {
  private final EngineCore core;
  private final LinkedBlockingQueue<Completion> finished = new LinkedBlockingQueue<>();
  private final AtomicLong generated = new AtomicLong();
  private int pending;
  private volatile boolean closed;

  EngineSession(EngineCore core) {
    this.core = core;
  }

  @Override
  public boolean hasRoom() {
    return pending == 0 || pending < core.samplesWelcome();
  }

  @Override
  public void submit(GenerationRequest request) {
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
    core.submit(new OpenRequest(request, this));
    pending += request.sampleIndexes().length;
  }

  @Override
  public int pending() {
    return pending;
  }

  @Override
  public List<Completion> poll(long waitMillis) throws InterruptedException {
    List<Completion> out = new ArrayList<>();
    finished.drainTo(out);
    if (out.isEmpty() && pending > 0) {
      Completion first = finished.poll(core.ended() ? 0 : waitMillis, TimeUnit.MILLISECONDS);
      if (first == null && core.ended()) {
        // What was delivered last may have come between the two.
        first = finished.poll();
        if (first == null) {
          throw core.endedWith(pending);
        }
      }
      if (first != null) {
        out.add(first);
        finished.drainTo(out);
      }
    }
    pending -= out.size();
    return out;
  }

  @Override
  public long generatedTokens() {
    return generated.get();
  }

  /** The engine has drawn a token for one of this session's samples. */
  void countToken() {
    generated.incrementAndGet();
  }

  void deliver(Completion completion) {
    if (!closed) {
      finished.add(completion);
    }
  }

  boolean closed() {
    return closed;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      core.leave(this);
    }
  }
}
