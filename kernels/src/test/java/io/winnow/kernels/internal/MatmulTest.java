// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeds.class)
class MatmulTest {
  private static final int[] SIZES = {1, 3, 13, 63, 64, 65, 127, 128, 129, 576};
  private static final int[] ROWS = {1, 2, 7, 63, 64, 65, 130};
  private static final double UNIT = 0x1p-24;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** Random operands of one product. */
  private record Case(
      int rows, int outputs, int cols, WeightFormat format, float[] x, float[] w, float[] bias, float[] residual) {
    static Case of(Random random, int rows, int outputs, int cols) {
      WeightFormat format = WeightFormat.values()[random.nextInt(2)];
      int kind = random.nextInt(6);
      float[] x = values(random, kind, rows * cols);
      float[] w = values(random, kind, outputs * cols);
      float[] bias = random.nextBoolean() ? Floats.normal(random, outputs) : null;
      float[] residual = random.nextBoolean() ? Floats.normal(random, rows * outputs) : null;
      return new Case(rows, outputs, cols, format, x, w, bias, residual);
    }

    private static float[] values(Random random, int kind, int count) {
      return kind == 0 ? Floats.wild(random, count)
          : kind == 1 ? Floats.hostile(random, count)
          : Floats.normal(random, count);
    }

    float[] expected() {
      float[] held = format == WeightFormat.BF16 ? PlainKernels.bf16(w) : w;
      return PlainKernels.matmul(x, rows, held, outputs, cols, bias, residual);
    }

    Weight pack(Kernels kernels) {
      return kernels.pack(outputs, cols, format,
          (first, count, out) -> System.arraycopy(w, first * cols, out, 0, count * cols));
    }

    @Override
    public String toString() {
      return String.format("matmul rows %d, outputs %d, cols %d, %s%s%s", rows, outputs, cols, format,
          bias == null ? "" : ", bias", residual == null ? "" : ", residual");
    }
  }

  private static float[] run(Kernels kernels, Case c, Weight weight, boolean inPlace) {
    try (NativeBuffer x = Floats.buffer(c.x);
        NativeBuffer bias = c.bias == null ? null : Floats.buffer(c.bias);
        NativeBuffer residual = c.residual == null ? null : Floats.buffer(c.residual);
        NativeBuffer own = NativeBuffer.ofElements((long) c.rows * c.outputs)) {
      NativeBuffer out = inPlace && residual != null ? residual : own;
      kernels.matmul(x, c.rows, weight, bias, residual, out);
      return Floats.read(out);
    }
  }

  private static void check(Case c) {
    float[] expected = c.expected();
    KernelsUnderTest.each(kernels -> {
      try (Weight weight = c.pack(kernels)) {
        Floats.assertSameBits(expected, run(kernels, c, weight, false), c.toString());
        if (c.residual != null) {
          Floats.assertSameBits(expected, run(kernels, c, weight, true), c + " in place");
        }
      }
    });
  }

  /** So large that its members tell what they did in several places, and more than there are cores. */
  @Test
  void onTeamsOfManyThreads(Random random) {
    for (int threads : new int[] {9, 17, 33}) {
      List<Case> cases = Stream.of(1, 40, 3, 130).map(rows -> Case.of(random, rows, 576, 65)).toList();
      List<float[]> expected = cases.stream().map(Case::expected).toList();
      KernelsUnderTest.each(threads, kernels -> {
        for (int i = 0; i < cases.size(); i++) {
          try (Weight weight = cases.get(i).pack(kernels)) {
            for (int again = 0; again < 25; again++) {
              Floats.assertSameBits(
                  expected.get(i), run(kernels, cases.get(i), weight, false), cases.get(i) + ", run " + again);
            }
          }
        }
      });
    }
  }

  @Test
  void givesTheBitsOfTheContractOnOddShapes(Random random) {
    for (int outputs : SIZES) {
      for (int cols : SIZES) {
        check(Case.of(random, ROWS[random.nextInt(ROWS.length)], outputs, cols));
      }
    }
  }

  @Test
  void givesTheBitsOfTheContractForEveryRowCount(Random random) {
    for (int rows : ROWS) {
      check(Case.of(random, rows, 129, 576));
      check(Case.of(random, rows, 65, 63));
    }
  }

  @Test
  void givesTheBitsOfTheContractForWidePanels(Random random) {
    for (int outputs : new int[] {2047, 2048, 2049, 2177}) {
      check(Case.of(random, 7, outputs, 65));
      check(Case.of(random, 65, outputs, 13));
    }
  }

  @Test
  void aRowAloneGivesTheBitsItGivesInAnyBatch(Random random) {
    for (int trial = 0; trial < 4; trial++) {
      Case all = Case.of(random, 130, 1 + random.nextInt(300), 1 + random.nextInt(300));
      float[] expected = all.expected();
      KernelsUnderTest.each(kernels -> {
        try (Weight weight = all.pack(kernels)) {
          for (int r = 0; r < all.rows; r++) {
            checkSubset(kernels, all, weight, expected, new int[] {r});
          }
          for (int size : new int[] {2, 33, 64, 65, 130}) {
            checkSubset(kernels, all, weight, expected, random.ints(size, 0, all.rows).toArray());
          }
        }
      });
    }
  }

  private static void checkSubset(Kernels kernels, Case all, Weight weight, float[] expected, int[] rows) {
    float[] x = pick(all.x, all.cols, rows);
    float[] residual = all.residual == null ? null : pick(all.residual, all.outputs, rows);
    Case subset = new Case(rows.length, all.outputs, all.cols, all.format, x, all.w, all.bias, residual);
    String what = subset + " of rows " + Arrays.toString(rows);
    Floats.assertSameBits(pick(expected, all.outputs, rows), run(kernels, subset, weight, false), what);
  }

  private static float[] pick(float[] matrix, int width, int[] rows) {
    float[] out = new float[rows.length * width];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(matrix, rows[i] * width, out, i * width, width);
    }
    return out;
  }

  @Test
  void poisonStaysInItsRowAndInItsOutput(Random random) {
    int cols = 77;
    float[] cleanX = Floats.normal(random, 65 * cols);
    float[] cleanW = Floats.normal(random, 129 * cols);
    Case clean = new Case(65, 129, cols, WeightFormat.BF16, cleanX, cleanW, null, null);
    for (float poison : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] x = clean.x.clone();
      float[] w = clean.w.clone();
      x[30 * cols + 5] = poison;
      w[100 * cols + 76] = poison;
      Case poisoned = new Case(65, 129, cols, WeightFormat.BF16, x, w, null, null);
      KernelsUnderTest.each(kernels -> {
        try (Weight cleanWeight = clean.pack(kernels); Weight poisonedWeight = poisoned.pack(kernels)) {
          float[] expected = run(kernels, clean, cleanWeight, false);
          float[] actual = run(kernels, poisoned, poisonedWeight, false);
          for (int i = 0; i < expected.length; i++) {
            if (i / 129 == 30 || i % 129 == 100) {
              assertTrue(!Float.isFinite(actual[i]), "row " + i / 129 + ", output " + i % 129);
            } else {
              assertEquals(expected[i], actual[i], "row " + i / 129 + ", output " + i % 129);
            }
          }
        }
      });
    }
  }

  @Test
  void staysWithinTheRoundingErrorOfAChain(Random random) {
    for (int cols : new int[] {1, 13, 128, 576, 1536}) {
      int rows = 5;
      int outputs = 67;
      float[] x = Floats.normal(random, rows * cols);
      float[] w = Floats.normal(random, outputs * cols);
      Case c = new Case(rows, outputs, cols, WeightFormat.F32, x, w, null, null);
      KernelsUnderTest.each(2, kernels -> {
        try (Weight weight = c.pack(kernels)) {
          float[] out = run(kernels, c, weight, false);
          double gamma = cols * UNIT / (1 - cols * UNIT);
          for (int r = 0; r < rows; r++) {
            for (int n = 0; n < outputs; n++) {
              double exact = 0;
              double size = 0;
              for (int k = 0; k < cols; k++) {
                double product = (double) x[r * cols + k] * w[n * cols + k];
                exact += product;
                size += Math.abs(product);
              }
              double error = Math.abs(out[r * outputs + n] - exact);
              // The double sum has an error of its own, 2^-29 of the bound.
              double bound = gamma * size * 1.000001;
              assertTrue(error <= bound, "cols " + cols + ": error " + error + ", bound " + bound);
            }
          }
        }
      });
    }
  }

  @Test
  void roundsToBfloat16LikeTheNearestEvenNeighbour(Random random) {
    int[] edges = {0, 1, 0x7FFF, 0x8000, 0x8001, 0x18000, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000, 0x3F808000,
      0x3F818000, 0x3F808001, 0x3F817FFF, 0x007F8000, 0x007FFFFF};
    float[] values = new float[4 * edges.length + 20_000];
    for (int i = 0; i < values.length; i++) {
      int bits = i < 4 * edges.length ? edges[i / 4] ^ (i % 4 < 2 ? 0 : 0x80000000) : random.nextInt();
      values[i] = Float.intBitsToFloat(bits);
    }
    for (float value : values) {
      float held = Float.intBitsToFloat(PackedWeight.bf16(value) << 16);
      Floats.assertSameBits(new float[] {PlainKernels.bf16(value)}, new float[] {held}, "bf16 of " + value);
    }
  }

  @Test
  void aNanKeepsBeingANanInBfloat16() {
    for (int bits : new int[] {0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF}) {
      int held = PackedWeight.bf16(Float.intBitsToFloat(bits)) << 16;
      assertTrue(Float.isNaN(Float.intBitsToFloat(held)), Integer.toHexString(bits));
    }
  }

  @Test
  void noRowsAreNoWork() {
    KernelsUnderTest.each(kernels -> {
      try (Weight w = kernels.pack(3, 2, WeightFormat.F32, (first, count, out) -> Arrays.fill(out, 1f));
          NativeBuffer empty = NativeBuffer.ofElements(0)) {
        kernels.matmul(empty, 0, w, null, null, empty);
        kernels.siluMul(empty, 0, 2, empty);
        kernels.rmsNorm(empty, 0, 0, empty, 1e-5f, empty);
      }
    });
  }

  @Test
  void aBufferThatIsTooSmallIsRefused() {
    KernelsUnderTest.each(kernels -> {
      try (Weight w = kernels.pack(200, 100, WeightFormat.F32, (first, count, out) -> Arrays.fill(out, 1f));
          NativeBuffer x = NativeBuffer.ofElements(3 * 100);
          NativeBuffer out = NativeBuffer.ofElements(3 * 200 - 1)) {
        assertThrows(IndexOutOfBoundsException.class, () -> kernels.matmul(x, 4, w, null, null, out));
        assertThrows(IndexOutOfBoundsException.class, () -> kernels.matmul(x, 3, w, null, null, out));
        assertThrows(IndexOutOfBoundsException.class, () -> kernels.matmul(x, 2, w, x, x, out));
      }
    });
  }

  @Test
  void aClosedWeightIsRefused() {
    KernelsUnderTest.each(1, kernels -> {
      Weight w = kernels.pack(5, 2, WeightFormat.F32, (first, count, out) -> Arrays.fill(out, 1f));
      w.close();
      w.close();
      try (NativeBuffer x = NativeBuffer.ofElements(2); NativeBuffer out = NativeBuffer.ofElements(5)) {
        assertThrows(IllegalStateException.class, () -> kernels.matmul(x, 1, w, null, null, out));
        assertThrows(IllegalStateException.class, () -> kernels.embed(w, new int[] {0}, 1, out));
      }
    });
  }

  @Test
  void aSourceThatFailsLeavesNoMemoryBehind() {
    KernelsUnderTest.each(1, kernels -> {
      long before = NativeBuffer.outstandingBytes();
      RuntimeException cause = new IllegalStateException("the file ends early");
      RuntimeException thrown = assertThrows(
          RuntimeException.class,
          () -> kernels.pack(200, 10, WeightFormat.BF16, (first, count, out) -> {
            if (first + count == 200) {
              throw cause;
            }
          }));
      assertEquals(cause, thrown);
      assertEquals(before, NativeBuffer.outstandingBytes());
    });
  }
}
