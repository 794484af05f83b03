// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.util.Objects;

/**
 * A tensor and where its bytes are.
 *
 * @param info name, format and shape as the caller sees them
 * @param file the file that holds it
 * @param position first byte in that file
 * @param pairedHeadDim 0, or the head width of a llama GGUF's query or key projection, whose rows (i, i + headDim/2) of
 *     each head are stored as neighbours (2i, 2i + 1)
 * @param scales what FP8 elements are multiplied by, else null
 */
record StoredTensor(TensorInfo info, RandomReader file, long position, int pairedHeadDim, Fp8Scales scales) {
  private static final int CHUNK_BYTES = 1 << 18;

  StoredTensor(TensorInfo info, RandomReader file, long position, int pairedHeadDim) {
    this(info, file, position, pairedHeadDim, null);
  }

  /** Takes whole blocks as stored: {@code count} elements, the first being element {@code to} of what was asked for. */
  private interface Blocks {
    void accept(byte[] chunk, int count, int to);
  }

  void readRows(long firstRow, int rows, float[] out) {
    int count = count(firstRow, rows, out.length);
    DType dtype = info.dtype();
    if (pairedHeadDim != 0 && info.rows() == 1) {
      float[] stored = new float[count];
      each(0, count, 0, chunkFor(count), (chunk, n, to) -> Dequantizer.widen(dtype, chunk, 0, stored, to, n));
      for (int i = 0; i < count; i++) {
        out[i] = stored[(int) storedIndex(i)];
      }
      return;
    }
    eachRow(firstRow, rows, count, (chunk, n, to) -> Dequantizer.widen(dtype, chunk, 0, out, to, n));
    if (scales != null) {
      scales.apply(firstRow, rows, (int) info.cols(), out);
    }
  }

  /** Null where there are no codes; also where the elements of a vector, and so its groups, are reordered. */
  QuantLayout quantLayout() {
    return pairedHeadDim != 0 && info.rows() == 1 ? null : info.dtype().quant;
  }

  void readQuantRows(long firstRow, int rows, byte[] codes, float[] scales, float[] mins) {
    QuantLayout layout = quantLayout();
    if (layout == null) {
      throw new IllegalArgumentException(
          String.format("%s is stored as %s, which has no codes and scales", info.name(), info.dtype()));
    }
    int count = count(firstRow, rows, codes.length);
    int groups = count / layout.group();
    if (scales.length < groups || layout.hasMin() && (mins == null || mins.length < groups)) {
      throw new IllegalArgumentException(
          String.format(
              "%d rows of %s have %d groups, but the arrays hold %d scales and %d minimums",
              rows, info.name(), groups, scales.length, mins == null ? 0 : mins.length));
    }
    DType dtype = info.dtype();
    eachRow(
        firstRow,
        rows,
        count,
        (chunk, n, to) -> QuantBlocks.unpack(dtype, chunk, 0, n, codes, to, scales, mins, to / layout.group()));
  }

  private int count(long firstRow, int rows, int room) {
    Objects.checkFromIndexSize(firstRow, rows, info.rows());
    long count = Math.multiplyExact(rows, info.cols());
    if (count > room) {
      throw new IllegalArgumentException(
          String.format("%d rows of %s are %d values, but the array holds %d", rows, info.name(), count, room));
    }
    return (int) count;
  }

  /** Rows in the caller's order: as they lie where the file has that order, else one by one. */
  private void eachRow(long firstRow, int rows, int count, Blocks blocks) {
    long cols = info.cols();
    if (pairedHeadDim == 0) {
      each(firstRow * cols, count, 0, chunkFor(count), blocks);
      return;
    }
    byte[] chunk = chunkFor(cols);
    for (int r = 0; r < rows; r++) {
      each(storedIndex(firstRow + r) * cols, (int) cols, (int) (r * cols), chunk, blocks);
    }
  }

  /** Where GGUF keeps what Hugging Face has at {@code row}. */
  private long storedIndex(long row) {
    int half = pairedHeadDim / 2;
    long inHead = row % pairedHeadDim;
    return row - inHead + 2 * (inHead % half) + inHead / half;
  }

  private byte[] chunkFor(long elements) {
    return new byte[(int) Math.min(CHUNK_BYTES, bytes(elements))];
  }

  private void each(long firstElement, int count, int to, byte[] chunk, Blocks blocks) {
    DType dtype = info.dtype();
    long at = position + bytes(firstElement);
    int perChunk = Math.max(1, chunk.length / dtype.blockBytes) * dtype.blockElements;
    for (int done = 0; done < count; done += perChunk) {
      int n = Math.min(perChunk, count - done);
      int length = (int) bytes(n);
      file.read(at, chunk, 0, length);
      blocks.accept(chunk, n, to + done);
      at += length;
    }
  }

  private long bytes(long elements) {
    return elements / info.dtype().blockElements * info.dtype().blockBytes;
  }
}
