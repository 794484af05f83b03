// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.inference.AnswerFormat;
import io.winnow.inference.Completion;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.udf.EngineHost;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** An endpoint that is real: llama.cpp's server with SmolLM2-135M-Instruct. */
class LlamaConformanceTest extends ModelRuntimeConformance {
  private static LlamaServer server;

  @BeforeAll
  static void start() throws IOException {
    if (LlamaServer.missing() != null) {
      System.out.println("LlamaConformanceTest is skipped: " + LlamaServer.missing());
    }
    assumeTrue(LlamaServer.missing() == null, LlamaServer::missing);
    server = LlamaServer.start(8);
  }

  @AfterAll
  static void stop() {
    EngineHost.closeIdle();
    if (server != null) {
      server.close();
    }
  }

  private static EndpointSpec spec() {
    return EndpointSpec.of("smollm2", List.of(server.url()));
  }

  private static ModelRuntime open(EndpointSpec spec) {
    EngineHost.Lease lease = EngineHost.acquire(spec);
    lease.close();
    return lease.runtime();
  }

  @Override
  ModelRuntime open() {
    return open(spec());
  }

  @Override
  GenerationRequest request(long id, String question, int[] samples, SamplingParams params) {
    return new GenerationRequest(id, List.of(Message.of("user", question)), samples, params);
  }

  @Override
  GenerationRequest bad(long id, SamplingParams params) {
    return request(id, "word ".repeat(2000), new int[] {0}, params);
  }

  @Test
  void aPromptBeyondTheContextIsCalledThat() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      Completion c = drain(session, List.of(bad(1, params(8)))).get(0);
      assertEquals(InferenceErrors.PROMPT_TOO_LONG, c.errorClass(), c::toString);
    }
  }

  @Test
  void theSameSeedGivesTheSameTextStreamedOrWhole() throws Exception {
    GenerationRequest request = request(1, "What is the capital of France?", samples(1), params(12));
    String streamed;
    try (ModelRuntime.Session session = runtime().open()) {
      streamed = drain(session, List.of(request)).get(0).text();
    }
    EndpointSpec whole = spec().with(EndpointSpec.Api.CHAT, new EndpointSpec.Wire(false, 1, "1.1", Map.of()),
        EndpointSpec.Limits.DEFAULT);
    try (ModelRuntime other = open(whole); ModelRuntime.Session session = other.open()) {
      assertEquals(streamed, drain(session, List.of(request)).get(0).text());
    }
  }

  @Test
  void answersKeepToChoicesAndSchemas() throws Exception {
    try (ModelRuntime.Session session = runtime().open()) {
      SamplingParams choice = params(12).withAnswer(AnswerFormat.choice(List.of("yes", "no")));
      for (Completion c : drain(session, List.of(request(1, "Is fire cold?", samples(3), choice)))) {
        assertTrue(List.of("yes", "no").contains(c.text()), c::toString);
      }
      String schema = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}";
      SamplingParams json = params(60).withAnswer(AnswerFormat.jsonSchema(schema));
      for (Completion c : drain(session, List.of(request(2, "How many legs has a dog?", samples(2), json)))) {
        assertTrue(
            c.finishReason() == FinishReason.LENGTH || c.text().matches("(?s)\\s*\\{\\s*\"n\"\\s*:\\s*-?\\d+\\s*}\\s*"),
            c::toString);
      }
    }
  }

  @Test
  void textsAreContinuedToo() throws Exception {
    EndpointSpec texts =
        spec().with(EndpointSpec.Api.COMPLETIONS, EndpointSpec.Wire.PLAIN, EndpointSpec.Limits.DEFAULT);
    try (ModelRuntime other = open(texts); ModelRuntime.Session session = other.open()) {
      SamplingParams params = SamplingParams.DEFAULT.withMaxTokens(6, true);
      for (Completion c : drain(session, List.of(request(1, "One, two, three,", samples(2), params)))) {
        assertTrue(c.completionTokens() > 0 && !c.text().isEmpty(), c::toString);
        assertNotNull(c.logprobs(), c::toString);
      }
    }
  }
}
