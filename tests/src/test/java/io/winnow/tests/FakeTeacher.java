// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A server beside an executor that speaks as much of OpenAI's protocol as {@code generate} asks, wants the key that it
 * was given, and answers every chat with its GPUs and its process. {@code FakeTeacher PORT FOLDER}: for each choice of
 * GPUs it ends once without a word, after some requests, and leaves a mark of that in the folder, as it does its key.
 */
public final class FakeTeacher {
  private static final int LIVES_FOR = 3;

  private FakeTeacher() {}

  /** Runs until it is ended. */
  public static void main(String[] words) throws IOException {
    String gpus = String.valueOf(System.getenv("CUDA_VISIBLE_DEVICES"));
    Path mark = Path.of(words[1], "ended-" + gpus);
    String key = "Bearer " + System.getenv("WINNOW_SIDECAR_KEY");
    Files.writeString(Path.of(words[1], "key-" + gpus), System.getenv("WINNOW_SIDECAR_KEY"));
    AtomicInteger requests = new AtomicInteger();
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0])), 64);
    server.createContext("/v1/models", exchange -> answer(exchange, 200, "{\"data\": [{\"id\": \"its-own-name\"}]}"));
    server.createContext("/v1/chat/completions", exchange -> {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      if (!key.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        answer(exchange, 401, "{\"error\": {\"message\": \"another key\"}}");
      } else if (!body.contains("\"its-own-name\"")) {
        answer(exchange, 404, "{\"error\": {\"message\": \"another model\"}}");
      } else if (requests.incrementAndGet() > LIVES_FOR && Files.notExists(mark)) {
        Files.createFile(mark);
        Runtime.getRuntime().halt(9);
      } else {
        String text = "gpus=" + gpus + " pid=" + ProcessHandle.current().pid();
        answer(
            exchange, 200,
            "{\"id\": \"1\", \"object\": \"chat.completion\", \"model\": \"its-own-name\", \"choices\":"
                + " [{\"index\": 0, \"finish_reason\": \"stop\","
                + " \"message\": {\"role\": \"assistant\", \"content\": \"" + text + "\"}}],"
                + " \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 2, \"total_tokens\": 9}}");
      }
    });
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("ready with " + Map.of("gpus", gpus));
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }
}
