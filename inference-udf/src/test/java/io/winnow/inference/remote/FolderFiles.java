// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.inference.RemoteModel;
import java.io.FileNotFoundException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A folder of this host as another file system, which a test may make slow, faulty or hostile. */
class FolderFiles implements RemoteFiles {
  final Path folder;
  /** Bytes that were read. */
  final AtomicLong read = new AtomicLong();
  /** Streams that were opened. */
  final AtomicInteger opened = new AtomicInteger();
  /** Reads that fail from now on. */
  final AtomicInteger faults = new AtomicInteger();
  /** Called before each read, with the name of the file. */
  volatile Consumer<String> beforeRead = name -> {};

  FolderFiles(Path folder) {
    this.folder = folder;
  }

  @Override
  public boolean isFolder() throws IOException {
    if (!Files.exists(folder)) {
      throw new FileNotFoundException("no " + folder);
    }
    return Files.isDirectory(folder);
  }

  private Path path(String name) throws IOException {
    return isFolder() ? folder.resolve(name) : folder;
  }

  @Override
  public List<String> names(int most) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return new ArrayList<>(
          all.filter(Files::isRegularFile).map(f -> f.getFileName().toString()).limit(most).toList());
    }
  }

  @Override
  public RemoteModel.File look(String name) throws IOException {
    Path path = path(name);
    if (!Files.isRegularFile(path)) {
      throw new FileNotFoundException("no " + path);
    }
    return new RemoteModel.File(name, Files.size(path), Files.getLastModifiedTime(path).toMillis(), tag(name));
  }

  String tag(String name) throws IOException {
    return "";
  }

  @Override
  public InputStream open(String name, long offset) throws IOException {
    opened.incrementAndGet();
    InputStream in = Files.newInputStream(path(name));
    in.skipNBytes(offset);
    return new FilterInputStream(in) {
      @Override
      public int read(byte[] bytes, int from, int length) throws IOException {
        beforeRead.accept(name);
        // In small bites, so that a fault comes in the middle of a piece.
        int n = super.read(bytes, from, Math.min(length, 1000));
        if (faults.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
          throw new IOException("connection reset");
        }
        FolderFiles.this.read.addAndGet(Math.max(0, n));
        return n;
      }
    };
  }
}
