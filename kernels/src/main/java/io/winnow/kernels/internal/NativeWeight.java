// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import io.winnow.kernels.KernelException;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.Place;
import io.winnow.kernels.QuantFormat;
import io.winnow.kernels.QuantSource;
import io.winnow.kernels.WeightFormat;
import io.winnow.kernels.WeightSource;

/**
 * A matrix in the native kernels' panels of 16 outputs: codes, scales and minimums in one piece, behind the struct
 * wk_weight that describes it or in a mapped file.
 */
final class NativeWeight extends HeldWeight {
  private static final int PANEL = 16;
  static final int STRUCT_BYTES = 64;
  /** Values that a thread reads from the source at once, about. */
  private static final int STAGED = 1 << 18;

  /** Of the codes. */
  private final long data;

  /** @param placed where the codes lie; 0 for memory of its own */
  private NativeWeight(int rows, int cols, WeightFormat format, long sizeBytes, long placed) {
    super(rows, cols, format, sizeBytes, placed == 0 ? sizeBytes : STRUCT_BYTES);
    data = placed == 0 ? memory.address() + STRUCT_BYTES : placed;
  }

  /** @param place null for memory of its own */
  static NativeWeight of(
      int rows, int cols, WeightFormat format, WeightSource source, Place place, int threads) {
    long bytes = sizeBytes(rows, cols, format);
    NativeWeight weight = new NativeWeight(rows, cols, format, bytes, address(place, bytes));
    weight.describe(0, 0, 0, 0, false);
    weight.fill(place, () -> weight.pack(source, threads));
    return weight;
  }

  static NativeWeight of(int rows, int cols, QuantFormat format, QuantSource source, Place place, int threads) {
    long bytes = sizeBytes(rows, cols, format);
    NativeWeight weight = new NativeWeight(rows, cols, format.family(), bytes, address(place, bytes));
    long codes = codeBytes(rows, cols, format.family());
    weight.describe(
        codes, format.hasMin() ? codes + scaleBytes(rows, cols, format) : 0, format.group(),
        format.held(format.zero()), format.half());
    weight.fill(place, () -> weight.pack(format, source, threads));
    return weight;
  }

  private static long address(Place place, long bytes) {
    return place == null ? 0 : place.file().address(place.offset(), bytes - STRUCT_BYTES);
  }

  /** A file that cannot be written has what belongs there. */
  private void fill(Place place, Runnable pack) {
    if (place == null || place.file().writable()) {
      fill(pack);
    }
  }

  /** Offsets of scales and minimums are those behind the codes' first byte; 0 for none. */
  private void describe(long scales, long mins, int group, int zero, boolean half) {
    long base = memory.address();
    Raw.putLong(base, data);
    Raw.putLong(base + 8, scales == 0 ? 0 : data + scales);
    Raw.putLong(base + 16, mins == 0 ? 0 : data + mins);
    memory.write(6, new int[] {rows, cols, code(format()), group, zero, half ? 1 : 0}, 0, 6);
  }

  private static int code(WeightFormat format) {
    return switch (format) {
      case F32 -> 0;
      case BF16 -> 1;
      case INT8 -> 2;
      case INT4 -> 3;
      case BF16_TILES -> 4;
    };
  }

  private static long codeBytes(int rows, int cols, WeightFormat format) {
    long bytes = NativeLibrary.packedBytes(code(format), rows, cols);
    if (bytes < 0) {
      throw new KernelException("Cannot pack a matrix of " + rows + " x " + cols + " as " + format + ".");
    }
    return bytes;
  }

  private static long scaleBytes(int rows, int cols, QuantFormat format) {
    return ((long) rows + PANEL - 1) / PANEL * PANEL * format.groups(cols) * (format.half() ? 2 : 4);
  }

  /** With the struct. */
  static long sizeBytes(int rows, int cols, WeightFormat format) {
    QuantFormat quantized = format.quantized();
    return quantized == null ? STRUCT_BYTES + codeBytes(rows, cols, format) : sizeBytes(rows, cols, quantized);
  }

  /** With the struct. */
  static long sizeBytes(int rows, int cols, QuantFormat format) {
    return STRUCT_BYTES + codeBytes(rows, cols, format.family())
        + scaleBytes(rows, cols, format) * (format.hasMin() ? 2 : 1);
  }

  private interface Chunk {
    /** Rows first … first + count − 1. */
    void pack(int first, int count);
  }

  /** All rows in pieces of whole panels, by several threads. */
  private void eachChunk(int threads, Chunk body) {
    int panels = (rows + PANEL - 1) / PANEL;
    int most = Math.max(1, STAGED / cols / PANEL);
    int lines = Math.min(most, Math.max(1, (panels + 2 * threads - 1) / (2 * threads))) * PANEL;
    int chunks = (rows + lines - 1) / lines;
    try (ThreadTeam team = new ThreadTeam(Math.min(threads, chunks))) {
      team.run(chunks, chunk -> body.pack(chunk * lines, Math.min(lines, rows - chunk * lines)));
    }
  }

  private void pack(WeightSource source, int threads) {
    eachChunk(threads, (first, count) -> {
      float[] read = new float[Math.multiplyExact(count, cols)];
      source.read(first, count, read);
      try (NativeBuffer staged = NativeBuffer.ofElements(read.length)) {
        staged.write(0, read, 0, read.length);
        check(NativeLibrary.pack(memory.address(), data, first, count, staged.address()));
      }
    });
  }

  private void pack(QuantFormat format, QuantSource source, int threads) {
    eachChunk(threads, (first, count) -> {
      int groups = format.groups(cols);
      byte[] codes = new byte[Math.multiplyExact(count, cols)];
      float[] scales = new float[count * groups];
      float[] mins = format.hasMin() ? new float[count * groups] : null;
      source.read(first, count, codes, scales, mins);
      if (format.signed()) {
        for (int i = 0; i < codes.length; i++) {
          // As QuantFormat.held, on the bits.
          codes[i] ^= (byte) 0x80;
        }
      }
      try (NativeBuffer staged = NativeBuffer.allocate(codes.length);
          NativeBuffer stagedScales = NativeBuffer.ofElements(scales.length);
          NativeBuffer stagedMins = NativeBuffer.ofElements(scales.length)) {
        Raw.write(staged.address(), codes, 0, codes.length);
        stage(stagedScales, scales, scales.length, format.half());
        if (mins != null) {
          stage(stagedMins, mins, mins.length, format.half());
        }
        long base = memory.address();
        check(
            NativeLibrary.packCodes(
                base, data, Raw.longAt(base + 8), Raw.longAt(base + 16), first, count, staged.address(),
                stagedScales.address(), stagedMins.address()));
      }
    });
  }

  private static void stage(NativeBuffer staged, float[] values, int count, boolean half) {
    if (!half) {
      staged.write(0, values, 0, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      Raw.putShort(staged.address() + i * 2L, Half.exactly(values[i]));
    }
  }

  private static void check(int status) {
    if (status != 0) {
      throw new IllegalStateException("the native kernels refuse to pack, status " + status);
    }
  }

  /** Of the struct wk_weight. */
  long address() {
    return memory.address();
  }
}
