// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.winnow.inference.checkpoint.TinyGguf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ends of sequence that the tokenizer, a GGUF file's template or the file beside it names. */
class EndTokensTest {
  @TempDir Path tmp;

  /** The last token but two is the end that the file names, the last but one a mark of turns, the last is text. */
  private int write(Path file, String mark, String template) throws IOException {
    List<String> tokens = new ArrayList<>(TinyTokenizer.letters());
    int plain = tokens.size();
    tokens.addAll(List.of("<|endoftext|>", mark, "<think>"));
    int[] types = new int[tokens.size()];
    Arrays.fill(types, 1);
    types[plain] = 3;
    types[plain + 1] = 3;
    types[plain + 2] = 4;
    TinyGguf gguf =
        new TinyGguf().put("general.architecture", "llama").put("tokenizer.ggml.model", "gpt2")
            .put("tokenizer.ggml.pre", "gpt-2").putStrings("tokenizer.ggml.tokens", tokens)
            .putInts("tokenizer.ggml.token_type", types).putStrings("tokenizer.ggml.merges", List.of())
            .put("tokenizer.ggml.eos_token_id", plain);
    (template == null ? gguf : gguf.put("tokenizer.chat_template", template)).write(file);
    return plain;
  }

  private static Set<Integer> ends(Path model) {
    try (ModelText text = ModelText.load(model, null, Map.of())) {
      return text.ends();
    }
  }

  @Test
  void theMarkThatEndsATurnOfAFilesTemplateCounts() throws IOException {
    Path file = tmp.resolve("m.gguf");
    int plain = write(file, "<|im_end|>", TinyTokenizer.CHATML);
    assertEquals(Set.of(plain, plain + 1), ends(file));
    plain = write(file, "<|im_end|>", null);
    assertEquals(Set.of(plain), ends(file), "a model of texts");
    plain = write(file, "<|other|>", TinyTokenizer.CHATML.replace("<|im_end|>", "<|other|>"));
    assertEquals(Set.of(plain), ends(file), "a mark of other meanings");
  }

  @Test
  void theConfigurationBesideAFileCounts() throws IOException {
    int plain = write(tmp.resolve("m.gguf"), "<|eot|>", null);
    for (String ids : List.of("[3, " + (plain + 1) + "]", "3", "null", "\"x\"")) {
      Files.writeString(tmp.resolve("generation_config.json"), "{\"eos_token_id\": " + ids + "}");
      Set<Integer> expected = new TreeSet<>(Set.of(plain));
      expected.addAll(ids.startsWith("[") ? Set.of(3, plain + 1) : ids.equals("3") ? Set.of(3) : Set.of());
      assertEquals(expected, ends(tmp), ids);
      assertEquals(Set.of(plain), ends(tmp.resolve("m.gguf")), "the file alone");
    }
  }
}
