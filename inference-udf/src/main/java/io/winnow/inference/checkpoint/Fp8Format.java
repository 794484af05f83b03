// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * FP8 weights (F8_E4M3) of safetensors: where the scales of a weight are and what they belong to. Three publishers'
 * conventions are known: a scale for each block in NAME_scale_inv (DeepSeek-V3, Qwen3-FP8), and one for a whole tensor,
 * each row or each block in NAME_scale (vLLM's fp8, compressed-tensors). In all of them, the _inv notwithstanding, the
 * value is element times scale.
 *
 * @param blockRows rows of a block
 * @param blockCols columns of a block
 */
record Fp8Format(int blockRows, int blockCols) {
  private static final Fp8Format USUAL = new Fp8Format(128, 128);

  /**
   * Reads quantization_config, which may be absent.
   *
   * @throws InferenceException model_unsupported for quantizations that are not plain FP8 weights
   */
  static Fp8Format of(Path file, JsonFields config) {
    JsonFields quantization = config.object("quantization_config");
    if (quantization == null) {
      return USUAL;
    }
    String method = quantization.string("quant_method", "an unnamed method");
    return switch (method) {
      case "fp8" -> {
        String kind = quantization.string("fmt", "e4m3");
        if (!kind.equals("e4m3")) {
          throw unsupported(file, method, " with fmt " + kind);
        }
        yield block(quantization, "weight_block_size");
      }
      case "compressed-tensors" -> compressedTensors(file, method, quantization);
      default -> throw unsupported(file, method, "");
    };
  }

  private static Fp8Format compressedTensors(Path file, String method, JsonFields quantization) {
    String format = quantization.string("format", "none");
    if (!format.equals("float-quantized")) {
      throw unsupported(file, method, " with format " + format);
    }
    if (quantization.has("transform_config") && !quantization.node().get("transform_config").isEmpty()) {
      throw unsupported(file, method, " with a transform_config");
    }
    Fp8Format found = USUAL;
    JsonFields groups = quantization.object("config_groups");
    if (groups != null) {
      for (Map.Entry<String, JsonNode> entry : groups.node().properties()) {
        JsonFields group = groups.object(entry.getKey());
        JsonFields weights = group == null ? null : group.object("weights");
        if (weights != null && !weights.bool("symmetric", true)) {
          throw unsupported(file, method, " with zero points (symmetric is false)");
        }
        if (weights != null && weights.has("block_structure")) {
          found = block(weights, "block_structure");
        }
      }
    }
    return found;
  }

  /** Rows and columns of a block; without them, the 128 × 128 of DeepSeek-V3. */
  private static Fp8Format block(JsonFields fields, String name) {
    if (!fields.has(name)) {
      return USUAL;
    }
    JsonNode sizes = fields.node().get(name);
    if (!sizes.isArray() || sizes.size() != 2 || !isSize(sizes.get(0)) || !isSize(sizes.get(1))) {
      throw fields.wrong(name, "two whole numbers above 0");
    }
    return new Fp8Format(sizes.get(0).intValue(), sizes.get(1).intValue());
  }

  private static boolean isSize(JsonNode value) {
    return value.isIntegralNumber() && value.canConvertToInt() && value.intValue() > 0;
  }

  /**
   * The name of the scales of the tensor {@code name}, or null when the checkpoint has none.
   *
   * @param tensors the names of all tensors
   */
  static String scalesOf(Path file, String name, Set<String> tensors) {
    String inverse = name + "_scale_inv";
    String plain = name + "_scale";
    if (tensors.contains(inverse) && tensors.contains(plain)) {
      throw InferenceErrors.modelInvalid(
          file.toString(),
          String.format("tensor %s has two tensors of scales, %s and %s", name, inverse, plain),
          "Remove the one that does not belong to it.");
    }
    return tensors.contains(inverse) ? inverse : tensors.contains(plain) ? plain : null;
  }

  /**
   * The scales of an FP8 tensor.
   *
   * @param info the tensor
   * @param entry its scales
   * @param file the file that holds the scales
   * @throws InferenceException model_invalid when they are of another type or do not fit the tensor
   */
  Fp8Scales scales(TensorInfo info, SafetensorsFile.Entry entry, RandomReader file) {
    DType dtype = SafetensorsCheckpoint.dtype(entry);
    if (dtype == null || dtype == DType.F8_E4M3) {
      throw InferenceErrors.modelInvalid(
          file.path().toString(),
          String.format(
              "tensor %s, the scales of %s, is stored as %s, but only F32, F16 and BF16 are read",
              entry.name(), info.name(), entry.dtype()),
          "Use a model with scales in one of these.");
    }
    long[] shape = entry.shape();
    long bands = ceilDiv(info.rows(), blockRows);
    long perBand = ceilDiv(info.cols(), blockCols);
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    boolean vector = shape.length <= 1;
    if (elements == 1) {
      return scales(entry, dtype, file, 1, 1, info.rows(), info.cols());
    } else if (elements == info.rows() && (vector || shape.length == 2 && shape[1] == 1)) {
      return scales(entry, dtype, file, info.rows(), 1, 1, info.cols());
    } else if (shape.length == 2 && shape[0] == bands && shape[1] == perBand) {
      return scales(entry, dtype, file, bands, perBand, blockRows, blockCols);
    }
    throw InferenceErrors.modelInvalid(
        file.path().toString(),
        String.format(
            "tensor %s has the shape %s, but the scales of %s [%d, %d] must be one, one for each row [%d, 1] or one for"
                + " each block of %d × %d [%d, %d]",
            entry.name(), Arrays.toString(shape), info.name(), info.rows(), info.cols(), info.rows(), blockRows,
            blockCols, bands, perBand),
        "Check that configuration and weights belong together.");
  }

  private static Fp8Scales scales(
      SafetensorsFile.Entry entry, DType dtype, RandomReader file, long rows, long cols, long blockRows,
      long blockCols) {
    StoredTensor stored = new StoredTensor(new TensorInfo(entry.name(), dtype, rows, cols), file, entry.begin(), 0);
    return new Fp8Scales(stored, blockRows, blockCols);
  }

  private static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }

  private static InferenceException unsupported(Path file, String method, String detail) {
    return InferenceErrors.modelUnsupported(
        file.toString(),
        String.format(
            "its weights are quantised by '%s'%s, but of safetensors only F32, F16, BF16 and FP8 (fp8 as e4m3,"
                + " compressed-tensors as float-quantized) are read",
            method, detail),
        "Use another model.");
  }
}
