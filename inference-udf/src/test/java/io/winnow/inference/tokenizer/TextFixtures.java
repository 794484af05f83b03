// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The reference texts outside the repository, where there are any. */
final class TextFixtures {
  static final ObjectMapper JSON = new ObjectMapper();

  private TextFixtures() {}

  static Path root() {
    String root = System.getProperty("winnow.fixtures", "");
    String reason = "skipped: the property winnow.fixtures names no folder of references";
    if (root.isEmpty()) {
      System.out.println(reason);
    }
    assumeTrue(!root.isEmpty(), reason);
    return Path.of(root);
  }

  static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      if (!line.isBlank()) {
        lines.add(JSON.readTree(line));
      }
    }
    return lines;
  }

  /** Unpacks a folder's tokenizer.json.gz, with the configuration beside it, into a new folder under {@code tmp}. */
  static Path unpack(Path folder, Path tmp) throws IOException {
    Path into = Files.createTempDirectory(tmp, folder.getFileName().toString());
    try (InputStream in = new GZIPInputStream(Files.newInputStream(folder.resolve("tokenizer.json.gz")))) {
      Files.copy(in, into.resolve("tokenizer.json"));
    }
    Files.copy(folder.resolve("tokenizer_config.json"), into.resolve("tokenizer_config.json"));
    return into;
  }

  static int[] ints(JsonNode array) {
    int[] ints = new int[array.size()];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = array.get(i).asInt();
    }
    return ints;
  }
}
