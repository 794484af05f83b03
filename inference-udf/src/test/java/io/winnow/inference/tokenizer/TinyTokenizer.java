// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes a byte-level BPE tokenizer with few merges, the markers of ChatML, and a BOS in its post-processor. */
final class TinyTokenizer {
  static final String CHATML =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

  private static final ObjectMapper JSON = new ObjectMapper();

  private TinyTokenizer() {}

  /** Byte-level letters in the order of their bytes, then the merged tokens. */
  static List<String> letters() {
    List<String> letters = new ArrayList<>();
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      letters.add(Character.toString(printable ? b : next++));
    }
    return letters;
  }

  static final List<String[]> MERGES = List.of(new String[] {"h", "i"}, new String[] {"Ġ", "w"},
      new String[] {"<", "|"});

  static void write(Path folder, String chatTemplate) throws IOException {
    ObjectNode root = JSON.createObjectNode().put("version", "1.0");
    root.set("truncation",
        JSON.readTree("{\"direction\":\"Right\",\"max_length\":8,\"strategy\":\"LongestFirst\",\"stride\":0}"));
    ObjectNode model = root.putObject("model").put("type", "BPE");
    ObjectNode vocab = model.putObject("vocab");
    letters().forEach(letter -> vocab.put(letter, vocab.size()));
    ArrayNode merges = model.putArray("merges");
    for (String[] merge : MERGES) {
      vocab.put(merge[0] + merge[1], vocab.size());
      merges.addArray().add(merge[0]).add(merge[1]);
    }
    ArrayNode added = root.putArray("added_tokens");
    int id = vocab.size();
    for (String token : List.of("<|im_start|>", "<|im_end|>", "<|Role|>", "<think>", "</think>")) {
      added.addObject().put("id", id++).put("content", token).put("single_word", false).put("lstrip", false)
          .put("rstrip", false).put("normalized", false).put("special", token.startsWith("<|im"));
    }
    root.putNull("normalizer");
    String byteLevel = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}";
    root.set("pre_tokenizer", JSON.readTree(byteLevel));
    root.set("decoder", JSON.readTree(byteLevel));
    int bos = vocab.size();
    root.set(
        "post_processor",
        JSON.readTree(
            "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<|im_start|>\",\"type_id\":0}},"
                + "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                + "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":{\"<|im_start|>\":{\"id\":"
                + "\"<|im_start|>\",\"ids\":[" + bos + "],\"tokens\":[\"<|im_start|>\"]}}}"));
    Files.writeString(folder.resolve("tokenizer.json"), root.toString());
    ObjectNode config = JSON.createObjectNode().put("bos_token", "<|im_start|>").put("model_max_length", 8);
    if (chatTemplate != null) {
      config.put("chat_template", chatTemplate);
    }
    Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
  }
}
