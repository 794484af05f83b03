// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import io.winnow.inference.checkpoint.CacheFolder;
import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.kernels.FileMapping;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.Place;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * Packed weights in files that all processes of a user on one host map: the first that needs a model packs it, the
 * others wait for it, and later ones start without packing. A file gets its name when it is complete and on the disk,
 * so it is there whole or not at all. It is a cache: whatever fails costs time, and the log a line.
 */
final class WeightCache {
  private static final System.Logger LOG = System.getLogger(WeightCache.class.getName());
  private static final String ENDING = ".weights";
  private static final String PART = ".part";
  private static final String LOCK = ".lock";

  /** Models below pack in milliseconds; their files would only fill the folder. */
  static final long LEAST_BYTES = 16L << 20;

  /** Files that nobody has used for so long go when another is written. */
  private static final Duration KEPT = Duration.ofDays(30);

  private static final long LEAST_WAIT_SECONDS = 60;
  /** Nobody packs slower than that, unless he hangs. */
  private static final long BYTES_A_SECOND = 20L << 20;
  private static final long POLL_MILLIS = 20;

  private final Path folder;
  private final long leastBytes;
  private final Duration wait;

  /** @param wait for somebody else who packs, at most; null to reckon it from the size */
  WeightCache(Path folder, long leastBytes, Duration wait) {
    this.folder = folder;
    this.leastBytes = leastBytes;
    this.wait = wait;
  }

  /** The cache of this user; null when there is none, with a line in the log unless the user wants none. */
  static WeightCache ofUser() {
    try {
      Path folder = CacheFolder.open();
      return folder == null ? null : new WeightCache(folder, LEAST_BYTES, null);
    } catch (IOException | RuntimeException e) {
      warn("the cache folder cannot be used: " + e.getMessage());
      return null;
    }
  }

  private static void warn(String why) {
    LOG.log(
        System.Logger.Level.WARNING,
        "Weights are packed anew and in memory: {0}. Set " + CacheFolder.VARIABLE
            + " to a folder of your own for packed weights, or to off.",
        why);
  }

  /**
   * The model's packed weights, mapped to be read; the caller closes them.
   *
   * @param matrices asks the index for all matrices of the model
   * @return null where they are to be packed in memory
   */
  PackedWeights open(
      Checkpoint checkpoint, Kernels kernels, WeightPrecision precision, Consumer<ModelTensors> matrices) {
    if (kernels.layout() == null || !FileMapping.supported()) {
      return null;
    }
    PackedIndex index = new PackedIndex(checkpoint, kernels, precision);
    matrices.accept(index);
    index.finish();
    if (index.fileBytes() < leastBytes) {
      return null;
    }
    try {
      Path file = folder.resolve(index.key() + ENDING);
      PackedWeights found = find(file, index, false);
      return found != null ? found : pack(file, index, checkpoint, kernels);
    } catch (IOException e) {
      warn(e.getMessage());
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      warn("interrupted while another process packs them");
      return null;
    }
  }

  /**
   * The file if it is there and the right one.
   *
   * @param tell whether the log hears why it is not
   */
  private static PackedWeights find(Path file, PackedIndex index, boolean tell) {
    if (Files.notExists(file)) {
      return null;
    }
    FileMapping mapping;
    try {
      mapping = FileMapping.open(file);
    } catch (IOException e) {
      return refused(tell, e.getMessage());
    }
    String fault = index.fault(mapping);
    if (fault != null) {
      mapping.close();
      return refused(tell, file + ": " + fault);
    }
    try {
      Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot note the use of {0}: {1}", file, e);
    }
    return new PackedWeights(mapping, index);
  }

  private static PackedWeights refused(boolean tell, String why) {
    if (tell) {
      LOG.log(System.Logger.Level.WARNING, "Packed weights are written anew: {0}.", why);
    }
    return null;
  }

  private PackedWeights pack(Path file, PackedIndex index, Checkpoint checkpoint, Kernels kernels)
      throws IOException, InterruptedException {
    FileMapping.Lock lock = lock(index);
    try (lock) {
      // Whoever held the lock before may have packed the very same.
      PackedWeights found = find(file, index, true);
      if (found != null) {
        return found;
      }
      delete(path -> path.startsWith(index.key()) && path.endsWith(PART), Instant.MAX);
      write(file, index, checkpoint, kernels);
      delete(
          path -> path.endsWith(ENDING) || path.endsWith(PART) || path.endsWith(LOCK), Instant.now().minus(KEPT));
      found = find(file, index, true);
      if (found == null) {
        throw new IOException(file + " is not what was written");
      }
      return found;
    }
  }

  private FileMapping.Lock lock(PackedIndex index) throws IOException, InterruptedException {
    Path file = folder.resolve(index.key() + LOCK);
    Duration most =
        wait != null ? wait : Duration.ofSeconds(LEAST_WAIT_SECONDS + index.fileBytes() / BYTES_A_SECOND);
    long end = System.nanoTime() + most.toNanos();
    for (;;) {
      FileMapping.Lock lock = FileMapping.tryLock(file);
      if (lock != null) {
        return lock;
      }
      if (System.nanoTime() - end > 0) {
        throw new IOException("another process has held " + file + " for " + most.toSeconds() + " s");
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private void write(Path file, PackedIndex index, Checkpoint checkpoint, Kernels kernels) throws IOException {
    // A name of its own: two who believe that they hold the lock must not write to one file.
    Path part = folder.resolve(index.key() + "-" + UUID.randomUUID() + PART);
    try {
      try (FileMapping mapping = FileMapping.create(part, index.fileBytes())) {
        for (PackedIndex.Entry e : index.entries()) {
          Place place = new Place(mapping, index.offset(e.names().get(0)));
          WeightLoader.pack(checkpoint, kernels, e.held(), place, e.names().toArray(String[]::new)).close();
        }
        mapping.write(0, index.header());
        mapping.sync();
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private interface Names {
    boolean match(String name);
  }

  /** Deletes files last used before {@code before}; what cannot be deleted stays. */
  private void delete(Names names, Instant before) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        if (names.match(file.getFileName().toString())
            && Files.getLastModifiedTime(file).toInstant().isBefore(before)) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot clear {0}: {1}", folder, e);
    }
  }
}
