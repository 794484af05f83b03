// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Opens models. */
public final class Checkpoints {
  private Checkpoints() {}

  /** Model types that can be run, in the order of their making. */
  public static List<String> knownArchitectures() {
    return Architecture.known();
  }

  /**
   * Opens a model and checks that everything its architecture needs is there. Reads headers only.
   *
   * @param model a Hugging Face folder, a .gguf file, or a folder that holds one .gguf file and no config.json
   * @throws io.winnow.inference.InferenceException model_not_found, model_invalid, model_unsupported or
   *     architecture_unknown
   */
  public static Checkpoint open(Path model) {
    Path file = locate(model);
    return Files.isDirectory(file) ? SafetensorsCheckpoint.open(file) : GgufCheckpoint.open(file);
  }

  /** The folder with a config.json or the .gguf file that {@code model} means. */
  public static Path locate(Path model) {
    if (Files.isDirectory(model)) {
      if (Files.exists(model.resolve("config.json"))) {
        return model;
      }
      List<Path> ggufs = ggufsIn(model);
      if (ggufs.size() == 1) {
        return ggufs.get(0);
      }
      throw InferenceErrors.modelNotFound(
          model.toString(),
          ggufs.isEmpty()
              ? "the folder has neither config.json nor a .gguf file"
              : "the folder has no config.json but " + ggufs.size() + " .gguf files: name one of them");
    }
    if (!Files.exists(model)) {
      throw InferenceErrors.modelNotFound(model.toString(), "there is no such file or folder");
    }
    if (!isGguf(model)) {
      throw InferenceErrors.modelNotFound(model.toString(), "it is a file that does not end in .gguf");
    }
    return model;
  }

  private static boolean isGguf(Path file) {
    return file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".gguf");
  }

  private static List<Path> ggufsIn(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> isGguf(f) && Files.isRegularFile(f)).sorted().toList();
    } catch (IOException e) {
      throw InferenceErrors.modelNotFound(folder.toString(), "the folder cannot be listed: " + e.getMessage());
    }
  }
}
