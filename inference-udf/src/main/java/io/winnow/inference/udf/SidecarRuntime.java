// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.Completion;
import io.winnow.inference.EngineStats;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.sidecar.SidecarServer;
import io.winnow.inference.sidecar.SidecarState;
import java.util.List;

/**
 * This executor's own server: an endpoint whose supervisor says what becomes of it. While that starts it again,
 * requests wait; when it gives it up, or it has come back elsewhere, whoever waits is told.
 */
final class SidecarRuntime implements ModelRuntime {
  private final ModelRuntime endpoint;
  private final SidecarServer server;
  private final String url;
  private final Runnable atClose;
  private boolean closed;

  /** @param atClose run once when it is closed */
  SidecarRuntime(ModelRuntime endpoint, SidecarServer server, Runnable atClose) {
    this.endpoint = endpoint;
    this.server = server;
    this.url = server.url();
    this.atClose = atClose;
  }

  @Override
  public ModelInfo info() {
    return endpoint.info();
  }

  @Override
  public EngineStats stats() {
    return endpoint.stats();
  }

  @Override
  public boolean ended() {
    return endpoint.ended() || gone() || moved();
  }

  private boolean gone() {
    SidecarState.Phase phase = server.state().phase();
    return phase == SidecarState.Phase.FAILED || phase == SidecarState.Phase.CLOSED;
  }

  /** Somebody took its port while it was down. */
  private boolean moved() {
    return server.state().phase() == SidecarState.Phase.READY && !server.url().equals(url);
  }

  @Override
  public Session open() {
    return new Door(endpoint.open());
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    endpoint.close();
    atClose.run();
  }

  private final class Door implements Session {
    private final Session door;

    Door(Session door) {
      this.door = door;
    }

    @Override
    public boolean hasRoom() {
      return door.hasRoom();
    }

    @Override
    public void submit(GenerationRequest request) {
      door.submit(request);
    }

    @Override
    public int pending() {
      return door.pending();
    }

    @Override
    public long generatedTokens() {
      return door.generatedTokens();
    }

    @Override
    public List<Completion> poll(long waitMillis) throws InterruptedException {
      List<Completion> finished = door.poll(waitMillis);
      if (finished.isEmpty() && gone()) {
        server.awaitReady(() -> false); // says why
      }
      if (finished.isEmpty() && moved()) {
        throw InferenceErrors.sidecarFailed(
            info().name(), server.label(),
            "it listens at another port now, because its own was taken while it was down");
      }
      return finished;
    }

    @Override
    public void close() {
      door.close();
    }
  }
}
