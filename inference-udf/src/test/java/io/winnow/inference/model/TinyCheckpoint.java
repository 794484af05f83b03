// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.StringJoiner;

/** Writes small checkpoints of random weights, as Hugging Face folders, whose logits are neither flat nor peaked. */
public final class TinyCheckpoint {
  public static final int VOCAB = 150;
  public static final int CONTEXT = 512;
  public static final int EOS = 2;
  static final int LAYERS = 2;
  private static final int HIDDEN = 48;
  private static final int FFN = 88;
  private static final int HEADS = 6;
  private static final int KV_HEADS = 2;

  private TinyCheckpoint() {}

  /**
   * Writes config.json and model.safetensors.
   *
   * @param modelType llama (own head, no biases) or qwen2 (tied head, biases of q, k and v)
   * @param dtype F32 or BF16
   * @return the folder
   */
  public static Path write(Path folder, String modelType, String dtype, long seed) throws IOException {
    boolean qwen = modelType.equals("qwen2");
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        String.format(
            "{\"model_type\":\"%s\",\"vocab_size\":%d,\"hidden_size\":%d,\"intermediate_size\":%d,"
                + "\"num_hidden_layers\":%d,\"num_attention_heads\":%d,\"num_key_value_heads\":%d,"
                + "\"max_position_embeddings\":%d,\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,"
                + "\"tie_word_embeddings\":%s,\"hidden_act\":\"silu\",\"bos_token_id\":1,\"eos_token_id\":%d}",
            modelType, VOCAB, HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, CONTEXT, qwen, EOS));
    Random random = new Random(seed);
    StringJoiner entries = new StringJoiner(",", "{", "}");
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, int[]> tensor : shapes(qwen).entrySet()) {
      int begin = data.size();
      data.write(values(tensor.getKey(), tensor.getValue(), dtype.equals("BF16"), random));
      int[] shape = tensor.getValue();
      entries.add(
          String.format(
              "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}",
              tensor.getKey(), dtype, shape.length == 1 ? shape[0] : shape[0] + "," + shape[1], begin, data.size()));
    }
    byte[] header = entries.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header).put(data.toByteArray());
    Files.write(folder.resolve("model.safetensors"), file.array());
    return folder;
  }

  private static Map<String, int[]> shapes(boolean qwen) {
    int kvWidth = HIDDEN / HEADS * KV_HEADS;
    Map<String, int[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", new int[] {VOCAB, HIDDEN});
    for (int i = 0; i < LAYERS; i++) {
      String layer = "model.layers." + i + ".";
      shapes.put(layer + "input_layernorm.weight", new int[] {HIDDEN});
      for (String part : new String[] {"q", "k", "v"}) {
        int rows = part.equals("q") ? HIDDEN : kvWidth;
        shapes.put(layer + "self_attn." + part + "_proj.weight", new int[] {rows, HIDDEN});
        if (qwen) {
          shapes.put(layer + "self_attn." + part + "_proj.bias", new int[] {rows});
        }
      }
      shapes.put(layer + "self_attn.o_proj.weight", new int[] {HIDDEN, HIDDEN});
      shapes.put(layer + "post_attention_layernorm.weight", new int[] {HIDDEN});
      shapes.put(layer + "mlp.gate_proj.weight", new int[] {FFN, HIDDEN});
      shapes.put(layer + "mlp.up_proj.weight", new int[] {FFN, HIDDEN});
      shapes.put(layer + "mlp.down_proj.weight", new int[] {HIDDEN, FFN});
    }
    shapes.put("model.norm.weight", new int[] {HIDDEN});
    if (!qwen) {
      shapes.put("lm_head.weight", new int[] {VOCAB, HIDDEN});
    }
    return shapes;
  }

  private static byte[] values(String name, int[] shape, boolean bf16, Random random) {
    int count = shape.length == 1 ? shape[0] : shape[0] * shape[1];
    ByteBuffer out = ByteBuffer.allocate(count * (bf16 ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
    double spread = shape.length == 1 ? 0.1 : 1.6 / Math.sqrt(shape[1]);
    double middle = name.endsWith("norm.weight") ? 1 : 0;
    for (int i = 0; i < count; i++) {
      float value = (float) (middle + spread * random.nextGaussian());
      if (bf16) {
        out.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      } else {
        out.putFloat(value);
      }
    }
    return out.array();
  }
}
