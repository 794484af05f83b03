// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.inference.Message;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.trace.Prompt;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PromptFormatsTest {
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
    return Files.writeString(folder.resolve(name), text);
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

  private static List<Prompt> sorted(Prompts prompts) {
    return prompts.rows().collectAsList().stream()
        .map(Prompts::prompt)
        .sorted(Comparator.comparing(p -> p.question() == null ? p.errorMessage() : p.question()))
        .toList();
  }

  private static List<Prompt> ordered(Prompts prompts) {
    return prompts.rows().orderBy("ordinal").collectAsList().stream().map(Prompts::prompt).toList();
  }

  @Test
  void readsCsvWithQuotedNewlinesCommasAndQuotes() throws IOException {
    Path file =
        write("p.csv", "\uFEFFquestion,answer,level\r\n\"a,\r\n\"\"b\"\"\",1,x\r\n\r\nc,,\"\"\r\n\"caf\u00e9\",3,y");
    Prompts opened = open(file, "keep-columns", "level");
    assertEquals("csv", opened.format());
    List<Prompt> prompts = ordered(opened);
    assertEquals(List.of("a,\n\"b\"", "c", "caf\u00e9"), prompts.stream().map(Prompt::question).toList());
    assertEquals(List.of(2L, 5L, 6L), prompts.stream().map(Prompt::ordinal).toList());
    assertEquals("1", prompts.get(0).gold());
    assertNull(prompts.get(1).gold());
    List<Row> kept = opened.rows().orderBy("ordinal").select("kept.level").collectAsList();
    assertEquals(List.of("x", "", "y"), kept.stream().map(row -> row.getString(0)).toList());
  }

  @Test
  void aBrokenCsvRecordCostsOneLine() throws IOException {
    Path file =
        write("p.csv", "question,answer\na,1,2\n\"b\"x,1\n\"never closed,1\nc,1\nonly\nd,\"4\"\n");
    Prompts opened = open(file);
    assertEquals(Map.of("broken_line", 4L), opened.counts().failedByClass());
    assertEquals(
        List.of("c", "d"), ordered(opened).stream().filter(p -> !p.failed()).map(Prompt::question).toList());
    List<String> messages = ordered(opened).stream().filter(Prompt::failed).map(Prompt::errorMessage).toList();
    assertTrue(messages.get(0).contains("line 2 of " + file), messages.get(0));
    assertTrue(messages.get(0).contains("3 fields where the header has 2"), messages.get(0));
    assertTrue(messages.get(1).contains("follows a closing double quote"), messages.get(1));
    assertTrue(messages.get(2).contains("line 4"), messages.get(2));
  }

  @Test
  void aQuoteThatIsNeverClosedCostsOneLine() throws IOException {
    Prompts opened = open(write("p.csv", "question,answer\na,1\nb,\"2\nc,3\nd,4"));
    assertEquals(
        List.of("a", "c", "d"), ordered(opened).stream().filter(p -> !p.failed()).map(Prompt::question).toList());
    String message = ordered(opened).get(1).errorMessage();
    assertTrue(message.contains("line 3 ") && message.contains("a double quote opens and is never closed"), message);
  }

  @Test
  void csvBytesThatAreNotUtf8AreCounted() throws IOException {
    Path file = folder.resolve("p.csv");
    Files.write(file, "question,answer\na\u00ff,1\n".getBytes(StandardCharsets.ISO_8859_1));
    Prompts opened = open(file);
    assertEquals(1, opened.counts().replacedBytes());
    assertEquals("a\uFFFD", ordered(opened).get(0).question());
  }

  @Test
  void csvHeadersMustNameColumnsOnce() throws IOException {
    assertTrue(refusal(write("a.csv", "question,question\nx,y\n")).contains("'question' is there twice"));
    assertTrue(refusal(write("b.csv", "question,\nx,y\n")).contains("a column has no name"));
  }

  @Test
  void tabsSeparateTsv() throws IOException {
    assertEquals("a,b", ordered(open(write("p.tsv", "question\tanswer\na,b\t1\n"))).get(0).question());
  }

  private Dataset<Row> typed() {
    return spark.sql(
        "select * from values ('q1', 12.0D, 1, array(named_struct('role','user','content','hi','name',null))),"
            + " ('q2', 0.5D, 2, array(named_struct('role','user','content','ho','name','x'))),"
            + " (null, null, 3, null) as t(question, answer, `my.n`, m)");
  }

  @Test
  void readsParquetWithTypesAndRowOrder() {
    Path out = folder.resolve("p.parquet");
    typed().coalesce(1).write().parquet(out.toString());
    Prompts opened = open(out, "keep-columns", "my.n");
    assertEquals("parquet", opened.format());
    assertEquals("struct<my.n:int>", opened.rows().schema().apply("kept").dataType().simpleString());
    List<Prompt> prompts = sorted(opened);
    assertEquals("prompt_empty", prompts.get(0).errorClass());
    assertEquals(List.of("12", "0.5"), prompts.subList(1, 3).stream().map(Prompt::gold).toList());
  }

  @Test
  void oneParquetFileHasAnOrder() throws IOException {
    Path out = folder.resolve("p");
    typed().coalesce(1).write().parquet(out.toString());
    try (var files = Files.list(out)) {
      Path file = files.filter(f -> f.toString().endsWith(".parquet")).findFirst().orElseThrow();
      Path plain = Files.copy(file, folder.resolve("no-ending"));
      assertEquals(List.of(1L, 2L, 3L), ordered(open(plain)).stream().map(Prompt::ordinal).toList());
      assertEquals(List.of("q1", "q2"), ordered(open(plain, "limit", "2")).stream().map(Prompt::question).toList());
    }
  }

  @Test
  void readsDeltaAndItsMessages() {
    Path out = folder.resolve("d");
    typed().write().format("delta").option("delta.columnMapping.mode", "name").save(out.toString());
    Prompts opened = open(out, "messages-column", "m", "id-column", "my.n");
    assertEquals("delta", opened.format());
    List<Prompt> prompts =
        opened.rows().orderBy("prompt_id").collectAsList().stream().map(Prompts::prompt).toList();
    assertEquals(List.of(Message.of("user", "hi")), prompts.get(0).messages());
    assertEquals(List.of(new Message("user", "ho", Map.of("name", "x"))), prompts.get(1).messages());
    assertEquals("prompt_empty", prompts.get(2).errorClass());
    assertTrue(refusal(out, "messages-column", "answer").contains("its type is double"));
    assertTrue(refusal(out, "prompt-column", "m").contains("use --messages-column"));
    assertEquals("q1/12", ordered(open(out, "prompt-template", "{{ question }}/{{ answer|int }}")).stream()
        .map(Prompt::question).filter(q -> q != null && q.startsWith("q1")).findFirst().orElseThrow());
  }

  @Test
  void readsATableOfTheCatalog() {
    spark.sql("drop table if exists prompts_here");
    typed().drop("m").withColumnRenamed("my.n", "n").write().format("parquet").saveAsTable("prompts_here");
    try {
      assertEquals("table", open("prompts_here").format());
      assertEquals(3, open("spark_catalog.default.prompts_here").counts().total());
      assertEquals(2, open("default.prompts_here", "format", "table", "limit", "2").counts().total());
    } finally {
      spark.sql("drop table prompts_here");
    }
  }

  @Test
  void invalidUtf8OfParquetIsCounted() {
    Path out = folder.resolve("p");
    spark.sql("select cast(X'61FF' as string) as question").write().parquet(out.toString());
    Prompts opened = open(out);
    assertEquals(1, opened.counts().replacedBytes());
    assertEquals("a\uFFFD", sorted(opened).get(0).question());
  }

  @Test
  void refusesWhatItCannotTell() throws IOException {
    write("promts.jsonl", "{\"question\":\"a\"}\n");
    assertEquals(
        "Cannot read --prompts '" + folder.resolve("prompts.jsonl")
        + "': there is no such file, folder or table. Did you"
            + " mean '" + folder.resolve("promts.jsonl") + "'?",
        refusal(folder.resolve("prompts.jsonl")));
    assertTrue(refusal(write("notes.txt", "hello")).contains("Name it with --format"));
    assertTrue(refusal(write("array.json", "[{\"question\":1}]")).contains("one object a line"));
    assertTrue(refusal("no_such.table_name").contains("no such file, folder or table"));
    assertTrue(refusal(folder, "format", "delta").contains("no _delta_log"));
    Files.createDirectory(folder.resolve("empty"));
    assertTrue(refusal(folder.resolve("empty")).contains("no data files"));
    write("x.csv", "question\n1\n");
    assertTrue(refusal(folder).contains("several formats"), refusal(folder));
  }

  @Test
  void formatOverridesLooking() throws IOException {
    Path file = write("data.txt", "question,answer\na,1\n");
    assertEquals("a", ordered(open(file, "format", "csv")).get(0).question());
    assertEquals("jsonl", open(write("data.log", "{\"question\":\"a\"}\n")).format());
  }

  @Test
  void numbersReadPlain() {
    assertEquals("12", TableRows.plainNumber("12.0"));
    assertEquals("1200", TableRows.plainNumber("1.2E3"));
    assertEquals("0.5", TableRows.plainNumber("0.500"));
    assertEquals("0", TableRows.plainNumber("0.000"));
    assertEquals("1.0E300", TableRows.plainNumber("1.0E300"));
    assertEquals("NaN", TableRows.plainNumber("NaN"));
    assertNull(TableRows.plainNumber(null));
  }

  @Test
  void readsGsm8k() {
    String data = System.getProperty("winnow.data", "");
    assumeTrue(!data.isEmpty(), "skipped: -Dwinnow.data names no folder with gsm8k/test.jsonl");
    Prompts opened =
        open(data + "/gsm8k/test.jsonl", "gold-regex", "#### (.*)", "verify", "math", "limit", "64");
    assertEquals(new Prompts.Counts(64, Map.of(), 0, 0, 0), opened.counts());
    assertEquals("18", ordered(opened).get(0).gold());
  }
}
