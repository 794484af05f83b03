// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.security.AccessControlException;

/**
 * The local files under the scheme {@code faulty}, on a disk that can be full, read-only or lose a write. What is wrong
 * is set for the whole process, so it reaches the tasks of a local session.
 */
public final class FaultyFileSystem extends RawLocalFileSystem {
  private static final AtomicLong BYTES_LEFT = new AtomicLong(Long.MAX_VALUE);
  private static final AtomicInteger TASK_WRITES_LEFT = new AtomicInteger(Integer.MAX_VALUE);
  private static volatile boolean readOnly;
  private static volatile boolean struck;

  /** Makes the disk sound again. */
  static void mend() {
    BYTES_LEFT.set(Long.MAX_VALUE);
    TASK_WRITES_LEFT.set(Integer.MAX_VALUE);
    readOnly = false;
    struck = false;
  }

  /** From now on the disk takes that many bytes more. */
  static void fillAfter(long bytes) {
    BYTES_LEFT.set(bytes);
  }

  static void makeReadOnly() {
    readOnly = true;
  }

  /** The given write of a task from now on fails, and none after it. */
  static void failTaskWrite(int number) {
    TASK_WRITES_LEFT.set(number);
  }

  /** Whether anything was refused since {@link #mend}. */
  static boolean struck() {
    return struck;
  }

  @Override
  public String getScheme() {
    return "faulty";
  }

  @Override
  public URI getUri() {
    return URI.create("faulty:///");
  }

  private static void checkWritable(Path path) throws IOException {
    if (readOnly) {
      struck = true;
      throw new AccessControlException("Permission denied: " + path + " (Read-only file system)");
    }
  }

  private static void checkTask() throws IOException {
    if (org.apache.spark.TaskContext.get() != null && TASK_WRITES_LEFT.decrementAndGet() == 0) {
      struck = true;
      throw new IOException("Input/output error");
    }
  }

  @Override
  protected OutputStream createOutputStream(Path path, boolean append) throws IOException {
    checkWritable(path);
    return new Bounded(super.createOutputStream(path, append));
  }

  @Override
  protected OutputStream createOutputStreamWithMode(Path path, boolean append, FsPermission permission)
      throws IOException {
    checkWritable(path);
    return new Bounded(super.createOutputStreamWithMode(path, append, permission));
  }

  @Override
  public boolean mkdirs(Path path) throws IOException {
    if (!exists(path)) {
      checkWritable(path);
    }
    return super.mkdirs(path);
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    if (!exists(path)) {
      checkWritable(path);
    }
    return super.mkdirs(path, permission);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    checkWritable(to);
    checkTask();
    return super.rename(from, to);
  }

  /** For file contexts: without overwriting, the first of two wins, as on a file system that Delta can trust. */
  @Override
  protected void rename(Path from, Path to, Options.Rename... options) throws IOException {
    if (List.of(options).contains(Options.Rename.OVERWRITE)) {
      super.rename(from, to, options);
      return;
    }
    checkWritable(to);
    checkTask();
    try {
      java.nio.file.Files.createLink(pathToFile(to).toPath(), pathToFile(from).toPath());
    } catch (java.nio.file.FileAlreadyExistsException e) {
      throw new FileAlreadyExistsException(to + " is there already");
    }
    super.delete(from, false);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    if (exists(path)) {
      checkWritable(path);
    }
    return super.delete(path, recursive);
  }

  /** As a disk does: writes what fits, then refuses. */
  private static final class Bounded extends FilterOutputStream {
    Bounded(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      checkTask();
      long left = BYTES_LEFT.getAndAccumulate(length, (have, n) -> Math.max(0, have - n));
      out.write(bytes, offset, (int) Math.min(left, length));
      if (left < length) {
        struck = true;
        throw new IOException("No space left on device");
      }
    }
  }

  /** The same for those who use Hadoop's file contexts, as Delta's logs do. */
  public static final class Files extends DelegateToFileSystem {
    public Files(URI uri, Configuration conf) throws IOException, URISyntaxException {
      super(uri, new FaultyFileSystem(), conf, "faulty", false);
    }
  }
}
