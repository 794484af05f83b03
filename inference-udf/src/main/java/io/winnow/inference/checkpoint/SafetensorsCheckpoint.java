// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A Hugging Face folder: config.json and one or several .safetensors files. */
final class SafetensorsCheckpoint extends FileCheckpoint {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private SafetensorsCheckpoint(
      Path folder,
      ModelConfig config,
      Map<String, StoredTensor> tensors,
      Map<String, SafetensorsFile> files,
      List<Path> fingerprinted) {
    super(folder, config, tensors, files.values().stream().map(SafetensorsFile::file).toList(), fingerprinted);
  }

  static SafetensorsCheckpoint open(Path folder) {
    HfConfig config = HfConfig.read(folder);
    List<Path> fingerprinted = new ArrayList<>(List.of(folder.resolve("config.json")));
    if (Files.exists(folder.resolve("generation_config.json"))) {
      fingerprinted.add(folder.resolve("generation_config.json"));
    }
    Map<String, SafetensorsFile> files = new TreeMap<>();
    try {
      Map<String, SafetensorsFile> placed = new LinkedHashMap<>();
      if (Files.exists(folder.resolve(SINGLE))) {
        SafetensorsFile only = openFile(folder, SINGLE, files);
        only.entries().keySet().forEach(name -> placed.put(name, only));
      } else if (Files.exists(folder.resolve(INDEX))) {
        fingerprinted.add(folder.resolve(INDEX));
        placeByIndex(folder, files, placed);
      } else {
        throw InferenceErrors.modelNotFound(
            folder.toString(), "it has neither " + SINGLE + " nor " + INDEX);
      }
      files.values().forEach(f -> fingerprinted.add(f.file().path()));

      List<Architecture.Expected> expected =
          config.architecture().tensors(config.model(), config.attentionBias(), config.mlpBias());
      Map<String, String> wanted =
          expected.stream().collect(Collectors.toMap(Architecture.Expected::name, Architecture.Expected::name));
      Map<String, StoredTensor> tensors = new LinkedHashMap<>();
      placed.forEach(
          (name, file) -> {
            StoredTensor tensor = stored(name, placed, config.fp8(), wanted.containsKey(name));
            if (tensor != null) {
              tensors.put(name, tensor);
            }
          });
      List<Fp8Scales> scales = tensors.values().stream().map(StoredTensor::scales).filter(Objects::nonNull).toList();
      scales.forEach(s -> tensors.remove(s.tensor().info().name()));
      check(folder, expected, tensors);
      return new SafetensorsCheckpoint(folder, config.model(), tensors, files, fingerprinted);
    } catch (RuntimeException e) {
      files.values().forEach(f -> f.file().close());
      throw e;
    }
  }

  private static SafetensorsFile openFile(Path folder, String name, Map<String, SafetensorsFile> files) {
    SafetensorsFile known = files.get(name);
    if (known == null) {
      RandomReader reader = new RandomReader(folder.resolve(name));
      try {
        known = SafetensorsFile.open(reader);
      } catch (RuntimeException e) {
        reader.close();
        throw e;
      }
      files.put(name, known);
    }
    return known;
  }

  private static void placeByIndex(
      Path folder, Map<String, SafetensorsFile> files, Map<String, SafetensorsFile> placed) {
    String index = folder.resolve(INDEX).toString();
    JsonFields map = JsonFields.read(folder.resolve(INDEX)).object("weight_map");
    if (map == null) {
      throw InferenceErrors.modelInvalid(index, "it has no weight_map", "Download it again.");
    }
    for (Map.Entry<String, JsonNode> entry : map.node().properties()) {
      String name = entry.getKey();
      String shard = entry.getValue().asText("");
      // A plain name only: an index must not make us read files elsewhere.
      if (!shard.endsWith(".safetensors") || shard.contains("/") || shard.contains("\\") || shard.indexOf(0) >= 0) {
        throw InferenceErrors.modelInvalid(
            index, String.format("it places tensor %s in '%s', which is no file of this folder", name, shard),
            "Download it again.");
      }
      if (!Files.exists(folder.resolve(shard))) {
        throw InferenceErrors.modelInvalid(
            index, String.format("it places tensor %s in %s, which is not there", name, shard),
            "Download the missing shard.");
      }
      SafetensorsFile file = openFile(folder, shard, files);
      if (!file.entries().containsKey(name)) {
        throw InferenceErrors.modelInvalid(
            index, String.format("it places tensor %s in %s, which does not hold it", name, shard),
            "Download the model again.");
      }
      placed.put(name, file);
    }
  }

  /** The format of the elements, or null where it is not read. */
  static DType dtype(SafetensorsFile.Entry entry) {
    return switch (entry.dtype()) {
      case "F32" -> DType.F32;
      case "F16" -> DType.F16;
      case "BF16" -> DType.BF16;
      case "F8_E4M3" -> DType.F8_E4M3;
      default -> null;
    };
  }

  /** Null for tensors nobody needs that are stored in a way nobody reads, such as integer buffers. */
  private static StoredTensor stored(
      String name, Map<String, SafetensorsFile> placed, Fp8Format fp8, boolean needed) {
    SafetensorsFile in = placed.get(name);
    SafetensorsFile.Entry entry = in.entries().get(name);
    RandomReader file = in.file();
    DType dtype = dtype(entry);
    long[] shape = entry.shape();
    String scales = dtype == DType.F8_E4M3 ? Fp8Format.scalesOf(file.path(), name, placed.keySet()) : null;
    String why = null;
    if (dtype == null) {
      why = String.format("is stored as %s, but only F32, F16, BF16 and F8_E4M3 are read", entry.dtype());
    } else if (shape.length > 2) {
      why = String.format("has %d dimensions, but a matrix or a vector is needed", shape.length);
    } else if (dtype == DType.F8_E4M3 && scales == null) {
      why = String.format("is stored as F8_E4M3, but its scales, %s_scale_inv or %s_scale, are not there", name, name);
    }
    if (why != null) {
      if (needed) {
        throw InferenceErrors.modelInvalid(
            file.path().toString(),
            String.format("tensor %s %s", name, why),
            dtype == DType.F8_E4M3 && shape.length <= 2
                ? "Download the model again, or use one in BF16."
                : "Use a model in one of these formats.");
      }
      return null;
    }
    long rows = shape.length == 2 ? shape[0] : 1;
    long cols = shape.length == 0 ? 1 : shape[shape.length - 1];
    TensorInfo info = new TensorInfo(name, dtype, rows, cols);
    if (scales == null) {
      return new StoredTensor(info, file, entry.begin(), 0);
    }
    SafetensorsFile holder = placed.get(scales);
    return new StoredTensor(
        info, file, entry.begin(), 0, fp8.scales(info, holder.entries().get(scales), holder.file()));
  }
}
