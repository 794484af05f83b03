// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.EngineHost;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** The embedded engine. */
class EmbeddedConformanceTest extends ModelRuntimeConformance {
  private static final EngineSpec SPEC = EngineSpec.ofModel(Invocation.MODEL.toString()).withThreads(1);

  @AfterAll
  static void close() {
    EngineHost.closeIdle();
  }

  @Override
  ModelRuntime open() {
    EngineHost.Lease lease = EngineHost.acquire(SPEC);
    lease.close();
    return lease.runtime();
  }

  @Override
  GenerationRequest request(long id, String question, int[] samples, SamplingParams params) {
    int[] tokens = EngineHost.renderer(SPEC).render(List.of(Message.of("user", question))).tokenIds();
    return new GenerationRequest(id, tokens, samples, params);
  }

  @Override
  GenerationRequest bad(long id, SamplingParams params) {
    return new GenerationRequest(id, new int[] {1 << 30}, new int[] {0, 1}, params);
  }
}
