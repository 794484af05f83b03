// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.Conformance;
import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Holds renderings to those of transformers' own Jinja2. */
class ChatTemplateFixturesTest {
  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};
  private static final TypeReference<List<Map<String, Object>>> MAPS = new TypeReference<>() {};
  private static final TypeReference<List<Object>> LIST = new TypeReference<>() {};

  @TempDir Path tmp;

  @TestFactory
  Stream<DynamicTest> rendersAsTransformers() throws IOException {
    Path root = TextFixtures.root().resolve("tokenizers");
    List<DynamicTest> tests = new ArrayList<>();
    tests.add(Conformance.test("tokenizers/jinja/templates.jsonl", this::checkSmallTemplates));
    try (Stream<Path> folders = Files.list(root)) {
      folders
          .filter(f -> Files.exists(f.resolve("chat.jsonl")) && Files.exists(f.resolve("tokenizer.json.gz")))
          .sorted()
          .map(f -> f.getFileName().toString())
          .forEach(name -> tests.add(Conformance.test("tokenizers/" + name + "/chat.jsonl", () -> checkChats(name))));
    }
    return tests.stream();
  }

  private void checkSmallTemplates() throws IOException {
    List<String> wrong = new ArrayList<>();
    List<JsonNode> cases = TextFixtures.lines(TextFixtures.root().resolve("tokenizers/jinja/templates.jsonl"));
    for (JsonNode line : cases) {
      Map<String, Object> context = TextFixtures.JSON.convertValue(line.get("context"), MAP);
      check(wrong, line, () -> ChatTemplate.of(line.get("template").asText()).render(context));
    }
    report("jinja/templates.jsonl", cases.size(), wrong);
  }

  private void checkChats(String name) throws IOException {
    Path folder = TextFixtures.root().resolve("tokenizers").resolve(name);
    Path model = TextFixtures.unpack(folder, tmp);
    List<String> wrong = new ArrayList<>();
    List<JsonNode> cases = TextFixtures.lines(folder.resolve("chat.jsonl"));
    TemplateFiles files = TemplateFiles.of(model);
    ChatTemplate template = ChatTemplate.of(files.template());
    try (Tokenizer tokenizer = Tokenizers.load(model)) {
      for (JsonNode line : cases) {
        check(
            wrong, line,
            () -> {
              Map<String, Object> variables = new HashMap<>(files.specialTokens());
              variables.putAll(TextFixtures.JSON.convertValue(line.get("kwargs"), MAP));
              return template.renderChat(
                  TextFixtures.JSON.convertValue(line.get("messages"), MAPS),
                  line.get("tools").isNull() ? null : TextFixtures.JSON.convertValue(line.get("tools"), LIST),
                  line.get("add_generation_prompt").asBoolean(),
                  line.get("continue_final_message").asBoolean(),
                  variables);
            });
        if (line.has("ids")) {
          assertArrayEquals(TextFixtures.ints(line.get("ids")), tokenizer.encode(line.get("rendered").asText()));
        }
      }
    }
    report(name + "/chat.jsonl", cases.size(), wrong);
  }

  private interface Rendering {
    String text();
  }

  private static void check(List<String> wrong, JsonNode line, Rendering rendering) {
    String id = line.get("id").asText();
    try {
      if (line.has("error")) {
        InferenceException e = assertThrows(InferenceException.class, rendering::text, id);
        assertEquals("template_error", e.errorClass());
      } else {
        assertEquals(line.get("rendered").asText(), rendering.text(), id);
      }
    } catch (AssertionError | RuntimeException e) {
      wrong.add(id + ": " + e.getMessage());
    }
  }

  private static void report(String file, int cases, List<String> wrong) {
    assertEquals(0, wrong.size(), file + ": " + wrong.size() + " of " + cases + " renderings differ: " + wrong);
  }
}
