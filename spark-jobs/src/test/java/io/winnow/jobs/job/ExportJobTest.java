// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.export.CardFacts;
import io.winnow.jobs.export.Skip;
import io.winnow.jobs.table.StepFolder;
import io.winnow.jobs.table.StepOutput;
import io.winnow.jobs.table.TableException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code export}: files, their bytes, their order and their place. */
class ExportJobTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPTS = 40;
  private static final int SAMPLES = 3;

  private static SparkSession spark;
  private static List<String> rows;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = StepSession.startInterpreted();
    rows = rows();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  /** Traces, of which each third is wrong and some have texts that break lines, quotes and encodings. */
  private static List<String> rows() {
    List<String> out = new ArrayList<>();
    for (int p = 0; p < PROMPTS; p++) {
      for (int s = 0; s < SAMPLES; s++) {
        ObjectNode row = JSON.createObjectNode();
        // Ids whose order in UTF-8 is another than in UTF-16.
        row.put("prompt_id", (p % 4 == 0 ? "\uff5e" : p % 4 == 1 ? "\ud83d\ude00" : "p") + p);
        row.put("trace_id", "t" + (p * 7919 + s * 31 & 0xFFFF)).put("sample_index", s);
        row.put("prompt", "How much is " + p + " + " + s / SAMPLES + "?").put("gold", String.valueOf(p));
        String odd = p % 5 == 0 ? "\u2028 \"quoted\"\r\n\u0000 " : "x".repeat(p * 10);
        row.put("text", "<think>" + odd + "</think>\n\n" + p).put("correct", s != 2);
        row.put("finish_reason", s == 1 ? "length" : "stop").put("model", "/home/somebody/model.gguf");
        row.put("prompt_tokens", 10 + p).put("completion_tokens", 100 + p).put("logp", 0.1 * p);
        out.add(row.toString());
      }
    }
    return out;
  }

  private static SettingValues values(Path in, Path out, String... more) {
    Map<String, List<String>> options = new TreeMap<>();
    options.put("in", List.of(in.toString()));
    options.put("out", List.of(out.toString()));
    for (int i = 0; i < more.length; i += 2) {
      options.put(more[i], List.of(more[i + 1]));
    }
    SettingValues values = SettingValues.resolve(ExportSettings.ALL, options, key -> null);
    ExportJob.validate(values);
    return values;
  }

  private static ExportResult run(Path in, Path out, String... more) {
    return ExportJob.run(spark, values(in, out, more), () -> false, (d, t, f, c, x, n, e) -> {});
  }

  private Path file(String name, List<String> lines) throws IOException {
    return Files.write(dir.resolve(name), lines);
  }

  /** All files of a folder by name, with their content. */
  private static Map<String, String> content(Path folder) throws IOException {
    Map<String, String> out = new TreeMap<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        out.put(folder.relativize(file).toString(), new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
      }
    }
    return out;
  }

  private static List<JsonNode> lines(Path folder, String split) throws IOException {
    List<JsonNode> out = new ArrayList<>();
    for (String name : content(folder).keySet()) {
      if (name.startsWith("data/" + split + "-")) {
        for (String line : Files.readString(folder.resolve(name)).split("\n")) {
          out.add(JSON.readTree(line));
        }
      }
    }
    return out;
  }

  @Test
  void bytesAreTheSameHoweverRowsCameAndWereSpread() throws IOException {
    List<String> shuffled = new ArrayList<>(rows);
    long seed = Long.getLong("winnow.seed", System.nanoTime());
    Collections.shuffle(shuffled, new Random(seed));
    Path ordered = file("rows.jsonl", rows);
    Files.createDirectories(dir.resolve("again"));
    Path mixed = file("again/rows.jsonl", shuffled);
    String[] jsonl = {"format", "sft", "file-format", "jsonl", "shard-size", "6KB", "split", "train=0.8,test=0.2",
        "columns", "prompt_id,trace_id,logp", "name", "n", "partitions", "1"};
    run(ordered, dir.resolve("a"), jsonl);
    jsonl[jsonl.length - 1] = "7";
    ExportResult many = run(mixed, dir.resolve("b"), jsonl);
    assertEquals(content(dir.resolve("a")), content(dir.resolve("b")), "seed " + seed);
    assertEquals(PROMPTS * SAMPLES, many.step().rows());
    assertTrue(many.splits().get(0).files().size() > 3, "only " + many.splits());
    for (CardFacts.Split split : many.splits()) {
      split.files().forEach(each -> assertTrue(each.bytes() < 6000 + 1000, each.toString()));
    }
    String[] parquet = jsonl.clone();
    parquet[3] = "parquet";
    run(mixed, dir.resolve("c"), parquet);
    parquet[parquet.length - 1] = "2";
    run(ordered, dir.resolve("d"), parquet);
    assertEquals(content(dir.resolve("c")), content(dir.resolve("d")), "seed " + seed);
    // Both formats hold the same rows.
    Map<String, String> texts = new HashMap<>();
    for (JsonNode line : lines(dir.resolve("a"), "train")) {
      texts.put(line.get("trace_id").textValue(), line.get("messages").get(1).get("content").textValue());
    }
    Dataset<Row> read = spark.read().parquet(dir.resolve("c/data").toString() + "/train-*");
    assertEquals(texts.size(), read.count());
    for (Row row : read.collectAsList()) {
      Row answer = row.<Row>getList(0).get(1);
      assertEquals(texts.get(row.<String>getAs("trace_id")), answer.getString(1));
    }
  }

  @Test
  void rowsAreInTheOrderOfTheirKeysAndPromptsStayTogether() throws Exception {
    Path in = file("rows.jsonl", rows);
    Path out = dir.resolve("out");
    run(in, out, "format", "sft", "file-format", "jsonl", "shard-size", "5KB", "split", "train=0.7,test=0.3", "columns",
        "prompt_id,sample_index");
    Set<String> train = new HashSet<>();
    byte[] last = new byte[0];
    int lastSample = -1;
    for (JsonNode line : lines(out, "train")) {
      byte[] id = line.get("prompt_id").textValue().getBytes(StandardCharsets.UTF_8);
      int sample = line.get("sample_index").intValue();
      int order = Arrays.compareUnsigned(last, id);
      assertTrue(order < 0 || order == 0 && sample > lastSample, line.toString());
      last = id;
      lastSample = sample;
      train.add(line.get("prompt_id").textValue());
    }
    List<JsonNode> test = lines(out, "test");
    assertFalse(test.isEmpty());
    test.forEach(line -> assertFalse(train.contains(line.get("prompt_id").textValue())));
    assertEquals(PROMPTS * SAMPLES, test.size() + lines(out, "train").size());
    // The sums are those of the files, and none is missing.
    Map<String, String> content = content(out);
    Set<String> summed = new HashSet<>(Set.of("SHA256SUMS"));
    for (String line : content.get("SHA256SUMS").split("\n")) {
      byte[] bytes = Files.readAllBytes(out.resolve(line.substring(66)));
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(bytes);
      assertEquals(line.substring(0, 64), HexFormat.of().formatHex(sum), line);
      summed.add(line.substring(66));
    }
    assertEquals(content.keySet(), summed);
    content.forEach((name, text) -> assertFalse(text.contains("somebody") || text.contains(dir.toString()), name));
    assertTrue(content.get("README.md").contains("| correct | 80 (66.7 % of those decided) |"));
    JsonNode manifest = JSON.readTree(content.get("manifest.json"));
    assertEquals(PROMPTS * SAMPLES, manifest.get("rows").intValue());
  }

  @Test
  void aRunAgainDoesNothingReplacesOrRefuses() throws IOException {
    Path in = file("rows.jsonl", rows);
    Path out = dir.resolve("out");
    assertFalse(run(in, out, "format", "sft").step().unchanged());
    Map<String, String> before = content(out);
    assertTrue(run(in, out, "format", "sft", "partitions", "5").step().unchanged());
    assertEquals(before, content(out));
    ExportResult correct = run(in, out, "format", "sft", "correct-only", "true");
    assertEquals(PROMPTS * 2, correct.step().rows());
    assertEquals(Map.of(Skip.INCORRECT, (long) PROMPTS), correct.leftOut());
    assertNotEquals(before, content(out));
    // Uploads leave a folder of theirs behind, which is not what was exported.
    Files.createDirectories(out.resolve(".cache/huggingface"));
    assertTrue(run(in, out, "format", "sft", "correct-only", "true").step().unchanged());
    Files.writeString(out.resolve("notes.txt"), "mine");
    assertThrows(TableException.class, () -> run(in, out, "format", "sft"));
    assertTrue(Files.exists(out.resolve("notes.txt")));
    Path other = Files.createDirectories(dir.resolve("other"));
    Files.writeString(other.resolve("x"), "x");
    assertThrows(TableException.class, () -> run(in, other, "format", "sft"));
  }

  @Test
  void whatARunLeftBetweenTwoRenamesIsPutBack() throws IOException {
    Path in = file("rows.jsonl", rows);
    Path out = dir.resolve("out");
    run(in, out, "format", "grpo");
    Files.move(out, dir.resolve("out._winnow_old"));
    assertTrue(run(in, out, "format", "grpo").step().unchanged());
    assertTrue(Files.exists(out.resolve("README.md")));
  }

  @Test
  void promptsComeOnceAndAreNumbered() throws IOException {
    Path in = file("rows.jsonl", rows);
    Path out = dir.resolve("verl");
    ExportResult result =
        run(in, out, "format", "verl", "file-format", "jsonl", "shard-size", "3KB", "partitions", "3");
    assertEquals(PROMPTS, result.step().rows());
    assertEquals(Map.of(Skip.SAME_PROMPT, (long) PROMPTS * (SAMPLES - 1)), result.leftOut());
    assertTrue(result.splits().get(0).files().size() > 1);
    int index = 0;
    for (JsonNode line : lines(out, "train")) {
      assertEquals(index++, line.get("extra_info").get("index").intValue());
    }
    assertEquals(PROMPTS, index);
  }

  @Test
  void allSamplesOfAPromptMakeOneRow() throws IOException {
    Path out = dir.resolve("r1");
    run(file("rows.jsonl", rows), out, "format", "open-r1", "file-format", "jsonl", "partitions", "3");
    List<JsonNode> lines = lines(out, "train");
    assertEquals(PROMPTS, lines.size());
    for (JsonNode line : lines) {
      assertEquals("[\"stop\",\"length\",\"stop\"]", line.get("finish_reasons").toString());
      assertEquals("[true,true,false]", line.get("correctness").toString());
    }
  }

  @Test
  void samplesThatNothingTellsApartMakeTheSameRowInAnyOrder() throws IOException {
    String row = "{\"prompt_id\":\"p\",\"prompt\":\"q\",\"text\":\"a\",\"source\":\"%s\"}";
    List<String> samples = new ArrayList<>(List.of(row.formatted("x"), row.formatted("y")));
    String[] asked = {"format", "open-r1", "columns", "source", "name", "n", "file-format", "jsonl"};
    run(file("rows.jsonl", samples), dir.resolve("forth"), asked);
    Collections.reverse(samples);
    run(file("rows.jsonl", samples), dir.resolve("back"), asked);
    assertEquals(content(dir.resolve("forth")), content(dir.resolve("back")));
  }

  @Test
  void anInputThatIsMadeAnewIsExportedAnew() {
    Path in = dir.resolve("table");
    Path out = dir.resolve("out");
    for (String text : List.of("a", "b")) {
      spark.sql("SELECT 'p' AS prompt_id, 'q' AS prompt, '" + text + "' AS text").write().format("delta")
          .save(in.toString());
      assertFalse(run(in, out, "format", "sft").step().unchanged(), text);
      assertTrue(run(in, out, "format", "sft").step().unchanged(), text);
      org.apache.hadoop.fs.FileUtil.fullyDelete(in.toFile());
    }
  }

  @Test
  void aFolderThatSomebodyMadeMeanwhileIsLeftAsItIs() throws IOException {
    Path out = dir.resolve("out");
    StepFolder folder = new StepFolder(out.toString(), "export", spark.sessionState().newHadoopConf());
    assertFalse(folder.holds("key"));
    folder.begin();
    folder.write("a", "1");
    Files.createDirectories(out);
    Files.writeString(out.resolve("theirs"), "x");
    assertThrows(TableException.class, () -> folder.commit("key"));
    assertEquals(Map.of("theirs", "x"), content(out));
    for (String ending : List.of(".parquet", ".jsonl")) {
      Path place = dir.resolve("out" + ending);
      StepOutput output = new StepOutput(spark, place.toString(), "auto", "select");
      assertFalse(output.holds("key"));
      if (ending.equals(".jsonl")) {
        Files.writeString(place, "theirs");
        assertThrows(TableException.class, () -> output.writeLines(List.of("ours").iterator(), "key"));
        assertEquals("theirs", Files.readString(place));
      } else {
        Files.writeString(Files.createDirectories(place).resolve("theirs"), "x");
        assertThrows(TableException.class, () -> output.write(spark.range(1).toDF(), "key"));
        assertEquals(Map.of("theirs", "x"), content(place));
      }
    }
  }

  @Test
  void anOutputDoesNotTakeAwayItsInputHoweverThatIsWritten() throws IOException {
    Path out = dir.resolve("out");
    run(file("rows.jsonl", rows), out, "format", "grpo");
    Map<String, String> before = content(out);
    for (String in : List.of("out/", "x/../out", "out/data", "out/data/*.parquet")) {
      SettingValues values =
          SettingValues.resolve(
              ExportSettings.ALL,
              Map.of(
                  "in", List.of(dir + "/" + in), "out", List.of(out.toString()), "format", List.of("verl"),
                  "messages-column", List.of("prompt"), "gold-column", List.of("solution")),
              key -> null);
      UsageException e =
          assertThrows(
              UsageException.class,
              () -> ExportJob.run(spark, values, () -> false, (d, t, f, c, x, n, engines) -> {}), in);
      assertTrue(e.getMessage().contains("it is the input"), e.getMessage());
    }
    assertEquals(before, content(out));
  }

  @Test
  void whatCannotBeDoneIsRefusedWithWhatToDo() throws IOException {
    Path in = file("rows.jsonl", rows);
    Path out = dir.resolve("out");
    refused("has no column 'chosen'. Make pairs first: winnow select", in, out, "format", "dpo");
    refused("--columns 'logpp': ", in, out, "format", "sft", "columns", "logpp");
    refused("has a column of that name", in, out, "format", "prompt-completion", "columns", "prompt");
    refused("no such column", in, out, "format", "sft", "completion-column", "txt");
    refused("it is the input", in, in, "format", "sft");
    Path empty = file("broken.jsonl", List.of("{\"prompt\":\"a\",\"text\":null}", "no json"));
    refused("all 2 rows of the input are left out", empty, out, "format", "sft");
    assertFalse(Files.exists(out));
  }

  private static void refused(String expected, Path in, Path out, String... more) {
    UsageException e = assertThrows(UsageException.class, () -> run(in, out, more));
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void aDataFrameIsExportedWithColumnsOfAllKinds() throws IOException {
    Dataset<Row> frame =
        spark.sql(
            "SELECT 'p' AS prompt_id, 'q' AS prompt, CAST(unhex('61EDA0806120') AS STRING) AS text, map('b', 1, 'a',"
                + " 2) AS m,"
                + " array(named_struct('x', 1.5D)) AS s, TIMESTAMP'2026-01-02 03:04:05' AS at, 1.20BD AS d, 3S AS i,"
                + " double('NaN') AS nan");
    Path out = dir.resolve("frame");
    Map<String, String> options =
        Map.of("format", "sft", "out", out.toString(), "columns", "m,s,at,d,i,nan", "fileFormat", "jsonl");
    SettingValues values = SettingValues.ofMap(ExportSettings.OF_ROWS, options, key -> null);
    assertEquals(1, ExportJob.run(frame, values).step().rows());
    ObjectNode line = (ObjectNode) lines(out, "train").get(0);
    assertEquals(
        "{\"m\":[{\"key\":\"a\",\"value\":2},{\"key\":\"b\",\"value\":1}],\"s\":[{\"x\":1.5}],"
            + "\"at\":\"2026-01-02T03:04:05Z\",\"d\":\"1.20\",\"i\":3,\"nan\":null}",
        line.deepCopy().without("messages").toString());
    // Half of a pair of surrogates, as Java's own UTF-8 writes it, is no UTF-8.
    assertEquals("a\ufffda ", line.get("messages").get(1).get("content").textValue());
  }
}
