// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.countDistinct;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Endpoints among teachers, what they bill, and labels that servers give or fail to give. */
class EndpointTeachersTest {
  private static final int PROMPTS = 12;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MADE_UP = "scripted:tokens=24,tail=0";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.builder("local[3]").config("spark.executor.heartbeatInterval", "500ms").getOrCreate();
    prompts =
        Tables.lines(
            folder.resolve("prompts.jsonl"),
            IntStream.range(0, PROMPTS)
                .mapToObj(i -> String.format("{\"id\": \"p%02d\", \"question\": \"What is %d + 1?\"}", i, i))
                .toArray(String[]::new));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Invocation run(Path table, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of("generate", "--prompts", prompts.toString(), "--out", table.toString(), "--id-column", "id"));
    words.addAll(List.of(more));
    return Invocation.winnow(words.toArray(String[]::new));
  }

  private static Path prices(String name, String model) throws IOException {
    return Files.writeString(
        folder.resolve(name),
        "{\"models\": {\"" + model + "\": {\"prompt_per_million\": 10, \"cached_prompt_per_million\": 1,"
            + " \"completion_per_million\": 100}, \"" + MADE_UP + "\": {\"prompt_per_million\": 0,"
            + " \"completion_per_million\": 0}}}");
  }

  @Test
  void endpointsAndEnginesAnswerSideBySideAndEachRequestIsBilledOnce() throws IOException {
    try (FaultServer one = FaultServer.healthy();
        FaultServer two = new FaultServer(3, 0.3, EnumSet.of(FaultServer.Fault.BUSY, FaultServer.Fault.ERROR))) {
      Path table = folder.resolve("three");
      Path prices = prices("three.json", "b");
      List<String> words = new ArrayList<>(List.of("--samples", "2", "--prices", prices.toString()));
      words.addAll(List.of("--model", MADE_UP, "--model", "b@" + two.url(), "--model-revision", "r1"));
      run(table, words.toArray(String[]::new)).expect(0);
      assertEquals(2 * 2 * PROMPTS, Tables.read(spark, table).count());
      for (Row row : Tables.read(spark, table).filter("model_fingerprint = 'b@r1'").collectAsList()) {
        // 17 tokens of a prompt, 5 of them cached; whatever was refused before costs nothing.
        double expected = 12 * 10e-6 + 5 * 1e-6 + row.<Integer>getAs("completion_tokens") * 100e-6;
        assertEquals(expected, row.<Double>getAs("cost_usd"), 1e-12, row::json);
      }
      assertTrue(two.done().values().stream().mapToInt(n -> n).sum() > 0, "nothing was spoilt");
      assertEquals(2 * PROMPTS, two.answered());

      // Another teacher later: only its traces are made.
      Path wider = prices("four.json", "b\": {\"prompt_per_million\": 0, \"completion_per_million\": 0}, \"a");
      words.set(words.indexOf(prices.toString()), wider.toString());
      words.addAll(List.of("--model", "a@" + one.url()));
      Invocation more = run(table, words.toArray(String[]::new)).expect(0);
      assertEquals(2 * PROMPTS + " (and " + 4 * PROMPTS + " from earlier runs)", more.summary("traces"));
      assertEquals(2 * PROMPTS, one.answered());
      assertEquals(2 * PROMPTS, two.answered());
      List<Row> ends =
          Tables.runs(spark, table).stream().filter(r -> r.getAs("event").equals("end")).toList();
      assertEquals(5, ends.size());
    }
  }

  @Test
  void twoStatesOfOneModelAreTwoTeachers() throws IOException {
    try (FaultServer one = FaultServer.healthy(); FaultServer two = FaultServer.healthy()) {
      Path table = folder.resolve("states");
      run(table, "--samples", "1", "--model", "m@" + one.url(), "--model", "m@" + two.url(), "--side-by-side", "off",
          "--teacher-option", "m@" + one.url() + ":model-revision=may", "--teacher-option",
          "m@" + two.url() + ":model-revision=june").expect(0);
      List<Row> traces =
          Tables.read(spark, table).groupBy("model_fingerprint").agg(countDistinct("run_id"), count("*"))
              .orderBy("model_fingerprint").collectAsList();
      assertEquals("[[m@june,1,12], [m@may,1,12]]", traces.toString());
      assertEquals(2, Tables.read(spark, table).select("run_id").distinct().count());
    }
  }

  @Test
  void whatAServerFailedAtIsNotSentToTheDearOneBeforeItIsTriedAgain() throws IOException {
    try (FaultServer server = FaultServer.healthy()) {
      Path asked =
          Tables.lines(
              folder.resolve("cursed.jsonl"),
              "{\"id\": \"bad\", \"question\": \"" + FaultServer.CURSED + "\", \"answer\": \"1\"}",
              "{\"id\": \"long\", \"question\": \"" + FaultServer.TOO_LONG + "\", \"answer\": \"1\"}",
              "{\"id\": \"good\", \"question\": \"What is 0 + 1?\", \"answer\": \"1\"}",
              "{\"id\": \"none\", \"question\": \"\", \"answer\": \"1\"}");
      Path table = folder.resolve("cursed");
      Invocation run =
          Invocation.winnow(
              "generate", "--prompts", asked.toString(), "--out", table.toString(), "--id-column", "id", "--samples",
              "1", "--model", "m@" + server.url(), "--model", MADE_UP, "--route", "escalate", "--verify", "math",
              "--endpoint-attempts", "2").expect(0);
      assertEquals("3", run.summary("failed").split(" ")[0], run.out());
      assertEquals(
          List.of("good", "long"),
          Tables.read(spark, table).filter("model = '" + MADE_UP + "'").collectAsList().stream()
              .map(row -> row.<String>getAs("prompt_id")).toList());
    }
  }

  @Test
  void aBudgetStopsAnEndpointToo() throws IOException {
    try (FaultServer server = FaultServer.healthy().holding(2, 100)) {
      Path table = folder.resolve("budget");
      String[] words = {
        "--model", "m@" + server.url(), "--samples", "40", "--prices", prices("budget.json", "m").toString(),
        "--endpoint-concurrency", "2", "--partitions", "1", "--commit-interval", "200ms", "--max-cost", "0.01"
      };
      Invocation stopped = run(table, words).expect(4);
      assertTrue(stopped.summary("stopped").startsWith("--max-cost 0.01 reached"), stopped.out());
      Row sums = Tables.read(spark, table).selectExpr("count(*)", "sum(cost_usd)").head();
      assertTrue(sums.getLong(0) > 0 && sums.getLong(0) < 40 * PROMPTS, sums::json);
      assertTrue(sums.getDouble(1) > 0.005, sums::json);
    }
  }

  @Test
  void aServerThatIgnoresTheFormatGivesErrorsAndNoLabels() throws IOException {
    try (FaultServer server = FaultServer.healthy()) {
      Path table = folder.resolve("ignored");
      Invocation run =
          run(table, "--model", "m@" + server.url(), "--samples", "1", "--choice", "easy", "--choice", "hard");
      assertEquals(PROMPTS + " (label_invalid " + PROMPTS + ")", run.expect(0).summary("failed"));
      for (Row row : Tables.read(spark, table).collectAsList()) {
        assertNull(row.getAs("label"));
        assertEquals("error", row.getAs("finish_reason"));
        Row error = row.getAs("error");
        assertEquals("retry", error.getAs("next_action"));
        assertTrue(error.<String>getAs("message").contains("is none of the choices 'easy, hard'"), error::json);
        assertTrue(!row.<String>getAs("text").isEmpty());
      }
      // What it does give may be a format as well.
      run(table, "--model", "m@" + server.url(), "--samples", "1", "--endpoint-dialect", "vllm", "--regex",
          "(?P<first>[a-z]\\d+)( [a-z]\\d+)*", "--label-column", "parts").expect(0);
      List<Row> good = Tables.read(spark, table).filter("error is null").collectAsList();
      assertEquals(PROMPTS, good.size());
      good.forEach(row -> assertEquals(row.<String>getAs("text").split(" ")[0], row.<Row>getAs("parts").getString(0)));
    }
  }

  /** Answers in turn what it is given, whatever it is asked. */
  private static HttpServer saying(Queue<JsonNode> asked, String... answers) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          JsonNode body = JSON.readTree(exchange.getRequestBody());
          asked.add(body);
          String prompt = body.get("messages").get(0).get("content").asText();
          int number = Integer.parseInt(prompt.replaceAll("\\D+(\\d+).*", "$1"));
          var out = JSON.createObjectNode();
          out.putArray("choices").addObject().put("index", 0).put("finish_reason", "stop").putObject("message")
              .put("role", "assistant").put("content", answers[number % answers.length]);
          out.putObject("usage").put("prompt_tokens", 7).put("completion_tokens", 3);
          byte[] bytes = out.toString().getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().set("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
    return server;
  }

  @Test
  void aServersJsonIsCheckedAndTyped() throws IOException {
    Queue<JsonNode> asked = new ConcurrentLinkedQueue<>();
    HttpServer server =
        saying(
            asked, "{\"level\": 2, \"topic\": \"sums\"}", "{\n \"topic\": \"sums\", \"level\": 9 }",
            "Here you are: {}", "{\"topic\":\"sums\",\"level\":1,\"why\":\"so\"}");
    try {
      Path table = folder.resolve("json");
      String schema =
          "{\"type\":\"object\",\"properties\":{\"topic\":{\"type\":\"string\"},\"level\":{\"type\":\"integer\","
              + "\"minimum\":1,\"maximum\":5}},\"required\":[\"topic\",\"level\"]}";
      run(table, "--model", "m@http://127.0.0.1:" + server.getAddress().getPort() + "/v1", "--samples", "1",
          "--json-schema", schema, "--endpoint-stream", "false", "--endpoint-dialect", "openai").expect(0);
      List<Row> rows = Tables.read(spark, table).collectAsList();
      assertEquals(PROMPTS, rows.size());
      for (Row row : rows) {
        int kind = Integer.parseInt(row.<String>getAs("prompt_id").substring(1)) % 4;
        assertEquals(kind == 0, row.isNullAt(row.fieldIndex("error")), row::json);
        assertEquals(kind == 0 ? "{\"topic\":\"sums\",\"level\":2}" : null,
            kind == 0 ? row.<Row>getAs("label").json() : row.getAs("label"));
      }
      JsonNode format = asked.peek().get("response_format");
      assertEquals("json_schema", format.get("type").asText());
      // Servers of the strict kind refuse objects that are left open.
      assertEquals("false", format.at("/json_schema/schema/additionalProperties").asText());
    } finally {
      server.stop(0);
    }
  }
}
