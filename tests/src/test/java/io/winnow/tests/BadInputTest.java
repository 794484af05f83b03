// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot work ends with an exit code and one line that says what, where and what to do, and leaves no table. */
class BadInputTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;

  private static SparkSession spark;
  private static Path prompts;

  @BeforeAll
  static void start() throws IOException {
    spark = Tables.local("local[2]");
    prompts = Tables.firstPrompts(folder, 2);
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Runs generate with a model; null leaves the option out. */
  private static void refused(int exitCode, Object model, List<String> more, String... said) throws IOException {
    Path table = Files.createTempDirectory(folder, "table").resolve("out");
    List<String> words = new ArrayList<>(List.of("generate", "--out", table.toString(), "--samples", "1"));
    if (!more.contains("--prompts")) {
      words.addAll(List.of("--prompts", prompts.toString()));
    }
    if (model != null) {
      words.addAll(List.of("--model", model.toString()));
    }
    words.addAll(more);
    Invocation run = Invocation.winnow(words.toArray(String[]::new));
    run.expect(exitCode);
    assertOneLine(run, said);
    assertFalse(Files.exists(table), () -> "there is " + Tables.files(table) + " after: " + run.err());
  }

  private static void assertOneLine(Invocation run, String... said) {
    assertEquals("", run.out());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().startsWith("winnow: "), run.err());
    assertFalse(run.err().contains("Exception"), run.err());
    for (String part : said) {
      assertTrue(run.err().contains(part), () -> "'" + part + "' is not in: " + run.err());
    }
  }

  private static Path model(String name) throws IOException {
    Path copy = folder.resolve(name);
    Files.createDirectories(copy);
    for (String file : List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "model.safetensors")) {
      Files.copy(Invocation.MODEL.resolve(file), copy.resolve(file));
    }
    return copy;
  }

  @Test
  void modelThatIsNotThere() throws IOException {
    Path none = folder.resolve("no-such-model");
    refused(1, none, List.of(), "Cannot open the model " + none, "config.json", ".gguf");
  }

  @Test
  void moreMemoryThanThereIs() throws IOException {
    refused(
        1, Invocation.MODEL, List.of("--kv-cache-tokens", "2000000000"), "Cannot hold the engine of",
        "2,000,000,000 tokens", "Leave --kv-cache-tokens out");
    refused(1, Invocation.MODEL, List.of("--max-sequences", "1000000000"), "Set --max-sequences to");
    Invocation doctor =
        Invocation.winnow("doctor", "--model", Invocation.MODEL.toString(), "--kv-cache-tokens", "2000000000");
    doctor.expect(1);
    assertTrue(doctor.out().contains("verdict: does not fit - Leave --kv-cache-tokens out"), doctor.out());
  }

  @Test
  void missingTensor() throws IOException {
    Path model = model("missing-tensor");
    Path weights = model.resolve("model.safetensors");
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
    int headerBytes = (int) bytes.getLong(0);
    ObjectNode header = (ObjectNode) JSON.readTree(Arrays.copyOfRange(bytes.array(), 8, 8 + headerBytes));
    // The tensor whose data come last goes, with its data: what stays is a sound file.
    String last = null;
    long lastStart = -1;
    for (Iterator<Map.Entry<String, com.fasterxml.jackson.databind.JsonNode>> it = header.fields(); it.hasNext();) {
      var entry = it.next();
      if (entry.getValue().has("data_offsets") && entry.getValue().get("data_offsets").get(0).asLong() > lastStart) {
        last = entry.getKey();
        lastStart = entry.getValue().get("data_offsets").get(0).asLong();
      }
    }
    header.remove(last);
    byte[] shorter = JSON.writeValueAsBytes(header);
    ByteBuffer out = ByteBuffer.allocate(8 + shorter.length + (int) lastStart).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(shorter.length).put(shorter).put(bytes.array(), 8 + headerBytes, (int) lastStart);
    Files.write(weights, out.array());
    refused(1, model, List.of(), last, model.toString());
  }

  @Test
  void truncatedSafetensors() throws IOException {
    Path model = model("truncated");
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length / 2));
    refused(1, model, List.of(), "model.safetensors", String.valueOf(bytes.length / 2));
  }

  @Test
  void truncatedGguf() throws IOException {
    Path file = folder.resolve("cut.gguf");
    byte[] key = "general.architecture".getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + 16 + 8 + key.length + 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(2).putLong(3);
    bytes.putLong(key.length).put(key).putInt(8);
    Files.write(file, bytes.array());
    refused(1, file, List.of(), "cut.gguf");
  }

  @Test
  void unknownArchitecture() throws IOException {
    Path model = model("mamba");
    Path config = model.resolve("config.json");
    String text = Files.readString(config);
    Files.writeString(config, text.replace("Qwen2ForCausalLM", "MambaForCausalLM").replace("\"qwen2\"", "\"mamba\""));
    refused(1, model, List.of(), "'mamba'", "Known architectures: ", "qwen2");
  }

  @Test
  void damagedTextFilesOfAModel() throws IOException {
    Path noTokenizer = model("no-tokenizer");
    Files.delete(noTokenizer.resolve("tokenizer.json"));
    refused(1, noTokenizer, List.of(), "tokenizer.json");
    Path brokenTokenizer = model("broken-tokenizer");
    Files.writeString(brokenTokenizer.resolve("tokenizer.json"), "{\"model\": ");
    refused(1, brokenTokenizer, List.of(), brokenTokenizer.toString());
    Path brokenConfig = model("broken-config");
    Files.writeString(brokenConfig.resolve("config.json"), "{\"model_type\": \"qwen2\", \n\n oops");
    refused(1, brokenConfig, List.of(), "config.json");
    Path emptyWeights = model("empty-weights");
    Files.write(emptyWeights.resolve("model.safetensors"), new byte[0]);
    refused(1, emptyWeights, List.of(), "model.safetensors");
  }

  @Test
  void chatTemplateThatCannotBeParsed() throws IOException {
    Path template = Files.writeString(folder.resolve("broken.jinja"), "{% for m in messages %}\n{{ m.content }");
    refused(1, Invocation.MODEL, List.of("--chat-template", template.toString()), "template");
    refused(2, Invocation.MODEL, List.of("--chat-template", folder.resolve("none.jinja").toString()), "none.jinja");
  }

  @Test
  void promptsWithoutARow() throws IOException {
    Path empty = Files.write(folder.resolve("empty.jsonl"), new byte[0]);
    refused(2, Invocation.MODEL, List.of("--prompts", empty.toString()), "empty.jsonl");
  }

  @Test
  void wrongColumns() throws IOException {
    Path model = Invocation.MODEL;
    refused(2, model, List.of("--prompt-column", "qestion"), "--prompt-column 'qestion'", "'question'");
    refused(2, model, List.of("--gold-column", "gold", "--verify", "math"), "--gold-column 'gold'", "answer");
    refused(2, model, List.of("--keep-columns", "no"), "--keep-columns 'no'", "difficulty");
    refused(2, model, List.of("--prompts", folder.resolve("none.jsonl").toString()), "none.jsonl", "no such");
  }

  @Test
  void oneIdForTwoPrompts() throws IOException {
    Path file =
        Tables.lines(
            folder.resolve("same-id.jsonl"),
            "{\"id\": \"x\", \"question\": \"one\", \"answer\": \"1\"}",
            "{\"id\": \"x\", \"question\": \"two\", \"answer\": \"2\"}");
    refused(
        2, Invocation.MODEL, List.of("--prompts", file.toString(), "--id-column", "id"), "--id-column 'id'", "'x'",
        "one", "two");
  }

  @Test
  void wrongOptions() throws IOException {
    refused(2, Invocation.MODEL, List.of("--sampels", "3"), "'--sampels'", "'--samples'");
    refused(2, "@https://host.example/v1", List.of(), "NAME@https://host/v1");
    refused(2, Invocation.MODEL, List.of("--gold-regex", "(("), "--gold-regex", "((");
    refused(2, null, List.of(), "--model");
    refused(2, Invocation.MODEL, List.of("--max-tokens", "many"), "--max-tokens", "many");
    refused(2, Invocation.MODEL, List.of("--verify", "maths"), "--verify", "maths");
  }

  @Test
  void folderThatHoldsSomethingElse() throws IOException {
    Path out = Files.createDirectories(folder.resolve("mine"));
    Files.writeString(out.resolve("notes.txt"), "keep me");
    Invocation run = Invocation.generate(prompts, out, "--samples", "1");
    run.expect(1);
    assertOneLine(run, out.toString(), "notes.txt", "--out");
    assertEquals(List.of("notes.txt"), Tables.files(out));

    Invocation onto = Invocation.generate(prompts, out.resolve("notes.txt"), "--samples", "1");
    onto.expect(1);
    assertOneLine(onto, "notes.txt", "it is a file", "--out");

    Path table = folder.resolve("other-table");
    spark.range(3).write().format("delta").save(table.toString());
    List<String> files = Tables.files(table);
    Invocation other = Invocation.generate(prompts, table, "--samples", "1");
    other.expect(1);
    assertOneLine(other, table.toString(), "--out");
    assertEquals(files, Tables.files(table));
  }

  /** Streams of a real process, with all that Spark and the JVM might add to them. */
  @Test
  void aProcessSaysItInOneLineToo() throws Exception {
    Path log = folder.resolve("process.log");
    Process process =
        ChildJvm.winnow(log, Invocation.words(prompts, folder.resolve("p"), "--prompt-column", "qestion"));
    assertEquals(2, ChildJvm.await(process, 120));
    String said = Files.readString(log);
    assertEquals(1, said.lines().count(), said);
    assertTrue(said.startsWith("winnow: Cannot use --prompt-column 'qestion'"), said);
  }
}
