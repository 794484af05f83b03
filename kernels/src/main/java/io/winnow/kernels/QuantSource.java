// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

/**
 * Where the codes of integer weights come from while they are packed: a matrix [rows][cols], some rows at a time, by
 * several threads at once.
 */
@FunctionalInterface
public interface QuantSource {
  /**
   * Fills the arrays from index 0.
   *
   * @param codes receives rows × cols codes, row by row
   * @param scales receives rows × groups scales
   * @param mins likewise; untouched, and may be null, for formats without minimums
   */
  void read(int firstRow, int rows, byte[] codes, float[] scales, float[] mins);
}
