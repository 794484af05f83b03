// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file under Hugging Face's names. Llama's query and key rows, which llama.cpp's converter interleaves for
 * rotation of neighbours, come in Hugging Face's half-split order again.
 */
final class GgufCheckpoint extends FileCheckpoint {
  private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d{1,6})\\.(\\w+)\\.(weight|bias)");
  private static final Map<String, String> BLOCK_NAMES =
      Map.of(
          "attn_norm", "input_layernorm",
          "attn_q", "self_attn.q_proj",
          "attn_k", "self_attn.k_proj",
          "attn_v", "self_attn.v_proj",
          "attn_output", "self_attn.o_proj",
          "ffn_norm", "post_attention_layernorm",
          "ffn_gate", "mlp.gate_proj",
          "ffn_up", "mlp.up_proj",
          "ffn_down", "mlp.down_proj");
  private static final Map<String, String> NAMES =
      Map.of(
          "token_embd.weight", "model.embed_tokens.weight",
          "output_norm.weight", "model.norm.weight",
          "output.weight", "lm_head.weight");
  private static final String ROPE_FREQS = "rope_freqs.weight";

  private GgufCheckpoint(Path path, ModelConfig config, Map<String, StoredTensor> tensors, RandomReader file) {
    super(path, config, tensors, List.of(file), List.of(path));
  }

  static GgufCheckpoint open(Path path) {
    GgufFile gguf = GgufFile.open(path);
    try {
      String name = gguf.string("general.architecture");
      if (name == null) {
        throw broken(path, "its metadata has no general.architecture");
      }
      Architecture architecture = Architecture.of(path.toString(), name);
      ModelConfig config = config(path, gguf, architecture);
      Map<String, StoredTensor> tensors = tensors(path, gguf, architecture, config.headDim());
      check(path, architecture.tensors(config, false, false), tensors);
      return new GgufCheckpoint(path, config, tensors, gguf.file());
    } catch (RuntimeException e) {
      gguf.close();
      throw e;
    }
  }

  private static Map<String, StoredTensor> tensors(
      Path path, GgufFile gguf, Architecture architecture, int headDim) {
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (GgufFile.Entry entry : gguf.entries().values()) {
      String name = hfName(entry.name());
      if (name == null) {
        // Rotation tables are derived data; anything else unknown would be left out of the computation unnoticed.
        if (entry.name().equals(ROPE_FREQS) || entry.name().endsWith("attn_rot_embd.weight")
            || entry.name().endsWith("rotary_emb.inv_freq")) {
          continue;
        }
        throw InferenceErrors.modelUnsupported(
            path.toString(),
            String.format("it has the tensor %s, which is not part of the architecture %s as known here",
                entry.name(), architecture.modelType()),
            "Use another model.");
      }
      boolean paired = architecture == Architecture.LLAMA && entry.name().matches(".*\\.attn_[qk]\\..*");
      TensorInfo info = new TensorInfo(name, GgmlType.dtype(entry.type()), entry.rows(), entry.cols());
      tensors.put(name, new StoredTensor(info, gguf.file(), entry.begin(), paired ? headDim : 0));
    }
    return tensors;
  }

  static String hfName(String name) {
    Matcher block = BLOCK.matcher(name);
    if (!block.matches()) {
      return NAMES.get(name);
    }
    String part = BLOCK_NAMES.get(block.group(2));
    return part == null ? null : "model.layers." + Integer.parseInt(block.group(1)) + "." + part + "." + block.group(3);
  }

  private static ModelConfig config(Path path, GgufFile gguf, Architecture architecture) {
    String prefix = architecture.modelType() + ".";
    if (gguf.number(prefix + "expert_count", 0) > 0) {
      throw unsupported(path, "it is a mixture of experts");
    }
    if (gguf.number("split.count", 1) > 1) {
      throw unsupported(path, "it is one of " + gguf.number("split.count", 1)
          + " parts; join them with llama-gguf-split");
    }
    int hidden = size(path, gguf, prefix + "embedding_length", null);
    int heads = size(path, gguf, prefix + "attention.head_count", null);
    int kvHeads = size(path, gguf, prefix + "attention.head_count_kv", heads);
    int headDim = size(path, gguf, prefix + "attention.key_length", Math.max(1, hidden / heads));
    if (size(path, gguf, prefix + "attention.value_length", headDim) != headDim) {
      throw unsupported(path, "its keys and values have different widths");
    }
    HfConfig.checkHeads(path.toString(), heads, kvHeads, headDim);
    int rotated = size(path, gguf, prefix + "rope.dimension_count", headDim);
    if (rotated != headDim) {
      throw unsupported(path, String.format("only %d of the %d values of a head are rotated", rotated, headDim));
    }
    GgufFile.Entry embedding = gguf.entries().get("token_embd.weight");
    int context = size(path, gguf, prefix + "context_length", null);
    long window = gguf.number(prefix + "attention.sliding_window", 0);
    Set<Integer> eos = new LinkedHashSet<>();
    for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      long id = gguf.number("tokenizer.ggml." + key, -1);
      if (id >= 0 && id <= Integer.MAX_VALUE) {
        eos.add((int) id);
      }
    }
    if (embedding == null) {
      throw broken(path, "it has no tensor token_embd.weight");
    }
    return new ModelConfig(
        architecture.modelType(),
        Math.toIntExact(Math.min(embedding.rows(), Integer.MAX_VALUE)),
        hidden,
        size(path, gguf, prefix + "feed_forward_length", null),
        size(path, gguf, prefix + "block_count", null),
        heads,
        kvHeads,
        headDim,
        positive(path, gguf, prefix + "attention.layer_norm_rms_epsilon", null),
        rope(path, gguf, prefix, headDim, context),
        context,
        !gguf.entries().containsKey("output.weight"),
        window > 0 && window < context ? (int) window : 0,
        (int) gguf.number("tokenizer.ggml.bos_token_id", -1),
        List.copyOf(eos));
  }

  private static ModelConfig.Rope rope(Path path, GgufFile gguf, String prefix, int headDim, int context) {
    double theta = positive(path, gguf, prefix + "rope.freq_base", 10000.0);
    float[] divisors = null;
    GgufFile.Entry freqs = gguf.entries().get(ROPE_FREQS);
    if (freqs != null) {
      if (freqs.rows() != 1 || freqs.cols() != headDim / 2) {
        throw broken(
            path,
            String.format(
                "tensor %s has the shape [%d, %d], but [%d] is needed",
                ROPE_FREQS, freqs.rows(), freqs.cols(), headDim / 2));
      }
      divisors = new float[headDim / 2];
      new StoredTensor(
              new TensorInfo(ROPE_FREQS, GgmlType.dtype(freqs.type()), 1, freqs.cols()), gguf.file(), freqs.begin(), 0)
          .readRows(0, 1, divisors);
    }
    String type = gguf.string(prefix + "rope.scaling.type");
    if (type == null) {
      // Files from before rope.scaling.type had a linear scale only.
      double factor = positive(path, gguf, prefix + "rope.scale_linear", 1.0);
      return factor == 1
          ? new ModelConfig.Rope(theta, "default", 1, 1, 1, context, divisors)
          : new ModelConfig.Rope(theta, "linear", factor, 1, 1, context, divisors);
    }
    return switch (type) {
      case "none" -> new ModelConfig.Rope(theta, "default", 1, 1, 1, context, divisors);
      case "linear" ->
          new ModelConfig.Rope(
              theta, "linear", positive(path, gguf, prefix + "rope.scaling.factor", 1.0), 1, 1, context, divisors);
      default -> throw unsupported(path, "its rope scaling is '" + type + "', but only none and linear are known");
    };
  }

  private static int size(Path path, GgufFile gguf, String key, Integer otherwise) {
    Object value = gguf.metadata().get(key);
    if (value instanceof List<?> list && !list.isEmpty()) {
      // Per-layer values: one number stands for all where they agree.
      if (list.stream().distinct().count() > 1) {
        throw unsupported(path, key + " differs between layers");
      }
      value = list.get(0);
    }
    if (value == null && otherwise != null) {
      return otherwise;
    }
    if (!(value instanceof Long number) || number < 1 || number > Integer.MAX_VALUE) {
      throw broken(
          path,
          value == null
              ? "its metadata has no " + key
              : String.format("its metadata %s is %s, but must be a whole number above 0", key, value));
    }
    return number.intValue();
  }

  private static double positive(Path path, GgufFile gguf, String key, Double otherwise) {
    Object value = gguf.metadata().get(key);
    if (value == null && otherwise != null) {
      return otherwise;
    }
    if (!(value instanceof Number number) || !(number.doubleValue() > 0) || Double.isInfinite(number.doubleValue())) {
      throw broken(
          path,
          value == null
              ? "its metadata has no " + key
              : String.format("its metadata %s is %s, but must be a number above 0", key, value));
    }
    return number.doubleValue();
  }

  private static InferenceException broken(Path path, String why) {
    return InferenceErrors.modelInvalid(path.toString(), why, "Download it again.");
  }

  private static InferenceException unsupported(Path path, String what) {
    return InferenceErrors.modelUnsupported(path.toString(), what, "Use another model.");
  }
}
