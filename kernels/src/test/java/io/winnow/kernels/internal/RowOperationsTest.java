// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** embed, rmsNorm, rope and siluMul. */
@ExtendWith(Seeds.class)
class RowOperationsTest {
  private static final int[] SIZES = {1, 3, 13, 15, 16, 17, 63, 64, 65, 127, 128, 129, 576};
  private static final int[] ROWS = {1, 2, 7, 63, 64, 65, 130};
  private static final double UNIT = 0x1p-24;

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static float[] values(Random random, int count) {
    int kind = random.nextInt(4);
    return kind == 0 ? Floats.wild(random, count)
        : kind == 1 ? Floats.hostile(random, count)
        : Floats.normal(random, count);
  }

  @Test
  void embedCopiesTheRowsThatTheWeightHolds(Random random) {
    for (WeightFormat format : new WeightFormat[] {WeightFormat.F32, WeightFormat.BF16}) {
      for (int vocab : new int[] {1, 3, 63, 65, 129, 2049}) {
        int cols = SIZES[random.nextInt(SIZES.length)];
        float[] w = values(random, vocab * cols);
        float[] held = format == WeightFormat.BF16 ? PlainKernels.bf16(w) : w;
        int[] ids = random.ints(ROWS[random.nextInt(ROWS.length)], 0, vocab).toArray();
        ids[0] = vocab - 1;
        KernelsUnderTest.each(kernels -> {
          try (Weight weight = pack(kernels, format, w, vocab, cols);
              NativeBuffer out = NativeBuffer.ofElements((long) ids.length * cols)) {
            kernels.embed(weight, ids, ids.length, out);
            float[] actual = Floats.read(out);
            for (int r = 0; r < ids.length; r++) {
              Floats.assertSameBits(held, ids[r] * cols, actual, r * cols, cols,
                  "embed " + format + " vocab " + vocab + ", cols " + cols + ", id " + ids[r]);
            }
          }
        });
      }
    }
  }

  private static Weight pack(Kernels kernels, WeightFormat format, float[] w, int rows, int cols) {
    return kernels.pack(rows, cols, format,
        (first, count, out) -> System.arraycopy(w, first * cols, out, 0, count * cols));
  }

  @Test
  void embedRefusesIdsOutsideTheVocabulary() {
    KernelsUnderTest.each(1, kernels -> {
      try (Weight weight = pack(kernels, WeightFormat.F32, new float[30], 10, 3);
          NativeBuffer out = NativeBuffer.ofElements(6)) {
        for (int id : new int[] {-1, 10, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
          KernelException e =
              assertThrows(KernelException.class, () -> kernels.embed(weight, new int[] {0, id}, 2, out));
          assertTrue(e.getMessage().contains(Integer.toString(id)), e.getMessage());
          assertTrue(e.getMessage().contains("10"), e.getMessage());
        }
      }
    });
  }

  @Test
  void rmsNormGivesTheBitsOfTheContract(Random random) {
    for (int cols : SIZES) {
      int rows = ROWS[random.nextInt(ROWS.length)];
      float[] x = values(random, rows * cols);
      float[] weight = values(random, cols);
      float eps = random.nextBoolean() ? 1e-5f : 0f;
      float[] expected = PlainKernels.rmsNorm(x, rows, cols, weight, eps);
      KernelsUnderTest.each(kernels -> {
        String what = "rmsNorm rows " + rows + ", cols " + cols;
        Floats.assertSameBits(expected, rmsNorm(kernels, x, rows, weight, eps), what);
        for (int r = 0; r < rows; r += 1 + random.nextInt(20)) {
          float[] alone = Arrays.copyOfRange(x, r * cols, (r + 1) * cols);
          Floats.assertSameBits(expected, r * cols, rmsNorm(kernels, alone, 1, weight, eps), 0, cols, "row alone");
        }
        try (NativeBuffer buffer = Floats.buffer(x); NativeBuffer w = Floats.buffer(weight)) {
          kernels.rmsNorm(buffer, rows, cols, w, eps, buffer);
          Floats.assertSameBits(expected, Floats.read(buffer), "rmsNorm in place");
        }
      });
    }
  }

  private static float[] rmsNorm(Kernels kernels, float[] x, int rows, float[] weight, float eps) {
    try (NativeBuffer in = Floats.buffer(x);
        NativeBuffer w = Floats.buffer(weight);
        NativeBuffer out = NativeBuffer.ofElements(x.length)) {
      kernels.rmsNorm(in, rows, weight.length, w, eps, out);
      return Floats.read(out);
    }
  }

  @Test
  void rmsNormStaysWithinItsRoundingError(Random random) {
    for (int cols : new int[] {1, 16, 64, 576, 4096}) {
      float[] x = Floats.normal(random, 3 * cols);
      float[] weight = Floats.normal(random, cols);
      // A lane's chain, the tree, division and + eps; half of that under the root; root, 1/root, two products.
      double bound = ((cols / 16 + 1 + 4 + 2) / 2.0 + 4) * UNIT * 1.01;
      KernelsUnderTest.each(1, kernels -> {
        float[] out = rmsNorm(kernels, x, 3, weight, 1e-6f);
        for (int r = 0; r < 3; r++) {
          double sum = 0;
          for (int i = 0; i < cols; i++) {
            sum += (double) x[r * cols + i] * x[r * cols + i];
          }
          double scale = 1 / Math.sqrt(sum / cols + 1e-6f);
          for (int i = 0; i < cols; i++) {
            double exact = x[r * cols + i] * scale * weight[i];
            double error = Math.abs(out[r * cols + i] - exact);
            assertTrue(error <= bound * Math.abs(exact), "cols " + cols + ": " + error / Math.abs(exact));
          }
        }
      });
    }
  }

  @Test
  void ropeGivesTheBitsOfTheContractAndTouchesOnlyItsHeads(Random random) {
    for (int headDim : new int[] {2, 16, 20, 64, 128}) {
      for (int rows : new int[] {1, 7, 65}) {
        int heads = 1 + random.nextInt(5);
        int stride = (heads + random.nextInt(3)) * headDim + random.nextInt(2);
        int positions = 100;
        float[] cos = values(random, positions * headDim / 2);
        float[] sin = values(random, positions * headDim / 2);
        float[] x = values(random, rows * stride);
        int[] position = random.ints(rows + 2, 0, positions).toArray();
        position[0] = positions - 1;
        float[] expected = x.clone();
        for (int r = 0; r < rows; r++) {
          for (int h = 0; h < heads; h++) {
            int table = position[r] * (headDim / 2);
            PlainKernels.rope(expected, r * stride + h * headDim, headDim, cos, sin, table);
          }
        }
        KernelsUnderTest.each(kernels -> {
          try (NativeBuffer buffer = Floats.buffer(x);
              NativeBuffer c = Floats.buffer(cos);
              NativeBuffer s = Floats.buffer(sin)) {
            kernels.rope(buffer, stride, heads, headDim, new RowMap(rows, position, null), c, s);
            Floats.assertSameBits(expected, Floats.read(buffer), "rope heads " + heads + ", head dim " + headDim);
          }
        });
      }
    }
  }

  @Test
  void ropeRefusesPositionsBeyondItsTable() {
    KernelsUnderTest.each(1, kernels -> {
      try (NativeBuffer x = NativeBuffer.ofElements(8); NativeBuffer table = NativeBuffer.ofElements(3 * 4)) {
        for (int position : new int[] {3, -1}) {
          RowMap rows = new RowMap(1, new int[] {position}, null);
          assertThrows(IndexOutOfBoundsException.class, () -> kernels.rope(x, 8, 1, 8, rows, table, table));
        }
      }
    });
  }

  @Test
  void siluMulGivesTheBitsOfTheContract(Random random) {
    float[] edges = {0f, -0f, 88.8f, -88.8f, 89f, -89f, 104f, -104f, 1e30f, -1e30f, Float.MIN_VALUE, Float.MAX_VALUE,
      Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN};
    for (int cols : SIZES) {
      int rows = ROWS[random.nextInt(ROWS.length)];
      float[] in = values(random, rows * 2 * cols);
      for (int i = 0; i < in.length; i += 1 + random.nextInt(50)) {
        in[i] = edges[random.nextInt(edges.length)];
      }
      float[] expected = new float[rows * cols];
      for (int i = 0; i < expected.length; i++) {
        int row = i / cols;
        expected[i] = PlainKernels.siluMul(in[row * 2 * cols + i % cols], in[row * 2 * cols + cols + i % cols]);
      }
      KernelsUnderTest.each(kernels -> {
        try (NativeBuffer gateUp = Floats.buffer(in); NativeBuffer out = NativeBuffer.ofElements(expected.length)) {
          kernels.siluMul(gateUp, rows, cols, out);
          Floats.assertSameBits(expected, Floats.read(out), "siluMul rows " + rows + ", cols " + cols);
        }
      });
    }
  }

  @Test
  void siluIsWithinFourUnitsOfTheExactFunction(Random random) {
    int count = 20_000;
    float[] in = new float[2 * count];
    for (int i = 0; i < count; i++) {
      in[i] = (float) (random.nextGaussian() * 10);
      in[count + i] = 1f;
    }
    KernelsUnderTest.each(1, kernels -> {
      try (NativeBuffer gateUp = Floats.buffer(in); NativeBuffer out = NativeBuffer.ofElements(count)) {
        kernels.siluMul(gateUp, 1, count, out);
        float[] actual = Floats.read(out);
        for (int i = 0; i < count; i++) {
          double exact = in[i] / (1 + Math.exp(-(double) in[i]));
          double ulps = Math.abs(actual[i] - exact) / Math.ulp((float) exact);
          assertTrue(ulps <= 4, "silu(" + in[i] + ") is off by " + ulps + " units");
        }
      }
    });
  }
}
