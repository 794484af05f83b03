// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Holds every tensor of the reference models to the sums and values that other libraries computed. */
class CheckpointFixturesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Path models() {
    String root = System.getProperty("winnow.fixtures", "");
    String reason = "skipped: the property winnow.fixtures names no folder of reference models";
    if (root.isEmpty()) {
      System.out.println(reason);
    }
    assumeTrue(!root.isEmpty(), reason);
    return Path.of(root, "models");
  }

  @TestFactory
  Stream<DynamicTest> ggufTensorsEqualTheReference() throws IOException {
    List<Path> folders;
    try (Stream<Path> all = Files.list(models())) {
      folders = all.filter(f -> Files.exists(f.resolve("dequant.safetensors"))).sorted().toList();
    }
    return folders.stream().filter(CheckpointFixturesTest::isReadable)
        .map(f -> DynamicTest.dynamicTest(f.getFileName().toString(), () -> checkGguf(f)));
  }

  private static boolean isReadable(Path folder) {
    String name = folder.getFileName().toString();
    return name.matches("gguf-(llama|qwen2)-.*");
  }

  private void checkGguf(Path folder) throws IOException {
    JsonNode reference = JSON.readTree(folder.resolve("reference.json").toFile());
    Path file = folder.resolve(folder.getFileName() + ".gguf");
    try (Checkpoint checkpoint = Checkpoints.open(file)) {
      checkConfig(checkpoint.config(), reference.get("config"));
      int tensors = 0;
      for (Map.Entry<String, JsonNode> entry : reference.get("tensors").properties()) {
        String name = GgufCheckpoint.hfName(entry.getKey());
        if (name == null) {
          assertEquals("rope_freqs.weight", entry.getKey());
          continue;
        }
        float[] values = read(checkpoint, name);
        compareCodes(checkpoint, name, values);
        JsonNode expected = entry.getValue();
        assertEquals(expected.get("type").asText(), checkpoint.tensor(name).dtype().name(), name);
        double sum = 0;
        double squares = 0;
        for (float v : values) {
          sum += v;
          squares += (double) v * v;
        }
        assertEquals(expected.get("sum").asDouble(), sum, 1e-9 * values.length, name);
        assertEquals(expected.get("sumsq").asDouble(), squares, 1e-9 * values.length, name);
        tensors++;
      }
      int exact = compareValues(checkpoint, folder.resolve("dequant.safetensors"));
      System.out.printf("%s: sums of %d tensors, all values of %d agree%n", folder.getFileName(), tensors, exact);
    }
  }

  /** Values to the bit; llama's q and k are stored with the halves of a head interleaved. */
  private int compareValues(Checkpoint checkpoint, Path dequant) throws IOException {
    int compared = 0;
    try (RandomReader reader = new RandomReader(dequant)) {
      SafetensorsFile expected = SafetensorsFile.open(reader);
      for (SafetensorsFile.Entry entry : expected.entries().values()) {
        String name = GgufCheckpoint.hfName(entry.name());
        if (name == null) {
          continue;
        }
        TensorInfo info = checkpoint.tensor(name);
        float[] stored = new float[(int) (info.rows() * info.cols())];
        new StoredTensor(
                new TensorInfo(name, DType.F32, info.rows(), info.cols()), reader, entry.begin(), 0)
            .readRows(0, (int) info.rows(), stored);
        float[] values = read(checkpoint, name);
        int cols = (int) info.cols();
        int half = checkpoint.config().headDim() / 2;
        boolean paired = name.matches(".*\\.[qk]_proj\\.weight") && checkpoint.config().modelType().equals("llama");
        for (int row = 0; row < info.rows(); row++) {
          int inHead = row % (2 * half);
          int from = paired ? row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1) : row;
          for (int c = 0; c < cols; c++) {
            assertEquals(
                Float.floatToRawIntBits(stored[from * cols + c]), Float.floatToRawIntBits(values[row * cols + c]),
                name + " row " + row + " column " + c);
          }
        }
        compared++;
      }
    }
    return compared;
  }

  /** What codes, scales and minimums give, to the bit. */
  private static void compareCodes(Checkpoint checkpoint, String name, float[] values) {
    QuantLayout layout = checkpoint.quantLayout(name);
    if (layout == null) {
      return;
    }
    byte[] codes = new byte[values.length];
    float[] scales = new float[values.length / layout.group()];
    float[] mins = new float[scales.length];
    checkpoint.readQuantRows(name, 0, (int) checkpoint.tensor(name).rows(), codes, scales, mins);
    for (int i = 0; i < values.length; i++) {
      float product = (codes[i] - layout.zero()) * scales[i / layout.group()];
      float rebuilt = layout.hasMin() ? product + mins[i / layout.group()] : product;
      assertEquals(Float.floatToIntBits(values[i]), Float.floatToIntBits(rebuilt), name + " value " + i);
    }
  }

  private static void checkConfig(ModelConfig config, JsonNode expected) {
    assertEquals(expected.get("vocab_size").asInt(), config.vocabSize());
    assertEquals(expected.get("hidden_size").asInt(), config.hiddenSize());
    assertEquals(expected.get("intermediate_size").asInt(), config.intermediateSize());
    assertEquals(expected.get("num_hidden_layers").asInt(), config.layers());
    assertEquals(expected.get("num_key_value_heads").asInt(), config.kvHeads());
    assertEquals(expected.get("rms_norm_eps").asDouble(), config.rmsNormEps());
    assertEquals(expected.get("rope_theta").asDouble(), config.rope().theta());
    assertEquals(expected.get("tie_word_embeddings").asBoolean(), config.tiedEmbeddings());
    assertEquals(List.of(expected.get("eos_token_id").asInt()), config.eosTokenIds());
    assertEquals(expected.get("rope_scaling").isNull(), config.rope().freqDivisors() == null);
  }

  private static float[] read(Checkpoint checkpoint, String name) {
    TensorInfo info = checkpoint.tensor(name);
    float[] values = new float[(int) (info.rows() * info.cols())];
    checkpoint.readRows(name, 0, (int) info.rows(), values);
    // Rows one by one and from the middle must be the same rows.
    float[] row = new float[(int) info.cols()];
    for (long r : new long[] {0, info.rows() / 2, info.rows() - 1}) {
      checkpoint.readRows(name, r, 1, row);
      for (int c = 0; c < row.length; c++) {
        assertEquals(values[(int) (r * row.length + c)], row[c]);
      }
    }
    return values;
  }

  @Test
  void smolLmTensorsHaveTheReferenceHashes() throws Exception {
    Path folder = models().resolve("smollm2-135m-q4_1");
    assumeTrue(Files.exists(folder), "skipped: no SmolLM2 among the fixtures");
    long start = System.nanoTime();
    try (Checkpoint checkpoint = Checkpoints.open(folder)) {
      int hashed = 0;
      for (Map.Entry<String, JsonNode> entry :
          JSON.readTree(folder.resolve("dequant.json").toFile()).properties()) {
        String name = GgufCheckpoint.hfName(entry.getKey());
        float[] values = read(checkpoint, name);
        if (name.matches(".*\\.[qk]_proj\\.weight")) {
          values = interleaved(values, (int) checkpoint.tensor(name).cols(), checkpoint.config().headDim());
        }
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        String sha = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
        JsonNode fields = entry.getValue();
        assertTrue(fields.toString().contains(sha), name + " has another SHA-256: " + sha);
        hashed++;
      }
      assertEquals(List.of(2), checkpoint.config().eosTokenIds());
      assertTrue(checkpoint.config().tiedEmbeddings());
      assertNull(checkpoint.tensor("lm_head.weight"));
      long total = 0;
      for (TensorInfo info : checkpoint.tensors()) {
        float[] values = new float[(int) (info.rows() * info.cols())];
        checkpoint.readRows(info.name(), 0, (int) info.rows(), values);
        compareCodes(checkpoint, info.name(), values);
        total += info.rows() * info.cols();
      }
      System.out.printf(
          "smollm2: %d hashes agree; %d M weights read, and their codes compared, in %d ms%n",
          hashed, total / 1_000_000, (System.nanoTime() - start) / 1_000_000);
    }
  }

  private static float[] interleaved(float[] values, int cols, int headDim) {
    float[] out = new float[values.length];
    for (int row = 0; row < values.length / cols; row++) {
      int i = row % headDim;
      int to = row - i + (i < headDim / 2 ? 2 * i : 2 * (i - headDim / 2) + 1);
      System.arraycopy(values, row * cols, out, to * cols, cols);
    }
    return out;
  }

  @Test
  void opensEveryLlamaAndQwen2Folder() throws IOException {
    Map<String, String> opened = new TreeMap<>();
    try (Stream<Path> all = Files.list(models())) {
      for (Path folder : all.filter(f -> Files.exists(f.resolve("config.json"))).sorted().toList()) {
        JsonNode config = JSON.readTree(folder.resolve("config.json").toFile());
        if (!config.get("model_type").asText().matches("llama|qwen2")) {
          continue;
        }
        try (Checkpoint checkpoint = Checkpoints.open(folder)) {
          assertEquals(64, checkpoint.fingerprint().length());
          for (TensorInfo info : checkpoint.tensors()) {
            read(checkpoint, info.name());
          }
          opened.put(folder.getFileName().toString(), checkpoint.config().toString());
        }
      }
    }
    assertEquals(6, opened.size(), opened.toString());
    assertTrue(opened.get("llama-v5config-linear-f16").contains("type=linear, factor=2.0"));
    assertTrue(opened.get("llama3rope-tied-bf16").contains("eosTokenIds=[1, 2]"));
    assertTrue(opened.get("qwen2-f32").contains("slidingWindow=0"));
  }
}
