// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.EndpointSpec;
import io.winnow.inference.InferenceErrors;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Requests over the JDK's HTTP client, and what their responses mean. Redirections are not followed: the key would go
 * with them. Results are handed to the clerk as events.
 */
final class Wire {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration WHO = Duration.ofSeconds(5);
  private static final int MOST_WORDS = 300;
  private static final int WHO_BYTES = 4 << 20;
  private static final int THREADS = 2;

  private final EndpointSpec spec;
  private final ApiKey key;
  private final Consumer<Runnable> events;
  private final ExecutorService threads;
  private final HttpClient client;

  Wire(EndpointSpec spec, ApiKey key, Consumer<Runnable> events) {
    this.spec = spec;
    this.key = key;
    this.events = events;
    this.threads =
        Executors.newFixedThreadPool(
            THREADS,
            work -> {
              Thread thread = new Thread(work, "winnow-endpoint-http");
              thread.setDaemon(true);
              return thread;
            });
    boolean plain = spec.urls().stream().allMatch(url -> url.startsWith("http:"));
    boolean old = spec.wire().httpVersion().equals("1.1") || spec.wire().httpVersion().equals("auto") && plain;
    this.client =
        HttpClient.newBuilder()
            .version(old ? HttpClient.Version.HTTP_1_1 : HttpClient.Version.HTTP_2)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .executor(threads)
            .build();
  }

  /** Sends a call; {@code end} runs on the clerk's thread once, however it ends. */
  void send(Call call, byte[] body, long mostBytes, BiConsumer<Answer, Refusal> end) {
    HttpRequest.Builder request =
        request(
            call.address.base + spec.api().path(),
            Map.of(
                "Content-Type", "application/json",
                "Accept", spec.wire().stream() ? "text/event-stream, application/json" : "application/json"))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    HttpResponse.BodyHandler<BodyReader> handler =
        info -> {
          String type = info.headers().firstValue("content-type").orElse("").toLowerCase(Locale.ROOT);
          BodyReader reader = new BodyReader(type.startsWith("text/event-stream"), mostBytes);
          call.reader = reader;
          return reader;
        };
    // Cancelling what is chained to it would not end the exchange.
    CompletableFuture<HttpResponse<BodyReader>> exchange = client.sendAsync(request.build(), handler);
    call.exchange = exchange;
    exchange.whenComplete((response, failure) -> events.accept(() -> end(call, response, failure, end)));
  }

  /** The user's headers take the place of the usual ones. */
  private HttpRequest.Builder request(String address, Map<String, String> usual) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(address));
    usual.forEach(request::setHeader);
    spec.wire().headers().forEach(request::setHeader);
    request.setHeader("User-Agent", "winnow");
    key.put(request);
    return request;
  }

  private void end(
      Call call, HttpResponse<BodyReader> response, Throwable failure, BiConsumer<Answer, Refusal> end) {
    BodyReader reader = call.reader;
    if (response != null && response.statusCode() / 100 != 2) {
      end.accept(null, refusal(response, reader));
      return;
    }
    if (reader == null || response == null && reader.answer().choices().isEmpty()) {
      boolean wrapped = failure instanceof CompletionException && failure.getCause() != null;
      Throwable cause = wrapped ? failure.getCause() : failure;
      end.accept(null, Refusal.ofFailure(cause, words(words(cause))));
      return;
    }
    Answer answer = reader.answer();
    String wrong = reader.wrong() != null ? reader.wrong() : response == null ? "the connection broke" : null;
    Refusal refusal = null;
    if (answer.error() != null) {
      refusal = inAnswer(answer.error());
    } else if (wrong != null) {
      refusal =
          Refusal.attempt(InferenceErrors.ENDPOINT_ANSWER_INVALID, words("the answer cannot be used: " + wrong));
    }
    end.accept(answer, refusal);
  }

  /** An error with a good status: in a stream that had begun, or from a gateway. */
  private Refusal inAnswer(JsonNode body) {
    int code = body.path("error").path("code").asInt(body.path("code").asInt(0));
    String words = words(Refusal.wordsOf(body));
    return code >= 400 && code < 600
        ? Refusal.ofStatus(code, words, -1)
        : Refusal.attempt(InferenceErrors.ENDPOINT_FAILED, words.isEmpty() ? "the server says error" : words);
  }

  private Refusal refusal(HttpResponse<BodyReader> response, BodyReader reader) {
    JsonNode json = reader.json();
    String said = json == null ? reader.begin() : Refusal.wordsOf(json);
    if (response.statusCode() / 100 == 3) {
      URI there = response.headers().firstValue("location").map(Wire::place).orElse(null);
      said = "a redirection" + (there == null || there.getHost() == null ? "" : " to " + there.getHost());
    }
    return Refusal.ofStatus(response.statusCode(), words(said), Backoff.asked(response.headers(), Instant.now()));
  }

  private static URI place(String location) {
    try {
      return URI.create(location);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static String words(Throwable failure) {
    if (failure == null) {
      return "the connection broke";
    }
    String message = failure.getMessage();
    return failure.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }

  /** Words of others: on one line, not too many, and without the key. */
  private String words(String text) {
    // The key first: what is cut in its middle would not be found.
    String line = key.redact(text).replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
    int end = line.offsetByCodePoints(0, Math.min(MOST_WORDS, line.codePointCount(0, line.length())));
    return end < line.length() ? line.substring(0, end) + "…" : line;
  }

  /**
   * Asks a server who it is: generic where it does not say, null where nobody answers, or only to say that it is not
   * ready. {@code found} runs on the clerk's thread.
   */
  void dialect(String base, Consumer<String> found) {
    if (URI.create(base).getHost().endsWith("api.openai.com")) {
      events.accept(() -> found.accept("openai"));
      return;
    }
    HttpRequest request = request(base + "/models", Map.of()).timeout(WHO).GET().build();
    client
        .sendAsync(request, info -> new BodyReader(false, WHO_BYTES))
        .orTimeout(2 * WHO.toSeconds(), TimeUnit.SECONDS)
        .whenComplete(
            (response, failure) -> {
              int status = response == null ? 0 : response.statusCode();
              boolean nobody = status == 0 || status == 429 || status >= 502 && status <= 504;
              JsonNode body = status == 200 ? response.body().json() : null;
              events.accept(() -> found.accept(nobody ? null : dialect(body)));
            });
  }

  private static String dialect(JsonNode models) {
    if (models != null) {
      for (JsonNode model : models.path("data")) {
        switch (model.path("owned_by").asText("").toLowerCase(Locale.ROOT)) {
          case "vllm" -> {
            return "vllm";
          }
          case "sglang" -> {
            return "sglang";
          }
          case "llamacpp" -> {
            return "llamacpp";
          }
          default -> {
            // Anybody's.
          }
        }
      }
    }
    return "generic";
  }

  void close() {
    threads.shutdown();
  }
}
