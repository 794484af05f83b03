// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.RemoteModel;
import io.winnow.inference.checkpoint.CacheFolder;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.function.ToLongFunction;

/**
 * Copies of models from other file systems, one a host for all processes of a user. In the folder {@code models} of the
 * {@link CacheFolder}:
 *
 * <pre>
 * KEY/files          what is in the copy; its time of change is that of the last use
 * KEY/copy/NAME      the copy: a folder or a .gguf file
 * KEY.part           one that is being fetched, or whose fetching was killed; the next one goes on with it
 * KEY.lock           held by whoever fetches or deletes
 * </pre>
 *
 * KEY names address, lengths, times and tags of all files ({@link RemoteModel#key}), so a model that has changed is
 * another copy. A copy gets its name when it is whole and on the disk. Copies that nobody has used for 30 days go when
 * another is fetched.
 */
public final class ModelCache {
  private static final System.Logger LOG = System.getLogger(ModelCache.class.getName());
  private static final String FILES = "files";
  private static final String COPY = "copy";
  private static final String JOURNAL = "fetched";
  private static final String PART = ".part";
  private static final String LOCK = ".lock";
  private static final String GONE = ".gone-";
  private static final Duration KEPT = Duration.ofDays(30);
  private static final long POLL_MILLIS = 50;

  private final Path folder;
  private final Limits limits;

  /**
   * How it fetches.
   *
   * @param threads that fetch side by side
   * @param pieceBytes of a file that one thread fetches at a time, and that a killed process loses at most
   * @param patience with somebody else who fetches the same and gets no further
   * @param room bytes that the disk of a folder can still take
   */
  record Limits(int threads, int pieceBytes, BackOff backOff, Duration patience, ToLongFunction<Path> room) {
    static final Limits USUAL = new Limits(6, 32 << 20, BackOff.PATIENT, Duration.ofMinutes(10), Limits::usable);

    private static long usable(Path folder) {
      try {
        return Files.getFileStore(folder).getUsableSpace();
      } catch (IOException e) {
        return Long.MAX_VALUE; // the disk itself will say
      }
    }
  }

  /** Where the files come from, asked for only if they are not here. */
  @FunctionalInterface
  public interface Source {
    RemoteFiles open();
  }

  ModelCache(Path folder, Limits limits) {
    this.folder = folder;
    this.limits = limits;
  }

  /**
   * The cache of this user.
   *
   * @param address of the model it is for
   * @throws InferenceException model_not_fetched when there is none
   */
  public static ModelCache ofUser(String address) {
    String why;
    try {
      Path cache = CacheFolder.open();
      if (cache != null) {
        return new ModelCache(Files.createDirectories(cache.resolve("models")), Limits.USUAL);
      }
      why = "the cache folder is switched off";
    } catch (IOException | RuntimeException e) {
      why = "the cache folder cannot be used: " + e.getMessage();
    }
    throw InferenceErrors.modelNotFetched(
        address, why, "Set " + CacheFolder.VARIABLE + " to a folder of your own with room for the model, on all hosts.",
        null);
  }

  /**
   * The copy of the model: a folder or a .gguf file. Fetches it if it is not here; waits for whoever does already.
   *
   * @throws InferenceException model_not_fetched when it cannot be fetched, or is no longer what the driver saw
   */
  public Path open(RemoteModel model, Source source) {
    Path entry = folder.resolve(model.key());
    if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS) && fault(entry, model) == null) {
      return used(entry, model);
    }
    try (HostLock lock = lock(model)) {
      // Whoever held the lock before may have fetched the very same.
      String fault = Files.exists(entry, LinkOption.NOFOLLOW_LINKS) ? fault(entry, model) : "";
      if (fault == null) {
        return used(entry, model);
      }
      if (!fault.isEmpty()) {
        LOG.log(
            System.Logger.Level.WARNING, "The copy of {0} in {1} is fetched anew: {2}", model.address(), entry, fault);
        remove(entry);
      }
      fetch(model, source.open());
      fault = fault(entry, model);
      if (fault != null) {
        throw new IOException(entry + " is not what was written: " + fault);
      }
      return used(entry, model);
    } catch (IOException e) {
      throw InferenceErrors.modelNotFetched(
          model.address(), "its copy in " + folder + " cannot be made (" + e.getMessage() + ")",
          "Mend that, or name another folder by " + CacheFolder.VARIABLE + ".", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw InferenceErrors.modelNotFetched(
          model.address(), "interrupted", "What was fetched is kept: run again, and it goes on from there.", e);
    }
  }

  /** Throws the copy away, so that the next {@link #open} fetches it anew. */
  public void discard(RemoteModel model) {
    try (HostLock lock = HostLock.tryLock(lockFile(model.key()))) {
      if (lock != null) {
        remove(folder.resolve(model.key()));
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "Cannot throw away the copy of {0}: {1}", model.address(), e);
    }
  }

  private Path used(Path entry, RemoteModel model) {
    try {
      Files.setLastModifiedTime(entry.resolve(FILES), FileTime.from(Instant.now()));
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot note the use of {0}: {1}", entry, e);
    }
    return entry.resolve(COPY).resolve(model.name());
  }

  private Path lockFile(String key) {
    return folder.resolve(key + LOCK);
  }

  private HostLock lock(RemoteModel model) throws IOException, InterruptedException {
    Path file = lockFile(model.key());
    Path journal = folder.resolve(model.key() + PART).resolve(JOURNAL);
    long seen = -1;
    long since = System.nanoTime();
    for (;;) {
      HostLock lock = HostLock.tryLock(file);
      if (lock != null) {
        return lock;
      }
      long now = size(journal);
      if (now != seen) {
        seen = now;
        since = System.nanoTime();
      } else if (System.nanoTime() - since > limits.patience().toNanos()) {
        throw InferenceErrors.modelNotFetched(
            model.address(),
            "another process of this host has held " + file + " for " + limits.patience().toSeconds()
                + " s without getting any further", "End that process, or name another folder by "
                + CacheFolder.VARIABLE + ".", null);
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      return -1;
    }
  }

  private static Path filesOf(Path entry, RemoteModel model) {
    return model.folder() ? entry.resolve(COPY).resolve(model.name()) : entry.resolve(COPY);
  }

  /** What is wrong with a copy; null if nothing is. A change that keeps a file's length and time is not seen. */
  private static String fault(Path entry, RemoteModel model) {
    try {
      String written = Files.readString(entry.resolve(FILES));
      String now = state(filesOf(entry, model), model);
      return written.equals(now) ? null : "its files are not as they were written";
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Names, lengths and times of the files, as they are. */
  private static String state(Path files, RemoteModel model) throws IOException {
    StringBuilder out = new StringBuilder();
    for (RemoteModel.File file : model.files()) {
      Path path = files.resolve(file.name());
      if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) || Files.size(path) != file.length()) {
        throw new IOException(path + " is not a file of " + file.length() + " bytes");
      }
      out.append(Files.getLastModifiedTime(path).toInstant()).append(' ').append(file.length()).append(' ');
      out.append(file.name()).append('\n');
    }
    return out.toString();
  }

  private void fetch(RemoteModel model, RemoteFiles source) throws IOException, InterruptedException {
    clear();
    Path part = folder.resolve(model.key() + PART);
    if (!resumable(part, model)) {
      remove(part);
    }
    Path files = Files.createDirectories(filesOf(part, model));
    try (Journal journal = Journal.open(part.resolve(JOURNAL))) {
      new ModelFetch(model, source, files, limits).run(journal);
    }
    Path list = part.resolve(FILES);
    Files.writeString(list, state(files, model));
    for (RemoteModel.File file : model.files()) {
      sync(files.resolve(file.name()));
    }
    sync(list);
    sync(files);
    sync(part.resolve(COPY));
    sync(part);
    Files.move(part, folder.resolve(model.key()), StandardCopyOption.ATOMIC_MOVE);
    sync(folder);
  }

  /** Whether what a killed process has left is files of the right lengths; the key says they are the right ones. */
  private static boolean resumable(Path part, RemoteModel model) throws IOException {
    if (!Files.isDirectory(part, LinkOption.NOFOLLOW_LINKS)
        || !Files.isRegularFile(part.resolve(JOURNAL), LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    try {
      state(filesOf(part, model), model);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns when a file, or what a folder lists, is on the disk. */
  private static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      if (!Files.isDirectory(path)) {
        throw e;
      }
      // Not every system syncs folders.
    }
  }

  /** Deletes copies, and halves of them, that nobody has used for long; what cannot be deleted stays. */
  private void clear() {
    Instant before = Instant.now().minus(KEPT);
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        if (name.contains(GONE)) {
          delete(entry);
        } else if (!name.endsWith(LOCK) && lastUse(entry).isBefore(before)) {
          String key = name.endsWith(PART) ? name.substring(0, name.length() - PART.length()) : name;
          try (HostLock lock = HostLock.tryLock(lockFile(key))) {
            if (lock != null && lastUse(entry).isBefore(before)) {
              remove(entry);
            }
          }
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      LOG.log(System.Logger.Level.DEBUG, "Cannot clear {0}: {1}", folder, e);
    }
  }

  private static Instant lastUse(Path entry) throws IOException {
    for (String sign : new String[] {FILES, JOURNAL}) {
      if (Files.exists(entry.resolve(sign))) {
        return Files.getLastModifiedTime(entry.resolve(sign)).toInstant();
      }
    }
    return Files.getLastModifiedTime(entry, LinkOption.NOFOLLOW_LINKS).toInstant();
  }

  /** Deletes a folder, which is gone at once for all others. */
  private void remove(Path entry) throws IOException {
    if (Files.exists(entry, LinkOption.NOFOLLOW_LINKS)) {
      Path gone = folder.resolve(entry.getFileName() + GONE + UUID.randomUUID());
      Files.move(entry, gone, StandardCopyOption.ATOMIC_MOVE);
      delete(gone);
    }
  }

  /** Links are deleted, not followed. */
  private static void delete(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path each, IOException failure) throws IOException {
            Files.deleteIfExists(each);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
