// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.security.AccessControlException;

/**
 * {@code models://bucket/path}: files of this host's {@code /path}, with etags, for those who have the key. The file of
 * {@code fs.models.log} gets a line for each file that is opened, in whatever process.
 */
public final class ModelStoreFileSystem extends RawLocalFileSystem {
  static final String SCHEME = "models";
  static final String KEY = "sesame-17";

  private static final AtomicReference<Runnable> BEFORE_OPEN = new AtomicReference<>();

  private URI uri;

  /** Status with an etag made of length and time. */
  private static final class Tagged extends FileStatus implements EtagSource {
    Tagged(FileStatus status, Path path) {
      super(
          status.getLen(), status.isDirectory(), 1, status.getBlockSize(), status.getModificationTime(), path);
    }

    @Override
    public String getEtag() {
      return getLen() + "-" + getModificationTime();
    }
  }

  /** The address of a file or folder of this host. */
  static String address(java.nio.file.Path path) {
    return SCHEME + "://bucket" + path.toAbsolutePath();
  }

  /** Once, before the next file is opened in this process. */
  static void beforeOpen(Runnable action) {
    BEFORE_OPEN.set(action);
  }

  @Override
  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(URI.create("file:///"), conf);
    uri = URI.create(SCHEME + "://" + name.getAuthority());
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public URI getUri() {
    return uri == null ? URI.create("file:///") : uri;
  }

  private void checkKey(Path path) throws AccessControlException {
    if (!KEY.equals(getConf().get("fs.models.key"))) {
      throw new AccessControlException("403 for " + path);
    }
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    checkKey(path);
    Runnable before = BEFORE_OPEN.getAndSet(null);
    if (before != null) {
      before.run();
    }
    String log = getConf().get("fs.models.log");
    if (log != null) {
      Files.writeString(
          java.nio.file.Path.of(log), path.getName() + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    }
    return super.open(path, bufferSize);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    checkKey(path);
    return new Tagged(super.getFileStatus(path), makeQualified(path));
  }
}
