// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Folders that belong to this user alone, so that nobody else on the host can plant fingerprints, packed weights or
 * native libraries in them.
 */
public final class PrivateFolder {
  private PrivateFolder() {}

  /**
   * {@code java.io.tmpdir/NAME-USER}, made where it is missing.
   *
   * @throws IOException when it cannot be made, or when somebody else owns it or may write to it
   */
  public static Path underTmp(String name) throws IOException {
    Path tmp = Path.of(System.getProperty("java.io.tmpdir"));
    Files.createDirectories(tmp);
    return checked(tmp.resolve(name + "-" + System.getProperty("user.name", "unknown").replaceAll("[^\\w.-]", "_")));
  }

  /**
   * The folder itself, made where it is missing.
   *
   * @throws IOException as {@link #underTmp}
   */
  static Path checked(Path folder) throws IOException {
    if (!folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return Files.createDirectories(folder);
    }
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createDirectory(
            folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } catch (java.nio.file.FileAlreadyExistsException e) {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
          throw e;
        }
      }
    }
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
    if (permissions.contains(PosixFilePermission.OTHERS_WRITE)
        || permissions.contains(PosixFilePermission.GROUP_WRITE)) {
      throw new IOException(folder + " may be written by others");
    }
    Path probe = Files.createTempFile(folder, "owner", null);
    try {
      if (!Files.getOwner(probe).equals(Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS))) {
        throw new IOException(folder + " belongs to somebody else");
      }
    } finally {
      Files.deleteIfExists(probe);
    }
    return folder;
  }
}
