// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.kernels.FileMapping;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A lock that one holder on this host has at a time; it ends with its process. That of the native library where there
 * is one, else Java's.
 */
final class HostLock implements AutoCloseable {
  /** Java's locks are lost when their process closes the file once more, so none opens it while it is held here. */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private interface Release {
    void run() throws IOException;
  }

  private final Release release;
  private boolean released;

  private HostLock(Release release) {
    this.release = release;
  }

  /**
   * Takes the lock.
   *
   * @param file made where it is missing; its content means nothing. It is never deleted: a lock on a deleted file
   *     would keep nobody out
   * @return null where somebody else holds it
   */
  static HostLock tryLock(Path file) throws IOException {
    if (!FileMapping.supported()) {
      return tryLockOfJava(file);
    }
    FileMapping.Lock lock = FileMapping.tryLock(file);
    return lock == null ? null : new HostLock(lock::close);
  }

  static HostLock tryLockOfJava(Path file) throws IOException {
    Path path = file.toAbsolutePath().normalize();
    if (!HELD.add(path)) {
      return null;
    }
    FileChannel channel = null;
    boolean taken = false;
    try {
      channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      taken = lock != null;
    } catch (OverlappingFileLockException e) {
      // A copy of this class in another class loader holds it.
    } finally {
      if (!taken) {
        if (channel != null) {
          channel.close();
        }
        HELD.remove(path);
      }
    }
    if (!taken) {
      return null;
    }
    FileChannel held = channel;
    return new HostLock(
        () -> {
          try {
            held.close();
          } finally {
            HELD.remove(path);
          }
        });
  }

  @Override
  public void close() throws IOException {
    if (!released) {
      released = true;
      release.run();
    }
  }
}
