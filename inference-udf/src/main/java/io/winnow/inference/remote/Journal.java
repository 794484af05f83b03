// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.inference.RemoteModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;

/**
 * Which pieces of which files are on the disk: a text file with a line for each, NUMBER and name, added when the piece
 * is. A line that is torn counts for nothing. Any number of threads of its one holder.
 */
final class Journal implements AutoCloseable {
  private final Set<String> lines = new HashSet<>();
  private final FileChannel channel;

  private Journal(FileChannel channel) {
    this.channel = channel;
  }

  /** Opens or makes it. */
  static Journal open(Path file) throws IOException {
    String text = Files.exists(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
    int whole = text.lastIndexOf('\n') + 1;
    Journal journal =
        new Journal(FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE));
    // Cut off what is torn, so that the next line begins a line.
    journal.channel.truncate(whole);
    journal.channel.position(whole);
    String good = new String(text.substring(0, whole).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    good.lines().forEach(journal.lines::add);
    return journal;
  }

  private static String line(RemoteModel.File file, int piece) {
    return piece + " " + file.name();
  }

  synchronized boolean has(RemoteModel.File file, int piece) {
    return lines.contains(line(file, piece));
  }

  synchronized void add(RemoteModel.File file, int piece) throws IOException {
    lines.add(line(file, piece));
    ByteBuffer bytes = ByteBuffer.wrap((line(file, piece) + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
    channel.force(false);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
