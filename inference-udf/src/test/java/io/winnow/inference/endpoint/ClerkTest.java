// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.winnow.inference.Completion;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.FinishReason;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.Usage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is asked of servers, when, and how often. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ClerkTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String GOOD =
      "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}],"
          + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}";

  private static final String PIECE = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"on \"}}]}\n\n";

  /** Answers a request for a completion; {@code number} counts them from 1. */
  private interface Answers {
    void answer(HttpExchange exchange, int number, JsonNode body) throws IOException, InterruptedException;
  }

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private HttpServer server;

  @AfterEach
  void stop() {
    server.stop(0);
    threads.shutdownNow();
  }

  private EndpointSpec served(Answers answers) throws IOException {
    AtomicInteger number = new AtomicInteger();
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          try {
            answers.answer(exchange, number.incrementAndGet(), JSON.readTree(exchange.getRequestBody()));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          } finally {
            exchange.close();
          }
        });
    server.start();
    return EndpointSpec.of("m", List.of("http://127.0.0.1:" + server.getAddress().getPort() + "/v1"))
        .withFields("generic", null);
  }

  private static void respond(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private static EndpointSpec.Limits limits(int open, int attempts, Duration patience) {
    return new EndpointSpec.Limits(open, open, attempts, Duration.ofSeconds(30), Duration.ofSeconds(30), patience);
  }

  private static EndpointSpec with(EndpointSpec spec, int samples, EndpointSpec.Limits limits) {
    return spec.with(EndpointSpec.Api.CHAT, new EndpointSpec.Wire(true, samples, "1.1", Map.of()), limits);
  }

  /** Asks so many prompts for so many samples each. */
  private static List<Completion> ask(EndpointSpec spec, int prompts, int samples) throws InterruptedException {
    List<Completion> all = new ArrayList<>();
    int[] indexes = new int[samples];
    for (int i = 0; i < samples; i++) {
      indexes[i] = i;
    }
    try (EndpointRuntime runtime =
            new EndpointRuntime(spec, null, ApiKey.NONE, null, Duration.ofMillis(100), Duration.ofSeconds(60));
        ModelRuntime.Session session = runtime.open()) {
      for (int i = 0; i < prompts; i++) {
        session.submit(
            new GenerationRequest(
                i, List.of(Message.of("user", "prompt " + i)), indexes,
                SamplingParams.DEFAULT.withMaxTokens(16, false)));
      }
      while (session.pending() > 0) {
        all.addAll(session.poll(1000));
      }
    }
    return all;
  }

  private static void allWell(int number, List<Completion> all) {
    assertEquals(number, all.size());
    assertTrue(all.stream().noneMatch(c -> c.finishReason() == FinishReason.ERROR), all::toString);
  }

  @Test
  void aServerThatRefusesEverythingIsAskedLessAndLess() throws Exception {
    Map<String, Integer> asked = new ConcurrentHashMap<>();
    AtomicLong end = new AtomicLong();
    EndpointSpec spec =
        served(
            (exchange, number, body) -> {
              asked.merge(body.get("messages").toString(), 1, Integer::sum);
              long now = System.nanoTime();
              end.compareAndSet(0, now + Duration.ofSeconds(2).toNanos());
              boolean busy = now - end.get() < 0;
              respond(exchange, busy ? 429 : 200, busy ? "{\"error\":\"slow down\"}" : GOOD);
            });
    allWell(40, ask(with(spec, 1, limits(40, 8, Duration.ofSeconds(30))), 40, 1));
    // Waits of at least 50, 50, 100, 200 … 1600 ms: the seventh ends after more than two seconds.
    asked.values().forEach(times -> assertTrue(times <= 8, () -> "asked as often as that: " + asked));
  }

  @Test
  void aLongAnswerThatBreaksOffIsNoSilence() throws Exception {
    EndpointSpec spec =
        served(
            (exchange, number, body) -> {
              if (number == 2) {
                exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
                exchange.sendResponseHeaders(200, 0);
                for (int i = 0; i < 30; i++) {
                  exchange.getResponseBody().write(PIECE.getBytes(StandardCharsets.UTF_8));
                  exchange.getResponseBody().flush();
                  Thread.sleep(50);
                }
              } else {
                respond(exchange, number == 1 ? 500 : number == 3 ? 503 : 200, number > 3 ? GOOD : "{}");
              }
            });
    // Longer than all waits together and shorter than the answer takes: who says something all the time is there.
    allWell(1, ask(with(spec, 1, limits(1, 8, Duration.ofSeconds(1))), 1, 1));
  }

  @Test
  void aServerThatGivesOneSampleWhateverItIsAskedIsAskedForTheOthers() throws Exception {
    List<Integer> asked = new CopyOnWriteArrayList<>();
    EndpointSpec spec =
        served(
            (exchange, number, body) -> {
              asked.add(body.path("n").asInt(1));
              respond(exchange, 200, GOOD);
            });
    List<Completion> all = ask(with(spec, 12, limits(4, 2, Duration.ofSeconds(30))), 1, 12);
    allWell(12, all);
    assertEquals(List.of(12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1), asked);
    assertEquals(12 * 3, all.stream().mapToInt(c -> c.usage().billedPromptTokens()).sum());
  }

  @Test
  void aHeaderOfTheUserIsSentOnceAndInPlaceOfOurs() throws Exception {
    List<Map<String, List<String>>> sent = new CopyOnWriteArrayList<>();
    EndpointSpec spec =
        served(
            (exchange, number, body) -> {
              sent.add(Map.copyOf(exchange.getRequestHeaders()));
              respond(exchange, 200, GOOD);
            });
    String type = "application/json; charset=utf-8";
    EndpointSpec.Wire wire = new EndpointSpec.Wire(true, 1, "1.1", Map.of("content-type", type, "ACCEPT", "*/*"));
    allWell(1, ask(spec.with(EndpointSpec.Api.CHAT, wire, limits(1, 1, Duration.ofSeconds(30))), 1, 1));
    assertEquals(List.of(type), sent.get(0).get("Content-type"));
    assertEquals(List.of("*/*"), sent.get(0).get("Accept"));
  }

  /** The answer comes just before the end, and both between two looks of a task. */
  @Test
  void whatWasPaidForIsHandedOutBeforeTheDeathIsTold() throws Exception {
    EndpointSpec spec = served((exchange, number, body) -> respond(exchange, 503, "{}"));
    Clerk clerk =
        new Clerk(
            with(spec, 1, limits(1, 8, Duration.ofSeconds(30))), ApiKey.NONE, new RequestBody(spec, null),
            Duration.ofSeconds(60), Duration.ofSeconds(60));
    Completion paid =
        new Completion(0, 0, null, "yes", null, null, FinishReason.STOP, null, null, 1, new Usage(3, 0, 1, 3, 0, 1, 1));
    EndpointSession[] made = new EndpointSession[1];
    AtomicInteger looks = new AtomicInteger();
    try (EndpointSession session =
        new EndpointSession(
            clerk,
            () -> {
              if (looks.incrementAndGet() == 1) {
                made[0].finish(paid);
              }
              return InferenceErrors.engineClosed(1, null);
            })) {
      made[0] = session;
      session.submit(
          new GenerationRequest(
              0, List.of(Message.of("user", "prompt")), new int[] {0, 1},
              SamplingParams.DEFAULT.withMaxTokens(16, false)));
      assertEquals(List.of(paid), session.poll(1));
      assertThrows(InferenceException.class, () -> session.poll(1));
    } finally {
      clerk.close();
    }
  }

  @Test
  void aServerThatIsNotReadyIsAskedOnceMoreWhoItIs() throws Exception {
    List<JsonNode> asked = new CopyOnWriteArrayList<>();
    EndpointSpec spec =
        served(
            (exchange, number, body) -> {
              asked.add(body);
              respond(exchange, 200, GOOD);
            });
    AtomicInteger models = new AtomicInteger();
    server.createContext(
        "/v1/models",
        exchange -> {
          boolean loading = models.incrementAndGet() < 3;
          respond(exchange, loading ? 503 : 200, "{\"data\":[{\"id\":\"m\",\"owned_by\":\"llamacpp\"}]}");
          exchange.close();
        });
    allWell(1, ask(with(spec, 1, limits(4, 8, Duration.ofSeconds(30))).withFields("auto", null), 1, 1));
    assertTrue(asked.get(0).has("top_k"), () -> "the server's own defaults are in force: " + asked);
  }
}
