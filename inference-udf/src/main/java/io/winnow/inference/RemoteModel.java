// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * The files of a model that lies elsewhere, as the driver found them. What executors fetch must be just these.
 *
 * @param address of the folder or the .gguf file
 * @param name last part of the address: what the copy is called
 * @param folder whether the address is a folder
 * @param files by name; only those that the engine reads
 */
public record RemoteModel(String address, String name, boolean folder, List<File> files) implements Serializable {
  /**
   * One file and its state.
   *
   * @param name a plain name without folders
   * @param length in bytes
   * @param modified time of change in milliseconds since 1970, as its file system states it
   * @param tag what the file system has of its content, an etag or a checksum; empty where it has none
   */
  public record File(String name, long length, long modified, String tag) implements Serializable {
    /** What differs between this state and a later one; null if nothing does. */
    public String difference(File later) {
      if (length != later.length) {
        return "it had " + length + " bytes and has " + later.length;
      }
      if (!tag.equals(later.tag)) {
        return "its checksum or etag is another";
      }
      return modified == later.modified ? null : "it was written anew";
    }
  }

  public RemoteModel {
    files = List.copyOf(files);
  }

  /** Bytes of all files. */
  public long bytes() {
    return files.stream().mapToLong(File::length).reduce(0, Math::addExact);
  }

  /** Names this content at this address: 32 hexadecimal digits over the address and the state of every file. */
  public String key() {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      frame(sha, address);
      for (File file : files) {
        frame(sha, file.name);
        frame(sha, file.length + " " + file.modified);
        frame(sha, file.tag);
      }
      return HexFormat.of().formatHex(sha.digest(), 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("Every Java platform has SHA-256", e);
    }
  }

  private static void frame(MessageDigest sha, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    sha.update(ByteBuffer.allocate(8).putLong(bytes.length).flip());
    sha.update(bytes);
  }
}
