// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineStats;
import io.winnow.inference.Message;
import io.winnow.inference.ModelInfo;
import io.winnow.inference.ModelRuntime;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;

/**
 * A model behind servers that speak OpenAI's protocol. A request's samples are asked one by one or several at once;
 * what fails is tried again, elsewhere where there is an elsewhere, until it is answered or has failed as often as it
 * may.
 */
public final class EndpointRuntime implements ModelRuntime {
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration MOST_WAIT = Duration.ofSeconds(60);

  private final ModelInfo info;
  private final Clerk clerk;

  /**
   * Opens it; nothing is asked yet.
   *
   * @param spec with one address or more
   * @param info what the model is to the job
   * @param key put on each request
   * @param renderer makes the text of a conversation where texts are asked for
   */
  public EndpointRuntime(EndpointSpec spec, ModelInfo info, ApiKey key, Function<List<Message>, String> renderer) {
    this(spec, info, key, renderer, FIRST_WAIT, MOST_WAIT);
  }

  /** With other waits between tries. */
  EndpointRuntime(
      EndpointSpec spec, ModelInfo info, ApiKey key, Function<List<Message>, String> renderer, Duration firstWait,
      Duration mostWait) {
    if (spec.urls().isEmpty()) {
      throw new IllegalArgumentException("An endpoint needs an address: " + spec.name());
    }
    this.info = info;
    this.clerk = new Clerk(spec, key, new RequestBody(spec, renderer), firstWait, mostWait);
  }

  @Override
  public ModelInfo info() {
    return info;
  }

  @Override
  public EngineStats stats() {
    return clerk.stats();
  }

  @Override
  public boolean ended() {
    return clerk.death() != null;
  }

  @Override
  public Session open() {
    return new EndpointSession(clerk);
  }

  @Override
  public void close() {
    clerk.close();
  }
}
