// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufCheckpointTest {
  @TempDir Path tmp;

  private static final int F32 = 0;

  /** One layer, hidden 8, two heads of 4; element i of a tensor is i. */
  static TinyGguf tiny() {
    return head("llama", 3).tensor("output_norm.weight", F32, count(8), 8);
  }

  private static TinyGguf head(String architecture, int version) {
    String p = architecture + ".";
    TinyGguf gguf =
        new TinyGguf().version(version).put("general.architecture", architecture).put(p + "block_count", 1)
            .put(p + "context_length", 64).put(p + "embedding_length", 8).put(p + "feed_forward_length", 12)
            .put(p + "attention.head_count", 2).put(p + "attention.head_count_kv", 1)
            .put(p + "attention.layer_norm_rms_epsilon", 1e-5f).put("tokenizer.ggml.eos_token_id", 2)
            .put("tokenizer.ggml.eot_token_id", 5);
    gguf.tensor("token_embd.weight", F32, count(80), 8, 10);
    for (String norm : List.of("attn_norm", "ffn_norm")) {
      gguf.tensor("blk.0." + norm + ".weight", F32, count(8), 8);
    }
    gguf.tensor("blk.0.attn_q.weight", F32, count(64), 8, 8).tensor("blk.0.attn_k.weight", F32, count(32), 8, 4)
        .tensor("blk.0.attn_v.weight", F32, count(32), 8, 4).tensor("blk.0.attn_output.weight", F32, count(64), 8, 8)
        .tensor("blk.0.ffn_gate.weight", F32, count(96), 8, 12).tensor("blk.0.ffn_up.weight", F32, count(96), 8, 12)
        .tensor("blk.0.ffn_down.weight", F32, count(96), 12, 8);
    return gguf;
  }

  private static byte[] count(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    return TinyGguf.floats(values);
  }

  private Path write(TinyGguf gguf) throws IOException {
    Path file = tmp.resolve("m.gguf");
    gguf.write(file);
    return file;
  }

  @Test
  void readsBothVersionsUnderHuggingFaceNames() throws IOException {
    for (int version : new int[] {2, 3}) {
      Path file = write(head("llama", version).tensor("output_norm.weight", F32, count(8), 8));
      try (Checkpoint checkpoint = Checkpoints.open(file)) {
        ModelConfig config = checkpoint.config();
        assertEquals(1e-5, config.rmsNormEps());
        assertEquals(10000, config.rope().theta());
        assertEquals(4, config.headDim());
        assertTrue(config.tiedEmbeddings());
        assertEquals(List.of(2, 5), config.eosTokenIds());
        float[] row = new float[8];
        checkpoint.readRows("model.embed_tokens.weight", 9, 1, row);
        assertArrayEquals(new float[] {72, 73, 74, 75, 76, 77, 78, 79}, row);
      }
    }
  }

  @Test
  void llamaRowsComeInHalfSplitOrderAgain() throws IOException {
    TinyGguf gguf =
        tiny().tensor("blk.0.attn_q.bias", F32, count(8), 8).tensor("rope_freqs.weight", F32, count(2), 2);
    try (Checkpoint checkpoint = Checkpoints.open(write(gguf))) {
      float[] rows = new float[64];
      checkpoint.readRows("model.layers.0.self_attn.q_proj.weight", 0, 8, rows);
      // Stored neighbours 2i and 2i + 1 are rows i and i + 2 of each head of four.
      int[] stored = {0, 2, 1, 3, 4, 6, 5, 7};
      for (int r = 0; r < 8; r++) {
        assertEquals(8f * stored[r], rows[8 * r], "row " + r);
      }
      float[] two = new float[16];
      checkpoint.readRows("model.layers.0.self_attn.q_proj.weight", 5, 2, two);
      assertEquals(48f, two[0]);
      assertEquals(40f, two[8]);
      float[] bias = new float[8];
      checkpoint.readRows("model.layers.0.self_attn.q_proj.bias", 0, 1, bias);
      assertArrayEquals(new float[] {0, 2, 1, 3, 4, 6, 5, 7}, bias);
      assertArrayEquals(new float[] {0, 1}, checkpoint.config().rope().freqDivisors());
    }
  }

  @Test
  void dequantisesBlocksAsGgmlDoes() {
    byte[] q4 = new byte[20];
    q4[0] = 0x00;
    q4[1] = 0x38; // 0.5
    q4[2] = 0x00;
    q4[3] = (byte) 0xbc; // -1
    for (int i = 0; i < 16; i++) {
      q4[4 + i] = (byte) (i | (15 - i) << 4);
    }
    float[] out = new float[32];
    Dequantizer.widen(DType.Q4_1, q4, 0, out, 0, 32);
    assertEquals(-1f, out[0]);
    assertEquals(6.5f, out[15]);
    assertEquals(6.5f, out[16]);
    assertEquals(-1f, out[31]);
    byte[] q40 = Arrays.copyOf(q4, 18);
    System.arraycopy(q4, 4, q40, 2, 16);
    Dequantizer.widen(DType.Q4_0, q40, 0, out, 0, 32);
    assertEquals(-4f, out[0]);
    assertEquals(3.5f, out[16]);
    byte[] q8 = new byte[34];
    q8[1] = 0x3c; // 1
    q8[2] = -128;
    q8[33] = 127;
    Dequantizer.widen(DType.Q8_0, q8, 0, out, 0, 32);
    assertEquals(-128f, out[0]);
    assertEquals(127f, out[31]);
  }

  @Test
  void widensEveryHalfFloatExactly() {
    for (int bits = 0; bits < 0x10000; bits++) {
      int exponent = bits >> 10 & 31;
      int fraction = bits & 0x3ff;
      double expected =
          exponent == 31
              ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
              : exponent == 0 ? Math.scalb((double) fraction, -24) : Math.scalb(1024.0 + fraction, exponent - 25);
      float found = Dequantizer.half((short) bits);
      assertEquals((float) ((bits & 0x8000) != 0 ? -expected : expected), found, "bits " + bits);
    }
  }

  private void refuses(TinyGguf gguf, String errorClass, String... words) throws IOException {
    refuses(gguf.bytes(), errorClass, words);
  }

  private void refuses(byte[] bytes, String errorClass, String... words) throws IOException {
    Path file = Files.write(tmp.resolve("bad.gguf"), bytes);
    InferenceException e = assertThrows(InferenceException.class, () -> Checkpoints.open(file).close());
    assertEquals(errorClass, e.errorClass(), e.getMessage());
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), e.getMessage() + "\nlacks: " + word);
    }
  }

  @Test
  void namesWhatItCannotRun() throws IOException {
    refuses(head("qwen2", 3).tensor("output_norm.weight", F32, count(8), 8), "model_invalid", "q_proj.bias");
    refuses(head("mixtral", 3), "architecture_unknown", "'mixtral'", "llama, qwen2");
    refuses(tiny().tensorAt("x", 20, 0, 256), "model_unsupported", "IQ4_NL", "ggml type 20",
        "only F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K and BF16 are read");
    refuses(tiny().tensorAt("x", 999, 0, 256), "model_unsupported", "unknown", "999");
    refuses(tiny().tensor("blk.0.attn_q_norm.weight", F32, count(4), 4), "model_unsupported", "attn_q_norm");
    refuses(tiny().put("llama.expert_count", 8), "model_unsupported", "experts");
    refuses(tiny().put("llama.rope.scaling.type", "yarn"), "model_unsupported", "'yarn'");
    refuses(tiny().put("llama.rope.dimension_count", 2), "model_unsupported", "2 of the 4");
  }

  @Test
  void namesDamage() throws IOException {
    byte[] sound = tiny().bytes();
    for (int length : new int[] {0, 3, 23, 24, 60, 500, sound.length - 64}) {
      refuses(Arrays.copyOf(sound, length), "model_invalid", "truncated");
    }
    refuses(head("llama", 3), "model_invalid", "model.norm.weight [8]");
    refuses(head("llama", 3).version(1), "model_invalid", "version is 1");
    refuses(head("llama", 3).version(0x03000000), "model_invalid", "big-endian");
    refuses("GGML is older than GGUF itself".getBytes(), "model_invalid", "does not begin with 'GGUF'");
    refuses(tiny().tensorAt("x", F32, 1L << 40, 8), "model_invalid", "truncated", "tensor x");
    refuses(tiny().tensorAt("x", F32, -32, 8), "model_invalid", "tensor x");
    refuses(tiny().tensorAt("x", F32, 0, 8), "model_invalid", "overlap");
    refuses(tiny().tensorAt("x", F32, 0, 1L << 62, 1L << 62), "model_invalid", "impossible shape");
    refuses(tiny().tensorAt("x", F32, 0, -1), "model_invalid", "impossible shape");
    refuses(tiny().tensorAt("x", 8, 0, 33), "model_invalid", "33 values", "Q8_0");
    refuses(tiny().put("llama.block_count", 0), "model_invalid", "llama.block_count", "twice");
  }
}
