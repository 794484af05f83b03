// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Path;

/** What the native library does for memory and files beside arithmetic; map.cc. */
public final class SystemMemory {
  /** As the JDK spells paths to the system. */
  private static final Charset PATHS = charset(System.getProperty("sun.jnu.encoding"));

  private SystemMemory() {}

  /** Address and size of a mapped file. */
  public record Mapped(long address, long sizeBytes) {}

  private static Charset charset(String name) {
    try {
      return Charset.forName(name);
    } catch (IllegalArgumentException e) {
      return Charset.defaultCharset();
    }
  }

  /** Whether there is a native library; if not, only {@link #zeros} may be called. */
  public static boolean usable() {
    return NativeLibrary.unusableReason() == null;
  }

  /** Zeroed memory at a page's start that takes room when it is touched, or 0: there is no library, or no memory. */
  public static long zeros(long bytes) {
    return usable() ? Math.max(0, NativeLibrary.zeros(bytes)) : 0;
  }

  /** Gives back what {@link #zeros}, {@link #mapNew} or {@link #map} gave. */
  public static void unmap(long address, long bytes) {
    int error = NativeLibrary.unmap(address, bytes);
    if (error != 0) {
      throw new IllegalStateException("the system does not take back " + bytes + " bytes: error " + error);
    }
  }

  /** Makes a file and maps it to be written. */
  public static Mapped mapNew(Path file, long bytes) throws IOException {
    long[] found = new long[2];
    check(withPath(file, found, (path, out) -> NativeLibrary.mapNew(path, bytes, out)), file);
    return new Mapped(found[0], bytes);
  }

  /** Maps a whole file to be read. */
  public static Mapped map(Path file) throws IOException {
    long[] found = new long[2];
    check(withPath(file, found, NativeLibrary::map), file);
    return new Mapped(found[0], found[1]);
  }

  public static void sync(long address, long bytes, Path file) throws IOException {
    check(NativeLibrary.sync(address, bytes), file);
  }

  /** A lock for {@link #unlock}, or −1 where somebody else holds it. */
  public static int lock(Path file) throws IOException {
    int lock = withPath(file, new long[2], (path, out) -> NativeLibrary.lock(path));
    if (lock == -Errno.EWOULDBLOCK) {
      return -1;
    }
    check(Math.max(0, -lock), file);
    return lock;
  }

  public static void unlock(int lock) {
    NativeLibrary.unlock(lock);
  }

  public static int layoutVersion() {
    return NativeLibrary.layoutVersion();
  }

  /** Copies bytes to or from a mapping. */
  public static void write(long address, byte[] bytes) {
    Raw.write(address, bytes, 0, bytes.length);
  }

  public static byte[] read(long address, int count) {
    byte[] out = new byte[count];
    Raw.read(address, out, 0, count);
    return out;
  }

  private interface PathCall {
    int call(long path, long out);
  }

  private static int withPath(Path file, long[] found, PathCall call) {
    byte[] text = (file.toAbsolutePath() + "\0").getBytes(PATHS);
    long memory = Raw.allocate(16L + text.length);
    try {
      Raw.write(memory + 16, text, 0, text.length);
      int status = call.call(memory + 16, memory);
      found[0] = Raw.longAt(memory);
      found[1] = Raw.longAt(memory + 8);
      return status;
    } finally {
      Raw.free(memory);
    }
  }

  private static void check(int error, Path file) throws IOException {
    if (error != 0) {
      throw new IOException(file + ": " + Errno.text(error));
    }
  }

  /** Errors of Linux that a user can do something about. */
  private static final class Errno {
    static final int EWOULDBLOCK = 11;

    static String text(int error) {
      return switch (error) {
        case 1 -> "it belongs to somebody else, others may write to it, or it is no plain file";
        case 2 -> "there is no such file";
        case 12 -> "the address space has no room for it";
        case 13 -> "no permission";
        case 17 -> "it is there already";
        case 22 -> "it is empty, or the file system cannot map files";
        case 24 -> "too many files are open";
        case 27 -> "the file system does not allow files of that size";
        case 28 -> "no room is left on the disk";
        case 30 -> "the file system is read-only";
        case 40 -> "it is a symbolic link";
        case 122 -> "the quota of the disk is used up";
        default -> "error " + error + " of the system";
      };
    }
  }
}
