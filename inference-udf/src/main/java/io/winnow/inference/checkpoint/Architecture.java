// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The model families that can be run, and the tensors each needs. A new family starts here. */
enum Architecture {
  LLAMA("llama", false),
  QWEN2("qwen2", true);

  private final String modelType;
  private final boolean qkvBias;

  Architecture(String modelType, boolean qkvBias) {
    this.modelType = modelType;
    this.qkvBias = qkvBias;
  }

  /** The name in config.json's model_type and in GGUF's general.architecture. */
  String modelType() {
    return modelType;
  }

  static List<String> known() {
    return Arrays.stream(values()).map(Architecture::modelType).toList();
  }

  static Architecture of(String path, String name) {
    for (Architecture architecture : values()) {
      if (architecture.modelType.equals(name)) {
        return architecture;
      }
    }
    throw InferenceErrors.architectureUnknown(path, name, known());
  }

  /** A tensor by its Hugging Face name; where it is not required it may be absent, but not of another shape. */
  record Expected(String name, long rows, long cols, boolean required) {}

  /**
   * Every tensor the decoder may ask for.
   *
   * @param attentionBias whether the configuration asks for biases of q, k, v and o
   * @param mlpBias whether the configuration asks for biases of gate, up and down
   */
  List<Expected> tensors(ModelConfig config, boolean attentionBias, boolean mlpBias) {
    long hidden = config.hiddenSize();
    long ffn = config.intermediateSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.kvHeads() * config.headDim();
    List<Expected> all = new ArrayList<>();
    all.add(new Expected("model.embed_tokens.weight", config.vocabSize(), hidden, true));
    for (int i = 0; i < config.layers(); i++) {
      String layer = "model.layers." + i + ".";
      all.add(new Expected(layer + "input_layernorm.weight", 1, hidden, true));
      linear(all, layer + "self_attn.q_proj", queries, hidden, attentionBias || qkvBias);
      linear(all, layer + "self_attn.k_proj", keys, hidden, attentionBias || qkvBias);
      linear(all, layer + "self_attn.v_proj", keys, hidden, attentionBias || qkvBias);
      linear(all, layer + "self_attn.o_proj", hidden, queries, attentionBias);
      all.add(new Expected(layer + "post_attention_layernorm.weight", 1, hidden, true));
      linear(all, layer + "mlp.gate_proj", ffn, hidden, mlpBias);
      linear(all, layer + "mlp.up_proj", ffn, hidden, mlpBias);
      linear(all, layer + "mlp.down_proj", hidden, ffn, mlpBias);
    }
    all.add(new Expected("model.norm.weight", 1, hidden, true));
    if (!config.tiedEmbeddings()) {
      all.add(new Expected("lm_head.weight", config.vocabSize(), hidden, true));
    }
    return all;
  }

  private static void linear(List<Expected> all, String name, long out, long in, boolean bias) {
    all.add(new Expected(name + ".weight", out, in, true));
    all.add(new Expected(name + ".bias", 1, out, bias));
  }
}
