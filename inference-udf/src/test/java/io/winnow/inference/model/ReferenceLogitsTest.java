// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.Conformance;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.KvFormat;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Logits and greedy tokens against the references computed by transformers in float32 (folder of winnow.fixtures). */
class ReferenceLogitsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** The references' own noise is at most 6e-5. */
  private static final double TOLERANCE = 2e-4;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  @TestFactory
  Stream<DynamicTest> modelsGiveTheReferenceLogits() throws IOException {
    String fixtures = System.getProperty("winnow.fixtures", "");
    assumeTrue(!fixtures.isEmpty(), "no winnow.fixtures: the reference logits are not here");
    try (Stream<Path> folders = Files.list(Path.of(fixtures, "models"))) {
      return folders
          .filter(f -> Files.exists(f.resolve("reference.json")))
          .filter(ReferenceLogitsTest::supported)
          .sorted()
          .map(f -> Conformance.test("models/" + f.getFileName(), () -> check(f)))
          .toList()
          .stream();
    }
  }

  private static boolean supported(Path folder) {
    try {
      JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
      String type = reference.path("model_type").asText();
      return reference.has("sequences") && (Conformance.everything()
          || List.of("llama", "qwen2").contains(type));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void check(Path folder) throws IOException {
    JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(2);
        DecoderModel model = new DecoderModel(checkpoint, kernels, WeightPrecision.F32, 64, 1, 192);
        KvCache cache =
            new KvCache(model.config().layers(), model.config().kvHeads(), model.config().headDim(), 3)) {
      for (JsonNode sequence : reference.get("sequences")) {
        float[] logits = logits(model, cache, JSON.convertValue(sequence.get("tokens"), int[].class), 0);
        float[] expected = JSON.convertValue(sequence.get("last_logits"), float[].class);
        assertClose(expected, logits, TOLERANCE, sequence.get("id").asText());
        if (sequence.has("greedy")) {
          greedy(model, cache, sequence, logits);
        }
      }
    }
  }

  private static double assertClose(float[] expected, float[] got, double tolerance, String what) {
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(got[i] - expected[i]));
    }
    assertTrue(worst <= tolerance, what + ": off by " + worst);
    return worst;
  }

  /** A real model of 135M parameters: last logits of four prompts, and twelve conversations continued together. */
  @TestFactory
  Stream<DynamicTest> smolLm2GivesTheReferenceLogitsAndGreedyTokens() {
    String fixtures = System.getProperty("winnow.fixtures", "");
    Path folder = Path.of(fixtures, "models", "smollm2-135m-q4_1");
    assumeTrue(!fixtures.isEmpty() && Files.isDirectory(folder), "no winnow.fixtures: SmolLM2 is not here");
    return Stream.of(Conformance.test("models/" + folder.getFileName(), () -> checkSmolLm2(folder)));
  }

  private static void checkSmolLm2(Path folder) throws IOException {
    JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(2);
        DecoderModel model = new DecoderModel(checkpoint, kernels, WeightPrecision.F32, 64, 16, 512);
        KvCache cache = new KvCache(model.config().layers(), model.config().kvHeads(), model.config().headDim(), 60)) {
      for (JsonNode prompt : reference.get("prompts")) {
        String id = prompt.get("id").asText();
        float[] logits = logits(model, cache, JSON.convertValue(prompt.get("tokens"), int[].class), 0);
        assertClose(tensor(folder.resolve("last_logits.safetensors"), id), logits, 1e-3, id);
      }
      chats(model, cache, reference.get("chats"));
    }
  }

  /**
   * Keys and values that are rounded, against the same references. An element of bfloat16 is off by 2^-9 of itself, a
   * code by 1/254 of its token's largest. How far that carries was measured (0.11 and 0.47): bounds with a margin.
   */
  @TestFactory
  Stream<DynamicTest> smolLm2WithNarrowKeysAndValuesStaysNearTheReferenceLogits() {
    String fixtures = System.getProperty("winnow.fixtures", "");
    Path folder = Path.of(fixtures, "models", "smollm2-135m-q4_1");
    assumeTrue(!fixtures.isEmpty() && Files.isDirectory(folder), "no winnow.fixtures: SmolLM2 is not here");
    return Stream.of(
        DynamicTest.dynamicTest("bf16", () -> checkNarrow(folder, KvFormat.BF16, 0.15)),
        DynamicTest.dynamicTest("int8", () -> checkNarrow(folder, KvFormat.INT8, 0.6)));
  }

  private static void checkNarrow(Path folder, KvFormat format, double mostOff) throws IOException {
    JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
    try (Checkpoint checkpoint = Checkpoints.open(folder);
        Kernels kernels = KernelsLadder.open(2);
        DecoderModel model = new DecoderModel(checkpoint, kernels, WeightPrecision.F32, 64, 16, 512);
        KvCache cache =
            new KvCache(
                format, model.config().layers(), model.config().kvHeads(), model.config().headDim(), 60)) {
      for (JsonNode prompt : reference.get("prompts")) {
        String id = prompt.get("id").asText();
        float[] logits = logits(model, cache, JSON.convertValue(prompt.get("tokens"), int[].class), 0);
        double off = assertClose(tensor(folder.resolve("last_logits.safetensors"), id), logits, mostOff, id);
        System.out.printf("keys and values in %s, %s: logits off by %.4f at most%n", format, id, off);
      }
    }
  }

  private static void chats(DecoderModel model, KvCache cache, JsonNode chats) {
    int n = chats.size();
    int[] token = new int[n];
    int[] position = new int[n];
    int[][] pages = new int[n][];
    boolean[] diverged = new boolean[n];
    int[] draws = new int[n];
    for (int c = 0; c < n; c++) {
      pages[c] = new int[] {5 * c, 5 * c + 1, 5 * c + 2, 5 * c + 3, 5 * c + 4};
      int[] prompt = JSON.convertValue(chats.get(c).get("tokens"), int[].class);
      token[c] = argMax(logits(model, cache, prompt, 0, pages[c]));
      position[c] = prompt.length;
      draws[c] = c;
    }
    float[] logits = new float[model.config().vocabSize()];
    for (int step = 0; step < 48; step++) {
      for (int c = 0; c < n; c++) {
        JsonNode greedy = chats.get(c).get("greedy");
        // Once a choice is too close to call, what follows may differ.
        diverged[c] |= greedy.get("margins").get(step).asDouble() <= 2e-3;
        if (!diverged[c]) {
          assertEquals(greedy.get("tokens").get(step).asInt(), token[c], "chat " + c + ", token " + step);
        }
      }
      NativeBuffer out = model.step(token, new RowMap(n, position, pages), draws, n, cache);
      for (int c = 0; c < n; c++) {
        out.read((long) c * logits.length, logits, 0, logits.length);
        token[c] = argMax(logits);
        position[c]++;
      }
    }
  }

  private static int argMax(float[] logits) {
    int best = 0;
    for (int t = 1; t < logits.length; t++) {
      best = logits[t] > logits[best] ? t : best;
    }
    return best;
  }

  /** A float32 vector of a safetensors file, read without the code under test. */
  private static float[] tensor(Path file, String name) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int header = (int) bytes.getLong(0);
    JsonNode offsets =
        JSON.readTree(new String(bytes.array(), 8, header, StandardCharsets.UTF_8)).get(name).get("data_offsets");
    float[] out = new float[(offsets.get(1).asInt() - offsets.get(0).asInt()) / 4];
    bytes.position(8 + header + offsets.get(0).asInt());
    bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(out);
    return out;
  }

  private static void greedy(DecoderModel model, KvCache cache, JsonNode sequence, float[] logits) {
    int[] expected = JSON.convertValue(sequence.get("greedy").get("tokens"), int[].class);
    int length = sequence.get("tokens").size();
    int[] got = new int[expected.length];
    for (int i = 0; i < expected.length; i++) {
      got[i] = argMax(logits);
      logits = logits(model, cache, new int[] {got[i]}, length + i);
    }
    assertArrayEquals(expected, got, sequence.get("id").asText());
  }

  /** Feeds tokens in chunks of 50, so that chunked prefill is part of what is checked. */
  private static float[] logits(DecoderModel model, KvCache cache, int[] tokens, int start) {
    return logits(model, cache, tokens, start, new int[] {2, 0, 1});
  }

  private static float[] logits(DecoderModel model, KvCache cache, int[] tokens, int start, int[] pages) {
    NativeBuffer out = null;
    for (int from = 0; from < tokens.length; from += 50) {
      int count = Math.min(50, tokens.length - from);
      int[] chunk = new int[count];
      int[] positions = new int[count];
      int[][] tables = new int[count][];
      for (int i = 0; i < count; i++) {
        chunk[i] = tokens[from + i];
        positions[i] = start + from + i;
        tables[i] = pages;
      }
      out = model.step(chunk, new RowMap(count, positions, tables), new int[] {count - 1}, 1, cache);
    }
    float[] logits = new float[model.config().vocabSize()];
    out.read(0, logits, 0, logits.length);
    return logits;
  }
}
