// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;

/**
 * A server that behaves as badly as its words say: {@code FakeServer PORT WORD ...}. {@code /health} answers 200,
 * {@code /v1/models} the model "fake", {@code /pids} its processes, {@code /environment/NAME} a variable, {@code
 * /crash} ends it.
 */
public final class FakeServer {
  private static volatile boolean hangs;

  private FakeServer() {}

  /** Words: load, stubborn, children, never, wait=FILE, taken=FILE, die=CODE, mute. */
  public static void main(String[] words) throws Exception {
    List<String> flags = Arrays.asList(words).subList(1, words.length);
    int port = Integer.parseInt(words[0]);
    for (String flag : flags) {
      if (flag.startsWith("die=")) {
        System.out.println("RuntimeError: the weights are not there");
        Runtime.getRuntime().halt(Integer.parseInt(flag.substring(4)));
      }
      if (flag.startsWith("taken=") && Files.notExists(Path.of(flag.substring(6)))) {
        // As if another had come first: the first start meets a port in use, the second does not.
        Files.createFile(Path.of(flag.substring(6)));
        System.out.println("ERROR: [Errno 98] error while attempting to bind on address: address already in use");
        Runtime.getRuntime().halt(1);
      }
    }
    List<Long> pids = new ArrayList<>(List.of(ProcessHandle.current().pid()));
    if (flags.contains("stubborn")) {
      // A hook that does not end is how a JVM fails to end at SIGTERM.
      Runtime.getRuntime().addShutdownHook(new Thread(FakeServer::sleepForEver));
    }
    if (flags.contains("children")) {
      pids.add(new ProcessBuilder("sleep", "600").start().pid());
      pids.add(new ProcessBuilder("/usr/bin/setsid", "sleep", "600").start().pid());
    }
    if (flags.contains("children") && flags.contains("stubborn")) {
      pids.add(new ProcessBuilder("sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600").start().pid());
    }
    if (flags.contains("load")) {
      System.out.print("Loading safetensors checkpoint shards:   0% Completed | 0/4\r");
      System.out.print("\u001b[32mLoading safetensors checkpoint shards:  50% Completed | 2/4\u001b[0m\r");
      System.out.flush();
    }
    for (String flag : flags) {
      while (flag.startsWith("wait=") && Files.notExists(Path.of(flag.substring(5)))) {
        Thread.sleep(20);
      }
    }
    serve(port, flags, pids);
  }

  private static void sleepForEver() {
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      sleepForEver();
    }
  }

  private static void serve(int port, List<String> flags, List<Long> pids) throws IOException {
    HttpServer server;
    try {
      server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 16);
    } catch (BindException e) {
      System.out.println("java.net.BindException: " + e.getMessage());
      System.exit(1);
      return;
    }
    boolean never = flags.contains("never");
    server.createContext("/health", exchange -> {
      while (hangs) {
        try {
          Thread.sleep(50);
        } catch (InterruptedException e) {
          return;
        }
      }
      answer(exchange, never ? 503 : 200, "");
    });
    server.createContext("/v1/models", exchange -> answer(exchange, 200, "{\"data\": [{\"id\": \"fake\"}]}"));
    String processes = String.join(" ", pids.stream().map(String::valueOf).toList());
    server.createContext("/pids", exchange -> answer(exchange, 200, processes));
    server.createContext("/environment/", exchange -> {
      String name = exchange.getRequestURI().getPath().substring("/environment/".length());
      answer(exchange, 200, String.valueOf(System.getenv(name)));
    });
    server.createContext("/say/", exchange -> {
      System.out.println(System.getenv("VLLM_API_KEY") + " " + exchange.getRequestURI().getPath());
      answer(exchange, 200, "");
    });
    server.createContext("/hang", exchange -> {
      hangs = true;
      answer(exchange, 200, "");
    });
    server.createContext("/crash", exchange -> Runtime.getRuntime().halt(7));
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("listening at " + port);
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }
}
