// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;

/** What every weight says of itself, however it lies in memory. */
abstract class HeldWeight implements Weight {
  final int rows;
  final int cols;
  private final WeightFormat format;

  HeldWeight(int rows, int cols, WeightFormat format) {
    this.rows = rows;
    this.cols = cols;
    this.format = format;
  }

  @Override
  public final int rows() {
    return rows;
  }

  @Override
  public final int cols() {
    return cols;
  }

  @Override
  public final WeightFormat format() {
    return format;
  }
}
