// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.jobs.export.ColumnType.ListOf;
import io.winnow.jobs.export.ColumnType.Scalar;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Texts that break lines, quotes and tables, in rows and on cards. */
class DataCardTest {
  @Test
  void aRowIsOneLineForEveryReaderAndValidUtf8() throws Exception {
    String odd = "a\u2028b\u2029c\u0085d\ne\ud83d f\udc00 \ud83d\ude00 \u0001\"\\";
    ObjectNode node = JsonNodeFactory.instance.objectNode().put("t", odd).put("x", Double.NaN).put("f", 0.1f);
    node.putNull("n");
    String line = JsonText.line(node);
    assertEquals(
        "{\"t\":\"a\\u2028b\\u2029c\\u0085d\\ne\ufffd f\ufffd \ud83d\ude00"
            + " \\u0001\\\"\\\\\",\"x\":null,\"f\":0.1,\"n\":null}",
        line);
    assertEquals(1, line.lines().count());
    String back = new String(line.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    String mended = odd.replace("\ud83d f\udc00", "\ufffd f\ufffd");
    assertEquals(mended, new ObjectMapper().readTree(back).get("t").textValue());
  }

  @Test
  void textsInYamlAreQuotedWhereAnotherReadingWerePossible() {
    assertEquals("apache-2.0", Yaml.text("apache-2.0"));
    assertEquals("\"no\"", Yaml.text("no"));
    assertEquals("\"2.0\"", Yaml.text("2.0"));
    assertEquals("\"a: b # c\"", Yaml.text("a: b # c"));
    assertEquals("\"say \\\"hi\\\"\\n\\\\ \\u2028\\u0085 \ud83d\ude00\"", Yaml.text("say \"hi\"\n\\ \u2028\u0085"
        + " \ud83d\ude00"));
    assertEquals("\"- x\"", Yaml.text("- x"));
  }

  @Test
  void featuresAreWrittenAsDatasetsReadsThem() {
    ColumnType info =
        new ColumnType.Struct(
            List.of(new ColumnType.Field("index", Scalar.INT64), new ColumnType.Field("on", new ListOf(Scalar.BOOL))));
    String yaml =
        new Yaml()
            .features(
                2, List.of(new ExportColumn("messages", ColumnType.messages(), ""), new ExportColumn("info", info, "")))
            .toString();
    assertEquals(
        """
          - name: messages
            list:
            - name: role
              dtype: string
            - name: content
              dtype: string
          - name: info
            struct:
            - name: index
              dtype: int64
            - name: "on"
              list: bool
        """,
        yaml);
  }

  @Test
  void placesOfThisMachineStayHere() {
    assertEquals("examples/model", Places.name("examples/model"));
    assertEquals("x.gguf", Places.name("/home/bob/models/x.gguf"));
    assertEquals("x.gguf", Places.name("C:\\Users\\bob\\x.gguf"));
    assertEquals("model", Places.name("s3a://KEY:SECRET@bucket/bob/model/"));
    assertEquals("model", Places.name("../../bob/model"));
    assertEquals("Qwen/Qwen3-8B", Places.name("Qwen/Qwen3-8B@https://user:secret@host/v1?key=1"));
    assertEquals("traces", Places.last("bob/traces"));
    assertEquals("main.gold.traces", Places.last("main.gold.traces"));
  }

  @Test
  void sizesAreTheHubsCategories() {
    assertEquals("n<1K", DataCard.size(999));
    assertEquals("1K<n<10K", DataCard.size(1000));
    assertEquals("1M<n<10M", DataCard.size(1_000_000));
    assertEquals("n>1T", DataCard.size(2_000_000_000_000L));
  }

  @Test
  void aCardSurvivesTextsThatAreMarkup() {
    CardFacts.Tokens none = new CardFacts.Tokens(0, 0, 0, 0, 0, 0, 0, 0);
    CardFacts facts =
        new CardFacts(
            "me/\"it's\": | #1", null, null, List.of(), List.of("a b"), ExportFormat.SFT, "jsonl", "keep",
            new CardFacts.Source("a|b`c", -1, 3), List.of(new ExportColumn("a|b", Scalar.STRING, "x")),
            List.of(new CardFacts.Split("train", 1, 1, 9, List.of(new CardFacts.File("data/x", 1, 9, "00")))),
            Map.of(Skip.NO_TEXT, 2L),
            new CardFacts.Traces(1, 1, 0, Map.of("m|`x`", 1L), Map.of(), Map.of(), none, none, List.of()), List.of(),
            "{\"t\":\"```` --- \\n# x\"}", "1");
    String card = DataCard.of(facts);
    String head = card.substring(0, card.indexOf("\n---\n", 4));
    assertTrue(head.contains("pretty_name: \"me/\\\"it's\\\": | #1\""), head);
    assertTrue(head.contains("- \"a b\""), head);
    assertTrue(card.contains("\n# me/\"it's\": \\| \\#1\n"), card);
    assertTrue(card.contains("`a\\|b'c`"), card);
    assertTrue(card.contains("`````json\n"), card);
    assertTrue(card.contains("| 2 | there is no text |"), card);
    assertFalse(card.contains("\r"), card);
  }
}
