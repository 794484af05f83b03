// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * config.json and generation_config.json of a Hugging Face folder, in the style of published checkpoints ({@code
 * rope_theta} and {@code rope_scaling}) or of transformers 5 ({@code rope_parameters}). Absent fields have the
 * defaults of transformers' LlamaConfig and Qwen2Config.
 *
 * @param attentionBias whether q, k, v and o must have biases
 * @param mlpBias whether gate, up and down must have biases
 * @param fp8 how FP8 weights, where there are any, are scaled
 */
record HfConfig(
    Architecture architecture, ModelConfig model, boolean attentionBias, boolean mlpBias, Fp8Format fp8) {

  static HfConfig read(Path folder) {
    Path file = folder.resolve("config.json");
    JsonFields config = JsonFields.read(file);
    String modelType = config.string("model_type", null);
    if (modelType == null) {
      throw InferenceErrors.modelInvalid(
          file.toString(), "it has no model_type", "Check that it is the configuration of a language model.");
    }
    Architecture architecture = Architecture.of(folder.toString(), modelType);
    refuseWhatIsNotComputed(file, config);

    int hidden = config.size("hidden_size");
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int headDim = config.size("head_dim", hidden / heads);
    int layers = config.size("num_hidden_layers");
    int context = config.size("max_position_embeddings", architecture == Architecture.LLAMA ? 2048 : 32768);
    checkHeads(file.toString(), heads, kvHeads, headDim);

    Set<Integer> eos = new LinkedHashSet<>(config.ids("eos_token_id"));
    Path generation = folder.resolve("generation_config.json");
    if (Files.exists(generation)) {
      eos.addAll(JsonFields.read(generation).ids("eos_token_id"));
    }
    List<Integer> bos = config.ids("bos_token_id");
    ModelConfig model =
        new ModelConfig(
            modelType,
            config.size("vocab_size"),
            hidden,
            config.size("intermediate_size"),
            layers,
            heads,
            kvHeads,
            headDim,
            config.positive("rms_norm_eps", 1e-6),
            rope(file, config, context),
            context,
            config.bool("tie_word_embeddings", false),
            architecture == Architecture.QWEN2 ? slidingWindow(file, config, layers, context) : 0,
            bos.isEmpty() ? -1 : bos.get(0),
            List.copyOf(eos));
    return new HfConfig(
        architecture,
        model,
        config.bool("attention_bias", false),
        config.bool("mlp_bias", false),
        Fp8Format.of(file, config));
  }

  /** Shared with GGUF: a head count must divide evenly and a head must split into pairs. */
  static void checkHeads(String file, int heads, int kvHeads, int headDim) {
    if (heads % kvHeads != 0) {
      throw InferenceErrors.modelInvalid(
          file,
          String.format("%d attention heads cannot share %d key-value heads evenly", heads, kvHeads),
          "Check that it is the configuration of this model.");
    }
    if (headDim < 2 || headDim % 2 != 0) {
      throw InferenceErrors.modelInvalid(
          file,
          String.format("a head of %d values cannot be rotated in pairs", headDim),
          "Check that it is the configuration of this model.");
    }
  }

  private static void refuseWhatIsNotComputed(Path file, JsonFields config) {
    String activation = config.string("hidden_act", "silu");
    if (!activation.equals("silu")) {
      throw unsupported(file, "hidden_act is '" + activation + "', but only 'silu' is known");
    }
  }

  private static ModelConfig.Rope rope(Path file, JsonFields config, int context) {
    JsonFields parameters = config.object("rope_parameters");
    JsonFields scaling = parameters != null ? parameters : config.object("rope_scaling");
    double theta = config.positive("rope_theta", 10000);
    if (parameters != null) {
      theta = parameters.positive("rope_theta", theta);
    }
    String type = "default";
    if (scaling != null) {
      type = scaling.string("rope_type", scaling.string("type", "default"));
      if (scaling.positive("partial_rotary_factor", 1) != 1) {
        throw unsupported(file, "only a part of each head is rotated (partial_rotary_factor)");
      }
      for (JsonNode value : scaling.node()) {
        if (value.isObject()) {
          throw unsupported(file, "its rope parameters differ between layers");
        }
      }
    }
    return switch (type) {
      case "default" -> new ModelConfig.Rope(theta, "default", 1, 1, 1, context, null);
      case "linear" -> new ModelConfig.Rope(theta, "linear", factor(file, scaling, "factor"), 1, 1, context, null);
      case "llama3" -> {
        double low = factor(file, scaling, "low_freq_factor");
        double high = factor(file, scaling, "high_freq_factor");
        if (low >= high) {
          throw InferenceErrors.modelInvalid(
              file.toString(),
              String.format("low_freq_factor %s is not below high_freq_factor %s", low, high),
              "Check that it is the configuration of this model.");
        }
        yield new ModelConfig.Rope(
            theta, "llama3", factor(file, scaling, "factor"), low, high,
            scaling.size("original_max_position_embeddings", context), null);
      }
      default ->
          throw unsupported(file, "its rope type is '" + type + "', but only default, linear and llama3 are known");
    };
  }

  private static double factor(Path file, JsonFields scaling, String name) {
    if (!scaling.has(name)) {
      throw InferenceErrors.modelInvalid(
          file.toString(), "its rope scaling has no " + name, "Check that it is the configuration of this model.");
    }
    return scaling.positive(name, 1);
  }

  /** Qwen2: the window is off by default, and where it is on it holds for the layers from max_window_layers on. */
  private static int slidingWindow(Path file, JsonFields config, int layers, int context) {
    if (!config.bool("use_sliding_window", false)) {
      return 0;
    }
    int window = config.size("sliding_window", config.node().has("sliding_window") ? context : 4096);
    if (window >= context) {
      return 0;
    }
    int sliding = 0;
    if (config.has("layer_types")) {
      for (JsonNode type : config.node().get("layer_types")) {
        sliding += type.asText().equals("sliding_attention") ? 1 : 0;
      }
    } else {
      JsonNode first = config.node().get("max_window_layers");
      sliding = Math.max(0, layers - (first == null ? 28 : first.asInt(28)));
    }
    if (sliding == 0) {
      return 0;
    }
    if (sliding < layers) {
      throw unsupported(
          file, String.format("%d of its %d layers use a sliding window, the others do not", sliding, layers));
    }
    return window;
  }

  private static InferenceException unsupported(Path file, String what) {
    return InferenceErrors.modelUnsupported(file.toString(), what, "Use another model.");
  }
}
