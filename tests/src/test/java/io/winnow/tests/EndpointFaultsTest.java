// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Completion;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.udf.EngineHost;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an endpoint's client makes of servers that fail: nothing is lost, nothing is doubled. */
class EndpointFaultsTest {
  private static final int PROMPTS = 20;
  private static final EndpointSpec.Limits LIMITS =
      new EndpointSpec.Limits(
          1, 32, 30, Duration.ofSeconds(60), Duration.ofSeconds(20), Duration.ofSeconds(60));

  @AfterEach
  void close() {
    EngineHost.closeIdle();
  }

  private static EndpointSpec spec(boolean stream, int samples, EndpointSpec.Limits limits, FaultServer... servers) {
    List<String> urls = new ArrayList<>();
    for (FaultServer server : servers) {
      urls.add(server.url());
    }
    return EndpointSpec.of("m", urls)
        .with(EndpointSpec.Api.CHAT, new EndpointSpec.Wire(stream, samples, "1.1", Map.of()), limits)
        .withFields("generic", null);
  }

  private static List<GenerationRequest> requests(String words, int samples) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < PROMPTS; i++) {
      List<Message> messages = List.of(Message.of("user", words + " " + i));
      requests.add(
          new GenerationRequest(
              i, messages, ModelRuntimeConformance.samples(samples), ModelRuntimeConformance.params(16)));
    }
    return requests;
  }

  private static List<Completion> answers(EndpointSpec spec, List<GenerationRequest> requests) throws Exception {
    try (EngineHost.Lease lease = EngineHost.acquire(spec); ModelRuntime.Session session = lease.runtime().open()) {
      return ModelRuntimeConformance.drain(session, requests);
    }
  }

  /** What came, by request and sample; fails where something came twice. */
  private static Map<String, String> texts(List<Completion> completions) {
    Map<String, String> out = new TreeMap<>();
    for (Completion c : completions) {
      String text = c.finishReason() == FinishReason.ERROR ? c.errorClass() + " " + c.errorMessage() : c.text();
      assertEquals(null, out.put(c.requestId() + "/" + c.sampleIndex(), text), "twice: " + c);
    }
    return out;
  }

  /** Streams and whole answers, over servers of all faults. */
  @Test
  void nothingIsLostOrDoubledWhateverTheServerDoes() throws Exception {
    for (boolean stream : new boolean[] {true, false}) {
      long seed = Long.getLong("winnow.seed", System.nanoTime());
      System.out.println("EndpointFaultsTest: stream " + stream + ", -Dwinnow.seed=" + seed);
      try (FaultServer healthy = FaultServer.healthy();
          FaultServer one = new FaultServer(seed, 0.4, EnumSet.allOf(FaultServer.Fault.class));
          FaultServer two = new FaultServer(seed + 1, 0.4, EnumSet.allOf(FaultServer.Fault.class))) {
        Map<String, String> good = texts(answers(spec(stream, 1, LIMITS, healthy), requests("faults", 3)));
        assertEquals(3 * PROMPTS, good.size());
        assertEquals(good, texts(answers(spec(stream, 1, LIMITS, one, two), requests("faults", 3))), "seed " + seed);
        assertTrue(one.done().size() + two.done().size() > 10, () -> "few faults: " + one.done() + two.done());
      }
    }
  }

  @Test
  void halfAnswersKeepWhatCame() throws Exception {
    long seed = Long.getLong("winnow.seed", System.nanoTime());
    System.out.println("EndpointFaultsTest: half answers, -Dwinnow.seed=" + seed);
    try (FaultServer server =
        new FaultServer(seed, 0.5, EnumSet.of(FaultServer.Fault.HALF, FaultServer.Fault.DOUBLED))) {
      List<Completion> all = answers(spec(false, 4, LIMITS, server), requests("halves", 4));
      assertEquals(4 * PROMPTS, texts(all).size());
      // Each request for the rest of a half answer asks for fewer samples than the one before.
      assertTrue(server.bodies().stream().anyMatch(body -> body.path("n").asInt(1) == 3), "no half was completed");
      long billed = all.stream().mapToLong(c -> c.usage().billedPromptTokens()).sum();
      assertEquals(17L * server.bodies().size(), billed, "each request's prompt is billed once");
      assertTrue(all.stream().allMatch(c -> c.finishReason() != FinishReason.ERROR), all::toString);
    }
  }

  @Test
  void aStormOf429LowersWhatIsOpenAndEndsWell() throws Exception {
    try (FaultServer server = FaultServer.healthy().holding(4, 20)) {
      assertEquals(4 * PROMPTS, texts(answers(spec(true, 1, LIMITS, server), requests("storm", 4))).size());
      assertTrue(server.done().containsKey(FaultServer.Fault.BUSY), "never too many");
      assertEquals(4 * PROMPTS, server.answered());
    }
  }

  @Test
  void aDeadAddressIsPassedOver() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    try (FaultServer server = FaultServer.healthy()) {
      EndpointSpec spec = spec(true, 1, LIMITS, server);
      EndpointSpec both = spec.at(List.of("http://127.0.0.1:" + port + "/v1", server.url()));
      Map<String, String> texts = texts(answers(both, requests("dead", 2)));
      assertEquals(texts(answers(spec, requests("dead", 2))), texts);
    }
  }

  @Test
  void severalAddressesShareTheWorkAndPromptsStayTogether() throws Exception {
    try (FaultServer one = FaultServer.healthy().holding(999, 5);
        FaultServer two = FaultServer.healthy().holding(999, 5)) {
      answers(spec(true, 1, LIMITS, one, two), requests("shared", 4));
      assertEquals(4 * PROMPTS, one.answered() + two.answered());
      assertTrue(Math.min(one.answered(), two.answered()) >= PROMPTS / 2, one.answered() + " and " + two.answered());
    }
  }

  @Test
  void whatTheServerRefusesForGoodIsTheRowsError() throws Exception {
    try (FaultServer server = FaultServer.healthy()) {
      EndpointSpec.Limits few =
          new EndpointSpec.Limits(1, 8, 2, Duration.ofSeconds(60), Duration.ofSeconds(20), Duration.ofSeconds(60));
      List<GenerationRequest> requests = new ArrayList<>(requests("rows", 1).subList(0, 6));
      String[] words = {FaultServer.TOO_LONG, FaultServer.FORBIDDEN, FaultServer.CURSED};
      for (int i = 0; i < words.length; i++) {
        requests.add(
            new GenerationRequest(
                100 + i, List.of(Message.of("user", words[i])), new int[] {0}, ModelRuntimeConformance.params(16)));
      }
      Map<String, String> texts = texts(answers(spec(true, 1, few, server), requests));
      assertEquals(9, texts.size());
      assertTrue(texts.get("100/0").startsWith(InferenceErrors.PROMPT_TOO_LONG), texts::toString);
      assertTrue(texts.get("101/0").startsWith(InferenceErrors.CONTENT_REFUSED), texts::toString);
      assertTrue(texts.get("101/0").contains("flagged by our content policy"), texts::toString);
      assertTrue(texts.get("102/0").matches(InferenceErrors.ENDPOINT_FAILED + ".*after 2 requests.*cursed.*"),
          texts::toString);
    }
  }

  @Test
  void aServerThatRefusesEverythingEndsTheJobAndNotItsRows() throws Exception {
    try (FaultServer server = FaultServer.healthy().asking("sk-right")) {
      InferenceException e =
          assertThrows(
              InferenceException.class, () -> answers(spec(true, 1, LIMITS, server), requests("refused", 1)));
      assertEquals(InferenceErrors.ENDPOINT_REFUSED, e.errorClass());
      assertTrue(e.getMessage().contains("HTTP 401") && e.getMessage().contains("--api-key-env"), e::getMessage);
    }
  }

  @Test
  void patienceWithServersThatNeverAnswerEnds() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    EndpointSpec.Limits hasty =
        new EndpointSpec.Limits(1, 8, 2, Duration.ofSeconds(60), Duration.ofSeconds(20), Duration.ofMillis(300));
    EndpointSpec spec =
        EndpointSpec.of("m", List.of("http://127.0.0.1:" + port + "/v1"))
            .with(EndpointSpec.Api.CHAT, EndpointSpec.Wire.PLAIN, hasty);
    for (String dialect : List.of("auto", "generic")) {
      InferenceException e =
          assertThrows(
              InferenceException.class, () -> answers(spec.withFields(dialect, null), requests("nobody", 1)));
      assertEquals(InferenceErrors.ENDPOINT_UNAVAILABLE, e.errorClass());
      assertTrue(e.getMessage().contains("--endpoint-patience"), e::getMessage);
    }
  }

  @Test
  void aSilentServerIsGivenUp() throws Exception {
    try (FaultServer server = FaultServer.healthy().holding(999, 5_000)) {
      EndpointSpec.Limits hasty =
          new EndpointSpec.Limits(1, 8, 1, Duration.ofMillis(200), Duration.ofSeconds(20), Duration.ofSeconds(60));
      Map<String, String> texts = texts(answers(spec(true, 1, hasty, server), requests("silent", 1).subList(0, 2)));
      assertTrue(texts.get("0/0").contains("--endpoint-timeout"), texts::toString);
      assertEquals(2, texts.size());
    }
  }

  @Test
  void thinkingThatAServerTakesOutIsPutBack() throws IOException, Exception {
    for (boolean stream : new boolean[] {true, false}) {
      try (FaultServer server = FaultServer.healthy().thinking("\nIt is seven.\n")) {
        List<Completion> all = answers(spec(stream, 1, LIMITS, server), requests("thoughts", 1).subList(0, 3));
        for (Completion c : all) {
          assertTrue(c.text().startsWith("<think>\nIt is seven.\n</think>\n\n"), c::text);
          assertFalse(c.text().endsWith("</think>\n\n"), c::text);
        }
      }
    }
  }
}
