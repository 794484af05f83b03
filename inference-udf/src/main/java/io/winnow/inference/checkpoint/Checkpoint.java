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

  /**
   * How the tensor's values come out of integers, or null when they do not (floats, FP8) or when there is no such
   * tensor.
   */
  default QuantLayout quantLayout(String name) {
    return null;
  }

  /**
   * Reads whole rows of a block-quantized tensor as stored, for a packer that keeps integers: what {@link
   * QuantLayout} says of codes, scales and minimums gives, to the bit, the values of {@link #readRows}. Scales and
   * minimums are as the file has them and may be negative, infinite or NaN.
   *
   * @param name a tensor with a {@link #quantLayout}
   * @param firstRow first row
   * @param rows number of rows
   * @param codes receives rows × cols codes, row by row, from index 0
   * @param scales receives rows × cols / group scales, row by row, from index 0
   * @param mins likewise the minimums; not touched, and may be null, where the layout has none
   * @throws IllegalArgumentException for a tensor without a layout or for arrays that are too short
   * @throws io.winnow.inference.InferenceException class model_invalid when the file is shorter than it says
   */
  default void readQuantRows(String name, long firstRow, int rows, byte[] codes, float[] scales, float[] mins) {
    throw new IllegalArgumentException(name + " is not held as codes and scales");
  }

  /** SHA-256 (hex) over all files that decide the tokens. Cached by path, size and time of change. */
  String fingerprint();

  @Override
  void close();
}
