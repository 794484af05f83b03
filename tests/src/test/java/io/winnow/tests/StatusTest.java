// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.jobs.table.RunProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code status}, from another process than the run's and without a Spark session. */
class StatusTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPTS = 40;

  @TempDir static Path folder;

  @AfterEach
  void noSessionWasOpened() {
    assertTrue(SparkSession.getDefaultSession().isEmpty());
  }

  private static Path prompts() throws IOException {
    String[] lines =
        IntStream.range(0, PROMPTS)
            .mapToObj(i -> String.format("{\"id\": \"p%d\", \"question\": \"%s\"}", i, i < 3 ? "" : "What is " + i))
            .toArray(String[]::new);
    return Tables.lines(folder.resolve("prompts.jsonl"), lines);
  }

  private static Process start(Path table, Path log, String model) throws IOException {
    return ChildJvm.winnow(
        log,
        List.of(
            "generate", "--prompts", prompts().toString(), "--model", model, "--out", table.toString(), "--id-column",
            "id", "--samples", "2", "--max-sequences", "4", "--commit-interval", "500ms"));
  }

  private static Invocation status(Path table, String... more) {
    List<String> words = new ArrayList<>(List.of("status", "--out", table.toString()));
    words.addAll(List.of(more));
    return winnow(words.toArray(String[]::new));
  }

  private static JsonNode json(Path table) throws IOException {
    Invocation run = status(table, "--json").expect(0);
    assertEquals(1, run.out().lines().count());
    return JSON.readTree(run.out());
  }

  private static JsonNode progress(Path table) {
    try {
      return json(table).path("goingOn").path(0).path("progress");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void aFinishedTableTellsOfItsRunsAndFailures() throws Exception {
    Path table = folder.resolve("finished");
    Path log = folder.resolve("finished.log");
    assertEquals(0, ChildJvm.await(start(table, log, "scripted:"), 180), () -> read(log));
    List<String> before = Tables.files(table);
    JsonNode status = json(table);
    assertEquals(2 * PROMPTS, status.get("traces").asLong());
    assertEquals("{\"prompt_empty\":6}", status.get("failedByClass").toString());
    assertEquals(0, status.get("goingOn").size());
    assertEquals(1, status.get("runs").size());
    JsonNode run = status.get("runs").get(0);
    assertEquals("generate", run.get("command").asText());
    assertEquals("done", run.get("state").asText());
    assertEquals(2 * PROMPTS, run.get("written").asLong());
    assertEquals(6, run.get("failed").asLong());
    assertTrue(run.get("tokens").asLong() > 0, status::toString);
    assertTrue(run.get("wallSeconds").asDouble() > 0, status::toString);
    assertEquals(Tables.commits(table).size() - 1, status.get("version").asLong());
    assertFalse(Instant.parse(run.get("start").asText()).isAfter(Instant.parse(status.get("lastCommit").asText())));

    Invocation text = status(table).expect(0);
    assertEquals("6", text.summary("failed"), text.out());
    assertEquals("80", text.summary("traces"), text.out());
    assertTrue(text.out().contains("prompt_empty 6") && text.out().contains("No run is going on."), text.out());
    assertTrue(text.out().lines().anyMatch(line -> line.contains(" generate  done ")), text.out());
    assertEquals(before, Tables.files(table));

    Path watched = folder.resolve("watch.log");
    Process watch =
        ChildJvm.winnow(watched, List.of("status", "--out", table.toString(), "--watch", "100ms"));
    ChildJvm.awaitWhile(watch, watched, "its third look", () -> read(watched).split("last commit").length > 3);
    watch.destroy();
    assertEquals(0, ChildJvm.await(watch, 60), () -> read(watched));
  }

  @Test
  void aRunIsSeenWhileItGoesOnAndWhenItWasKilled() throws Exception {
    Path table = folder.resolve("killed");
    Path log = folder.resolve("killed.log");
    Process process = start(table, log, "scripted:tokens=100,step-ms=50,tail=0");
    Path pending = table.resolve("_winnow/pending");
    try {
      ChildJvm.awaitWhile(process, log, "its first commit", () -> Tables.committedRows(table) > 0);
      JsonNode status = json(table);
      JsonNode run = status.get("goingOn").get(0);
      assertEquals(process.pid(), run.get("pid").asLong(), status::toString);
      assertEquals("alive", run.get("life").asText());
      assertEquals("running", status.get("runs").get(0).get("state").asText(), status::toString);
      assertTrue(status.get("runs").get(0).get("written").isNull());
      ChildJvm.awaitWhile(process, log, "its progress", () -> progress(table).path("done").asLong() > 0);
      assertEquals(2 * PROMPTS, progress(table).get("planned").asLong());
      assertEquals(0, progress(table).get("existing").asLong());
      assertTrue(status(table).expect(0).summary("run").contains("running: process " + process.pid() + " on "));
    } finally {
      process.destroyForcibly().waitFor();
    }
    JsonNode killed = json(table);
    assertEquals("dead", killed.get("goingOn").get(0).get("life").asText(), killed::toString);
    assertEquals("cut_off", killed.get("runs").get(0).get("state").asText());

    String runId = killed.get("goingOn").get(0).get("runId").asText();
    RunProgress progress =
        new RunProgress(runId, "w", "h", 1, 1_000_000, 1_060_000, 80, 20, 30, 3, 10, 15, 4500, 75.25);
    Files.write(pending.resolve(runId).resolve("progress.json"), progress.toBytes());
    Files.deleteIfExists(pending.resolve(runId).resolve(".progress.json.crc"));
    JsonNode told = json(table).get("goingOn").get(0).get("progress");
    assertEquals(30, told.get("done").asLong());
    assertEquals(75.25, told.get("tokensPerSecond").asDouble());
    assertEquals(60, told.get("etaSeconds").asDouble()); // 30 left at 30 in 60 seconds
    Invocation text = status(table).expect(0);
    assertEquals("50 of 80 (62.5 %), 20 of them from earlier runs", text.summary("done"));
    assertEquals("66.7 % correct", text.summary("verified"));
    assertTrue(text.summary("run").contains("is gone; the same command goes on from here"), text.out());
  }

  @Test
  void aTableThatIsNotThereIsTold() throws IOException {
    Invocation none = status(folder.resolve("none")).expect(1);
    assertTrue(none.err().contains("there is no Delta table") && none.err().contains("--out"), none.err());
    assertEquals(1, none.err().lines().count(), none.err());
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertTrue(status(empty).expect(1).err().contains("there is no Delta table"));
    assertEquals(List.of(), Tables.files(empty));
    assertTrue(winnow("status").expect(2).err().contains("--out is missing"));
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
