// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.tokenizer;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.checkpoint.PrivateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One tokenizer of the Hugging Face tokenizers library, as DJL packs it. The JNI calls are used bare: DJL's own wrapper
 * truncates long texts by default and copies eight arrays for each encoding.
 *
 * <p>The library is unpacked into the system property {@code winnow.nativeDir}, or {@code
 * java.io.tmpdir/winnow-native-USER}; the home folder is not touched and nothing is downloaded.
 */
final class NativeTokenizer implements AutoCloseable {
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;

  /** @throws RuntimeException when the library refuses the definition */
  NativeTokenizer(String json) {
    Library.load();
    handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
    // A definition may carry the limits of the training run.
    TokenizersLibrary.LIB.disableTruncation(handle);
    TokenizersLibrary.LIB.disablePadding(handle);
  }

  /** Begins to load the library, which takes longer than to read a vocabulary. */
  static void prepare() {
    Thread loads = new Thread(() -> Library.FAILURE.isPresent(), "winnow-tokenizers");
    loads.setDaemon(true);
    loads.start();
  }

  int[] encode(String text, boolean addSpecialTokens) {
    lock.readLock().lock();
    try {
      long encoding = TokenizersLibrary.LIB.encode(open(), wellFormed(text), addSpecialTokens);
      try {
        long[] wide = TokenizersLibrary.LIB.getTokenIds(encoding);
        int[] ids = new int[wide.length];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = (int) wide[i];
        }
        return ids;
      } finally {
        TokenizersLibrary.LIB.deleteEncoding(encoding);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  String decode(int[] ids, boolean skipSpecialTokens) {
    if (ids.length == 0) {
      return "";
    }
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i] & 0xffffffffL;
    }
    lock.readLock().lock();
    try {
      return TokenizersLibrary.LIB.decode(open(), wide, skipSpecialTokens);
    } finally {
      lock.readLock().unlock();
    }
  }

  private long open() {
    if (handle == 0) {
      throw new IllegalStateException("The tokenizer has been closed");
    }
    return handle;
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        TokenizersLibrary.LIB.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Half a surrogate pair has no UTF-8; it becomes U+FFFD, as any decoder of broken text would make it. */
  static String wellFormed(String text) {
    StringBuilder mended = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        if (mended == null) {
          mended = new StringBuilder(text);
        }
        mended.setCharAt(i, '\ufffd');
      }
    }
    return mended == null ? text : mended.toString();
  }

  /** Loads the native library once for each JVM; it cannot be unloaded. */
  private static final class Library {
    static final Optional<Throwable> FAILURE = Optional.ofNullable(failure());

    static void load() {
      if (FAILURE.isPresent()) {
        throw InferenceErrors.nativeLibrary("the tokenizers", FAILURE.get());
      }
    }

    private static Throwable failure() {
      try {
        String folder = folder().toString();
        setUnlessSet("ENGINE_CACHE_DIR", folder);
        setUnlessSet("DJL_CACHE_DIR", folder);
        setUnlessSet("ai.djl.offline", "true");
        setUnlessSet("OPT_OUT_TRACKING", "true");
        // Without it a host with CUDA would look for another build of the library, and try to download it.
        setUnlessSet("RUST_FLAVOR", "cpu");
        LibUtils.checkStatus();
        return null;
      } catch (IOException | RuntimeException | LinkageError e) {
        return e;
      }
    }

    private static Path folder() throws IOException {
      String chosen = System.getProperty("winnow.nativeDir");
      if (chosen != null && !chosen.isBlank()) {
        return Files.createDirectories(Path.of(chosen));
      }
      try {
        return PrivateFolder.underTmp("winnow-native");
      } catch (IOException e) {
        return Files.createTempDirectory("winnow-native");
      }
    }

    private static void setUnlessSet(String key, String value) {
      if (System.getProperty(key) == null) {
        System.setProperty(key, value);
      }
    }
  }
}
