// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a model's files say of its prompts.
 *
 * @param template Jinja text, or null where the model has none
 * @param specialTokens bos_token, eos_token and the like, as templates see them
 */
record TemplateFiles(String template, Map<String, String> specialTokens) {
  private static final List<String> NAMES =
      List.of("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token");

  /** Reads chat_template.jinja, tokenizer_config.json and chat_template.json, in this order; or a GGUF's metadata. */
  static TemplateFiles of(Path model) {
    Path found =
        Files.isDirectory(model) && Files.exists(model.resolve("tokenizer_config.json")) ? model
            : Checkpoints.locate(model);
    if (!Files.isDirectory(found)) {
      try (GgufFile gguf = GgufFile.open(found)) {
        return ofGguf(gguf);
      }
    }
    JsonNode config = json(found.resolve("tokenizer_config.json"));
    JsonNode map = json(found.resolve("special_tokens_map.json"));
    Map<String, String> specialTokens = new LinkedHashMap<>();
    for (String name : NAMES) {
      String token = content(config.has(name) ? config.get(name) : map.path(name));
      if (token != null) {
        specialTokens.put(name, token);
      }
    }
    Path jinja = found.resolve("chat_template.jinja");
    String template = Files.exists(jinja) ? text(jinja) : null;
    for (String file : List.of("tokenizer_config.json", "chat_template.json")) {
      if (template == null) {
        template = named(found.resolve(file), json(found.resolve(file)).path("chat_template"));
      }
    }
    return new TemplateFiles(template, specialTokens);
  }

  private static TemplateFiles ofGguf(GgufFile gguf) {
    Map<String, String> specialTokens = new LinkedHashMap<>();
    List<String> tokens = gguf.list("tokenizer.ggml.tokens", String.class);
    Map<String, String> keys =
        Map.of(
            "bos_token", "bos_token_id", "eos_token", "eos_token_id", "unk_token", "unknown_token_id",
            "pad_token", "padding_token_id");
    keys.forEach(
        (name, key) -> {
          long id = gguf.number("tokenizer.ggml." + key, -1);
          if (tokens != null && id >= 0 && id < tokens.size()) {
            specialTokens.put(name, tokens.get((int) id));
          }
        });
    return new TemplateFiles(gguf.string("tokenizer.chat_template"), specialTokens);
  }

  /** A template, or the one named "default" of several. */
  private static String named(Path file, JsonNode template) {
    if (template.isTextual()) {
      return template.textValue();
    }
    if (!template.isArray()) {
      return null;
    }
    for (JsonNode entry : template) {
      if (entry.path("name").asText().equals("default")) {
        return entry.path("template").asText();
      }
    }
    throw InferenceErrors.modelInvalid(
        file.toString(), "it has several chat templates, none of them named 'default'",
            "Give one with --chat-template.");
  }

  private static String content(JsonNode token) {
    return token.isTextual() ? token.textValue() : token.path("content").asText(null);
  }

  /** A file of the model; an empty object where it is not there. */
  static JsonNode json(Path file) {
    if (!Files.exists(file)) {
      return TokenizerJson.MAPPER.createObjectNode();
    }
    try {
      return TokenizerJson.MAPPER.readTree(text(file));
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          file.toString(), "it is not valid JSON (" + e.getMessage() + ")", "Download it again.");
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          file.toString(), "it cannot be read: " + e, "Check that it is UTF-8 and may be read.");
    }
  }
}
