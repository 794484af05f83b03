// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.PreparedStep;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.StepPlan;
import io.winnow.kernels.StepRows;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A product and the activation behind it in one list: whether they run together or not, the bits of one by one. */
@ExtendWith(Seeds.class)
class GatedProductTest {
  private static final float UNTOUCHED = 12345;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  @Test
  void aProductAndItsActivationGiveTheBitsOfOneByOne(Random random) {
    int[] heights = {1, 4, 5, 13, 40, 100, 200};
    for (WeightFormat format : WeightFormat.values()) {
      for (int rows : heights) {
        int cols = 1 + random.nextInt(300);
        // Whole panels and not, an odd number of them, and enough for several tasks.
        int width = random.nextInt(3) == 0 ? 1 + random.nextInt(100) : 16 * (1 + random.nextInt(20));
        check(random, format, rows, cols, width);
      }
    }
  }

  private static void check(Random random, WeightFormat format, int rows, int cols, int width) {
    float[] x = random.nextInt(4) == 0 ? Floats.hostile(random, rows * cols) : Floats.normal(random, rows * cols);
    float[] w = Floats.normal(random, 2 * width * cols);
    float[] bias = random.nextBoolean() ? Floats.normal(random, 2 * width) : null;
    String what = String.format("%s, rows %d, cols %d, width %d, bias %s", format, rows, cols, width, bias != null);
    float[] reference;
    try (Kernels java = new JavaKernels(1)) {
      reference = run(java, format, w, x, bias, rows, cols, width, false)[0];
    }
    KernelsUnderTest.each(
        kernels -> {
          if (kernels.lacks(format) != null) {
            return;
          }
          float[][] got = run(kernels, format, w, x, bias, rows, cols, width, true);
          float[] expected =
              WeightFormat.PORTABLE.contains(format)
                  ? reference : run(kernels, format, w, x, bias, rows, cols, width, false)[0];
          Floats.assertSameBits(expected, got[0], what);
          boolean plain = kernels instanceof JavaKernels || kernels.name().contains("amx");
          boolean integer = format == WeightFormat.INT8 || format == WeightFormat.INT4;
          if (!plain && integer && rows > 4 && width % 16 == 0) {
            float[] nothing = new float[rows * 2 * width];
            Arrays.fill(nothing, UNTOUCHED);
            Floats.assertSameBits(nothing, got[1], what + ": they ran one by one");
          }
        });
  }

  /** The activated rows, and what lies in the memory between both operations. */
  private static float[][] run(
      Kernels kernels, WeightFormat format, float[] w, float[] x, float[] bias, int rows, int cols, int width,
      boolean asList) {
    float[] between = new float[rows * 2 * width];
    Arrays.fill(between, UNTOUCHED);
    try (Weight weight = kernels.pack(2 * width, cols, format, (first, count, out) ->
            System.arraycopy(w, first * cols, out, 0, count * cols));
        NativeBuffer in = Floats.buffer(x);
        NativeBuffer added = bias == null ? null : Floats.buffer(bias);
        NativeBuffer gateUp = Floats.buffer(between);
        NativeBuffer out = NativeBuffer.ofElements((long) rows * width)) {
      if (asList) {
        StepPlan plan =
            new StepPlan(
                List.of(
                    new StepPlan.Matmul(StepPlan.RowSet.ALL, in, weight, added, null, gateUp),
                    new StepPlan.SiluMul(gateUp, width, out)));
        int[][] tables = new int[rows][];
        Arrays.fill(tables, new int[] {0});
        try (PreparedStep step = kernels.prepare(plan)) {
          step.run(new StepRows(new int[rows], new RowMap(rows, new int[rows], tables), new int[0], 0));
        }
      } else {
        kernels.matmul(in, rows, weight, added, null, gateUp);
        kernels.siluMul(gateUp, rows, width, out);
      }
      return new float[][] {Floats.read(out), Floats.read(gateUp)};
    }
  }
}
