// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.Message;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.trace.Prompt;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PromptSourceTest {
  private static SparkSession spark;

  @TempDir private Path folder;

  @BeforeAll
  static void openSession() {
    spark = LocalSpark.session();
  }

  @AfterAll
  static void closeSession() {
    spark.stop();
  }

  private Path write(String name, String text) throws IOException {
    return write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private Path write(String name, byte[] bytes) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.write(file, bytes);
  }

  private static Prompts open(Object path, String... options) {
    Map<String, String> map = new HashMap<>(Map.of("prompts", path.toString()));
    for (int i = 0; i < options.length; i += 2) {
      map.put(options[i], options[i + 1]);
    }
    SettingValues values = SettingValues.ofMap(GenerateSettings.ALL, map, key -> null);
    return PromptSource.open(spark, values);
  }

  private static String refusal(Object path, String... options) {
    return assertThrows(UsageException.class, () -> open(path, options)).getMessage();
  }

  /** In file order where there is one. */
  private static List<Prompt> read(Object path, String... options) {
    return prompts(open(path, options));
  }

  private static List<Prompt> prompts(Prompts opened) {
    return opened.rows().collectAsList().stream()
        .map(Prompts::prompt)
        .sorted(
            Comparator.comparing(Prompt::ordinal, Comparator.nullsFirst(Comparator.naturalOrder()))
                .thenComparing(Prompt::id))
        .toList();
  }

  private static List<String> questions(List<Prompt> prompts) {
    return prompts.stream().map(Prompt::question).toList();
  }

  @Test
  void readsJsonLinesInFileOrder() throws IOException {
    Path file = write("p.jsonl", "{\"question\":\"1+1?\",\"answer\":2}\n{\"question\":\"2+2?\",\"answer\":\"4\"}\n");
    Prompts opened = open(file);
    assertEquals("jsonl", opened.format());
    List<Prompt> prompts = prompts(opened);
    assertEquals(List.of("1+1?", "2+2?"), questions(prompts));
    assertEquals(List.of("2", "4"), prompts.stream().map(Prompt::gold).toList());
    assertEquals(List.of(1L, 2L), prompts.stream().map(Prompt::ordinal).toList());
    assertEquals(List.of(Message.of("user", "1+1?")), prompts.get(0).messages());
    assertTrue(prompts.get(0).id().matches("[0-9a-f]{32}"));
    assertEquals(new Prompts.Counts(2, Map.of(), 0, 0, 0), opened.counts());
  }

  @Test
  void hasTheFixedColumnsFirst() throws IOException {
    Path file = write("p.jsonl", "{\"question\":\"q\",\"answer\":1,\"level\":3}\n");
    List<String> names = new ArrayList<>(List.of(Prompts.SCHEMA.fieldNames()));
    names.add("kept");
    assertEquals(names, List.of(open(file, "keep-columns", "level").rows().columns()));
  }

  @Test
  void aBrokenLineIsARowWithItsPlace() throws IOException {
    Path file = write("p.jsonl",
        "{\"question\":\"a\"}\n{\"question\":\"b\"\n[1]\n7\n{\"question\":\"c\"} x\n{\"question\":\"d\"}");
    Prompts opened = open(file);
    List<Prompt> prompts = prompts(opened);
    assertEquals(6, prompts.size());
    assertEquals(Map.of("broken_line", 4L), opened.counts().failedByClass());
    Prompt broken = prompts.get(1);
    assertEquals("broken_line", broken.errorClass());
    assertTrue(broken.errorMessage().startsWith("Cannot read line 2 of " + file + " (byte 17): "),
        broken.errorMessage());
    assertTrue(broken.messages().isEmpty());
    assertTrue(prompts.get(2).errorMessage().contains("not an object"), prompts.get(2).errorMessage());
    assertTrue(prompts.get(4).errorMessage().contains("at column 18"), prompts.get(4).errorMessage());
    assertEquals("d", prompts.get(5).question());
    assertEquals(6, new HashSet<>(prompts.stream().map(Prompt::id).toList()).size());
  }

  @Test
  void aFileWhoseFirstLineIsBrokenIsStillJsonLines() throws IOException {
    assertEquals(2, read(write("p.jsonl", "oops\n{\"question\":\"a\"}\n")).size());
  }

  @Test
  void invalidUtf8IsReplacedAndCounted() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write("{\"question\":\"a".getBytes(StandardCharsets.UTF_8));
    bytes.write(new byte[] {(byte) 0xFF, (byte) 0xC3});
    bytes.write("b \uFFFD\"}\n{\"question\":\"caf\u00e9\"}\n".getBytes(StandardCharsets.UTF_8));
    Prompts opened = open(write("p.jsonl", bytes.toByteArray()));
    List<Prompt> prompts = prompts(opened);
    assertEquals(List.of("a\uFFFD\uFFFDb \uFFFD", "caf\u00e9"), questions(prompts));
    assertEquals(List.of(2L, 0L), prompts.stream().map(Prompt::replacedBytes).toList());
    assertEquals(2, opened.counts().replacedBytes());
    assertEquals(0, opened.counts().failed());
  }

  @Test
  void byteOrderMarkCarriageReturnsAndEmptyLinesAreNoContent() throws IOException {
    Path file = write("p.jsonl", "\uFEFF{\"question\":\"a\"}\r\n\r\n   \n{\"question\":\"b\"}\r\n\n");
    List<Prompt> prompts = read(file);
    assertEquals(List.of("a", "b"), questions(prompts));
    assertEquals(List.of(1L, 4L), prompts.stream().map(Prompt::ordinal).toList());
  }

  @Test
  void loneSurrogatesAndNulCharactersDoNotHurt() throws IOException {
    List<Prompt> prompts = read(write("p.jsonl", "{\"question\":\"x\\ud800y\\u0000z\"}\n"));
    assertEquals(List.of("x\uFFFDy\u0000z"), questions(prompts));
  }

  @Test
  void emptyAndMissingPromptsAreErrorRows() throws IOException {
    String lines =
        "{\"question\":\"\"}\n{\"question\":null}\n{\"other\":1}\n{\"question\":\" \\n\"}\n{\"question\":[1]}\n";
    List<Prompt> prompts = read(write("p.jsonl", lines));
    assertEquals(
        List.of("prompt_empty", "prompt_empty", "prompt_empty", "prompt_empty", "prompt_invalid"),
        prompts.stream().map(Prompt::errorClass).toList());
    assertEquals(5, prompts.stream().map(Prompt::id).distinct().count());
  }

  @Test
  void numbersOfTheGoldStayAsWritten() throws IOException {
    String lines =
        IntStream.range(0, 5)
            .mapToObj(i -> "{\"question\":\"q" + i + "\",\"answer\":"
                + List.of("12", "1e3", "0.50", "true", "[1, 2]").get(i) + "}")
            .collect(Collectors.joining("\n"));
    List<Prompt> prompts = read(write("p.jsonl", lines));
    assertEquals(List.of("12", "1e3", "0.50", "true", "[1,2]"), prompts.stream().map(Prompt::gold).toList());
  }

  @Test
  void goldRegexTakesTheFirstGroupOrTheMatch() throws IOException {
    Path file = write("p.jsonl",
        "{\"question\":\"a\",\"answer\":\"so\\n#### 1,234\"}\n{\"question\":\"b\",\"answer\":\"none\"}\n");
    Prompts opened = open(file, "gold-regex", "#### (.*)");
    List<Prompt> prompts = prompts(opened);
    assertEquals("1,234", prompts.get(0).gold());
    assertNull(prompts.get(1).gold());
    assertEquals("the gold does not match --gold-regex", prompts.get(1).goldNote());
    assertEquals(1, opened.counts().withoutGold());
    assertEquals("#### 1,234", read(file, "gold-regex", "#+ .*").get(0).gold());
  }

  @Test
  void aRegexThatNeedsTooMuchStackCostsOnlyTheGold() throws IOException {
    Path file = write("p.jsonl", "{\"question\":\"a\",\"answer\":\"" + "ab".repeat(200_000) + "\"}\n");
    Prompt prompt = read(file, "gold-regex", "^((a|b)*)c$").get(0);
    assertNull(prompt.gold());
    assertTrue(prompt.goldNote().contains("--gold-regex"), prompt.goldNote());
    assertNull(prompt.errorClass());
  }

  @Test
  void unknownColumnsAreNamedWithTheNearest() throws IOException {
    Path file = write("p.jsonl", "{\"qestion\":\"a\",\"level\":1}\n{\"qestion\":\"b\",\"extra\":1}\n");
    assertEquals(
        "Cannot use --prompt-column 'question': " + file + " has no such column. Columns there: qestion, level, extra."
            + " Did you mean 'qestion'?",
        refusal(file));
    assertTrue(refusal(file, "prompt-column", "qestion", "gold-column", "gold").contains("--gold-column 'gold'"));
    assertTrue(refusal(file, "prompt-column", "qestion", "id-column", "id").contains("--id-column 'id'"));
    assertTrue(refusal(file, "prompt-column", "qestion", "keep-columns", "levle").contains("mean 'level'"));
    assertTrue(refusal(file, "prompt-column", "qestion", "verify", "math").startsWith("Cannot verify: "));
    assertEquals(2, read(file, "prompt-column", "qestion").size());
  }

  @Test
  void aColumnThatOnlyLateLinesHaveIsFound() throws IOException {
    String lines =
        IntStream.range(0, 1500)
            .mapToObj(i -> "{\"question\":\"q" + i + "\"" + (i == 1499 ? ",\"answer\":7}" : "}"))
            .collect(Collectors.joining("\n"));
    Path file = write("p.jsonl", lines);
    assertEquals("7", read(file, "gold-column", "answer").get(1499).gold());
    assertTrue(refusal(file, "gold-column", "answer", "limit", "10").contains("no such column"));
  }

  @Test
  void theSameTextTwiceIsTwoPromptsInFileOrder() throws IOException {
    String lines =
        "{\"question\":\"a\",\"answer\":2}\n{\"question\":\"a\",\"answer\":1}\n{\"question\":\"a\",\"answer\":2}\n";
    List<Prompt> prompts = read(write("p.jsonl", lines));
    String id = prompts.get(0).id();
    assertEquals(List.of(id, id + "-2", id + "-3"), prompts.stream().map(Prompt::id).toList());
    assertEquals(List.of("2", "1", "2"), prompts.stream().map(Prompt::gold).toList());
  }

  @Test
  void idsOfManyFilesDoNotDependOnHowTheyAreSplit() throws IOException {
    write("one/a.jsonl", "{\"question\":\"a\",\"answer\":2}\n{\"question\":\"b\",\"answer\":5}\n");
    write("one/b.jsonl", "{\"question\":\"a\",\"answer\":1}\n");
    write("two/x.jsonl", "{\"question\":\"a\",\"answer\":1}\n");
    write("two/y.jsonl", "{\"question\":\"b\",\"answer\":5}\n");
    write("two/z.jsonl.gz", gzip("{\"question\":\"a\",\"answer\":2}\n"));
    Set<String> one = idsAndGolds(read(folder.resolve("one")));
    assertEquals(3, one.size());
    assertEquals(one, idsAndGolds(read(folder.resolve("two"))));
    assertEquals(one, idsAndGolds(read(folder + "/on*/*.jsonl")));
    assertNull(read(folder.resolve("one")).get(0).ordinal());
  }

  private static Set<String> idsAndGolds(List<Prompt> prompts) {
    return prompts.stream().map(p -> p.id() + "=" + p.gold()).collect(Collectors.toCollection(TreeSet::new));
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  @Test
  void theSameIdWithOtherContentIsRefusedWithThreeExamples() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      lines.append("{\"id\":").append(i).append(",\"question\":\"first ").append(i).append("\"}\n");
      lines.append("{\"id\":").append(i).append(",\"question\":\"other ").append(i).append("\"}\n");
    }
    assertEquals(
        "Cannot use --id-column 'id': 5 ids have rows with different prompts or answers, for example '0' for 'first 0'"
            + " and 'other 0'; '1' for 'first 1' and 'other 1'; '2' for 'first 2' and 'other 2'. Make the ids unique,"
            + " or leave --id-column out.",
        refusal(write("p.jsonl", lines.toString()), "id-column", "id"));
  }

  @Test
  void theSameIdWithOtherGoldIsRefused() throws IOException {
    Path file = write("p.jsonl", "{\"id\":\"x\",\"question\":\"q\",\"answer\":1}\n{\"id\":\"x\",\"question\":\"q\"}\n");
    assertTrue(refusal(file, "id-column", "id").contains("'x' for 'q' and 'q = 1'"));
  }

  @Test
  void theSameRowTwiceIsOneAndCounted() throws IOException {
    String row = "{\"id\":7,\"question\":\"q\",\"answer\":1}\n";
    Prompts opened = open(write("p.jsonl", row + row + row.replace("7", "8")), "id-column", "id");
    assertEquals(List.of("7", "8"), prompts(opened).stream().map(Prompt::id).toList());
    assertEquals(1, opened.counts().merged());
    assertEquals(2, opened.counts().total());
  }

  @Test
  void aMissingIdIsAnErrorRow() throws IOException {
    Path file =
        write("p.jsonl", "{\"id\":\"\",\"question\":\"q\"}\n{\"question\":\"q\"}\n{\"id\":1,\"question\":\"q\"}\n");
    List<Prompt> prompts = read(file, "id-column", "id");
    assertEquals(List.of("id_missing", "id_missing"), prompts.stream().limit(2).map(Prompt::errorClass).toList());
    assertEquals("1", prompts.get(2).id());
    assertEquals(3, prompts.stream().map(Prompt::id).distinct().count());
  }

  @Test
  void aLargerLimitContainsASmallerOne() throws IOException {
    StringBuilder lines = new StringBuilder("broken\n");
    for (int i = 0; i < 40; i++) {
      lines.append("{\"question\":\"q").append(i % 7).append("\"}\n");
    }
    Path file = write("many/p.jsonl", lines.toString());
    write("many/r.jsonl", lines.toString());
    for (Path path : List.of(file, folder.resolve("many"))) {
      Set<String> all = ids(read(path));
      Set<String> ten = ids(read(path, "limit", "10"));
      Set<String> five = ids(read(path, "limit", "5"));
      assertEquals(List.of(5, 10), List.of(five.size(), ten.size()));
      assertTrue(ten.containsAll(five) && all.containsAll(ten), path::toString);
    }
    assertEquals(List.of(1L, 2L, 3L), read(file, "limit", "3").stream().map(Prompt::ordinal).toList());
    assertEquals(ids(read(folder.resolve("many"))).stream().sorted().limit(5).toList(),
        ids(read(folder.resolve("many"), "limit", "5")).stream().sorted().toList());
  }

  private static Set<String> ids(List<Prompt> prompts) {
    return prompts.stream().map(Prompt::id).collect(Collectors.toSet());
  }

  @Test
  void keptColumnsHaveTheirTypes() throws IOException {
    String lines =
        "{\"question\":\"a\",\"n\":1,\"x\":0.5,\"s\":\"t\",\"o\":{\"k\":[1,2]},\"b\":true,\"gone\":null}\nbroken\n"
            + "{\"question\":\"b\",\"n\":2}\n";
    Prompts opened = open(write("p.jsonl", lines), "keep-columns", "n,x,s,o,b,gone");
    assertEquals(
        "struct<n:bigint,x:double,s:string,o:struct<k:array<bigint>>,b:boolean,gone:string>",
        opened.rows().schema().apply("kept").dataType().simpleString());
    List<Row> rows =
        opened.rows().orderBy("ordinal").selectExpr("kept.n", "kept.o.k[1]", "kept is null").collectAsList();
    assertEquals(1L, rows.get(0).getLong(0));
    assertEquals(2L, rows.get(0).getLong(1));
    assertTrue(rows.get(1).getBoolean(2));
    assertEquals(2L, rows.get(2).getLong(0));
  }

  @Test
  void aStarKeepsWhatTheTracesDoNotHold() throws IOException {
    Path file = write("p.jsonl", "{\"id\":1,\"question\":\"a\",\"answer\":\"#### 1\",\"level\":1}\n"
        + "{\"id\":2,\"question\":\"b\",\"src\":\"x\"}\n");
    assertEquals(List.of("level", "src"), names(open(file, "keep-columns", "*", "id-column", "id")));
    assertEquals(List.of("id", "answer", "level", "src"),
        names(open(file, "keep-columns", "*", "gold-regex", "#### (.*)")));
  }

  private static List<String> names(Prompts prompts) {
    return prompts.kept().stream().map(field -> field.name()).toList();
  }

  @Test
  void messagesAreReadFromJson() throws IOException {
    String lines =
        "{\"m\":[{\"role\":\"user\",\"content\":\"hi\",\"name\":\"ann\"},"
            + "{\"role\":\"assistant\",\"content\":\"<think>\"}]}\n"
            + "{\"m\":\"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"text\\\"}]\"}\n"
            + "{\"m\":[{\"role\":\"system\",\"content\":\"own\"},{\"role\":\"user\",\"content\":\"x\"}]}\n"
            + "{\"m\":[{\"role\":\"user\"}]}\n{\"m\":\"nope\"}\n{\"m\":{\"role\":\"user\"}}\n"
            + "{\"m\":[{\"content\":\"x\"}]}\n"
            + "{\"m\":[{\"role\":\"user\",\"content\":[1]}]}\n{\"m\":[7]}\n{\"m\":[]}\n{\"m\":null}\n"
            + "{\"m\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":1}]}]}\n";
    List<Prompt> prompts = read(write("p.jsonl", lines), "messages-column", "m", "system-prompt", "be kind");
    assertEquals(
        List.of(
            Message.of("system", "be kind"),
            new Message("user", "hi", Map.of("name", "ann")),
            Message.of("assistant", "<think>")),
        prompts.get(0).messages());
    assertEquals(List.of(Message.of("system", "be kind"), Message.of("user", "text")), prompts.get(1).messages());
    assertEquals(List.of(Message.of("system", "own"), Message.of("user", "x")), prompts.get(2).messages());
    for (int i = 3; i < 9; i++) {
      assertEquals("messages_invalid", prompts.get(i).errorClass(), "line " + (i + 1));
    }
    assertEquals("prompt_empty", prompts.get(9).errorClass());
    assertEquals("prompt_empty", prompts.get(10).errorClass());
    assertEquals(Map.of("tool_calls", List.of(Map.of("id", 1))), prompts.get(11).messages().get(1).extra());
  }

  @Test
  void templatesRenderColumnsAsText() throws IOException {
    String lines =
        "{\"a\":\"{{ 7*7 }} {% raw %}\",\"n\":2,\"l\":[\"x\",\"y\"]}\n{\"n\":3,\"l\":[]}\n"
        + "{\"a\":\"\",\"n\":4,\"l\":7}\nbad\n";
    Path file = write("p.jsonl", lines);
    List<Prompt> prompts =
        read(file, "prompt-template", "{{ a }}|{{ n + 1 }}|{% for i in l %}{{ loop.index }}{{ i }}{% endfor %}");
    assertEquals("{{ 7*7 }} {% raw %}|3|1x2y", prompts.get(0).question());
    assertEquals(List.of(Message.of("user", prompts.get(0).question())), prompts.get(0).messages());
    assertEquals("|4|", prompts.get(1).question());
    assertEquals("broken_line", prompts.get(3).errorClass());
  }

  @Test
  void aTemplateWithAnUnknownNameIsAnErrorRow() throws IOException {
    Path file = write("p.jsonl", "{\"question\":\"a\"}\n");
    Prompt prompt = read(file, "prompt-template", "{{ qestion }}").get(0);
    assertEquals("template_error", prompt.errorClass());
    assertTrue(prompt.errorMessage().contains("qestion"), prompt.errorMessage());
    assertEquals("template_error", read(file, "prompt-template", "{% for %}").get(0).errorClass());
  }

  @Test
  void aSystemPromptDoesNotChangeTheIdAndATemplateDoes() throws IOException {
    Path file = write("p.jsonl", "{\"question\":\"a\"}\n");
    Prompt plain = read(file).get(0);
    Prompt system = read(file, "system-prompt", "s").get(0);
    assertEquals(plain.id(), system.id());
    assertEquals(List.of(Message.of("system", "s"), Message.of("user", "a")), system.messages());
    assertNotEquals(plain.id(), read(file, "prompt-template", "{{ question }}!").get(0).id());
    assertEquals(plain.id(), read(file, "prompt-template", "{{ question }}").get(0).id());
  }

  @Test
  void anEmptyFileHasNoPrompts() throws IOException {
    assertTrue(refusal(write("p.jsonl", "")).contains("Columns there: "));
  }
}
