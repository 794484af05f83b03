// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.RemoteModel;
import io.winnow.inference.conf.UsageException;
import io.winnow.inference.remote.RemoteFiles;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileChecksum;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.StringUtils;

/** A model on any file system that Hadoop opens: hdfs, s3a, abfs, gs, file and others. */
final class HadoopFiles implements RemoteFiles {
  private final FileSystem fs;
  private final Path address;
  private volatile Boolean folder;

  private HadoopFiles(FileSystem fs, Path address) {
    this.fs = fs;
    this.address = address;
  }

  /**
   * Opens the file system of an address.
   *
   * @throws UsageException when there is none for its scheme, or it cannot be set up
   */
  static HadoopFiles open(String address, Configuration conf) {
    try {
      Path path = new Path(address);
      return new HadoopFiles(path.getFileSystem(conf), path);
    } catch (UnsupportedFileSystemException e) {
      throw noFileSystem(address, e);
    } catch (IOException | RuntimeException e) {
      for (Throwable cause = e; cause != null; cause = cause.getCause()) {
        if (cause instanceof ClassNotFoundException) {
          throw noFileSystem(address, e);
        }
        if (cause instanceof UnknownHostException) {
          throw new UsageException(
              "Cannot use --model '" + address + "': there is no host " + cause.getMessage() + ". Check the address, or"
                  + " give the name service's options by --conf spark.hadoop.*.", e);
        }
      }
      throw new UsageException(
          "Cannot use --model '" + address + "': its file system cannot be set up (" + e.getMessage() + "). Check the"
              + " address and the options spark.hadoop.* of its file system.", e);
    }
  }

  private static UsageException noFileSystem(String address, Exception e) {
    String scheme = address.substring(0, address.indexOf(':'));
    return new UsageException(
        "Cannot use --model '" + address + "': Spark has no file system for " + scheme + ":// (" + e.getMessage()
            + "). Add its jars by --packages, as docs/OBJECT_STORES.md shows, or give a path that all hosts have.", e);
  }

  private interface Call<T> {
    T run() throws IOException;
  }

  /** Says in Java's words what Hadoop says in its own. */
  private static <T> T call(Call<T> call) throws IOException {
    try {
      return call.run();
    } catch (AccessControlException e) {
      AccessDeniedException denied = new AccessDeniedException(e.getMessage());
      denied.initCause(e);
      throw denied;
    }
  }

  /** A folder's file, or the single file that the address is. */
  private Path path(String file) throws IOException {
    return isFolder() ? new Path(address, file) : address;
  }

  @Override
  public boolean isFolder() throws IOException {
    Boolean known = folder;
    if (known == null) {
      known = call(() -> fs.getFileStatus(address).isDirectory());
      folder = known;
    }
    return known;
  }

  @Override
  public List<String> names(int most) throws IOException {
    return call(
        () -> {
          List<String> names = new ArrayList<>();
          RemoteIterator<FileStatus> all = fs.listStatusIterator(address);
          while (names.size() < most && all.hasNext()) {
            FileStatus status = all.next();
            if (!status.isDirectory()) {
              names.add(status.getPath().getName());
            }
          }
          return names;
        });
  }

  @Override
  public RemoteModel.File look(String file) throws IOException {
    return call(
        () -> {
          FileStatus status = fs.getFileStatus(path(file));
          if (!status.isFile()) {
            throw new FileNotFoundException(path(file) + " is no file");
          }
          return new RemoteModel.File(file, status.getLen(), status.getModificationTime(), tag(status, file));
        });
  }

  /** An etag where listings have one, else the checksum; some file systems have neither. */
  private String tag(FileStatus status, String file) throws IOException {
    if (status instanceof EtagSource source && source.getEtag() != null) {
      return source.getEtag();
    }
    try {
      FileChecksum checksum = fs.getFileChecksum(path(file));
      return checksum == null || checksum.getBytes() == null
          ? ""
          : checksum.getAlgorithmName() + " " + StringUtils.byteToHexString(checksum.getBytes());
    } catch (UnsupportedOperationException e) {
      return "";
    }
  }

  @Override
  public InputStream open(String file, long offset) throws IOException {
    return call(
        () -> {
          FSDataInputStream in = fs.open(path(file));
          try {
            if (offset > 0) {
              in.seek(offset);
            }
            return in;
          } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
          }
        });
  }
}
