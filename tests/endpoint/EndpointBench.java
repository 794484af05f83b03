// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Tokens a second of a server under a load generator and under {@code winnow generate}, in turn, with the same prompts,
 * lengths and number of open requests: {@code EndpointBench URL PROMPTS.jsonl CONCURRENCY MAX_TOKENS SAMPLES ROUNDS}.
 * The generator is the least that can load a server: a thread and a connection for each open request, whole answers,
 * nothing parsed but the count. Both sides are measured from the first request to the last answer.
 */
public final class EndpointBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int WARM_UP = 4;

  private EndpointBench() {}

  public static void main(String[] args) throws Exception {
    URI url = URI.create(args[0]);
    Path prompts = Path.of(args[1]);
    int concurrency = Integer.parseInt(args[2]);
    int maxTokens = Integer.parseInt(args[3]);
    int samples = Integer.parseInt(args[4]);
    int rounds = Integer.parseInt(args[5]);
    List<String> questions = new ArrayList<>();
    for (String line : Files.readAllLines(prompts)) {
      questions.add(JSON.readTree(line).get("question").asText());
    }
    Path folder = Files.createTempDirectory("winnow-endpoint-bench");
    SparkSession spark =
        SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
            .config("spark.sql.shuffle.partitions", "2").config("spark.driver.host", "127.0.0.1").getOrCreate();
    load(url, questions.subList(0, WARM_UP), concurrency, maxTokens / 4, 1);
    Path few = Files.write(folder.resolve("few.jsonl"), Files.readAllLines(prompts).subList(0, WARM_UP));
    winnow(spark, url, few, concurrency, maxTokens / 4, 1, folder.resolve("warm"));
    double[] generator = new double[rounds];
    double[] winnow = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      generator[round] = load(url, questions, concurrency, maxTokens, samples);
      winnow[round] = winnow(spark, url, prompts, concurrency, maxTokens, samples, folder.resolve("t" + round));
      System.out.printf(
          Locale.ROOT, "round %d: load generator %.1f tok/s, winnow %.1f tok/s (%.1f %%)%n", round + 1,
          generator[round], winnow[round], 100 * winnow[round] / generator[round]);
    }
    double best = median(generator);
    System.out.printf(
        Locale.ROOT, "%d requests of %d tokens, %d open: load generator %.1f tok/s, winnow %.1f tok/s, %.1f %%%n",
        questions.size() * samples, maxTokens, concurrency, best, median(winnow), 100 * median(winnow) / best);
    spark.stop();
    System.exit(0);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length % 2 == 1
        ? sorted[sorted.length / 2]
        : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
  }

  private static double winnow(
      SparkSession spark, URI url, Path prompts, int concurrency, int maxTokens, int samples, Path table) {
    int code =
        io.winnow.jobs.Winnow.run(
            new String[] {
              "generate", "--prompts", prompts.toString(), "--model", "m@" + url, "--out", table.toString(),
              "--samples", String.valueOf(samples), "--max-tokens", String.valueOf(maxTokens), "--endpoint-concurrency",
              String.valueOf(concurrency), "--endpoint-stream", System.getProperty("bench.stream"), "--ignore-eos", "true", "--extra-body", "{\"cache_prompt\": false}"
            },
            System.err, System.err);
    if (code != 0) {
      throw new IllegalStateException("winnow ended with " + code);
    }
    Row span =
        spark.read().format("delta").load(table.toString())
            .selectExpr(
                "sum(completion_tokens)", "max(unix_millis(created_at)) - min(unix_millis(created_at) - engine_ms)")
            .head();
    return span.getLong(0) / (span.getLong(1) / 1e3);
  }

  /** A thread for each open request, each with a connection that stays. */
  private static double load(URI url, List<String> questions, int concurrency, int maxTokens, int samples)
      throws Exception {
    AtomicInteger next = new AtomicInteger();
    AtomicLong tokens = new AtomicLong();
    List<Thread> threads = new ArrayList<>();
    long start = System.nanoTime();
    for (int i = 0; i < concurrency; i++) {
      Thread thread =
          new Thread(
              () -> {
                try (Socket socket = new Socket(url.getHost(), url.getPort())) {
                  socket.setTcpNoDelay(true);
                  InputStream in = new BufferedInputStream(socket.getInputStream());
                  int n = next.getAndIncrement();
                  for (; n < questions.size() * samples; n = next.getAndIncrement()) {
                    byte[] body = body(questions.get(n / samples), maxTokens, n);
                    String head =
                        "POST " + url.getPath() + "/chat/completions HTTP/1.1\r\nHost: " + url.getAuthority()
                            + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length + "\r\n\r\n";
                    socket.getOutputStream().write((head + new String(body, StandardCharsets.UTF_8))
                        .getBytes(StandardCharsets.UTF_8));
                    tokens.addAndGet(read(in));
                  }
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (tokens.get() != (long) questions.size() * samples * maxTokens) {
      throw new IllegalStateException("the load generator got " + tokens + " tokens");
    }
    return tokens.get() / seconds;
  }

  private static byte[] body(String question, int maxTokens, int seed) throws Exception {
    ObjectNode body = JSON.createObjectNode();
    body.put("model", "m").put("max_tokens", maxTokens).put("temperature", 0.6).put("top_p", 0.95).put("seed", seed)
        .put("stream", false).put("ignore_eos", true).put("cache_prompt", false).put("top_k", 0).put("min_p", 0.0);
    body.putArray("messages").addObject().put("role", "user").put("content", question);
    return JSON.writeValueAsBytes(body);
  }

  private static long read(InputStream in) throws Exception {
    int length = -1;
    String line = line(in);
    if (!line.contains(" 200 ")) {
      throw new IllegalStateException(line);
    }
    for (line = line(in); !line.isEmpty(); line = line(in)) {
      if (line.toLowerCase(Locale.ROOT).startsWith("content-length:")) {
        length = Integer.parseInt(line.substring(15).strip());
      }
    }
    JsonNode answer = JSON.readTree(in.readNBytes(length));
    return answer.path("usage").path("completion_tokens").asLong();
  }

  private static String line(InputStream in) throws Exception {
    StringBuilder line = new StringBuilder();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new IllegalStateException("the server went away");
      }
      if (b != '\r') {
        line.append((char) b);
      }
    }
    return line.toString();
  }
}
