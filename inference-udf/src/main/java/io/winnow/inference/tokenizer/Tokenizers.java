// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.inference.checkpoint.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens tokenizers. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * The tokenizer of a model: tokenizer.json of a Hugging Face folder, or the one inside a GGUF file.
   *
   * @throws io.winnow.inference.InferenceException model_not_found, model_invalid or model_unsupported
   */
  public static Tokenizer load(Path model) {
    return open(model);
  }

  static HfTokenizer open(Path model) {
    Path json = Files.isDirectory(model) ? model.resolve("tokenizer.json") : null;
    if (json == null || !Files.exists(json)) {
      Path found = Checkpoints.locate(model);
      if (!Files.isDirectory(found)) {
        try (GgufFile gguf = GgufFile.open(found)) {
          ObjectNode definition = GgufTokenizerJson.of(found.toString(), gguf);
          return new HfTokenizer(found.toString(), definition.toString(), definition);
        }
      }
      throw InferenceErrors.modelNotFound(
          model.toString(),
          "it has no tokenizer.json"
              + (Files.exists(model.resolve("tokenizer.model"))
                  ? " (tokenizer.model alone is not read: save it once with transformers' fast tokenizer)"
                  : ""));
    }
    try {
      return new HfTokenizer(json.toString(), Files.readString(json), null);
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          json.toString(), "it cannot be read: " + e, "Check that it is UTF-8 and may be read.");
    }
  }
}
