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
 */
record StoredTensor(TensorInfo info, RandomReader file, long position, int pairedHeadDim) {
  private static final int CHUNK_BYTES = 1 << 18;

  void readRows(long firstRow, int rows, float[] out) {
    long cols = info.cols();
    Objects.checkFromIndexSize(firstRow, rows, info.rows());
    long count = Math.multiplyExact(rows, cols);
    if (count > out.length) {
      throw new IllegalArgumentException(
          String.format("%d rows of %s are %d values, but the array holds %d", rows, info.name(), count, out.length));
    }
    byte[] chunk = new byte[(int) Math.min(CHUNK_BYTES, bytes(count))];
    if (pairedHeadDim == 0) {
      copy(firstRow * cols, (int) count, out, 0, chunk);
    } else if (info.rows() == 1) {
      float[] stored = new float[(int) cols];
      copy(0, (int) cols, stored, 0, chunk);
      for (int i = 0; i < cols; i++) {
        out[i] = stored[(int) storedIndex(i)];
      }
    } else {
      for (int r = 0; r < rows; r++) {
        copy(storedIndex(firstRow + r) * cols, (int) cols, out, (int) (r * cols), chunk);
      }
    }
  }

  /** Where GGUF keeps what Hugging Face has at {@code row}. */
  private long storedIndex(long row) {
    int half = pairedHeadDim / 2;
    long inHead = row % pairedHeadDim;
    return row - inHead + 2 * (inHead % half) + inHead / half;
  }

  private void copy(long firstElement, int count, float[] out, int to, byte[] chunk) {
    DType dtype = info.dtype();
    long at = position + bytes(firstElement);
    int perChunk = Math.max(1, chunk.length / dtype.blockBytes) * dtype.blockElements;
    for (int done = 0; done < count; done += perChunk) {
      int n = Math.min(perChunk, count - done);
      int length = (int) bytes(n);
      file.read(at, chunk, 0, length);
      Dequantizer.widen(dtype, chunk, 0, out, to + done, n);
      at += length;
    }
  }

  private long bytes(long elements) {
    return elements / info.dtype().blockElements * info.dtype().blockBytes;
  }
}
