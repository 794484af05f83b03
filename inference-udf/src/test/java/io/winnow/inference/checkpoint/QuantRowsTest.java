// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Codes, scales and minimums of whole files: what they give is what readRows gives, to the bit. */
class QuantRowsTest {
  private static final int HIDDEN = 256;
  private static final int HEAD_DIM = 128;
  private static final String LAYER = "model.layers.0.";
  private static final Map<DType, Integer> GGML_TYPES =
      Map.of(
          DType.Q4_0, 2, DType.Q4_1, 3, DType.Q5_0, 6, DType.Q5_1, 7, DType.Q8_0, 8, DType.Q2_K, 10, DType.Q3_K, 11,
          DType.Q4_K, 12, DType.Q5_K, 13, DType.Q6_K, 14);

  @TempDir Path tmp;
  private final long seed = Long.getLong("winnow.seed", 20_263L);
  private final Random random = new Random(seed);
  /** Bytes by GGUF name, as written. */
  private final Map<String, byte[]> written = new LinkedHashMap<>();

  /** A llama of one layer whose matrices are random blocks, scales of any kind among them. */
  private TinyGguf model(DType dtype) {
    String p = "llama.";
    TinyGguf gguf =
        new TinyGguf().put("general.architecture", "llama").put(p + "block_count", 1).put(p + "context_length", 64)
            .put(p + "embedding_length", HIDDEN).put(p + "feed_forward_length", HIDDEN)
            .put(p + "attention.head_count", 2).put(p + "attention.head_count_kv", 1)
            .put(p + "attention.layer_norm_rms_epsilon", 1e-5f);
    for (String norm : new String[] {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) {
      gguf.tensor(norm + ".weight", 0, new byte[4 * HIDDEN], HIDDEN);
    }
    matrix(gguf, dtype, "token_embd", 10);
    for (String part : new String[] {"attn_q", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
      matrix(gguf, dtype, "blk.0." + part, HIDDEN);
    }
    matrix(gguf, dtype, "blk.0.attn_k", HEAD_DIM);
    matrix(gguf, dtype, "blk.0.attn_v", HEAD_DIM);
    return gguf;
  }

  private void matrix(TinyGguf gguf, DType dtype, String name, int rows) {
    byte[] bytes = new byte[rows * HIDDEN / dtype.blockElements * dtype.blockBytes];
    random.nextBytes(bytes);
    written.put(name + ".weight", bytes);
    gguf.tensor(name + ".weight", GGML_TYPES.get(dtype), bytes, HIDDEN, rows);
  }

  private Path write(TinyGguf gguf) throws IOException {
    Path file = tmp.resolve("m.gguf");
    gguf.write(file);
    return file;
  }

  @Test
  void rebuiltValuesAreThoseOfReadRows() throws IOException {
    assertEquals(QuantBlocksTest.FORMATS.size(), GGML_TYPES.size());
    for (DType dtype : QuantBlocksTest.FORMATS) {
      try (Checkpoint checkpoint = Checkpoints.open(write(model(dtype)))) {
        for (TensorInfo info : checkpoint.tensors()) {
          QuantLayout layout = checkpoint.quantLayout(info.name());
          if (info.name().contains("norm")) {
            assertNull(layout, info.name());
            continue;
          }
          assertEquals(dtype.quant, layout, info.name());
          int first = random.nextInt((int) info.rows());
          compare(checkpoint, info, 0, (int) info.rows());
          compare(checkpoint, info, first, 1 + random.nextInt((int) info.rows() - first));
        }
      }
    }
  }

  private void compare(Checkpoint checkpoint, TensorInfo info, int first, int rows) {
    QuantLayout layout = checkpoint.quantLayout(info.name());
    int count = rows * (int) info.cols();
    float[] values = new float[count];
    checkpoint.readRows(info.name(), first, rows, values);
    byte[] codes = new byte[count];
    float[] scales = new float[count / layout.group()];
    float[] mins = layout.hasMin() ? new float[scales.length] : null;
    checkpoint.readQuantRows(info.name(), first, rows, codes, scales, mins);
    for (int i = 0; i < count; i++) {
      float rebuilt = (codes[i] - layout.zero()) * scales[i / layout.group()];
      if (mins != null) {
        rebuilt += mins[i / layout.group()];
      }
      if (Float.floatToIntBits(rebuilt) != Float.floatToIntBits(values[i])) {
        assertEquals(
            values[i], rebuilt,
            String.format("%s %s, rows from %d, value %d, seed %d", info.dtype(), info.name(), first, i, seed));
      }
    }
  }

  @Test
  void codesOfLlamasQueriesAndKeysComeInHalfSplitOrderToo() throws IOException {
    for (DType dtype : new DType[] {DType.Q4_0, DType.Q4_K, DType.Q6_K}) {
      try (Checkpoint checkpoint = Checkpoints.open(write(model(dtype)))) {
        for (String part : new String[] {"q", "k", "v"}) {
          byte[] stored = written.get("blk.0.attn_" + part + ".weight");
          String name = LAYER + "self_attn." + part + "_proj.weight";
          int rows = (int) checkpoint.tensor(name).rows();
          int groups = HIDDEN / dtype.quant.group();
          byte[] codes = new byte[rows * HIDDEN];
          float[] scales = new float[rows * groups];
          float[] mins = new float[rows * groups];
          checkpoint.readQuantRows(name, 0, rows, codes, scales, mins);
          byte[] rowCodes = new byte[HIDDEN];
          float[] rowScales = new float[groups];
          float[] rowMins = new float[groups];
          int rowBytes = HIDDEN / dtype.blockElements * dtype.blockBytes;
          for (int r = 0; r < rows; r++) {
            int inHead = r % HEAD_DIM;
            int half = HEAD_DIM / 2;
            // Rows i and i + 64 of a head are neighbours in the file.
            int at = part.equals("v") ? r : r - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
            QuantBlocks.unpack(dtype, stored, at * rowBytes, HIDDEN, rowCodes, 0, rowScales, rowMins, 0);
            String where = dtype + " " + part + " row " + r + " seed " + seed;
            assertTrue(Arrays.equals(rowCodes, 0, HIDDEN, codes, r * HIDDEN, (r + 1) * HIDDEN), where);
            assertTrue(Arrays.equals(rowScales, 0, groups, scales, r * groups, (r + 1) * groups), where);
            assertTrue(Arrays.equals(rowMins, 0, groups, mins, r * groups, (r + 1) * groups), where);
          }
        }
      }
    }
  }

  @Test
  void aReorderedVectorHasNoGroups() throws IOException {
    byte[] blocks = new byte[8 * 34];
    random.nextBytes(blocks);
    TinyGguf gguf =
        model(DType.Q8_0).tensor("blk.0.attn_q.bias", 8, blocks, HIDDEN)
            .tensor("blk.0.attn_output.bias", 8, blocks, HIDDEN);
    try (Checkpoint checkpoint = Checkpoints.open(write(gguf))) {
      assertNull(checkpoint.quantLayout(LAYER + "self_attn.q_proj.bias"));
      assertEquals(DType.Q8_0.quant, checkpoint.quantLayout(LAYER + "self_attn.o_proj.bias"));
      float[] reordered = new float[HIDDEN];
      float[] stored = new float[HIDDEN];
      checkpoint.readRows(LAYER + "self_attn.q_proj.bias", 0, 1, reordered);
      checkpoint.readRows(LAYER + "self_attn.o_proj.bias", 0, 1, stored);
      assertEquals(stored[2], reordered[1]);
      assertEquals(stored[1], reordered[64]);
      assertEquals(stored[128 + 3], reordered[128 + 65]);
    }
  }

  @Test
  void refusesWhatCannotBeAnswered() throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(write(model(DType.Q4_K)))) {
      String name = LAYER + "mlp.up_proj.weight";
      byte[] codes = new byte[2 * HIDDEN];
      float[] groups = new float[16];
      checkpoint.readQuantRows(name, 254, 2, codes, groups, new float[16]);
      assertNotEquals(0, Arrays.hashCode(codes));
      assertThrows(
          IndexOutOfBoundsException.class, () -> checkpoint.readQuantRows(name, 255, 2, codes, groups, groups));
      refuses(checkpoint, name, 3, codes, new float[24], new float[24], "768 values");
      refuses(checkpoint, name, 2, codes, new float[15], groups, "16 groups");
      refuses(checkpoint, name, 2, codes, groups, new float[15], "15 minimums");
      refuses(checkpoint, name, 2, codes, groups, null, "0 minimums");
      refuses(checkpoint, "model.norm.weight", 1, codes, groups, groups, "stored as F32");
      refuses(checkpoint, "nothing", 1, codes, groups, groups, "No tensor nothing");
      assertNull(checkpoint.quantLayout("nothing"));
    }
  }

  private static void refuses(
      Checkpoint checkpoint, String name, int rows, byte[] codes, float[] scales, float[] mins, String word) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> checkpoint.readQuantRows(name, 0, rows, codes, scales, mins));
    assertTrue(e.getMessage().contains(word), e.getMessage());
  }

  @Test
  void blocksThatDoNotFitOrAreCutShortAreErrors() throws IOException {
    for (DType dtype : QuantBlocksTest.FORMATS) {
      int type = GGML_TYPES.get(dtype);
      // The last tensor lacks its last byte: the padding after it goes too.
      byte[] sound = model(dtype).tensor("blk.0.attn_output.bias", type, new byte[dtype.blockBytes],
          dtype.blockElements).bytes();
      int padding = (32 - dtype.blockBytes % 32) % 32;
      Path file = tmp.resolve("cut.gguf");
      Files.write(file, Arrays.copyOf(sound, sound.length - padding - 1));
      fails(file, "truncated", "blk.0.attn_output.bias", "Download it again");
      for (long cols : new long[] {dtype.blockElements - 1, dtype.blockElements + 16}) {
        model(dtype).tensorAt("x", type, 1 << 20, cols, 2).write(file);
        fails(file, "tensor x", cols + " values", dtype.name(), "blocks of " + dtype.blockElements);
      }
    }
  }

  private static void fails(Path file, String... words) {
    InferenceException e = assertThrows(InferenceException.class, () -> Checkpoints.open(file).close());
    assertEquals("model_invalid", e.errorClass());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + "\nlacks: " + word);
    }
  }

  @Test
  void aFileThatShrinksAfterOpeningIsAnErrorForCodesToo() throws IOException {
    Path file = write(model(DType.Q5_K));
    try (Checkpoint checkpoint = Checkpoints.open(file)) {
      Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 20_000));
      InferenceException e =
          assertThrows(
              InferenceException.class,
              () ->
                  checkpoint.readQuantRows(
                      LAYER + "self_attn.v_proj.weight", 127, 1, new byte[HIDDEN], new float[8], new float[8]));
      assertTrue(e.getMessage().contains("ends at byte 20000"), e.getMessage());
    }
  }
}
