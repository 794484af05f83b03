// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.storage.HDFSLogStore;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.util.Iterator;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Commits on a local disk by a hard link, which is there whole or not at all and never takes the place of another.
 * Delta's own store for other systems looks whether the commit exists and then renames, once for the file and once for
 * its checksum: of two processes that commit the same version at once, one may write over the other, or leave its
 * checksum beside the other's file. Where a disk has no hard links, it falls back to that.
 */
public final class LocalLogStore extends HDFSLogStore {
  public LocalLogStore(Configuration conf) {
    super(conf);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration conf) throws IOException {
    FileSystem fs = path.getFileSystem(conf);
    if (overwrite || fs.getClass() != LocalFileSystem.class) {
      super.write(path, actions, overwrite, conf);
      return;
    }
    java.nio.file.Path commit = ((LocalFileSystem) fs).pathToFile(path).toPath();
    if (!Files.isDirectory(commit.getParent())) {
      throw new java.io.FileNotFoundException("No folder " + commit.getParent());
    }
    java.nio.file.Path aside = commit.resolveSibling("." + commit.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      try (BufferedWriter out = Files.newBufferedWriter(aside, StandardCharsets.UTF_8)) {
        while (actions.hasNext()) {
          out.write(actions.next());
          out.write('\n');
        }
      }
      link(aside, commit, path);
    } finally {
      Files.deleteIfExists(aside);
    }
  }

  private static void link(java.nio.file.Path aside, java.nio.file.Path commit, Path path) throws IOException {
    try {
      Files.createLink(commit, aside);
    } catch (FileAlreadyExistsException e) {
      throw new FileAlreadyExistsException(path.toString());
    } catch (UnsupportedOperationException | FileSystemException e) {
      // No hard links here: what is left is to look first.
      if (Files.exists(commit)) {
        throw new FileAlreadyExistsException(path.toString());
      }
      Files.move(aside, commit);
    }
  }
}
