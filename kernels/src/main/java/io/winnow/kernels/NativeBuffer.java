// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.Raw;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory outside the Java heap with exactly one owner, who closes it. Zeroed when allocated, aligned to 64 bytes.
 * Elements are little-endian as the machine's own (x86-64, arm64). Not thread-safe against its own {@link #close()}.
 */
public final class NativeBuffer implements AutoCloseable {
  private static final int ALIGNMENT = 64;
  private static final AtomicLong OUTSTANDING = new AtomicLong();

  private final long base;
  private final long address;
  private final long sizeBytes;
  private boolean closed;

  private NativeBuffer(long base, long address, long sizeBytes) {
    this.base = base;
    this.address = address;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Allocates.
   *
   * @throws KernelException when the size is negative or the machine has not that much memory
   */
  public static NativeBuffer allocate(long sizeBytes) {
    if (sizeBytes < 0) {
      throw new KernelException(
          String.format("Cannot allocate %d bytes: the size must not be negative.", sizeBytes));
    }
    long base;
    try {
      base = Raw.allocate(sizeBytes + ALIGNMENT);
    } catch (OutOfMemoryError e) {
      throw new KernelException(
          String.format(
              "Cannot allocate %,d bytes outside the heap: the machine has not that much memory left. Use a smaller"
                  + " model, fewer sequences or a smaller KV cache.",
              sizeBytes));
    }
    long address = (base + ALIGNMENT - 1) & -ALIGNMENT;
    Raw.zero(address, sizeBytes);
    OUTSTANDING.addAndGet(sizeBytes);
    return new NativeBuffer(base, address, sizeBytes);
  }

  /** Room for that many float32 or int32 elements. */
  public static NativeBuffer ofElements(long elements) {
    return allocate(Math.multiplyExact(elements, 4L));
  }

  /** Bytes allocated and not yet closed in this JVM: zero when nothing leaks. */
  public static long outstandingBytes() {
    return OUTSTANDING.get();
  }

  public long address() {
    return address;
  }

  public long sizeBytes() {
    return sizeBytes;
  }

  /** Copies {@code count} float32 out, from element {@code index}. */
  public void read(long index, float[] out, int offset, int count) {
    check(index, count);
    Raw.read(address + index * 4, out, offset, count);
  }

  /** Copies {@code count} float32 in, to element {@code index}. */
  public void write(long index, float[] in, int offset, int count) {
    check(index, count);
    Raw.write(address + index * 4, in, offset, count);
  }

  /** Copies {@code count} int32 out, from element {@code index}. */
  public void read(long index, int[] out, int offset, int count) {
    check(index, count);
    Raw.read(address + index * 4, out, offset, count);
  }

  /** Copies {@code count} int32 in, to element {@code index}. */
  public void write(long index, int[] in, int offset, int count) {
    check(index, count);
    Raw.write(address + index * 4, in, offset, count);
  }

  /** Copies bytes within this buffer; the two ranges must not overlap. */
  public void copy(long fromByte, long toByte, long bytes) {
    if (fromByte < 0 || toByte < 0 || bytes < 0 || fromByte + bytes > sizeBytes || toByte + bytes > sizeBytes) {
      throw new IndexOutOfBoundsException(
          String.format("copy of %d bytes from %d to %d in a buffer of %d", bytes, fromByte, toByte, sizeBytes));
    }
    Raw.copy(address + fromByte, address + toByte, bytes);
  }

  private void check(long index, int count) {
    if (closed || index < 0 || count < 0 || (index + count) * 4 > sizeBytes) {
      throw new IndexOutOfBoundsException(
          String.format(
              "elements %d to %d of a buffer of %d bytes%s",
              index, index + count, sizeBytes, closed ? " that is closed" : ""));
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      OUTSTANDING.addAndGet(-sizeBytes);
      Raw.free(base);
    }
  }
}
