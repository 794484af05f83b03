// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.io.Closeable;
import java.util.Collection;

/**
 * The files of a model as named tensors; nothing is computed here but the exact widening or dequantisation to float32.
 * Tensors carry Hugging Face's names and row order, whatever the file's own. Reading is thread-safe.
 */
public interface Checkpoint extends Closeable {
  ModelConfig config();

  Collection<TensorInfo> tensors();

  /** The tensor of that name, or null. */
  TensorInfo tensor(String name);

  /**
   * Reads whole rows as float32.
   *
   * @param name a tensor's name
   * @param firstRow first row
   * @param rows number of rows
   * @param out receives rows × cols values, row by row, from index 0
   * @throws io.winnow.inference.InferenceException class model_invalid when the file is shorter than it says
   */
  void readRows(String name, long firstRow, int rows, float[] out);

  /** SHA-256 (hex) over all files that decide the tokens. Cached by path, size and time of change. */
  String fingerprint();

  @Override
  void close();
}
