// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;

/** out[r][c] = w[ids[r]][c], the value as the weight holds it. */
final class Embed {
  private Embed() {}

  static void run(Weight w, int[] ids, int rows, NativeBuffer out) {
    check(w, ids, rows);
    float[] line = new float[w.cols()];
    for (int r = 0; r < rows; r++) {
      if (w instanceof GroupedWeight grouped) {
        grouped.readRow(ids[r], line);
      } else {
        ((PackedWeight) w).readRow(ids[r], line);
      }
      out.write((long) r * line.length, line, 0, line.length);
    }
  }

  /** Throws a {@link KernelException} for an id that the embedding has no row for. */
  static void check(Weight w, int[] ids, int rows) {
    for (int r = 0; r < rows; r++) {
      if (ids[r] < 0 || ids[r] >= w.rows()) {
        throw new KernelException(
            String.format(
                "Cannot embed token %d of row %d: the embedding has %d rows. The tokenizer does not belong to this"
                    + " model.",
                ids[r], r, w.rows()));
      }
    }
  }
}
