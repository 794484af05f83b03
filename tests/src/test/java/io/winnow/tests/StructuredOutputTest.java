// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static io.winnow.tests.Invocation.winnow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers of a given form, from the command line to the table and back, by the shipped model. */
class StructuredOutputTest {
  private static final int PROMPTS = 6;
  private static final String SCHEMA =
      "{\"type\": \"object\", \"properties\": {\"result\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 999},"
          + " \"sure\": {\"type\": \"boolean\"}, \"steps\": {\"type\": \"array\", \"items\": {\"type\": \"string\","
          + " \"maxLength\": 12}, \"maxItems\": 3}}, \"required\": [\"result\", \"steps\"]}";

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, PROMPTS);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static List<Row> rows(Path table) {
    return Tables.read(spark, table).collectAsList();
  }

  private static Invocation generate(String name, String... more) {
    return Invocation.generate(prompts, folder.resolve(name), more).expect(0);
  }

  private static void assertReplayed(Path table, int traces) {
    Invocation replay = winnow("replay", "--traces", table.toString(), "--sample", "100%", "--strict").expect(0);
    assertEquals(traces, replay.count("same"), replay.out());
  }

  /** The template opens the thinking, as those of reasoning models do, or the model does so itself. */
  @Test
  void whatFollowsTheThinkingIsOneOfTheChoices() {
    for (String opened : List.of("<think>\n", "")) {
      Path table = folder.resolve("thinking" + opened.length());
      String[] words = {
        "--prompt-template", "{{ question }}\n" + opened, "--choice", "easy", "--choice", "hard", "--samples", "4",
        "--thinking-budget", "24", "--max-tokens", "60", "--temperature", "1.5"
      };
      Invocation.generate(prompts, table, words).expect(0);
      List<Row> rows = rows(table);
      for (Row row : rows) {
        String text = row.getAs("text");
        assertEquals("stop", row.getAs("finish_reason"), text);
        assertTrue(opened.isEmpty() && !text.startsWith("<think>") || text.contains("</think>"), text);
        String answer = row.<String>getAs("answer").strip();
        assertTrue(Set.of("easy", "hard").contains(answer), text);
        assertEquals(answer, row.getAs("label"));
      }
      assertReplayed(table, rows.size());
    }
  }

  @Test
  void everyAnswerIsOneOfTheChoices() {
    String[] words = {"--choice", "easy", "--choice", "hard", "--choice", "hard to say", "--temperature", "2"};
    generate("choice", with(words, "--samples", "8"));
    Path table = folder.resolve("choice");
    Set<String> seen = new TreeSet<>();
    for (Row row : rows(table)) {
      seen.add(row.getAs("text"));
      assertEquals("stop", row.getAs("finish_reason"));
      assertEquals(row.<String>getAs("text"), row.getAs("answer"));
      assertEquals(row.<String>getAs("text"), row.getAs("label"));
    }
    assertTrue(Set.of("easy", "hard", "hard to say").containsAll(seen) && seen.size() > 1, seen::toString);
    Invocation again = generate("choice", with(words, "--samples", "8"));
    assertTrue(again.out().contains("nothing to do"), again.out());
    generate("alone", with(words, "--samples", "8", "--max-sequences", "1", "--threads", "1"));
    assertEquals(Tables.comparable(spark, table), Tables.comparable(spark, folder.resolve("alone")));
    assertReplayed(table, 8 * PROMPTS);
    // Other choices are other traces.
    generate("choice", "--choice", "easy", "--samples", "1");
    assertEquals(9 * PROMPTS, rows(table).size());
  }

  @Test
  void everyAnswerIsJsonOfTheSchemaThoughItWasCutInBetween() throws IOException {
    Path file = Files.writeString(folder.resolve("schema.json"), SCHEMA);
    String[] words = {"--json-schema", file.toString(), "--samples", "3", "--temperature", "1.2"};
    generate("cut", with(words, "--max-tokens", "9"));
    assertTrue(rows(folder.resolve("cut")).stream().anyMatch(row -> row.getAs("finish_reason").equals("length")));
    generate("cut", with(words, "--max-tokens", "300", "--max-sequences", "5"));
    String[] inline = {"--json-schema", SCHEMA, "--samples", "3", "--temperature", "1.2"};
    generate("whole", with(inline, "--max-tokens", "300", "--kv-cache-tokens", "1024"));
    assertEquals(
        Tables.comparable(spark, folder.resolve("whole")), Tables.comparable(spark, folder.resolve("cut")));
    assertEquals(
        "struct<result:bigint,sure:boolean,steps:array<string>>",
        Tables.read(spark, folder.resolve("cut")).schema().apply("label").dataType().catalogString());
    Invocation other =
        Invocation.generate(prompts, folder.resolve("cut"), "--choice", "easy", "--samples", "1").expect(1);
    assertTrue(other.err().contains("column label is STRUCT<") && other.err().contains("--label-column"), other.err());
    for (Row row : rows(folder.resolve("cut"))) {
      Row label = row.getAs("label");
      assertEquals(new ObjectMapper().readTree(label.json()), withNulls(row.getAs("text")));
      assertEquals("stop", row.getAs("finish_reason"), row.<String>getAs("text"));
      JsonNode value = new ObjectMapper().readTree(row.<String>getAs("text"));
      assertTrue(value.get("result").isInt() && value.get("result").intValue() <= 999, value::toString);
      assertTrue(value.get("steps").size() <= 3, value::toString);
      value.get("steps").forEach(step -> assertTrue(step.isTextual() && step.asText().length() <= 12, value::toString));
      assertTrue(!value.has("sure") || value.get("sure").isBoolean(), value::toString);
    }
    // The lineage has the schema itself.
    Files.delete(file);
    assertReplayed(folder.resolve("cut"), 3 * PROMPTS);
    Row event = Tables.runs(spark, folder.resolve("cut")).get(0);
    Map<String, String> settings = event.getJavaMap(event.fieldIndex("settings"));
    assertEquals(new ObjectMapper().readTree(SCHEMA).toString(), settings.get("json-schema"));
  }

  @Test
  void everyAnswerMatchesThePatternOfAMadeUpModelToo() {
    for (String model : List.of(Invocation.MODEL.toString(), "scripted:")) {
      Path table = folder.resolve("regex" + model.length());
      winnow(
          "generate", "--prompts", prompts.toString(), "--model", model, "--out", table.toString(), "--samples", "4",
          "--regex", "[A-E]: \\d{1,3}(é|世)?", "--temperature", "1").expect(0);
      for (Row row : rows(table)) {
        assertTrue(row.<String>getAs("text").matches("[A-E]: \\d{1,3}(é|世)?"), row.<String>getAs("text"));
        assertEquals("stop", row.getAs("finish_reason"));
      }
      assertReplayed(table, 4 * PROMPTS);
    }
  }

  @Test
  void whatCannotBeKeptToIsRefusedBeforeThereIsATable() {
    String[][] wrong = {
      {"--regex", "(a{1000}){1000}", "it needs more than"},
      {"--regex", "(?i)yes", "no flags"},
      {"--json-schema", "{\"type\": \"string\", \"format\": \"iri\"}", "at # the format 'iri' is not supported"},
      {"--json-schema", "no-such-file.json", "there is no such file"},
      {"--choice", "\ud800", "surrogate"},
    };
    for (String[] one : wrong) {
      Invocation run = Invocation.generate(prompts, folder.resolve("refused"), one[0], one[1]).expect(2);
      assertEquals(1, run.err().lines().count(), run.err());
      assertTrue(run.err().startsWith("winnow: Cannot") && run.err().contains(one[0]), run.err());
      assertTrue(run.err().contains(one[2]), run.err());
      assertFalse(Files.exists(folder.resolve("refused")));
    }
    Invocation.generate(prompts, folder.resolve("refused"), "--choice", "a", "--regex", "a").expect(2);
  }

  @Test
  void theDryRunSaysIt() {
    Invocation dry =
        winnow(
            "generate", "--prompts", prompts.toString(), "--model", Invocation.MODEL.toString(), "--dry-run",
            "--choice", "yes", "--choice", "no").expect(0);
    assertTrue(dry.out().contains("Answers      --choice '[yes, no]'"), dry.out());
    Invocation refused =
        winnow(
            "generate", "--prompts", prompts.toString(), "--model", Invocation.MODEL.toString(), "--dry-run", "--regex",
            "a\\b").expect(2);
    assertTrue(refused.err().contains("\\b is not supported"), refused.err());
  }

  /** The object as a struct has it: what is not there is null. */
  private static JsonNode withNulls(String json) throws IOException {
    JsonNode object = new ObjectMapper().readTree(json);
    ObjectNode out = new ObjectMapper().createObjectNode();
    out.set("result", object.get("result"));
    out.set("sure", object.has("sure") ? object.get("sure") : NullNode.instance);
    out.set("steps", object.get("steps"));
    return out;
  }

  private static String[] with(String[] words, String... more) {
    String[] all = Arrays.copyOf(words, words.length + more.length);
    System.arraycopy(more, 0, all, words.length, more.length);
    return all;
  }
}
