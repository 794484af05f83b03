// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** What both file formats share once their headers are read: lookup, reading, checking, closing. */
abstract class FileCheckpoint implements Checkpoint {
  private final Path path;
  private final ModelConfig config;
  private final Map<String, StoredTensor> tensors;
  private final List<RandomReader> files;
  private final List<Path> fingerprinted;
  private volatile String fingerprint;

  /**
   * @param path what the user named
   * @param tensors by Hugging Face name
   * @param files closed with the checkpoint
   * @param fingerprinted every file whose content decides tokens
   */
  FileCheckpoint(
      Path path,
      ModelConfig config,
      Map<String, StoredTensor> tensors,
      Collection<RandomReader> files,
      List<Path> fingerprinted) {
    this.path = path;
    this.config = config;
    this.tensors = tensors;
    this.files = List.copyOf(files);
    this.fingerprinted = fingerprinted;
  }

  /**
   * Fails with model_invalid unless every required tensor is there and all have the shapes that the config asks for.
   */
  static void check(Path path, List<Architecture.Expected> expected, Map<String, StoredTensor> tensors) {
    List<String> missing = new ArrayList<>();
    int required = 0;
    for (Architecture.Expected e : expected) {
      required += e.required() ? 1 : 0;
      StoredTensor found = tensors.get(e.name());
      if (found == null) {
        if (e.required()) {
          missing.add(String.format("%s [%s]", e.name(), shape(e.rows(), e.cols())));
        }
      } else if (found.info().rows() != e.rows() || found.info().cols() != e.cols()) {
        throw InferenceErrors.modelInvalid(
            found.file().path().toString(),
            String.format(
                "tensor %s has the shape [%s], but the configuration asks for [%s]",
                e.name(), shape(found.info().rows(), found.info().cols()), shape(e.rows(), e.cols())),
            "Check that configuration and weights belong together.");
      }
    }
    if (!missing.isEmpty()) {
      String names = String.join(", ", missing.subList(0, Math.min(3, missing.size())));
      throw InferenceErrors.modelInvalid(
          path.toString(),
          String.format(
              "%d of the %d tensors it needs %s missing: %s%s",
              missing.size(), required, missing.size() == 1 ? "is" : "are", names, missing.size() > 3 ? " …" : ""),
          "Check that configuration and weights belong together, and that no shard is missing.");
    }
  }

  private static String shape(long rows, long cols) {
    return rows == 1 ? Long.toString(cols) : rows + ", " + cols;
  }

  @Override
  public final ModelConfig config() {
    return config;
  }

  @Override
  public final Collection<TensorInfo> tensors() {
    return Collections.unmodifiableList(tensors.values().stream().map(StoredTensor::info).toList());
  }

  @Override
  public final TensorInfo tensor(String name) {
    StoredTensor tensor = tensors.get(name);
    return tensor == null ? null : tensor.info();
  }

  @Override
  public final void readRows(String name, long firstRow, int rows, float[] out) {
    known(name).readRows(firstRow, rows, out);
  }

  @Override
  public final QuantLayout quantLayout(String name) {
    StoredTensor tensor = tensors.get(name);
    return tensor == null ? null : tensor.quantLayout();
  }

  @Override
  public final void readQuantRows(
      String name, long firstRow, int rows, byte[] codes, float[] scales, float[] mins) {
    known(name).readQuantRows(firstRow, rows, codes, scales, mins);
  }

  private StoredTensor known(String name) {
    StoredTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("No tensor " + name + " in " + path);
    }
    return tensor;
  }

  @Override
  public final String fingerprint() {
    String known = fingerprint;
    if (known == null) {
      known = ContentFingerprint.of(fingerprinted);
      fingerprint = known;
    }
    return known;
  }

  @Override
  public final void close() {
    files.forEach(RandomReader::close);
  }

  @Override
  public final String toString() {
    return getClass().getSimpleName() + "[" + path + "]";
  }
}
