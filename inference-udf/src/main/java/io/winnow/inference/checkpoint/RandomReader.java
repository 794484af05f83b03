// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Reads at any position of one file, from any thread.
 *
 * <p>Not a FileChannel: a channel closes itself for everybody when a reading thread is interrupted, and Spark
 * interrupts the threads of killed tasks while other tasks still need the model. Each read borrows one of a few open
 * handles.
 */
final class RandomReader implements Closeable {
  private final Path path;
  private final long size;
  private final ConcurrentLinkedQueue<RandomAccessFile> idle = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;

  RandomReader(Path path) {
    this.path = path;
    try {
      RandomAccessFile handle = new RandomAccessFile(path.toFile(), "r");
      idle.add(handle);
      size = handle.length();
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          path.toString(), "it cannot be opened: " + e.getMessage(), "Check that it exists and may be read.");
    }
  }

  Path path() {
    return path;
  }

  /** Length in bytes when the file was opened. */
  long size() {
    return size;
  }

  /** Fills {@code into[offset, offset + length)} from {@code position} on, or fails with model_invalid. */
  void read(long position, byte[] into, int offset, int length) {
    if (closed) {
      throw new IllegalStateException("The checkpoint file " + path + " has been closed");
    }
    RandomAccessFile handle = idle.poll();
    try {
      if (handle == null) {
        handle = new RandomAccessFile(path.toFile(), "r");
      }
      handle.seek(position);
      int done = 0;
      while (done < length) {
        int n = handle.read(into, offset + done, length - done);
        if (n < 0) {
          throw InferenceErrors.modelInvalid(
              path.toString(),
              String.format(
                  "it is truncated: bytes %d to %d are needed, but it ends at byte %d",
                  position, position + length, handle.length()),
              "Download it again.");
        }
        done += n;
      }
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          path.toString(),
          String.format("reading %d bytes at %d failed: %s", length, position, e.getMessage()),
          "Check the disk.");
    } finally {
      giveBack(handle);
    }
  }

  private void giveBack(RandomAccessFile handle) {
    if (handle == null) {
      return;
    }
    idle.add(handle);
    if (closed) {
      closeIdle();
    }
  }

  private void closeIdle() {
    for (RandomAccessFile handle; (handle = idle.poll()) != null; ) {
      try {
        handle.close();
      } catch (IOException ignored) {
        // Opened for reading only: nothing can be lost.
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    closeIdle();
  }
}
