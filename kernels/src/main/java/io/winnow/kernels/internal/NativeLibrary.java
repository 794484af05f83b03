// SPDX-License-Identifier: Apache-2.0
package io.winnow.kernels.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The native library of this build, taken out of the jar and loaded once for this class: a class loader can load a
 * library of one path only once, so it lies in a private folder for as long as that takes. Its other side is
 * jni_kernels.cc; addresses are raw and nothing is checked there.
 */
final class NativeLibrary {
  /** WK_ABI_VERSION of winnow_kernels.h, from which the offsets of {@link NativeOps} are taken. */
  private static final int ABI_VERSION = 8;

  private static final String UNUSABLE = load();

  private NativeLibrary() {}

  /** Why there is no native library; null if there is one. */
  static String unusableReason() {
    return UNUSABLE;
  }

  /** Where a build puts the library for this machine, within the jar. */
  static String resource() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux") ? "linux" : "other";
    String arch = System.getProperty("os.arch");
    return "/io/winnow/kernels/native/" + os + "-" + (arch.equals("amd64") ? "x86_64" : arch) + "/libwinnow_kernels.so";
  }

  private static String load() {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(resource())) {
      if (in == null) {
        return "this build has no native library for " + System.getProperty("os.name") + " on "
            + System.getProperty("os.arch") + " (it is built where a C++ compiler and CMake are found)";
      }
      Path folder = Files.createTempDirectory("winnow-kernels");
      Path file = folder.resolve("libwinnow_kernels.so");
      try {
        Files.copy(in, file);
        System.load(file.toString());
      } finally {
        // What is loaded stays mapped.
        Files.deleteIfExists(file);
        Files.deleteIfExists(folder);
      }
      if (abiVersion() != ABI_VERSION || sizeOfOp() != NativeOps.OP_BYTES
          || sizeOfSample() != NativeSample.STRUCT_BYTES || sizeOfScore() != NativeScore.STRUCT_BYTES) {
        return "its interface has version " + abiVersion() + " and not " + ABI_VERSION + ": build both from one source";
      }
      return isas() == 0 ? "this processor has none of the instruction sets it is built for" : null;
    } catch (IOException | UnsatisfiedLinkError e) {
      return "it cannot be loaded: " + e.getMessage() + " (java.io.tmpdir must be writable and allow execution)";
    }
  }

  private static native int abiVersion();

  private static native int sizeOfOp();

  private static native int sizeOfSample();

  private static native int sizeOfScore();

  /** Bits of {@link Isa} that this build has and this machine can run. */
  static native int isas();

  /** A context, or the negative status. */
  static native long open(int threads, int isa);

  static native void close(long context);

  static native int run(long context, long ops, long count, long rows);

  static native int sample(long context, long sample);

  static native int score(long context, long score);

  /** Fills an array of nine longs at {@code nanos}; wk_times. */
  static native void times(long context, long nanos);

  static native long packedBytes(int format, long rows, long cols);

  static native int pack(long weight, long data, int first, int count, long source);

  static native int packCodes(
      long weight, long data, long scales, long mins, int first, int count, long codes, long sourceScales,
      long sourceMins);

  /** WK_LAYOUT_VERSION. */
  static native int layoutVersion();

  /**
   * 0 or an errno; {@code path} is the address of a text that ends in 0. An address, then a size, go to {@code out}.
   */
  static native int mapNew(long path, long bytes, long out);

  static native int map(long path, long out);

  static native int sync(long address, long bytes);

  static native int unmap(long address, long bytes);

  /** A lock, or the negative errno. */
  static native int lock(long path);

  static native void unlock(int lock);

  /** An address, or the negative errno. */
  static native long zeros(long bytes);

  /** Fills ints at {@code processors}; their number, or the negative errno. */
  static native int affinity(long processors, int most);

  /** 0 or an errno. */
  static native int pin(long processors, int count);

  static native long outstandingBytes();
}
