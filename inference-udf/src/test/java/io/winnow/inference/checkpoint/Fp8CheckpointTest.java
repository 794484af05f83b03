// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.StringJoiner;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** FP8 weights of safetensors: a value is the element times its scale, whichever convention says which scale. */
class Fp8CheckpointTest {
  private static final String UP = "model.layers.0.mlp.up_proj.weight";
  private static final int ROWS = TinyModel.FFN;
  private static final int COLS = TinyModel.HIDDEN;
  private static final String FP8 = "{\"quant_method\":\"fp8\",\"fmt\":\"e4m3\",\"activation_scheme\":\"dynamic\"";
  private static final String COMPRESSED =
      "{\"quant_method\":\"compressed-tensors\",\"format\":\"float-quantized\",\"config_groups\":{\"group_0\":"
          + "{\"targets\":[\"Linear\"],\"weights\":{\"num_bits\":8,\"type\":\"float\",\"symmetric\":true";

  private record Stored(String dtype, long[] shape, byte[] bytes) {}

  @TempDir Path tmp;
  private final byte[] elements = new byte[ROWS * COLS];
  private final Map<String, Stored> tensors = new LinkedHashMap<>();

  @BeforeEach
  void aModelWithOneTensorInFp8() throws IOException {
    long seed = Long.getLong("winnow.seed", 20_264L);
    new Random(seed).nextBytes(elements);
    TinyModel.shapes(false, false)
        .forEach((name, shape) -> tensors.put(name, new Stored("F32", shape, new byte[4 * TinyModel.count(shape)])));
    tensors.put(UP, new Stored("F8_E4M3", new long[] {ROWS, COLS}, elements));
    quantization(FP8 + "}");
  }

  private void quantization(String json) throws IOException {
    Files.writeString(
        tmp.resolve("config.json"),
        TinyModel.config("llama", false).replaceFirst("}$", ",\"quantization_config\":" + json + "}"));
  }

  private void scales(String suffix, float[] values, long... shape) {
    tensors.put(UP + suffix, new Stored("F32", shape, TinyGguf.floats(values)));
  }

  private Checkpoint open() throws IOException {
    StringJoiner header = new StringJoiner(",", "{", "}");
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    tensors.forEach(
        (name, t) -> {
          header.add(TinyModel.entry(name, t.dtype(), t.shape(), data.size(), data.size() + t.bytes().length));
          data.writeBytes(t.bytes());
        });
    TinyModel.writeSafetensors(tmp.resolve("model.safetensors"), header.toString(), data.toByteArray());
    return Checkpoints.open(tmp);
  }

  /** Every row range of the tensor, against element times the scale of its rectangle. */
  private void holds(float[] scales, int blockRows, int blockCols) throws IOException {
    float[] widened = new float[ROWS * COLS];
    Dequantizer.widen(DType.F8_E4M3, elements, 0, widened, 0, widened.length);
    int perBand = (COLS + blockCols - 1) / blockCols;
    try (Checkpoint checkpoint = open()) {
      assertEquals(DType.F8_E4M3, checkpoint.tensor(UP).dtype());
      assertNull(checkpoint.quantLayout(UP));
      for (int first = 0; first < ROWS; first++) {
        for (int rows = 0; first + rows <= ROWS; rows++) {
          float[] out = new float[rows * COLS];
          checkpoint.readRows(UP, first, rows, out);
          for (int i = 0; i < out.length; i++) {
            int row = first + i / COLS;
            int col = i % COLS;
            float expected = widened[row * COLS + col] * scales[row / blockRows * perBand + col / blockCols];
            assertEquals(
                Float.floatToIntBits(expected), Float.floatToIntBits(out[i]), "row " + row + " column " + col);
          }
        }
      }
    }
  }

  private static float[] thirds(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (i + 1) / 3f;
    }
    return values;
  }

  @Test
  void scalesOfBlocksWithRestsAtTheEdges() throws IOException {
    quantization(FP8 + ",\"weight_block_size\":[5,3]}");
    scales("_scale_inv", thirds(9), 3, 3);
    holds(thirds(9), 5, 3);
    quantization(COMPRESSED + ",\"strategy\":\"block\",\"block_structure\":[5,3]}}}}");
    tensors.remove(UP + "_scale_inv");
    scales("_scale", thirds(9), 3, 3);
    holds(thirds(9), 5, 3);
  }

  @Test
  void withoutASizeBlocksHave128RowsAndColumns() throws IOException {
    scales("_scale_inv", new float[] {0.3f}, 1, 1);
    holds(new float[] {0.3f}, 128, 128);
    quantization(FP8 + ",\"weight_block_size\":null}");
    holds(new float[] {0.3f}, 128, 128);
  }

  @Test
  void oneScaleForATensorAndOneForEachRow() throws IOException {
    for (long[] shape : new long[][] {{}, {1}, {1, 1}}) {
      scales("_scale", new float[] {0.7f}, shape);
      holds(new float[] {0.7f}, ROWS, COLS);
    }
    quantization(COMPRESSED + ",\"strategy\":\"channel\"}}},\"ignore\":[\"lm_head\"]}");
    scales("_scale", thirds(ROWS), ROWS, 1);
    holds(thirds(ROWS), 1, COLS);
    scales("_scale", thirds(ROWS), ROWS);
    holds(thirds(ROWS), 1, COLS);
  }

  @Test
  void scalesMayBeOfHalfWidthAndOfAnyValue() throws IOException {
    // 0.5 and -2 as BF16.
    tensors.put(UP + "_scale_inv", new Stored("BF16", new long[] {2, 1}, new byte[] {0, 0x3f, 0, (byte) 0xc0}));
    quantization(FP8 + ",\"weight_block_size\":[6,8]}");
    holds(new float[] {0.5f, -2}, 6, 8);
    for (float scale : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.MIN_VALUE, Float.MAX_VALUE, -0f, 0}) {
      scales("_scale_inv", new float[] {scale, 1}, 2, 1);
      holds(new float[] {scale, 1}, 6, 8);
    }
  }

  @Test
  void scalesArePartOfTheirTensorWhateverShardTheyLieIn() throws IOException {
    scales("_scale_inv", new float[] {0.25f}, 1, 1);
    open().close();
    Files.move(tmp.resolve("model.safetensors"), tmp.resolve("a.safetensors"));
    TinyModel.writeSafetensors(
        tmp.resolve("b.safetensors"), "{" + TinyModel.entry(UP + "_scale_inv", "F32", new long[] {1, 1}, 0, 4) + "}",
        TinyGguf.floats(0.75f));
    StringJoiner map = new StringJoiner(",", "{\"weight_map\":{", "}}");
    tensors.keySet().forEach(
        name -> map.add(String.format("\"%s\":\"%s.safetensors\"", name, name.endsWith("_inv") ? "b" : "a")));
    Files.writeString(tmp.resolve("model.safetensors.index.json"), map.toString());
    float[] widened = new float[COLS];
    Dequantizer.widen(DType.F8_E4M3, elements, 0, widened, 0, COLS);
    try (Checkpoint checkpoint = Checkpoints.open(tmp)) {
      assertNull(checkpoint.tensor(UP + "_scale_inv"));
      float[] row = new float[COLS];
      checkpoint.readRows(UP, 0, 1, row);
      assertEquals(widened[0] * 0.75f, row[0]);
    }
  }

  private void refuses(String errorClass, String... words) {
    InferenceException e = assertThrows(InferenceException.class, () -> open().close());
    assertEquals(errorClass, e.errorClass(), e.getMessage());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + "\nlacks: " + word);
    }
  }

  @Test
  void namesMissingAndMisshapenScales() {
    refuses("model_invalid", "model.safetensors", UP, "F8_E4M3", UP + "_scale_inv", "not there", "BF16");
    scales("_scale_inv", thirds(2), 2, 1);
    refuses("model_invalid", UP + "_scale_inv", "[2, 1]", "[12, 1]", "128 × 128 [1, 1]", "belong together");
    scales("_scale_inv", thirds(COLS), 1, COLS);
    refuses("model_invalid", "[1, 8]");
    scales("_scale_inv", thirds(ROWS), ROWS, 1, 1);
    refuses("model_invalid", "[12, 1, 1]");
    scales("_scale_inv", new float[0], 0, 1);
    refuses("model_invalid", "[0, 1]");
    tensors.put(UP + "_scale_inv", new Stored("F8_E8M0", new long[] {1, 1}, new byte[1]));
    refuses("model_invalid", UP + "_scale_inv", "F8_E8M0", "F32, F16 and BF16");
    scales("_scale_inv", thirds(1), 1, 1);
    scales("_scale", thirds(1), 1);
    refuses("model_invalid", "two tensors of scales", UP + "_scale_inv", UP + "_scale");
  }

  @Test
  void namesOtherQuantizations() throws IOException {
    scales("_scale_inv", thirds(1), 1, 1);
    quantization(FP8.replace("e4m3", "e5m2") + "}");
    refuses("model_unsupported", "'fp8' with fmt e5m2", "FP8");
    quantization(COMPRESSED.replace("float-", "pack-") + "}}}}");
    refuses("model_unsupported", "'compressed-tensors' with format pack-quantized");
    quantization(COMPRESSED.replace("true", "false") + "}}}}");
    refuses("model_unsupported", "zero points");
    quantization(COMPRESSED + "}}},\"transform_config\":{\"config_groups\":{}}}");
    refuses("model_unsupported", "transform_config");
    for (String size : new String[] {"[128]", "[128,0]", "128", "[128,\"x\"]", "[128,99999999999]"}) {
      quantization(FP8 + ",\"weight_block_size\":" + size + "}");
      refuses("model_invalid", "weight_block_size is " + size);
    }
    tensors.put(UP, new Stored("F8_E5M2", new long[] {ROWS, COLS}, elements));
    quantization(FP8 + "}");
    refuses("model_invalid", "stored as F8_E5M2", "F8_E4M3");
  }
}
