// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.EngineHost;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/** Endpoints in each way to ask them, at a server that behaves. */
class EndpointConformanceTest {
  private static FaultServer server;

  @BeforeAll
  static void start() throws IOException {
    server = FaultServer.healthy();
  }

  @AfterAll
  static void stop() {
    EngineHost.closeIdle();
    server.close();
  }

  /** Chats, streamed, a request a sample. */
  @Nested
  class Streams extends Served {
    @Override
    EndpointSpec spec(EndpointSpec plain) {
      return plain;
    }
  }

  /** Whole answers, several samples a request. */
  @Nested
  class WholeAnswers extends Served {
    @Override
    EndpointSpec spec(EndpointSpec plain) {
      return plain.with(plain.api(), new EndpointSpec.Wire(false, 4, "1.1", java.util.Map.of()), plain.limits());
    }
  }

  private abstract static class Served extends ModelRuntimeConformance {
    abstract EndpointSpec spec(EndpointSpec plain);

    @Override
    ModelRuntime open() {
      EngineHost.Lease lease = EngineHost.acquire(spec(EndpointSpec.of("m", List.of(server.url()))));
      lease.close();
      return lease.runtime();
    }

    @Override
    GenerationRequest request(long id, String question, int[] samples, SamplingParams params) {
      return new GenerationRequest(id, List.of(Message.of("user", question)), samples, params);
    }

    @Override
    GenerationRequest bad(long id, SamplingParams params) {
      return request(id, FaultServer.TOO_LONG, new int[] {0, 1}, params);
    }
  }
}
