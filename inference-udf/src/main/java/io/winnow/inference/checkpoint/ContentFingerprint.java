// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.checkpoint;

import io.winnow.inference.InferenceErrors;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/**
 * SHA-256 over the full content of a model's files: for each, in the order of their names, the length of the name, the
 * name, the length of the content and the content (lengths as eight bytes, big-endian). A single file enters without
 * its name, so that renaming a GGUF changes nothing.
 *
 * <p>Hashing gigabytes takes seconds, so the result is kept in a small file whose name is made of every file's absolute
 * path, size and time of change in the {@link CacheFolder}; where that cannot be used nothing is kept.
 */
final class ContentFingerprint {
  private static final int BUFFER_BYTES = 1 << 20;

  private ContentFingerprint() {}

  static String of(List<Path> files) {
    List<Path> ordered =
        files.stream().sorted(Comparator.comparing((Path f) -> f.getFileName().toString())).toList();
    try {
      String before = stateOf(ordered);
      Path folder = cacheFolder();
      Path entry = folder == null ? null : folder.resolve(before + ".sha256");
      String known = entry == null ? null : read(entry);
      if (known != null) {
        return known;
      }
      String fingerprint = hash(ordered);
      // A file that changed while it was read must not be remembered under its old state.
      if (entry != null && before.equals(stateOf(ordered))) {
        write(entry, fingerprint);
      }
      return fingerprint;
    } catch (IOException e) {
      throw InferenceErrors.modelInvalid(
          ordered.get(0).toString(), "its content cannot be read: " + e, "Check that the files may be read.");
    }
  }

  private static String hash(List<Path> files) throws IOException {
    MessageDigest sha = sha256();
    byte[] buffer = new byte[BUFFER_BYTES];
    for (Path file : files) {
      if (files.size() > 1) {
        frame(sha, file.getFileName().toString());
      }
      sha.update(ByteBuffer.allocate(8).putLong(Files.size(file)).flip());
      try (InputStream in = new java.io.FileInputStream(file.toFile())) {
        for (int n; (n = in.read(buffer)) > 0; ) {
          sha.update(buffer, 0, n);
        }
      }
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  private static String stateOf(List<Path> files) throws IOException {
    MessageDigest sha = sha256();
    for (Path file : files) {
      frame(sha, file.toAbsolutePath().normalize().toString());
      sha.update(ByteBuffer.allocate(8).putLong(Files.size(file)).flip());
      frame(sha, Files.getLastModifiedTime(file).toInstant().toString());
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  private static void frame(MessageDigest sha, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    sha.update(ByteBuffer.allocate(8).putLong(bytes.length).flip());
    sha.update(bytes);
  }

  private static Path cacheFolder() {
    try {
      return CacheFolder.open();
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  private static String read(Path entry) {
    try {
      String text = Files.readString(entry).strip();
      return text.matches("[0-9a-f]{64}") ? text : null;
    } catch (IOException e) {
      return null;
    }
  }

  private static void write(Path entry, String fingerprint) {
    try {
      Path part = Files.createTempFile(entry.getParent(), "fingerprint", ".part");
      Files.writeString(part, fingerprint + "\n");
      Files.move(part, entry, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException ignored) {
      // Without the cache the next start hashes again: slower, not wrong.
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("Every Java platform has SHA-256", e);
    }
  }
}
