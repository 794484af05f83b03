// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server writes: kept in a file that only this user may read, which becomes {@code NAME.1} when it is full, with
 * the last lines at hand. A key never gets into it. Where the disk refuses, lines are dropped and the server runs on.
 */
final class ServerLog implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ServerLog.class.getName());
  private static final int TAIL_LINES = 30;
  private static final int MOST_CHARS = 4000;
  private static final Pattern PERCENT = Pattern.compile("(?<![\\d.])(\\d{1,3})(?:\\.\\d+)?\\s?%");
  private static final Pattern COLOURS = Pattern.compile("\\e\\[[0-9;?]*[A-Za-z]");

  private final Path file;
  private final long mostBytes;
  private final String secret;
  private final Deque<String> tail = new ArrayDeque<>();
  private OutputStream out;
  private long bytes;
  private boolean broken;
  private long lines;

  /** @param secret that is written as [key] where it occurs */
  ServerLog(Path file, long mostBytes, String secret) {
    this.file = file;
    this.mostBytes = mostBytes;
    this.secret = secret;
  }

  Path file() {
    return file;
  }

  /** Reads lines until the stream ends; a carriage return, by which progress bars write again, ends a line as well. */
  void follow(InputStream in) {
    byte[] buffer = new byte[8192];
    byte[] line = new byte[MOST_CHARS];
    int length = 0;
    try (in) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int i = 0; i < n; i++) {
          if (buffer[i] == '\n' || buffer[i] == '\r') {
            add(new String(line, 0, length, StandardCharsets.UTF_8));
            length = 0;
          } else if (length < line.length) {
            line[length++] = buffer[i];
          }
        }
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "The output of a server ended: {0}", e);
    }
    if (length > 0) {
      add(new String(line, 0, length, StandardCharsets.UTF_8));
    }
  }

  synchronized void add(String raw) {
    String line = COLOURS.matcher(raw).replaceAll("").replace(secret, "[key]").stripTrailing();
    if (line.isBlank()) {
      return;
    }
    lines++;
    tail.addLast(line);
    if (tail.size() > TAIL_LINES) {
      tail.removeFirst();
    }
    write((line + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private void write(byte[] line) {
    if (broken) {
      return;
    }
    try {
      if (out != null && bytes + line.length > mostBytes) {
        out.close();
        out = null;
        Files.move(file, file.resolveSibling(file.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
      }
      if (out == null) {
        out = open();
      }
      out.write(line);
      bytes += line.length;
    } catch (IOException | RuntimeException e) {
      broken = true;
      LOG.log(System.Logger.Level.WARNING, "Cannot write the server''s log {0}: {1}", file, e);
    }
  }

  private OutputStream open() throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    if (!Files.exists(file)) {
      create(file);
    }
    bytes = Files.size(file);
    return Files.newOutputStream(file, StandardOpenOption.APPEND);
  }

  /** A file that nobody but this user may read, where the file system knows such. */
  static void create(Path file) throws IOException {
    if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } else {
      Files.createFile(file);
    }
  }

  /** The last lines, oldest first. */
  synchronized List<String> tail() {
    return List.copyOf(tail);
  }

  synchronized String lastLine() {
    return tail.isEmpty() ? "" : tail.getLast();
  }

  /** Lines so far. */
  synchronized long lines() {
    return lines;
  }

  /** Forgets the tail, which is that of another process. */
  synchronized void begin() {
    tail.clear();
  }

  /** The percentage in the last line, if there is one. */
  static OptionalInt percent(String line) {
    Matcher matcher = PERCENT.matcher(line);
    OptionalInt last = OptionalInt.empty();
    while (matcher.find()) {
      int value = Integer.parseInt(matcher.group(1));
      last = value <= 100 ? OptionalInt.of(value) : last;
    }
    return last;
  }

  @Override
  public synchronized void close() {
    broken = true;
    try {
      if (out != null) {
        out.close();
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot close {0}: {1}", file, e);
    }
  }
}
