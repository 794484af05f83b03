// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every way in which a row can fail leaves a row that says so, as docs/TABLES.md tells it; the others go on. */
class FailedRowsTest {
  private static final int SAMPLES = 2;

  @TempDir static Path folder;

  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = Tables.local("local[2]");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** What an error class says is to be done next, by the page. */
  private static Map<String, String> documented() throws IOException {
    String page = Files.readString(Invocation.ROOT.resolve("docs/TABLES.md"), StandardCharsets.UTF_8);
    Map<String, String> out = new TreeMap<>();
    page.substring(page.indexOf("| error.class |"), page.indexOf("`next_action` says")).lines().skip(2)
        .filter(line -> line.startsWith("|"))
        .map(line -> line.split("\\|"))
        .forEach(cells -> out.put(cells[1].strip(), cells[3].strip()));
    return out;
  }

  /** Runs the lines, checks what all failed rows have in common, and gives their classes by prompt id. */
  private static Map<String, String> classes(String name, List<String> lines, String... more) throws IOException {
    Path prompts = Tables.lines(folder.resolve(name + ".jsonl"), lines.toArray(String[]::new));
    Path table = folder.resolve(name);
    List<String> words =
        new ArrayList<>(
            List.of(
                "generate", "--prompts", prompts.toString(), "--out", table.toString(), "--id-column", "id",
                "--samples", String.valueOf(SAMPLES), "--max-tokens", "16", "--verify", "math"));
    words.addAll(List.of(more));
    Invocation run = Invocation.winnow(words.toArray(String[]::new)).expect(0);
    assertEquals(String.valueOf(lines.size() * SAMPLES), run.summary("traces"), run.out());
    Map<String, String> out = new TreeMap<>();
    int failed = 0;
    for (Row row : Tables.read(spark, table).collectAsList()) {
      Row error = row.getAs("error");
      if (error == null) {
        assertEquals(true, row.getAs("text") != null && row.getAs("verdicts") != null, row::json);
        continue;
      }
      failed++;
      String errorClass = error.getAs("class");
      String before = out.put(row.getAs("prompt_id"), errorClass);
      assertTrue(before == null || before.equals(errorClass), row::json);
      assertFalse(error.<String>getAs("message").isBlank(), row::json);
      assertFalse(error.<String>getAs("message").contains("\n"), row::json);
      assertEquals(1, error.<Integer>getAs("attempts"), row::json);
      assertEquals(documented().get(errorClass), error.getAs("next_action"), row::json);
      assertEquals("error", row.getAs("finish_reason"), row::json);
      for (String column : List.of("correct", "answer", "think_end", "token_ids", "verdicts", "logprobs")) {
        assertNull(row.getAs(column), row::json);
      }
    }
    assertEquals(failed, run.count("failed"), run.out());
    // One prompt of each file is good, and is not held up by the others.
    assertEquals(SAMPLES, lines.size() * SAMPLES - failed, run.out());
    return out;
  }

  private static String line(String id, String question, String more) {
    return String.format("{\"id\": %s, \"question\": %s, \"answer\": \"1\"%s}", id, question, more);
  }

  private static List<String> sorted(Map<String, String> classes) {
    return classes.values().stream().sorted().toList();
  }

  @Test
  void whatIsWrongWithTheRowItself() throws IOException {
    Map<String, String> classes =
        classes(
            "rows",
            List.of(
                line("\"good\"", "\"What is 1 + 1?\"", ""),
                line("\"empty\"", "\"\"", ""),
                line("\"null\"", "null", ""),
                line("\"array\"", "[1, 2]", ""),
                line("\"long\"", "\"" + "word ".repeat(2000) + "\"", ""),
                line("null", "\"What is 1 + 2?\"", ""),
                "{\"id\": \"broken\", \"question\": \"What"),
            "--model", "scripted:");
    assertEquals("prompt_empty", classes.get("empty"));
    assertEquals("prompt_empty", classes.get("null"));
    assertEquals("prompt_invalid", classes.get("array"));
    assertEquals("prompt_too_long", classes.get("long"));
    assertEquals(
        List.of("broken_line", "id_missing", "prompt_empty", "prompt_empty", "prompt_invalid", "prompt_too_long"),
        sorted(classes));

    // The page's own queries.
    String page = Files.readString(Invocation.ROOT.resolve("docs/TABLES.md"), StandardCharsets.UTF_8);
    String from = page.substring(page.indexOf("<!-- traces_failed -->"));
    String[] sql = from.substring(from.indexOf("```sql") + 6, from.indexOf("```\n\n")).split(";");
    spark.sql(sql[0].replace("OUT", folder.resolve("rows").toString()));
    List<Row> counted = spark.sql(sql[1]).collectAsList();
    assertEquals(
        List.of("broken_line 2", "id_missing 2", "prompt_empty 4", "prompt_invalid 2", "prompt_too_long 2"),
        counted.stream().map(row -> row.getAs("class") + " " + row.getAs("n")).toList());
  }

  @Test
  void aTemplateThatFailsOnARow() throws IOException {
    List<String> lines =
        List.of(line("\"good\"", "\"a\"", ", \"n\": 5"), line("\"bad\"", "\"a\"", ", \"n\": 0"));
    assertEquals(
        Map.of("bad", "template_error"),
        classes("template", lines, "--model", "scripted:", "--prompt-template", "{{ question }} {{ 10 % n }}"));

    Path chat =
        Files.writeString(
            folder.resolve("chat.jinja"),
            "{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('not that') }}{% endif %}"
                + "{{ m.content }}{% endfor %}");
    assertEquals(
        Map.of("bad", "template_error"),
        classes(
            "chat", List.of(line("\"good\"", "\"What is 1 + 1?\"", ""), line("\"bad\"", "\"bad\"", "")), "--model",
            Invocation.MODEL.toString(), "--chat-template", chat.toString()));
  }

  @Test
  void conversationsThatAreNone() throws IOException {
    assertEquals(
        Map.of("text", "messages_invalid", "roles", "messages_invalid"),
        classes(
            "messages",
            List.of(
                "{\"id\": \"good\", \"answer\": \"1\", \"turns\": [{\"role\": \"user\", \"content\": \"Hello\"}]}",
                "{\"id\": \"text\", \"answer\": \"1\", \"turns\": \"Hello\"}",
                "{\"id\": \"roles\", \"answer\": \"1\", \"turns\": [{\"content\": \"Hello\"}]}"),
            "--model", "scripted:", "--messages-column", "turns"));
  }

  @Test
  void whatTheModelAndTheEngineDoToOneSequence() throws IOException {
    assertEquals(
        Map.of("nan", "non_finite_logits", "fault", "engine_fault"),
        classes(
            "engine",
            List.of(
                line("\"good\"", "\"What is 1 + 1?\"", ""), line("\"nan\"", "\"What is NAN?\"", ""),
                line("\"fault\"", "\"What is BROKEN?\"", "")),
            "--model", "scripted:nan=NAN,fault=BROKEN", "--logprobs"));
  }
}
