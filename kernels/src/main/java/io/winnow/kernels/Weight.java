// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * A matrix [rows = outputs][cols = inputs] packed for one {@link Kernels}; its layout is that implementation's own.
 * Whoever packed it closes it.
 */
public interface Weight extends AutoCloseable {
  int rows();

  int cols();

  WeightFormat format();

  long sizeBytes();

  @Override
  void close();
}
