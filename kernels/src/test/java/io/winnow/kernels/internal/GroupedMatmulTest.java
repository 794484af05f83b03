// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.kernels.Kernels;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Products and embeddings of integer weights, against the contract element by element. */
@ExtendWith(Seeds.class)
class GroupedMatmulTest {
  private static final int[] COLS = {1, 3, 4, 15, 16, 17, 31, 33, 64, 127, 128, 129, 200, 576};
  private static final int[] ROWS = {1, 2, 3, 4, 5, 11, 12, 13, 64, 97};

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** Random integer weights and inputs. */
  private record Case(
      QuantFormat format, int rows, int outputs, int cols, float[] x, byte[] codes, float[] scales, float[] mins,
      float[] bias, float[] residual) {
    static Case of(Random random, QuantFormat format, int rows, int outputs, int cols) {
      byte[] codes = new byte[outputs * cols];
      for (int i = 0; i < codes.length; i++) {
        // The ends of the range often: −128, 0, 15, 255.
        int any = random.nextInt(256);
        int code = switch (random.nextInt(4)) {
          case 0 -> format.signed() ? -128 : 0;
          case 1 -> format.signed() ? 127 : 255;
          default -> any;
        };
        codes[i] = (byte) (format.bits() == 4 ? code & 15 : code);
      }
      int count = outputs * format.groups(cols);
      float[] scales = scales(random, format, count);
      float[] mins = format.hasMin() ? scales(random, format, count) : null;
      int kind = random.nextInt(5);
      float[] x = kind == 0 ? Floats.wild(random, rows * cols)
          : kind == 1 ? Floats.hostile(random, rows * cols)
          : Floats.normal(random, rows * cols);
      if (kind == 2) {
        // Halves of a step: ties.
        for (int i = 0; i < x.length; i++) {
          x[i] = i % format.group() == 0 ? 127 : random.nextInt(255) / 2f - 63.5f;
        }
      }
      float[] bias = random.nextBoolean() ? Floats.normal(random, outputs) : null;
      float[] residual = random.nextBoolean() ? Floats.normal(random, rows * outputs) : null;
      return new Case(format, rows, outputs, cols, x, codes, scales, mins, bias, residual);
    }

    private static float[] scales(Random random, QuantFormat format, int count) {
      float[] out = random.nextInt(6) == 0 ? Floats.hostile(random, count) : Floats.normal(random, count);
      for (int i = 0; i < count; i++) {
        out[i] = format.half() ? Half.toFloat(Half.of(out[i])) : out[i];
      }
      return out;
    }

    Weight pack(Kernels kernels) {
      int groups = format.groups(cols);
      return kernels.pack(outputs, cols, format, (first, count, c, s, m) -> {
        System.arraycopy(codes, first * cols, c, 0, count * cols);
        System.arraycopy(scales, first * groups, s, 0, count * groups);
        if (mins != null) {
          System.arraycopy(mins, first * groups, m, 0, count * groups);
        }
      });
    }

    @Override
    public String toString() {
      return String.format("rows %d, outputs %d, cols %d, %s%s%s", rows, outputs, cols, format,
          bias == null ? "" : ", bias", residual == null ? "" : ", residual");
    }
  }

  private static QuantFormat format(Random random) {
    int group = 16 << random.nextInt(4);
    boolean half = random.nextBoolean();
    return switch (random.nextInt(5)) {
      case 0 -> new QuantFormat(8, true, group, 0, false, half);
      case 1 -> new QuantFormat(8, false, group, random.nextInt(256), false, half);
      case 2 -> new QuantFormat(8, false, group, 0, true, half);
      case 3 -> new QuantFormat(4, false, group, 8, false, half);
      default -> new QuantFormat(4, false, group, 0, true, half);
    };
  }

  private static void check(Case c) {
    float[] expected =
        PlainGrouped.matmul(c.x, c.rows, c.format, c.codes, c.scales, c.mins, c.outputs, c.cols, c.bias, c.residual);
    KernelsUnderTest.each(kernels -> {
      try (Weight weight = c.pack(kernels)) {
        assertEquals(c.format.family(), weight.format());
        Floats.assertSameBits(expected, run(kernels, c, weight, c.x, c.residual, c.rows), c.toString());
      }
    });
  }

  private static float[] run(Kernels kernels, Case c, Weight weight, float[] in, float[] add, int rows) {
    try (NativeBuffer x = Floats.buffer(in);
        NativeBuffer bias = c.bias == null ? null : Floats.buffer(c.bias);
        NativeBuffer residual = add == null ? null : Floats.buffer(add);
        NativeBuffer out = NativeBuffer.ofElements((long) rows * c.outputs)) {
      kernels.matmul(x, rows, weight, bias, residual, out);
      return Floats.read(out);
    }
  }

  @Test
  void givesTheBitsOfTheContractOnOddShapes(Random random) {
    for (int cols : COLS) {
      for (int outputs : new int[] {1, 15, 16, 17, 64, 65, 129}) {
        check(Case.of(random, format(random), ROWS[random.nextInt(ROWS.length)], outputs, cols));
      }
    }
  }

  @Test
  void givesTheBitsOfTheContractForEveryRowCount(Random random) {
    for (int rows : ROWS) {
      for (int i = 0; i < 3; i++) {
        check(Case.of(random, format(random), rows, 100, 160));
      }
    }
    check(Case.of(random, format(random), 5, 2049, 65));
  }

  @Test
  void aRowAloneGivesTheBitsItGivesInABatch(Random random) {
    for (int trial = 0; trial < 4; trial++) {
      Case c = Case.of(random, format(random), 30, 1 + random.nextInt(100), 1 + random.nextInt(300));
      KernelsUnderTest.each(kernels -> {
        try (Weight weight = c.pack(kernels)) {
          float[] all = run(kernels, c, weight, c.x, c.residual, c.rows);
          for (int r = 0; r < c.rows; r++) {
            float[] x = Arrays.copyOfRange(c.x, r * c.cols, (r + 1) * c.cols);
            float[] add =
                c.residual == null ? null : Arrays.copyOfRange(c.residual, r * c.outputs, (r + 1) * c.outputs);
            float[] alone = run(kernels, c, weight, x, add, 1);
            Floats.assertSameBits(all, r * c.outputs, alone, 0, c.outputs, "row " + r + " of " + c);
          }
        }
      });
    }
  }

  @Test
  void embedGivesTheDequantizedRow(Random random) {
    for (int trial = 0; trial < 20; trial++) {
      Case c = Case.of(random, format(random), 1, 1 + random.nextInt(200), COLS[random.nextInt(COLS.length)]);
      float[] w = PlainGrouped.dequantized(c.format, c.codes, c.scales, c.mins, c.outputs, c.cols);
      int[] ids = random.ints(9, 0, c.outputs).toArray();
      KernelsUnderTest.each(kernels -> {
        try (Weight weight = c.pack(kernels);
            NativeBuffer out = NativeBuffer.ofElements((long) ids.length * c.cols)) {
          kernels.embed(weight, ids, ids.length, out);
          float[] actual = Floats.read(out);
          for (int r = 0; r < ids.length; r++) {
            Floats.assertSameBits(w, ids[r] * c.cols, actual, r * c.cols, c.cols, "embed " + c);
          }
        }
      });
    }
  }

  @Test
  void floatWeightsAreQuantizedAsTheContractSays(Random random) {
    for (WeightFormat family : new WeightFormat[] {WeightFormat.INT8, WeightFormat.INT4}) {
      for (int trial = 0; trial < 20; trial++) {
        int outputs = 1 + random.nextInt(80);
        int cols = COLS[random.nextInt(COLS.length)];
        float[] w = trial % 3 == 0 ? Floats.hostile(random, outputs * cols)
            : trial % 3 == 1 ? Floats.wild(random, outputs * cols) : Floats.normal(random, outputs * cols);
        float[] expected = PlainGrouped.quantized(family, w, outputs, cols);
        int[] ids = new int[outputs];
        Arrays.setAll(ids, i -> i);
        KernelsUnderTest.each(1, kernels -> {
          try (Weight weight = kernels.pack(outputs, cols, family,
                  (first, count, out) -> System.arraycopy(w, first * cols, out, 0, count * cols));
              NativeBuffer out = NativeBuffer.ofElements(expected.length)) {
            kernels.embed(weight, ids, outputs, out);
            Floats.assertSameBits(expected, Floats.read(out), family + " of " + outputs + " x " + cols);
          }
        });
      }
    }
  }

  @Test
  void aValueThatIsNotFinitePoisonsItsRowAlone(Random random) {
    QuantFormat format = format(random);
    Case c = Case.of(random, format, 13, 40, 160);
    float[] clean = Floats.normal(random, c.x.length);
    for (float poison : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] x = clean.clone();
      x[7 * 160 + 150] = poison;
      KernelsUnderTest.each(2, kernels -> {
        try (Weight weight = c.pack(kernels)) {
          float[] before = run(kernels, c, weight, clean, c.residual, c.rows);
          float[] after = run(kernels, c, weight, x, c.residual, c.rows);
          for (int i = 0; i < after.length; i++) {
            assertTrue(i / 40 == 7 ? Float.isNaN(after[i])
                : Float.floatToIntBits(before[i]) == Float.floatToIntBits(after[i]), "row " + i / 40);
          }
        }
      });
    }
  }

  /** Groups are quantized side by side where there are several; what one of them holds must not show in the others. */
  @Test
  void groupsOfAllKindsBesideEachOther(Random random) {
    float[] kinds = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -Float.MAX_VALUE, -0f, Float.MIN_VALUE,
        0x1p-110f, -Math.nextDown(0x1p-110f), Math.nextUp(0x1p-110f)};
    QuantFormat format = new QuantFormat(8, true, 32, 0, false, true);
    int cols = 9 * 32;
    Case any = Case.of(random, format, kinds.length * 9, 24, cols);
    float[] x = Floats.normal(random, any.x.length);
    for (int row = 0; row < any.rows; row++) {
      int from = row * cols + row / kinds.length * 32;
      float kind = kinds[row % kinds.length];
      x[from + random.nextInt(32)] = kind;
      if (Math.abs(kind) < 0x1p-100f) {
        // By itself in all groups, or what is larger hides it.
        Arrays.fill(x, row * cols, (row + 1) * cols, 0);
        for (int at = row * cols; at < (row + 1) * cols; at += 32) {
          x[at + random.nextInt(32)] = kind;
        }
      }
    }
    check(new Case(format, any.rows, any.outputs, cols, x, any.codes, any.scales, any.mins, null, null));
  }

  @Test
  void aScaleThatAHalfDoesNotHoldIsRefused() {
    QuantFormat format = new QuantFormat(8, true, 32, 0, false, true);
    KernelsUnderTest.each(1, kernels -> {
      long before = NativeBuffer.outstandingBytes();
      assertThrows(
          IllegalArgumentException.class,
          () -> kernels.pack(4, 64, format, (first, count, c, s, m) -> Arrays.fill(s, 0.1f)));
      assertEquals(before, NativeBuffer.outstandingBytes());
    });
  }

  @Test
  void halvesRoundLikeTheirDefinition(Random random) {
    for (int i = 0; i < 200_000; i++) {
      float value = i < 1 << 16 ? Half.toFloat((short) i) : Float.intBitsToFloat(random.nextInt());
      float held = Half.toFloat(Half.of(value));
      if (i < 1 << 16) {
        Floats.assertSameBits(new float[] {value}, new float[] {held}, "a half is its own nearest");
      } else if (!Float.isNaN(value)) {
        // Neighbours of what was chosen are not nearer.
        short bits = Half.of(value);
        if (Math.abs(value) < 65519f) {
          double error = Math.abs((double) value - held);
          for (int step : new int[] {-1, 1}) {
            float other = Half.toFloat((short) (bits + step));
            assertTrue(Float.isNaN(other) || Math.abs((double) value - other) >= error, "half of " + value);
          }
        }
      }
    }
    assertEquals(Float.POSITIVE_INFINITY, Half.toFloat(Half.of(65520f)));
    assertEquals(65504f, Half.toFloat(Half.of(65519.996f)));
    assertEquals(0x1p-24f, Half.toFloat(Half.of(0x1.000002p-25f)));
    assertEquals(0f, Half.toFloat(Half.of(0x1p-25f)), "a tie goes to the even one");
  }
}
