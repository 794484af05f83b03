// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels;

import io.winnow.kernels.internal.SystemMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A file as memory, of any size, for packed matrices that the processes of a host share. Exactly one owner, who closes
 * it after all that lies in it. Needs the native library: {@link #supported}.
 */
public final class FileMapping implements AutoCloseable {
  private static final AtomicLong OUTSTANDING = new AtomicLong();

  private final Path file;
  private final long address;
  private final long sizeBytes;
  private final boolean writable;
  private boolean closed;

  private FileMapping(Path file, SystemMemory.Mapped mapped, boolean writable) {
    this.file = file;
    this.address = mapped.address();
    this.sizeBytes = mapped.sizeBytes();
    this.writable = writable;
    OUTSTANDING.addAndGet(sizeBytes);
  }

  /** Whether this build can map files on this machine. */
  public static boolean supported() {
    return SystemMemory.usable();
  }

  /**
   * Makes a file that only this user may read, all zeros, and maps it to be written. Its room on the disk is taken at
   * once, so that no later write can fail for want of it.
   *
   * @throws IOException when it is there already, or cannot be made; the file may be there then, and is of no use
   */
  public static FileMapping create(Path file, long sizeBytes) throws IOException {
    return new FileMapping(file, SystemMemory.mapNew(file, sizeBytes), true);
  }

  /**
   * Maps a whole file, to be read only. Whoever cuts the file off while it is mapped ends this process.
   *
   * @throws IOException also when the file belongs to somebody else or others may write to it
   */
  public static FileMapping open(Path file) throws IOException {
    return new FileMapping(file, SystemMemory.map(file), false);
  }

  /** Bytes mapped and not yet closed in this JVM: zero when nothing leaks. */
  public static long outstandingBytes() {
    return OUTSTANDING.get();
  }

  public long sizeBytes() {
    return sizeBytes;
  }

  public boolean writable() {
    return writable;
  }

  /**
   * Where a part of it begins.
   *
   * @throws IndexOutOfBoundsException when the part is not within the file
   */
  public long address(long offset, long bytes) {
    if (closed || offset < 0 || bytes < 0 || offset > sizeBytes - bytes) {
      throw new IndexOutOfBoundsException(
          String.format(
              "%d bytes at %d of %s, which has %d%s", bytes, offset, file, sizeBytes, closed ? " and is closed" : ""));
    }
    return address + offset;
  }

  /** Copies bytes in. */
  public void write(long offset, byte[] bytes) {
    if (!writable) {
      throw new IllegalStateException(file + " is mapped to be read only");
    }
    SystemMemory.write(address(offset, bytes.length), bytes);
  }

  /** Copies bytes out. */
  public byte[] read(long offset, int bytes) {
    return SystemMemory.read(address(offset, bytes), bytes);
  }

  /** Returns when everything is on the disk. */
  public void sync() throws IOException {
    SystemMemory.sync(address(0, sizeBytes), sizeBytes, file);
  }

  /**
   * Takes a lock that one holder on this host has at a time, in whatever process or class loader; it ends with its
   * process.
   *
   * @param lockFile made where it is missing; its content means nothing
   * @return null where somebody else holds it
   */
  public static Lock tryLock(Path lockFile) throws IOException {
    int lock = SystemMemory.lock(lockFile);
    return lock < 0 ? null : new Lock(lock);
  }

  /** A lock that is held. */
  public static final class Lock implements AutoCloseable {
    private final int lock;
    private boolean released;

    private Lock(int lock) {
      this.lock = lock;
    }

    @Override
    public void close() {
      if (!released) {
        released = true;
        SystemMemory.unlock(lock);
      }
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      OUTSTANDING.addAndGet(-sizeBytes);
      SystemMemory.unmap(address, sizeBytes);
    }
  }
}
