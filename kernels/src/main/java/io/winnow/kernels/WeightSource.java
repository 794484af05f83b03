// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Where a weight's values come from while it is packed: a matrix [rows][cols], read some rows at a time, by several
 * threads at once.
 */
@FunctionalInterface
public interface WeightSource {
  /** Fills {@code out} from index 0 with rows × cols values, row by row. */
  void read(int firstRow, int rows, float[] out);
}
