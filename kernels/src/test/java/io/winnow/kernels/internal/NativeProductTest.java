// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Native products: the model against exact arithmetic, and AMX's emulation against the model. Whether a processor's own
 * tiles follow the model is not promised: where they do not, that test is left out and says so.
 */
@ExtendWith(Seeds.class)
class NativeProductTest {
  private static final BigDecimal TWO = BigDecimal.valueOf(2);

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  private static float[] run(
      Kernels kernels, float[] x, int rows, float[] w, int outputs, int cols, float[] bias, float[] residual) {
    try (Weight weight = pack(kernels, w, outputs, cols);
        NativeBuffer in = Floats.buffer(x);
        NativeBuffer added = bias == null ? null : Floats.buffer(bias);
        NativeBuffer before = residual == null ? null : Floats.buffer(residual);
        NativeBuffer out = NativeBuffer.ofElements((long) rows * outputs)) {
      kernels.matmul(in, rows, weight, added, before, out);
      return Floats.read(out);
    }
  }

  private static Weight pack(Kernels kernels, float[] w, int outputs, int cols) {
    return kernels.pack(
        outputs, cols, WeightFormat.BF16_TILES,
        (first, count, out) -> System.arraycopy(w, first * cols, out, 0, count * cols));
  }

  private static float[] model(
      float[] x, int rows, float[] w, int outputs, int cols, float[] bias, float[] residual) {
    try (Kernels reference = new JavaKernels(2)) {
      return run(reference, x, rows, w, outputs, cols, bias, residual);
    }
  }

  private static void eachThatCan(Consumer<Kernels> test) {
    KernelsUnderTest.each(
        kernels -> {
          if (kernels.lacks(WeightFormat.BF16_TILES) == null) {
            test.accept(kernels);
          }
        });
  }

  /** The value of 24 bits, whatever its exponent, that is nearest, ties to even; then zero below the normal numbers. */
  private static float rounded(BigDecimal exact, float sumOfZeros) {
    if (exact.signum() == 0) {
      return sumOfZeros;
    }
    BigDecimal size = exact.abs();
    int exponent = Math.getExponent(size.doubleValue());
    if (exponent < -1000) {
      return exact.signum() < 0 ? -0f : 0f;
    }
    BigDecimal unit = exponent >= 23 ? TWO.pow(exponent - 23) : BigDecimal.ONE.divide(TWO.pow(23 - exponent));
    BigInteger steps = size.divide(unit).setScale(0, RoundingMode.HALF_EVEN).toBigIntegerExact();
    BigDecimal near = new BigDecimal(steps).multiply(unit);
    float value = near.compareTo(new BigDecimal(Float.MIN_NORMAL)) < 0 ? 0f : near.floatValue();
    return exact.signum() < 0 ? -value : value;
  }

  private static float zeroed(float value) {
    return Math.abs(value) < Float.MIN_NORMAL ? Math.copySign(0f, value) : value;
  }

  /** By exact arithmetic; x and w finite, far from overflow. */
  private static float exact(float[] x, float[] w) {
    float acc = 0;
    for (int from = 0; from < x.length; from += 32) {
      float[] chain = new float[2];
      for (int k = from; k < from + 32; k++) {
        float a = k < x.length ? zeroed(PlainKernels.bf16(x[k])) : 0;
        float b = k < w.length ? zeroed(PlainKernels.bf16(w[k])) : 0;
        float c = chain[k % 2];
        chain[k % 2] = rounded(new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c)), a * b + c);
      }
      float pair = rounded(new BigDecimal(chain[0]).add(new BigDecimal(chain[1])), chain[0] + chain[1]);
      acc = rounded(new BigDecimal(acc).add(new BigDecimal(pair)), acc + pair);
    }
    return acc;
  }

  /** Numbers whose products and sums lie around the smallest normal one, where tiles and IEEE differ, or around 1. */
  private static float[] values(Random random, int count, boolean small) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      int exponent = small ? -63 + random.nextInt(4) - 2 : random.nextInt(40) - 20;
      out[i] = random.nextInt(9) == 0 ? 0 : Math.scalb((float) random.nextGaussian(), exponent);
      if (small && random.nextInt(20) == 0) {
        out[i] = Math.scalb((float) random.nextGaussian(), random.nextBoolean() ? -126 : -2);
      }
    }
    return out;
  }

  @Test
  void theModelIsThePseudoCodeInExactArithmetic(Random random) {
    for (int trial = 0; trial < 60; trial++) {
      int cols = 1 + random.nextInt(100);
      boolean small = trial % 2 == 0;
      float[] x = values(random, 3 * cols, small);
      float[] w = values(random, 5 * cols, small);
      float[] actual = model(x, 3, w, 5, cols, null, null);
      for (int i = 0; i < actual.length; i++) {
        float[] row = Arrays.copyOfRange(x, i / 5 * cols, (i / 5 + 1) * cols);
        float[] output = Arrays.copyOfRange(w, i % 5 * cols, (i % 5 + 1) * cols);
        Floats.assertSameBits(
            new float[] {exact(row, output)}, new float[] {actual[i]}, "element " + i + " of " + cols + " columns");
      }
    }
  }

  @Test
  void aSumThatRoundsUpToTheSmallestNormalNumberIsNotAlwaysOne() {
    float least = Float.MIN_NORMAL;
    // Less than it by 2^-150, which IEEE rounds up to it, and by 2^-151, which 24 bits hold no longer.
    assertEquals(0f, NativeProduct.flushedFma(-0x1p-75f, 0x1p-75f, least));
    assertEquals(least, NativeProduct.flushedFma(-0x1p-75f, 0x1p-76f, least));
    assertEquals(-least, NativeProduct.flushedFma(0x1p-75f, 0x1p-76f, -least));
    assertEquals(least, NativeProduct.flushedFma(0x1p-126f, 0x1p-126f, least));
    Floats.assertSameBits(
        new float[] {-0f}, new float[] {NativeProduct.flushedFma(-0x1p-100f, 0x1p-50f, 0f)}, "its sign stays");
  }

  @Test
  void givesTheBitsOfTheModel(Random random) {
    int[] sizes = {1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 200};
    for (int rows = 1; rows <= 40; rows++) {
      int cols = sizes[random.nextInt(sizes.length)];
      int outputs = sizes[random.nextInt(sizes.length)];
      check(random, rows, outputs, cols, rows % 4);
    }
    check(random, 130, 129, 577, 3);
    check(random, 97, 300, 64, 0);
  }

  private static void check(Random random, int rows, int outputs, int cols, int kind) {
    float[] x = some(random, kind, rows * cols);
    float[] w = some(random, kind, outputs * cols);
    float[] bias = random.nextBoolean() ? Floats.normal(random, outputs) : null;
    float[] residual = random.nextBoolean() ? Floats.normal(random, rows * outputs) : null;
    float[] expected = model(x, rows, w, outputs, cols, bias, residual);
    String what = "rows " + rows + ", outputs " + outputs + ", cols " + cols + ", kind " + kind;
    eachThatCan(
        k -> {
          try {
            Floats.assertSameBits(expected, run(k, x, rows, w, outputs, cols, bias, residual), what);
          } catch (AssertionError e) {
            boolean tiles = !(k instanceof JavaKernels) && !Isa.tilesAreEmulated();
            assumeFalse(tiles, () -> "the tiles of this processor are not those of NUMERICS.md: " + e.getMessage());
            throw e;
          }
        });
  }

  private static float[] some(Random random, int kind, int count) {
    return kind == 0 ? Floats.hostile(random, count)
        : kind == 1 ? Floats.wild(random, count)
        : kind == 2 ? values(random, count, true)
        : Floats.normal(random, count);
  }

  @Test
  void aRowAloneGivesTheBitsItGivesInAnyBatch(Random random) {
    int cols = 1 + random.nextInt(200);
    int outputs = 1 + random.nextInt(100);
    float[] x = Floats.wild(random, 70 * cols);
    float[] w = Floats.wild(random, outputs * cols);
    eachThatCan(
        kernels -> {
          float[] all = run(kernels, x, 70, w, outputs, cols, null, null);
          for (int rows : new int[] {1, 2, 16, 17, 33, 69}) {
            int first = random.nextInt(70 - rows + 1);
            float[] some = Arrays.copyOfRange(x, first * cols, (first + rows) * cols);
            float[] expected = Arrays.copyOfRange(all, first * outputs, (first + rows) * outputs);
            Floats.assertSameBits(
                expected, run(kernels, some, rows, w, outputs, cols, null, null), "rows " + first + " on: " + rows);
          }
        });
  }

  @Test
  void embeddingsAreTheValuesAsHeld(Random random) {
    for (int cols : new int[] {1, 31, 64, 77}) {
      float[] w = Floats.wild(random, 50 * cols);
      float[] held = PlainKernels.bf16(w);
      int[] ids = {49, 0, 17, 16, 31};
      KernelsUnderTest.each(
          kernels -> {
            try (Weight weight = pack(kernels, w, 50, cols);
                NativeBuffer out = NativeBuffer.ofElements((long) ids.length * cols)) {
              kernels.embed(weight, ids, ids.length, out);
              for (int i = 0; i < ids.length; i++) {
                float[] expected = Arrays.copyOfRange(held, ids[i] * cols, (ids[i] + 1) * cols);
                float[] got = Arrays.copyOfRange(Floats.read(out), i * cols, (i + 1) * cols);
                Floats.assertSameBits(expected, got, cols + " columns, id " + ids[i]);
              }
            }
          });
    }
  }

  @Test
  void kernelsWithoutTilesRefuse() {
    float[] ones = new float[64];
    KernelsUnderTest.each(
        1,
        kernels -> {
          if (kernels.lacks(WeightFormat.BF16_TILES) != null) {
            KernelException e =
                assertThrows(KernelException.class, () -> run(kernels, ones, 1, ones, 1, 64, null, null));
            assertTrue(e.getMessage().contains("--numerics portable"), e.getMessage());
          }
        });
  }
}
