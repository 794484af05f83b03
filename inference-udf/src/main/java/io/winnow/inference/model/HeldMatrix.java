// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.DType;
import io.winnow.inference.checkpoint.QuantLayout;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;

/**
 * How one matrix, which may be several of the file's below each other, is held in memory.
 *
 * @param format as floats, or quantized from floats; null where {@code codes} is not
 * @param codes the file's own codes, without a second loss
 * @param requantized floats that were integers before are quantized once more
 */
record HeldMatrix(WeightFormat format, QuantFormat codes, boolean requantized) {
  /** Reads headers only. */
  static HeldMatrix of(Checkpoint checkpoint, WeightPrecision precision, String... names) {
    QuantLayout[] layouts = Arrays.stream(names).map(checkpoint::quantLayout).toArray(QuantLayout[]::new);
    boolean blocks = Arrays.stream(layouts).allMatch(l -> l != null);
    boolean lossy =
        Arrays.stream(names).anyMatch(n -> checkpoint.quantLayout(n) != null)
            || Arrays.stream(names).anyMatch(n -> checkpoint.tensor(n).dtype() == DType.F8_E4M3);
    boolean vocabulary = names[0].startsWith("model.embed_tokens") || names[0].startsWith("lm_head");
    boolean narrow = blocks && Arrays.stream(layouts).allMatch(l -> l.bits() <= 4);
    boolean keep =
        switch (precision) {
          case F32, BF16, BF16_TILES -> false;
          case INT8, BLOCKS -> blocks;
          case INT4 -> blocks && (narrow || vocabulary);
        };
    if (keep) {
      return new HeldMatrix(null, common(checkpoint, layouts, names), false);
    }
    return switch (precision) {
      case F32 -> new HeldMatrix(WeightFormat.F32, null, false);
      case BF16 -> new HeldMatrix(WeightFormat.BF16, null, false);
      case BF16_TILES -> new HeldMatrix(WeightFormat.BF16_TILES, null, false);
      case INT8 -> new HeldMatrix(WeightFormat.INT8, null, lossy);
      case INT4 -> new HeldMatrix(vocabulary ? WeightFormat.INT8 : WeightFormat.INT4, null, lossy);
      case BLOCKS -> {
        boolean bf16 = Arrays.stream(names).allMatch(n -> checkpoint.tensor(n).dtype() == DType.BF16);
        yield new HeldMatrix(bf16 ? WeightFormat.BF16 : WeightFormat.F32, null, false);
      }
    };
  }

  /** The format that holds the codes of all parts exactly. */
  private static QuantFormat common(Checkpoint checkpoint, QuantLayout[] layouts, String[] names) {
    boolean half = true;
    for (String name : names) {
      // Scales of the K formats are products, which a float16 does not hold.
      half &= switch (checkpoint.tensor(name).dtype()) {
        case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 -> true;
        default -> false;
      };
    }
    QuantLayout first = layouts[0];
    boolean alike = Arrays.stream(layouts).allMatch(first::equals);
    if (alike && first.bits() <= 4) {
      int zero = first.signed() ? 1 << first.bits() - 1 : first.zero();
      return new QuantFormat(4, false, first.group(), zero, first.hasMin(), half);
    }
    if (alike && !first.signed()) {
      return new QuantFormat(8, false, first.group(), first.zero(), first.hasMin(), half);
    }
    int group = Arrays.stream(layouts).mapToInt(QuantLayout::group).min().orElseThrow();
    boolean hasMin = Arrays.stream(layouts).anyMatch(QuantLayout::hasMin);
    return new QuantFormat(8, true, group, 0, hasMin, half);
  }

  /** The codes of matrices below each other, in {@link #codes}. */
  QuantSource source(Checkpoint checkpoint, String... names) {
    return (first, count, codesOut, scalesOut, minsOut) -> {
      int start = 0;
      int done = 0;
      for (String name : names) {
        int rows = (int) checkpoint.tensor(name).rows();
        int from = Math.max(first, start);
        int to = Math.min(first + count, start + rows);
        if (from < to) {
          read(checkpoint, name, from - start, to - from, done, codesOut, scalesOut, minsOut);
          done += to - from;
        }
        start += rows;
      }
    };
  }

  private void read(
      Checkpoint checkpoint, String name, int from, int rows, int at, byte[] codesOut, float[] scalesOut,
      float[] minsOut) {
    QuantLayout layout = checkpoint.quantLayout(name);
    int cols = (int) checkpoint.tensor(name).cols();
    int groups = cols / layout.group();
    byte[] read = new byte[rows * cols];
    float[] scales = new float[rows * groups];
    float[] mins = layout.hasMin() ? new float[scales.length] : null;
    checkpoint.readQuantRows(name, from, rows, read, scales, mins);
    int shift = codes.zero() - layout.zero();
    int to = at * cols;
    for (int i = 0; i < read.length; i++) {
      codesOut[to + i] = (byte) (read[i] + shift);
    }
    int each = layout.group() / codes.group();
    int groupsTo = at * groups * each;
    for (int i = 0; i < scales.length * each; i++) {
      scalesOut[groupsTo + i] = scales[i / each];
      if (codes.hasMin()) {
        minsOut[groupsTo + i] = mins == null ? 0 : mins[i / each];
      }
    }
  }
}
