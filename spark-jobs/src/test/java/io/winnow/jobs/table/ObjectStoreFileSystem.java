// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.FileNotFoundException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * {@code objstore://bucket/path}: files of this host's {@code /path}, with the manners of an object store as S3A has
 * them:
 *
 * <ul>
 *   <li>a file is there when its upload is complete, that is when its stream is closed, and not before;
 *   <li>that nothing is overwritten is looked at when the stream is opened: of two uploads at once the later wins;
 *   <li>a rename copies and then deletes; between the two both are there, and of a folder some files here, some there;
 *   <li>there is no append, and no AbstractFileSystem, which Delta's log store for HDFS needs.
 * </ul>
 */
public final class ObjectStoreFileSystem extends FileSystem {
  public static final String SCHEME = "objstore";

  /** Part of a target; the next rename to such a one fails between the copy and the delete. */
  private static final AtomicReference<String> RENAME_TO_BREAK = new AtomicReference<>();

  private static final java.nio.file.Path UPLOADS =
      java.nio.file.Path.of(System.getProperty("java.io.tmpdir"), "objstore-uploads");

  private final RawLocalFileSystem local = new RawLocalFileSystem();
  private URI uri;
  private Path workingDirectory;

  /** The next rename to an address with this part fails between the copy and the delete, as one that is cut off. */
  public static void breakRenameTo(String part) {
    RENAME_TO_BREAK.set(part);
  }

  /** Whether that rename came; if not, none is broken any more. */
  public static boolean renameBroke() {
    return RENAME_TO_BREAK.getAndSet(null) == null;
  }

  /** The address of a folder of this host. */
  public static String address(java.nio.file.Path folder) {
    return SCHEME + "://bucket" + folder.toAbsolutePath();
  }

  @Override
  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(name, conf);
    setConf(conf);
    local.initialize(URI.create("file:///"), conf);
    uri = URI.create(SCHEME + "://" + name.getAuthority());
    workingDirectory = new Path(uri.toString(), "/");
    Files.createDirectories(UPLOADS);
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public URI getUri() {
    return uri;
  }

  private java.nio.file.Path file(Path path) {
    return java.nio.file.Path.of(makeQualified(path).toUri().getPath());
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    if (!Files.isRegularFile(file(path))) {
      throw new FileNotFoundException("No object " + path);
    }
    return local.open(new Path(file(path).toUri()), bufferSize);
  }

  @Override
  public FSDataOutputStream create(
      Path path, FsPermission permission, boolean overwrite, int bufferSize, short replication, long blockSize,
      Progressable progress) throws IOException {
    java.nio.file.Path target = file(path);
    if (Files.isDirectory(target)) {
      throw new FileAlreadyExistsException(path + " is a folder");
    }
    if (!overwrite && Files.exists(target)) {
      throw new FileAlreadyExistsException(path + " is there already");
    }
    java.nio.file.Path upload = UPLOADS.resolve(UUID.randomUUID().toString());
    OutputStream parts = Files.newOutputStream(upload, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    return new FSDataOutputStream(new Upload(parts, upload, target), statistics);
  }

  /** Bytes on their way; the object appears at the close. */
  private static final class Upload extends FilterOutputStream {
    private final java.nio.file.Path upload;
    private final java.nio.file.Path target;
    private boolean closed;

    Upload(OutputStream parts, java.nio.file.Path upload, java.nio.file.Path target) {
      super(parts);
      this.upload = upload;
      this.target = target;
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      out.write(bytes, from, length);
    }

    @Override
    public void close() throws IOException {
      if (!closed) {
        closed = true;
        super.close();
        put(upload, target);
      }
    }
  }

  private static void put(java.nio.file.Path complete, java.nio.file.Path target) throws IOException {
    Files.createDirectories(target.getParent());
    Files.move(complete, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) {
    throw new UnsupportedOperationException("An object store cannot append to " + path);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    java.nio.file.Path source = file(from);
    java.nio.file.Path target = file(to);
    if (!Files.exists(source)) {
      return false;
    }
    if (Files.isDirectory(target)) {
      target = target.resolve(source.getFileName());
    }
    if (Files.exists(target)) {
      return false;
    }
    for (java.nio.file.Path object : objects(source)) {
      java.nio.file.Path copy = UPLOADS.resolve(UUID.randomUUID().toString());
      Files.copy(object, copy);
      put(copy, target.resolve(source.relativize(object).toString()));
      String broken = RENAME_TO_BREAK.get();
      if (broken != null && to.toString().contains(broken) && RENAME_TO_BREAK.compareAndSet(broken, null)) {
        throw new IOException("injected: the rename of " + from + " stopped between copy and delete");
      }
      Files.deleteIfExists(object);
    }
    return true;
  }

  private static List<java.nio.file.Path> objects(java.nio.file.Path root) throws IOException {
    try (Stream<java.nio.file.Path> all = Files.walk(root)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    java.nio.file.Path root = file(path);
    if (!Files.exists(root)) {
      return false;
    }
    try (Stream<java.nio.file.Path> all = Files.walk(root)) {
      List<java.nio.file.Path> deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
      if (deepestFirst.size() > 1 && !recursive) {
        throw new IOException(path + " is not empty");
      }
      for (java.nio.file.Path each : deepestFirst) {
        Files.deleteIfExists(each);
      }
    }
    return true;
  }

  /** In the order of names, as a listing by prefix gives them. */
  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    FileStatus status = getFileStatus(path);
    if (status.isFile()) {
      return new FileStatus[] {status};
    }
    List<FileStatus> out = new ArrayList<>();
    try (Stream<java.nio.file.Path> children = Files.list(file(path))) {
      for (java.nio.file.Path child : children.sorted().toList()) {
        try {
          out.add(getFileStatus(new Path(makeQualified(path), child.getFileName().toString())));
        } catch (FileNotFoundException e) {
          // Deleted meanwhile.
        }
      }
    }
    return out.toArray(FileStatus[]::new);
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    Files.createDirectories(file(path));
    return true;
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    java.nio.file.Path file = file(path);
    try {
      boolean folder = Files.isDirectory(file);
      long modified = Files.getLastModifiedTime(file).toMillis();
      return new FileStatus(folder ? 0 : Files.size(file), folder, 1, 1 << 25, modified, makeQualified(path));
    } catch (java.nio.file.NoSuchFileException e) {
      throw new FileNotFoundException("No object " + path);
    }
  }

  @Override
  public void setWorkingDirectory(Path path) {
    workingDirectory = makeQualified(path);
  }

  @Override
  public Path getWorkingDirectory() {
    return workingDirectory;
  }
}
