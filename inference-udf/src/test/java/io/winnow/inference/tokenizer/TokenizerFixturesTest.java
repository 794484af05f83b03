// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.Conformance;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Holds encodings and decodings to those of the tokenizers library in its own language. */
class TokenizerFixturesTest {
  @TempDir Path tmp;

  /** Model folders have their cases in one JSON file or in JSON lines. */
  @TestFactory
  Stream<DynamicTest> encodesAsEveryModelFolderSays() throws IOException {
    return folders("models", "tokenizer_reference.json", "tokenizer_reference.jsonl")
        .map(
            folder ->
                Conformance.test(
                    "models/" + folder.getFileName() + " tokenizer", () -> check(folder, cases(folder))));
  }

  @TestFactory
  Stream<DynamicTest> encodesAsEveryTokenizerSays() throws IOException {
    return folders("tokenizers", "tokenizer.json.gz")
        .map(
            folder ->
                Conformance.test(
                    "tokenizers/" + folder.getFileName(),
                    () ->
                        check(
                            TextFixtures.unpack(folder, tmp), TextFixtures.lines(folder.resolve("encode.jsonl")))));
  }

  private static Stream<Path> folders(String under, String... withOneOf) throws IOException {
    try (Stream<Path> all = Files.list(TextFixtures.root().resolve(under))) {
      List<Path> folders =
          all.filter(f -> Stream.of(withOneOf).anyMatch(name -> Files.exists(f.resolve(name)))).sorted().toList();
      assertTrue(!folders.isEmpty(), "no references under " + under);
      return folders.stream();
    }
  }

  private static List<JsonNode> cases(Path folder) throws IOException {
    Path lines = folder.resolve("tokenizer_reference.jsonl");
    if (Files.exists(lines)) {
      return TextFixtures.lines(lines);
    }
    List<JsonNode> cases = new ArrayList<>();
    JsonNode reference = TextFixtures.JSON.readTree(folder.resolve("tokenizer_reference.json").toFile());
    reference.get("cases").forEach(cases::add);
    return cases;
  }

  private static void check(Path folder, List<JsonNode> cases) throws IOException {
    int agreed = 0;
    List<String> wrong = new ArrayList<>();
    try (Tokenizer tokenizer = Tokenizers.load(folder)) {
      for (JsonNode line : cases) {
        String text = line.get("text").asText();
        int[] ids = TextFixtures.ints(line.get("ids"));
        try {
          assertArrayEquals(ids, tokenizer.encode(text), "ids of " + text);
          JsonNode with = line.path("ids_with_special");
          assertArrayEquals(
              with.isMissingNode() ? ids : TextFixtures.ints(with), tokenizer.encodeWithSpecialTokens(text), text);
          String decoded = line.get("decoded").asText();
          assertEquals(decoded, tokenizer.decode(ids, false));
          JsonNode skipped = line.path("decoded_skip_special");
          if (!skipped.isMissingNode()) {
            assertEquals(skipped.asText(), tokenizer.decode(ids, true));
          }
          checkBytes(tokenizer, ids);
          agreed++;
        } catch (AssertionError e) {
          wrong.add(e.getMessage());
        }
      }
    }
    assertEquals(0, wrong.size(), agreed + " of " + cases.size() + " cases agree; others: " + wrong);
  }

  /** Bytes of the tokens one after the other are the text; but for the first space, which sentencepiece drops. */
  private static void checkBytes(Tokenizer tokenizer, int[] ids) {
    String decoded = tokenizer.decode(ids, true);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    IncrementalDetokenizer incremental = new IncrementalDetokenizer(tokenizer, List.of());
    for (int id : ids) {
      if (!tokenizer.isSpecial(id)) {
        bytes.writeBytes(tokenizer.tokenBytes(id));
      }
      incremental.add(id);
      assertTrue(decoded.startsWith(incremental.text()), () -> decoded + " does not begin with " + incremental.text());
    }
    String joined = bytes.toString(StandardCharsets.UTF_8);
    assertTrue(joined.equals(decoded) || joined.equals(" " + decoded), joined);
    assertEquals(decoded, incremental.finish());
  }
}
