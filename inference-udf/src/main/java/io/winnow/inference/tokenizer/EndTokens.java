// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Ends of sequence that a model's configuration may not name. Fine-tuned models of chats often keep the configuration
 * of the model that they were made of, whose end is none of theirs, and would run on: so the tokenizer's own
 * {@code eos_token} ends a sequence, as in vLLM, and in GGUF files the mark that ends a turn of their template, as in
 * llama.cpp. Beside a GGUF file generation_config.json counts as in a folder of safetensors.
 */
final class EndTokens {
  /** What ends a turn of a chat, in templates of models of the architectures that are read. */
  private static final List<String> TURN_ENDS =
      List.of("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end_of_turn|>");

  private EndTokens() {}

  /** Their token ids; those that the model's configuration names may be among them. */
  static SortedSet<Integer> of(Path model, TemplateFiles files, Tokenizer tokenizer) {
    SortedSet<Integer> out = new TreeSet<>();
    add(out, tokenizer, files.specialTokens().get("eos_token"));
    boolean folder = Files.isDirectory(model);
    if (!folder || !Files.exists(model.resolve("config.json"))) {
      for (String mark : TURN_ENDS) {
        if (files.template() != null && files.template().contains(mark)) {
          add(out, tokenizer, mark);
        }
      }
      if (folder) {
        JsonNode ends = TemplateFiles.json(model.resolve("generation_config.json")).path("eos_token_id");
        for (JsonNode end : ends.isArray() ? ends : List.of(ends)) {
          if (end.isInt() && end.intValue() >= 0) {
            out.add(end.intValue());
          }
        }
      }
    }
    return out;
  }

  private static void add(SortedSet<Integer> out, Tokenizer tokenizer, String token) {
    int id = token == null ? -1 : tokenizer.tokenId(token);
    if (id >= 0) {
      out.add(id);
    }
  }
}
