// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsCheckpointTest {
  @TempDir Path tmp;
  private Path folder;

  @BeforeEach
  void writesAModel() throws IOException {
    folder = tmp.resolve("model");
    TinyModel.writeFolder(folder, "qwen2", true, true);
    System.setProperty("winnow.cacheDir", tmp.resolve("cache").toString());
  }

  @AfterEach
  void restores() {
    System.clearProperty("winnow.cacheDir");
  }

  @Test
  void readsRowsOfTensors() throws IOException {
    try (Checkpoint checkpoint = open()) {
      assertNull(checkpoint.tensor("lm_head.weight"));
      assertEquals(new TensorInfo("model.norm.weight", DType.F32, 1, 8), checkpoint.tensor("model.norm.weight"));
      float[] rows = new float[16];
      checkpoint.readRows("model.embed_tokens.weight", 8, 2, rows);
      assertEquals(64f, rows[0]);
      assertEquals(79f, rows[15]);
      assertThrows(IndexOutOfBoundsException.class, () -> checkpoint.readRows("model.embed_tokens.weight", 9, 2, rows));
      assertThrows(IllegalArgumentException.class, () -> checkpoint.readRows("model.embed_tokens.weight", 0, 3, rows));
      assertThrows(IllegalArgumentException.class, () -> checkpoint.readRows("nothing", 0, 1, rows));
    }
  }

  private Checkpoint open() {
    return Checkpoints.open(folder);
  }

  @Test
  void shardsAreOneModel() throws IOException {
    Map<String, long[]> shapes = TinyModel.shapes(true, true);
    Files.delete(folder.resolve("model.safetensors"));
    Map<String, long[]> first = new LinkedHashMap<>();
    Map<String, long[]> second = new LinkedHashMap<>();
    StringBuilder map = new StringBuilder();
    int i = 0;
    for (Map.Entry<String, long[]> shape : shapes.entrySet()) {
      boolean one = i++ % 2 == 0;
      (one ? first : second).put(shape.getKey(), shape.getValue());
      map.append(i == 1 ? "" : ",").append(String.format("\"%s\":\"m-%d.safetensors\"", shape.getKey(), one ? 1 : 2));
    }
    TinyModel.writeSafetensors(folder.resolve("m-1.safetensors"), first);
    TinyModel.writeSafetensors(folder.resolve("m-2.safetensors"), second);
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{\"weight_map\":{" + map + "}}");
    try (Checkpoint checkpoint = open()) {
      assertEquals(shapes.keySet(), names(checkpoint));
      float[] row = new float[8];
      checkpoint.readRows("model.layers.0.input_layernorm.weight", 0, 1, row);
      assertEquals(0f, row[0]);
    }
  }

  private static java.util.Set<String> names(Checkpoint checkpoint) {
    return checkpoint.tensors().stream().map(TensorInfo::name).collect(java.util.stream.Collectors.toSet());
  }

  @Test
  void slidingWindowsCountOnlyWhereInForce() throws IOException {
    assertEquals(0, window(",\"sliding_window\":16,\"use_sliding_window\":false"));
    assertEquals(16, window(",\"sliding_window\":16,\"use_sliding_window\":true,\"max_window_layers\":0"));
    assertEquals(0, window(",\"sliding_window\":16,\"use_sliding_window\":true,\"max_window_layers\":28"));
    assertEquals(0, window(",\"sliding_window\":64,\"use_sliding_window\":true,\"max_window_layers\":0"));
    assertEquals(0, window(",\"sliding_window\":null,\"use_sliding_window\":true,\"max_window_layers\":0"));
    assertEquals(16,
        window(",\"sliding_window\":16,\"use_sliding_window\":true,\"layer_types\":[\"sliding_attention\"]"));
  }

  private int window(String fields) throws IOException {
    return config(TinyModel.config("qwen2", true).replaceFirst("}$", fields + "}")).slidingWindow();
  }

  private ModelConfig config(String json) throws IOException {
    Files.writeString(folder.resolve("config.json"), json);
    try (Checkpoint checkpoint = open()) {
      return checkpoint.config();
    }
  }

  @Test
  void bothStylesOfConfigurationsMeanTheSame() throws IOException {
    String published =
        TinyModel.config("qwen2", true)
            .replace(
                "\"rope_theta\":10000.0",
                "\"rope_theta\":5e5,\"torch_dtype\":\"float32\",\"rope_scaling\":{\"type\":\"llama3\",\"factor\":8.0,"
                    + "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":32}");
    String newer =
        TinyModel.config("qwen2", true)
            .replace(
                "\"rope_theta\":10000.0",
                "\"dtype\":\"float32\",\"rope_parameters\":{\"rope_theta\":5e5,\"rope_type\":\"llama3\",\"factor\":8.0,"
                    + "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":32}");
    assertEquals(config(published), config(newer));
    assertEquals(new ModelConfig.Rope(5e5, "llama3", 8, 1, 4, 32, null), config(newer).rope());
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":[7,2,9]}");
    assertEquals(List.of(2, 7, 9), config(newer).eosTokenIds());
  }

  @Test
  void fingerprintFollowsContentAndIsRemembered() throws IOException {
    String first = fingerprint();
    assertTrue(first.matches("[0-9a-f]{64}"));
    assertEquals(first, fingerprint());
    Path cache = tmp.resolve("cache");
    try (Stream<Path> entries = Files.list(cache)) {
      Path entry = entries.findFirst().orElseThrow();
      assertEquals(first, Files.readString(entry).strip());
      Files.writeString(entry, "0".repeat(64));
    }
    assertEquals("0".repeat(64), fingerprint(), "the remembered one is used while nothing changed");
    Path file = folder.resolve("model.safetensors");
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(bytes.length() - 1);
      bytes.write(1);
    }
    String changed = fingerprint();
    assertNotEquals(first, changed);
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":3}");
    assertNotEquals(changed, fingerprint());
    System.setProperty("winnow.cacheDir", file.resolve("below-a-file").toString());
    assertTrue(fingerprint().matches("[0-9a-f]{64}"), "a cache that cannot be written is no error");
  }

  private String fingerprint() throws IOException {
    try (Checkpoint checkpoint = open()) {
      return checkpoint.fingerprint();
    }
  }

  @Test
  void fingerprintDoesNotDependOnTheFolder() throws IOException {
    Path other = tmp.resolve("elsewhere");
    TinyModel.writeFolder(other, "qwen2", true, true);
    try (Checkpoint checkpoint = Checkpoints.open(other)) {
      assertEquals(fingerprint(), checkpoint.fingerprint());
    }
  }

  @Test
  void readsBeyondTwoGigabytes() throws IOException {
    // A sparse file: three gigabytes of nothing before the value that matters.
    Path big = tmp.resolve("big.safetensors");
    long rows = (3L << 30) / 32;
    String header = "{" + TinyModel.entry("t", "F32", new long[] {rows, 8}, 0, rows * 32) + "}";
    TinyModel.writeSafetensors(big, header, new byte[0]);
    try (RandomAccessFile file = new RandomAccessFile(big.toFile(), "rw")) {
      long end = 8 + header.length() + rows * 32;
      file.setLength(end);
      file.seek(end - 4);
      file.write(new byte[] {0, 0, (byte) 0x80, 0x3f});
    }
    try (RandomReader reader = new RandomReader(big)) {
      SafetensorsFile.Entry entry = SafetensorsFile.open(reader).entries().get("t");
      float[] row = new float[8];
      new StoredTensor(new TensorInfo("t", DType.F32, rows, 8), reader, entry.begin(), 0).readRows(rows - 1, 1, row);
      assertArrayEquals(new float[] {0, 0, 0, 0, 0, 0, 0, 1}, row);
    }
  }

  @Test
  void manyThreadsReadAtOnceAndInterruptsDoNotCloseTheFile() throws Exception {
    try (Checkpoint checkpoint = open()) {
      ExecutorService pool = Executors.newFixedThreadPool(4);
      Callable<Float> read =
          () -> {
            float sum = 0;
            float[] row = new float[8];
            for (int i = 0; i < 500; i++) {
              Thread.currentThread().interrupt();
              checkpoint.readRows("model.embed_tokens.weight", i % 10, 1, row);
              sum += row[0] - 8 * (i % 10);
            }
            Thread.interrupted();
            return sum;
          };
      for (Future<Float> result : pool.invokeAll(List.of(read, read, read, read))) {
        assertEquals(0f, result.get());
      }
      pool.shutdown();
    }
  }

  @Test
  void aClosedCheckpointSaysSo() throws IOException {
    Checkpoint checkpoint = open();
    try (checkpoint) {
      checkpoint.config();
    }
    assertThrows(IllegalStateException.class, () -> checkpoint.readRows("model.norm.weight", 0, 1, new float[8]));
    assertThrows(InferenceException.class, () -> Checkpoints.open(tmp.resolve("gone")));
  }
}
