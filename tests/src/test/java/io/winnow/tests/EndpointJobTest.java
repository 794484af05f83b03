// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.udf.EngineHost;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate --model NAME@http://…}: from the command line to the table, and where the key must not turn up. */
class EndpointJobTest {
  private static final int PROMPTS = 6;
  private static final String KEY = "sk-canary-5f0c1e7b9d";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;
  private static Path keyFile;
  private static FaultServer healthy;
  private static Path good;
  private static Invocation first;
  private static final StringBuilder SAID = new StringBuilder();

  @BeforeAll
  static void run() throws IOException {
    System.setProperty("winnow.log.spark", "error");
    spark =
        Tables.builder("local[2]")
            .config("spark.ui.enabled", "true")
            .config("spark.ui.port", "0")
            .config("spark.eventLog.enabled", "true")
            .config("spark.eventLog.compress", "false")
            .config("spark.eventLog.dir", Files.createDirectories(folder.resolve("events")).toUri().toString())
            .getOrCreate();
    prompts = Tables.firstPrompts(folder, PROMPTS);
    keyFile = Tables.lines(folder.resolve("key"), KEY);
    healthy = FaultServer.healthy().asking(KEY);
    good = folder.resolve("good");
    first = generate("m@" + healthy.url(), good).expect(0);
  }

  @AfterAll
  static void stop() {
    spark.stop();
    EngineHost.closeIdle();
    healthy.close();
  }

  private static Invocation generate(String model, Path table, String... more) {
    List<String> words =
        new ArrayList<>(
            List.of(
                "generate", "--prompts", prompts.toString(), "--id-column", "id", "--model", model, "--out",
                table.toString(), "--samples", "2", "--api-key-file", keyFile.toString()));
    words.addAll(List.of(more));
    if (!words.contains("--max-tokens")) {
      words.addAll(List.of("--max-tokens", "16"));
    }
    Invocation invocation = winnow(words.toArray(String[]::new));
    SAID.append(invocation.out()).append(invocation.err());
    return invocation;
  }

  @Test
  void rowsHoldWhatTheServerSays() {
    List<Row> rows = Tables.read(spark, good).collectAsList();
    assertEquals(2 * PROMPTS, rows.size());
    for (Row row : rows) {
      assertEquals("m", row.getAs("model"));
      assertEquals("m", row.getAs("model_fingerprint"));
      assertEquals(17, row.<Integer>getAs("prompt_tokens"));
      assertTrue(row.<Integer>getAs("completion_tokens") > 0, row::json);
      assertTrue(row.isNullAt(row.fieldIndex("token_ids")), row::json);
      assertFalse(row.<String>getAs("text").isEmpty(), row::json);
      assertEquals(0, row.<Integer>getAs("think_end"));
    }
    assertEquals(2 * PROMPTS, rows.stream().map(row -> row.<String>getAs("text")).distinct().count());
    Row start = Tables.runs(spark, good).get(0);
    assertFalse(start.<Boolean>getAs("reproducible"));
    assertEquals(2 * PROMPTS, first.count("traces"));
  }

  @Test
  void aServerThatFailsGivesTheSameTable() throws IOException {
    long seed = Long.getLong("winnow.seed", System.nanoTime());
    System.out.println("EndpointJobTest: -Dwinnow.seed=" + seed);
    Path table = folder.resolve("faults");
    try (FaultServer server = new FaultServer(seed, 0.5, EnumSet.allOf(FaultServer.Fault.class)).asking(KEY)) {
      generate("m@" + server.url(), table, "--partitions", "3").expect(0);
      assertFalse(server.done().isEmpty(), "no fault, seed " + seed);
    }
    assertEquals(Tables.comparable(spark, good), Tables.comparable(spark, table), "seed " + seed);
  }

  @Test
  void anotherAddressOfTheSameModelHasNothingToDo() throws IOException {
    Path table = folder.resolve("moved");
    Tables.copy(good, table);
    try (FaultServer other = FaultServer.healthy().asking(KEY)) {
      assertEquals(0, generate("m@" + other.url(), table).expect(0).count("traces"));
      assertEquals(0, other.answered());
      // Another revision is another model.
      assertEquals(2, generate("m@" + other.url(), table, "--model-revision", "r2", "--limit", "1").expect(0)
          .count("traces"));
    }
    assertEquals(
        List.of("m", "m@r2"),
        Tables.read(spark, table).select("model_fingerprint").distinct().orderBy("model_fingerprint").collectAsList()
            .stream().map(row -> row.getString(0)).toList());
  }

  @Test
  void aHigherLimitMakesCutTracesAnew() {
    Path table = folder.resolve("longer");
    generate("m@" + healthy.url(), table, "--max-tokens", "4").expect(0);
    long cut = Tables.read(spark, table).filter("finish_reason = 'length'").count();
    assertTrue(cut > 0, "nothing was cut");
    assertEquals(cut, generate("m@" + healthy.url(), table, "--max-tokens", "16").expect(0).count("traces"));
    assertEquals(Tables.comparable(spark, good), Tables.comparable(spark, table));
  }

  @Test
  void replaySaysThatItCannot() {
    Invocation replay = winnow("replay", "--traces", good.toString(), "--sample", "4").expect(0);
    assertTrue(replay.out().contains("4: made by an endpoint"), replay::out);
  }

  @Test
  void refusedPromptsAreRowsInTheServersWords() throws IOException {
    Path some =
        Tables.lines(
            folder.resolve("some.jsonl"), "{\"question\": \"What is 1 + 1?\"}",
            "{\"question\": \"" + FaultServer.TOO_LONG + "\"}", "{\"question\": \"" + FaultServer.FORBIDDEN + "\"}");
    Path table = folder.resolve("refused");
    Invocation run =
        winnow(
            "generate", "--prompts", some.toString(), "--id-column", "question", "--model", "m@" + healthy.url(),
            "--out", table.toString(), "--samples", "2", "--api-key-file", keyFile.toString());
    SAID.append(run.out()).append(run.err());
    assertEquals(4, run.expect(0).count("failed"));
    List<Row> failed = Tables.read(spark, table).filter("error is not null").collectAsList();
    assertEquals(
        List.of("content_refused", "prompt_too_long"),
        failed.stream().map(row -> row.<Row>getAs("error").getString(0)).distinct().sorted().toList());
    String words = failed.stream().map(row -> row.<Row>getAs("error").getString(1)).collect(Collectors.joining("\n"));
    assertTrue(words.contains("maximum context length") && words.contains("[api key]"), words);
  }

  @Test
  void aWrongKeyEndsTheJobInOneLine() throws IOException {
    Path wrong = Tables.lines(folder.resolve("wrong-key"), KEY + "-wrong");
    Path table = folder.resolve("wrong");
    Invocation run =
        winnow(
            "generate", "--prompts", prompts.toString(), "--model", "m@" + healthy.url(), "--out", table.toString(),
            "--api-key-file", wrong.toString());
    SAID.append(run.out()).append(run.err());
    run.expect(1);
    assertTrue(run.err().contains("HTTP 401") && run.err().contains("--api-key-file"), run::err);
    assertEquals(0, Tables.read(spark, table).count());
  }

  @Test
  void settingsThatCannotBeAreRefusedBeforeWork() {
    String model = "m@" + healthy.url();
    String[][] cases = {
      {"--weights", "int8", "the server holds the weights"},
      {"--prompt-logprobs", "true", "--prompt-logprobs"},
      {"--chat-template", keyFile.toString(), "--endpoint-api completions"},
      {"--model", "m@https://user:secret@host/v1", "holds a user or password"},
      {"--model", "m@https://host/v1?key=secret", "query"},
      {"--model", "https://host/v1", "NAME@https://host/v1"},
      {"--model", "m@http://host.example/v1", "over http everybody"},
      {"--endpoint-header", "Authorization=Bearer x", "carries no credentials"},
      {"--endpoint-header", "Host=elsewhere", "the connection sets itself"},
      {"--json-schema", "{\"$ref\": \"#\"}", "is recursive"},
      {"--json-schema", "{\"allOf\": []}", "'allOf'"},
      {"--regex", "(a", "a group is not closed"},
      {"--endpoint-concurrency", "9-3", "4-512"},
      {"--api-key-env", "WINNOW_NOT_SET", "Leave one out"},
      {"--api-key-file", folder.resolve("none").toString(), "cannot be read"},
    };
    for (String[] one : cases) {
      List<String> words =
          new ArrayList<>(
              List.of("generate", "--prompts", prompts.toString(), "--out", folder.resolve("x").toString()));
      words.addAll(List.of(one[0], one[1]));
      if (!one[0].equals("--model")) {
        words.addAll(List.of("--model", model));
      }
      if (!one[0].equals("--api-key-file")) {
        words.addAll(List.of("--api-key-file", keyFile.toString()));
      }
      Invocation run = winnow(words.toArray(String[]::new));
      assertNotEquals(0, run.exitCode(), one[2]);
      assertTrue(run.err().contains(one[2]), () -> one[0] + " " + one[1] + ": " + run.err());
      assertFalse(run.err().contains("secret"), run::err);
      assertEquals(1, run.err().strip().lines().count(), run::err);
    }
    assertFalse(Files.exists(folder.resolve("x")));
  }

  @Test
  void theDryRunShowsWhatWouldBeAsked() {
    Invocation dry = generate("m@" + healthy.url(), folder.resolve("dry"), "--dry-run").expect(0);
    assertTrue(dry.out().contains("m at " + healthy.url()) && dry.out().contains("[{\"role\":\"user\""), dry::out);
    assertFalse(Files.exists(folder.resolve("dry")));
  }

  /** The key went to the server, and nowhere else. */
  @Test
  void theKeyIsNowhereElse() throws Exception {
    Path table = folder.resolve("canary");
    StringBuilder plans = new StringBuilder();
    spark.listenerManager().register(
        new org.apache.spark.sql.util.QueryExecutionListener() {
          @Override
          public void onSuccess(String name, org.apache.spark.sql.execution.QueryExecution query, long nanos) {
            synchronized (plans) {
              plans.append(query);
            }
          }

          @Override
          public void onFailure(String name, org.apache.spark.sql.execution.QueryExecution query, Exception e) {
            synchronized (plans) {
              plans.append(query).append(e);
            }
          }
        });
    try (FaultServer server = new FaultServer(7, 0.2, EnumSet.of(FaultServer.Fault.ERROR)).asking(KEY)) {
      generate("m@" + server.url(), table, "--verbose", "true", "--limit", "2").expect(0);
      assertTrue(server.keys().contains("Bearer " + KEY), "the server never saw the key");
    }
    Invocation status = winnow("status", "--out", table.toString(), "--json");
    SAID.append(status.out()).append(status.err());
    String base = spark.sparkContext().uiWebUrl().get();
    String app = spark.sparkContext().applicationId();
    String environment = get(base + "/api/v1/applications/" + app + "/environment");
    String pages = environment + get(base + "/environment/") + get(base + "/stages/") + get(base + "/SQL/");
    assertTrue(environment.contains("spark.eventLog.dir"), "no environment was read");
    String events = all(folder.resolve("events"));
    assertTrue(events.contains("SparkListenerTaskEnd"), "no event log was read");
    String tables = all(table) + String.join("\n", Tables.whole(Tables.read(spark, table)))
        + Tables.runs(spark, table);
    assertTrue(tables.contains("\"model\":\"m\""), "no table was read");
    synchronized (plans) {
      assertFalse(plans.isEmpty(), "no plan was seen");
      for (String text : List.of(events, pages, tables, plans.toString(), SAID.toString())) {
        assertFalse(text.contains(KEY), "the key leaked");
      }
    }
  }

  private static String get(String address) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(address)).build();
    return HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build()
        .send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  /** The bytes of all files below a folder, each byte a character. */
  private static String all(Path below) throws IOException {
    StringBuilder out = new StringBuilder();
    try (Stream<Path> files = Files.walk(below)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        out.append(Files.readString(file, StandardCharsets.ISO_8859_1)).append('\n');
      }
    }
    return out.toString();
  }
}
