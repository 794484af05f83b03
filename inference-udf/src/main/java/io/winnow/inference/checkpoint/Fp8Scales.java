// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

/**
 * The scales of an FP8 tensor: a matrix of them, each for a rectangle of elements. A value is the element widened to
 * float32, times its scale in float32, rounded once.
 *
 * @param tensor where the scales are, one for each rectangle, row by row
 * @param blockRows rows of a rectangle; the last one may have fewer
 * @param blockCols columns of a rectangle; likewise
 */
record Fp8Scales(StoredTensor tensor, long blockRows, long blockCols) {

  /** Multiplies widened rows, {@code firstRow} being the first, by their scales. */
  void apply(long firstRow, int rows, int cols, float[] values) {
    if (rows == 0) {
      return;
    }
    long firstBand = firstRow / blockRows;
    int bands = (int) ((firstRow + rows - 1) / blockRows - firstBand + 1);
    int perBand = (int) tensor.info().cols();
    float[] scales = new float[bands * perBand];
    tensor.readRows(firstBand, bands, scales);
    for (int r = 0; r < rows; r++) {
      int at = (int) ((firstRow + r) / blockRows - firstBand) * perBand;
      long row = (long) r * cols;
      for (long from = 0; from < cols; from += blockCols, at++) {
        int end = (int) (row + Math.min(cols, from + blockCols));
        float scale = scales[at];
        for (int i = (int) (row + from); i < end; i++) {
          values[i] *= scale;
        }
      }
    }
  }
}
