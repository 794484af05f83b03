// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.Raw;
import io.winnow.kernels.internal.SystemMemory;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory outside the Java heap with exactly one owner, who closes it. Zeroed when allocated, aligned to 64 bytes.
 * Elements are little-endian as the machine's own (x86-64, arm64). Not thread-safe against its own {@link #close()}.
 */
public final class NativeBuffer implements AutoCloseable {
  private static final int ALIGNMENT = 64;
  /** From here on memory comes from the system zeroed, and takes room and time only where it is touched. */
  private static final long LAZY_BYTES = 1 << 20;
  private static final AtomicLong OUTSTANDING = new AtomicLong();

  /** What was allocated; 0 for memory of {@link SystemMemory#zeros}. */
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
    long lazy = sizeBytes < LAZY_BYTES ? 0 : SystemMemory.zeros(sizeBytes);
    if (lazy != 0) {
      OUTSTANDING.addAndGet(sizeBytes);
      return new NativeBuffer(0, lazy, sizeBytes);
    }
    long base;
    try {
      // Unsafe takes a sum beyond Long.MAX_VALUE for a negative size.
      base = Raw.allocate(Math.addExact(sizeBytes, ALIGNMENT));
    } catch (OutOfMemoryError | ArithmeticException | IllegalArgumentException e) {
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

  /**
   * Room for that many float32 or int32 elements.
   *
   * @throws KernelException as {@link #allocate}
   */
  public static NativeBuffer ofElements(long elements) {
    // Counts whose bytes a long cannot hold stay far beyond any machine.
    return allocate(Math.max(-1, Math.min(elements, Long.MAX_VALUE / 4)) * 4);
  }

  /** Bytes allocated and not yet closed in this JVM: zero when nothing leaks. */
  public static long outstandingBytes() {
    return OUTSTANDING.get();
  }

  /**
   * Where the memory begins.
   *
   * @throws IllegalStateException after {@link #close()}: the memory may be somebody else's by then
   */
  public long address() {
    if (closed) {
      throw new IllegalStateException(String.format("the buffer of %d bytes is closed", sizeBytes));
    }
    return address;
  }

  public long sizeBytes() {
    return sizeBytes;
  }

  /** Copies {@code count} float32 out, from element {@code index}. */
  public void read(long index, float[] out, int offset, int count) {
    check(index, out.length, offset, count);
    Raw.read(address + index * 4, out, offset, count);
  }

  /** Copies {@code count} float32 in, to element {@code index}. */
  public void write(long index, float[] in, int offset, int count) {
    check(index, in.length, offset, count);
    Raw.write(address + index * 4, in, offset, count);
  }

  /** Copies {@code count} int32 out, from element {@code index}. */
  public void read(long index, int[] out, int offset, int count) {
    check(index, out.length, offset, count);
    Raw.read(address + index * 4, out, offset, count);
  }

  /** Copies {@code count} int32 in, to element {@code index}. */
  public void write(long index, int[] in, int offset, int count) {
    check(index, in.length, offset, count);
    Raw.write(address + index * 4, in, offset, count);
  }

  /** Copies bytes within this buffer; the two ranges must not overlap. */
  public void copy(long fromByte, long toByte, long bytes) {
    if (closed
        || fromByte < 0
        || toByte < 0
        || bytes < 0
        || fromByte > sizeBytes - bytes
        || toByte > sizeBytes - bytes) {
      throw new IndexOutOfBoundsException(
          String.format("copy of %d bytes from %d to %d in a buffer of %d%s",
              bytes, fromByte, toByte, sizeBytes, closed ? " that is closed" : ""));
    }
    Raw.copy(address + fromByte, address + toByte, bytes);
  }

  /** Both ends of a copy: raw memory has no bounds of its own, and an array's neighbours are other objects. */
  private void check(long index, int arrayLength, int offset, int count) {
    if (closed || index < 0 || count < 0 || index > sizeBytes / 4 - count) {
      throw new IndexOutOfBoundsException(
          String.format(
              "%d elements from element %d of a buffer of %d bytes%s",
              count, index, sizeBytes, closed ? " that is closed" : ""));
    }
    Objects.checkFromIndexSize(offset, count, arrayLength);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      OUTSTANDING.addAndGet(-sizeBytes);
      if (base == 0) {
        SystemMemory.unmap(address, sizeBytes);
      } else {
        Raw.free(base);
      }
    }
  }
}
