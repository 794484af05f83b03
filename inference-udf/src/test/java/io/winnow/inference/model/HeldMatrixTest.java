// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.DType;
import io.winnow.inference.checkpoint.ModelConfig;
import io.winnow.inference.checkpoint.QuantLayout;
import io.winnow.inference.checkpoint.TensorInfo;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Weight;
import io.winnow.kernels.WeightFormat;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Matrices of any quantized format, alone and below each other, are held with the file's own codes. */
class HeldMatrixTest {
  private static final int COLS = 256;

  private final long seed = Long.getLong("winnow.seed.held", new Random().nextInt(1 << 30));

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
  }

  /** Tensors with random codes; floats are what the layouts say. */
  private static final class Codes implements Checkpoint {
    private final Map<String, TensorInfo> infos = new LinkedHashMap<>();
    private final Map<String, QuantLayout> layouts = new LinkedHashMap<>();
    private final Random random;
    private final Map<String, byte[]> codes = new LinkedHashMap<>();
    private final Map<String, float[]> scales = new LinkedHashMap<>();
    private final Map<String, float[]> mins = new LinkedHashMap<>();

    Codes(long seed) {
      random = new Random(seed);
    }

    void add(String name, DType dtype, int rows, QuantLayout layout) {
      infos.put(name, new TensorInfo(name, dtype, rows, COLS));
      layouts.put(name, layout);
      if (layout == null) {
        return;
      }
      byte[] c = new byte[rows * COLS];
      int least = layout.signed() ? -(1 << layout.bits() - 1) : 0;
      for (int i = 0; i < c.length; i++) {
        c[i] = (byte) (least + random.nextInt(1 << layout.bits()));
      }
      codes.put(name, c);
      float[] s = new float[rows * COLS / layout.group()];
      float[] m = new float[s.length];
      for (int i = 0; i < s.length; i++) {
        // Multiples of 1/256: a float16 holds them.
        s[i] = random.nextInt(512) / 256f - 1;
        m[i] = random.nextInt(512) / 256f - 1;
      }
      scales.put(name, s);
      mins.put(name, layout.hasMin() ? m : null);
    }

    @Override
    public QuantLayout quantLayout(String name) {
      return layouts.get(name);
    }

    @Override
    public void readQuantRows(String name, long first, int rows, byte[] c, float[] s, float[] m) {
      int groups = COLS / layouts.get(name).group();
      System.arraycopy(codes.get(name), (int) first * COLS, c, 0, rows * COLS);
      System.arraycopy(scales.get(name), (int) first * groups, s, 0, rows * groups);
      if (layouts.get(name).hasMin()) {
        System.arraycopy(mins.get(name), (int) first * groups, m, 0, rows * groups);
      }
    }

    @Override
    public void readRows(String name, long first, int rows, float[] out) {
      QuantLayout l = layouts.get(name);
      for (int i = 0; i < rows * COLS; i++) {
        int at = (int) first * COLS + i;
        float value = (codes.get(name)[at] - l.zero()) * scales.get(name)[at / l.group()];
        out[i] = l.hasMin() ? value + mins.get(name)[at / l.group()] : value;
      }
    }

    @Override
    public ModelConfig config() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Collection<TensorInfo> tensors() {
      return infos.values();
    }

    @Override
    public TensorInfo tensor(String name) {
      return infos.get(name);
    }

    @Override
    public String fingerprint() {
      return "none";
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }

  private static final QuantLayout Q8_0 = new QuantLayout(32, true, 8, 0, false);
  private static final QuantLayout Q4_0 = new QuantLayout(32, false, 4, 8, false);
  private static final QuantLayout Q4_K = new QuantLayout(32, false, 4, 0, true);
  private static final QuantLayout Q6_K = new QuantLayout(16, true, 6, 0, false);
  private static final QuantLayout Q3_K = new QuantLayout(16, true, 3, 0, false);
  private static final QuantLayout Q5_K = new QuantLayout(32, false, 5, 0, true);

  private Codes file() {
    System.out.println("HeldMatrixTest: -Dwinnow.seed.held=" + seed);
    Codes file = new Codes(seed);
    file.add("q8", DType.Q8_0, 40, Q8_0);
    file.add("q4", DType.Q4_0, 33, Q4_0);
    file.add("q4k", DType.Q4_K, 20, Q4_K);
    file.add("q6k", DType.Q6_K, 17, Q6_K);
    file.add("q3k", DType.Q3_K, 9, Q3_K);
    file.add("q5k", DType.Q5_K, 16, Q5_K);
    file.add("float", DType.F32, 16, null);
    file.add("bf16", DType.BF16, 16, null);
    file.add("model.embed_tokens.weight", DType.Q8_0, 16, Q8_0);
    return file;
  }

  @Test
  void codesOfEveryFormatComeThroughAlsoBelowEachOther() {
    Codes file = file();
    for (List<String> names : List.of(
        List.of("q8"), List.of("q4"), List.of("q4k"), List.of("q6k"), List.of("q3k"), List.of("q5k"),
        List.of("q4k", "q4k"), List.of("q4k", "q4k", "q6k"), List.of("q4", "q8"), List.of("q3k", "q5k", "q4"))) {
      String[] parts = names.toArray(String[]::new);
      HeldMatrix held = HeldMatrix.of(file, WeightPrecision.BLOCKS, parts);
      assertNotNull(held.codes(), names.toString());
      int rows = names.stream().mapToInt(n -> (int) file.tensor(n).rows()).sum();
      float[] expected = new float[rows * COLS];
      int at = 0;
      for (String name : parts) {
        float[] part = new float[(int) file.tensor(name).rows() * COLS];
        file.readRows(name, 0, part.length / COLS, part);
        System.arraycopy(part, 0, expected, at, part.length);
        at += part.length;
      }
      int[] ids = new int[rows];
      Arrays.setAll(ids, i -> i);
      float[] actual = new float[expected.length];
      try (Kernels kernels = KernelsLadder.open(1);
          Weight weight = kernels.pack(rows, COLS, held.codes(), held.source(file, parts));
          NativeBuffer out = NativeBuffer.ofElements(expected.length)) {
        kernels.embed(weight, ids, rows, out);
        out.read(0, actual, 0, actual.length);
      }
      for (int i = 0; i < expected.length; i++) {
        // −0 + a minimum of 0 that others need is +0; their values are equal.
        assertEquals(expected[i], actual[i] + 0f, 0f, names + ", element " + i + ", seed " + seed);
      }
    }
  }

  @Test
  void codesOfFourBitsStayInFour() {
    Codes file = file();
    assertEquals(4, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4").codes().bits());
    assertEquals(4, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4k").codes().bits());
    assertEquals(4, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q3k").codes().bits());
    assertEquals(8, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q6k").codes().bits());
    assertEquals(8, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4k", "q6k").codes().bits());
    assertTrue(HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4").codes().half());
    assertFalse(HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4k").codes().half());
  }

  @Test
  void whatLosesPrecisionTwiceIsCalledSo() {
    Codes file = file();
    assertFalse(HeldMatrix.of(file, WeightPrecision.INT8, "q4").requantized(), "its codes fit");
    assertNull(HeldMatrix.of(file, WeightPrecision.INT4, "q6k").codes());
    assertTrue(HeldMatrix.of(file, WeightPrecision.INT4, "q6k").requantized());
    assertFalse(HeldMatrix.of(file, WeightPrecision.INT4, "bf16").requantized());
    assertTrue(HeldMatrix.of(file, WeightPrecision.INT8, "q4", "float").requantized());
    assertNotNull(HeldMatrix.of(file, WeightPrecision.INT4, "model.embed_tokens.weight").codes(), "stays at 8 bits");
  }

  @Test
  void floatsAreHeldAsThePrecisionSays() {
    Codes file = file();
    assertEquals(WeightFormat.F32, HeldMatrix.of(file, WeightPrecision.F32, "q4").format());
    assertEquals(WeightFormat.BF16, HeldMatrix.of(file, WeightPrecision.BLOCKS, "bf16").format());
    assertEquals(WeightFormat.F32, HeldMatrix.of(file, WeightPrecision.BLOCKS, "float").format());
    assertEquals(WeightFormat.F32, HeldMatrix.of(file, WeightPrecision.BLOCKS, "q4", "bf16").format());
    assertEquals(WeightFormat.INT4, HeldMatrix.of(file, WeightPrecision.INT4, "float").format());
  }
}
