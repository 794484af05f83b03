// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

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
    Path definition = Files.isDirectory(model) ? model.resolve("tokenizer.json") : null;
    if (definition == null || !Files.exists(definition)) {
      Path found = Checkpoints.locate(model);
      if (!Files.isDirectory(found)) {
        try (GgufFile gguf = GgufFile.open(found)) {
          return new HfTokenizer(found.toString(), GgufTokenizerJson.of(found.toString(), gguf));
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
      return new HfTokenizer(definition.toString(), Files.readString(definition));
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          definition.toString(), "it cannot be read: " + e, "Check that it is UTF-8 and may be read.");
    }
  }
}
