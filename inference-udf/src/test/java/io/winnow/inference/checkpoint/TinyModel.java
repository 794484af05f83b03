// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes model files of a one-layer model whose every value says where it belongs; tests then damage them. */
final class TinyModel {
  static final int VOCAB = 10;
  static final int HIDDEN = 8;
  static final int FFN = 12;
  static final int HEADS = 2;
  static final int HEAD_DIM = 4;

  /** Tensor shapes by Hugging Face name, [cols] or [rows, cols]. */
  static Map<String, long[]> shapes(boolean tied, boolean qkvBias) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", new long[] {VOCAB, HIDDEN});
    String layer = "model.layers.0.";
    shapes.put(layer + "input_layernorm.weight", new long[] {HIDDEN});
    for (String part : List.of("q", "k", "v")) {
      long rows = part.equals("q") ? HIDDEN : HEAD_DIM;
      shapes.put(layer + "self_attn." + part + "_proj.weight", new long[] {rows, HIDDEN});
      if (qkvBias) {
        shapes.put(layer + "self_attn." + part + "_proj.bias", new long[] {rows});
      }
    }
    shapes.put(layer + "self_attn.o_proj.weight", new long[] {HIDDEN, HIDDEN});
    shapes.put(layer + "post_attention_layernorm.weight", new long[] {HIDDEN});
    shapes.put(layer + "mlp.gate_proj.weight", new long[] {FFN, HIDDEN});
    shapes.put(layer + "mlp.up_proj.weight", new long[] {FFN, HIDDEN});
    shapes.put(layer + "mlp.down_proj.weight", new long[] {HIDDEN, FFN});
    shapes.put("model.norm.weight", new long[] {HIDDEN});
    if (!tied) {
      shapes.put("lm_head.weight", new long[] {VOCAB, HIDDEN});
    }
    return shapes;
  }

  static String config(String modelType, boolean tied) {
    return String.format(
        "{\"model_type\":\"%s\",\"vocab_size\":%d,\"hidden_size\":%d,\"intermediate_size\":%d,\"num_hidden_layers\":1,"
            + "\"num_attention_heads\":%d,\"num_key_value_heads\":1,\"max_position_embeddings\":64,"
            + "\"rms_norm_eps\":1e-05,\"rope_theta\":10000.0,\"tie_word_embeddings\":%s,\"hidden_act\":\"silu\","
            + "\"bos_token_id\":0,\"eos_token_id\":2}",
        modelType, VOCAB, HIDDEN, FFN, HEADS, tied);
  }

  /** A whole folder, F32: element i of tensor t is 1000·t + i. */
  static void writeFolder(Path folder, String modelType, boolean tied, boolean qkvBias) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config(modelType, tied));
    writeSafetensors(folder.resolve("model.safetensors"), shapes(tied, qkvBias));
  }

  static void writeSafetensors(Path file, Map<String, long[]> shapes) throws IOException {
    List<String> entries = new ArrayList<>();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    int t = 0;
    for (Map.Entry<String, long[]> shape : shapes.entrySet()) {
      int n = count(shape.getValue());
      ByteBuffer values = ByteBuffer.allocate(4 * n).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < n; i++) {
        values.putFloat(1000 * t + i);
      }
      entries.add(entry(shape.getKey(), "F32", shape.getValue(), data.size(), data.size() + 4L * n));
      data.write(values.array());
      t++;
    }
    writeSafetensors(file, "{\"__metadata__\":{\"format\":\"pt\"}," + String.join(",", entries) + "}",
        data.toByteArray());
  }

  static String entry(String name, String dtype, long[] shape, long begin, long end) {
    String dims = java.util.Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(","));
    return String.format(
        "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}", name, dtype, dims, begin, end);
  }

  static void writeSafetensors(Path file, String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json).put(data);
    Files.write(file, out.array());
  }

  static int count(long[] shape) {
    long n = 1;
    for (long dim : shape) {
      n *= dim;
    }
    return (int) n;
  }

  private TinyModel() {}
}
