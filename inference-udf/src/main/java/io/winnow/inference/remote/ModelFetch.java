// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import io.winnow.inference.HostMemory;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.RemoteModel;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One copying of a model into a folder, piece by piece, several pieces side by side. Pieces that are on the disk are
 * noted in a {@link Journal}, so that whoever comes after a killed one goes on from there. The caller holds the lock.
 */
final class ModelFetch {
  private static final System.Logger LOG = System.getLogger(ModelFetch.class.getName());
  private static final int BUFFER_BYTES = 1 << 20;
  /** Smaller ones come and go without a word. */
  private static final long TOLD_BYTES = 64L << 20;
  private static final long TELL_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long END_SECONDS = 10;
  /** Left free on the disk, for the others who use it. */
  static final long SPARE_BYTES = 256L << 20;
  private static final String ROOM =
      "Make room there, or name a folder on a larger disk by WINNOW_CACHE, on all hosts.";

  private final RemoteModel model;
  private final RemoteFiles source;
  private final Path folder;
  private final ModelCache.Limits limits;
  private final AtomicLong fetched = new AtomicLong();

  /** A part of a file. */
  private record Piece(RemoteModel.File file, int number, long offset, long bytes) {}

  /** This host's disk, not the other file system, refuses. */
  private static final class DiskException extends RuntimeException {
    DiskException(IOException cause) {
      super(cause);
    }
  }

  /**
   * @param folder of the files; they are whole, on the disk and what the driver saw once {@link #run} returns
   */
  ModelFetch(RemoteModel model, RemoteFiles source, Path folder, ModelCache.Limits limits) {
    this.model = model;
    this.source = source;
    this.folder = folder;
    this.limits = limits;
  }

  /**
   * Fetches what the journal lacks.
   *
   * @throws InferenceException model_not_fetched
   */
  void run(Journal journal) throws IOException, InterruptedException {
    check();
    List<Piece> pieces = pieces(journal);
    long left = pieces.stream().mapToLong(Piece::bytes).sum();
    checkRoom(left);
    boolean told = left >= TOLD_BYTES;
    tell(told, "Fetching the model {0} into {1}: {2} of {3}", model.address(), folder, HostMemory.size(left),
        HostMemory.size(model.bytes()));
    long start = System.nanoTime();
    ExecutorService pool = Executors.newFixedThreadPool(limits.threads(), ModelFetch::thread);
    try {
      CompletionService<Void> running = new ExecutorCompletionService<>(pool);
      for (Piece piece : pieces) {
        running.submit(
            () -> {
              fetch(piece);
              journal.add(piece.file(), piece.number());
              return null;
            });
      }
      long toldAt = start;
      for (int done = 0; done < pieces.size(); ) {
        Future<Void> ended = running.poll(1, TimeUnit.SECONDS);
        if (ended != null) {
          ended.get();
          done++;
        }
        if (told && System.nanoTime() - toldAt >= TELL_NANOS) {
          toldAt = System.nanoTime();
          progress(left, toldAt - start);
        }
      }
    } catch (ExecutionException e) {
      throw failure(e.getCause());
    } finally {
      pool.shutdownNow();
      pool.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
    }
    // What was read while it changed may be half of each.
    check();
    tell(told, "Fetched the model {0}: {1} in {2} s", model.address(), HostMemory.size(left),
        (System.nanoTime() - start) / 1_000_000_000L);
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "winnow-fetch");
    thread.setDaemon(true);
    return thread;
  }

  private static void tell(boolean told, String text, Object... values) {
    LOG.log(told ? System.Logger.Level.INFO : System.Logger.Level.DEBUG, text, values);
  }

  private void progress(long left, long nanos) {
    long now = fetched.get();
    LOG.log(
        System.Logger.Level.INFO,
        String.format(
            Locale.ROOT, "Fetching the model %s: %.0f %%, %s of %s, %s a second", model.address(), 100.0 * now / left,
            HostMemory.size(now), HostMemory.size(left), HostMemory.size((long) (now / (nanos / 1e9)))));
  }

  private void checkRoom(long needed) {
    long there = limits.room().applyAsLong(folder);
    if (needed > 0 && needed > there - SPARE_BYTES) {
      throw InferenceErrors.modelNotFetched(
          model.address(),
          String.format(
              "its copy takes %s more in %s, and the disk has %s, of which %s stay free", HostMemory.size(needed),
              folder, HostMemory.size(there), HostMemory.size(SPARE_BYTES)), ROOM, null);
    }
  }

  /** Whether every file is still what the driver saw. */
  private void check() throws IOException, InterruptedException {
    for (RemoteModel.File file : model.files()) {
      RemoteModel.File now;
      try {
        now = limits.backOff().run("Looking at " + model.address() + "/" + file.name(), () -> source.look(file.name()));
      } catch (IOException e) {
        throw remote(file, e);
      }
      String difference = file.difference(now);
      if (difference != null) {
        throw InferenceErrors.remoteModelChanged(model.address(), file.name(), difference);
      }
    }
  }

  /** What is still to be fetched; makes the files. */
  private List<Piece> pieces(Journal journal) throws IOException {
    List<Piece> pieces = new ArrayList<>();
    for (RemoteModel.File file : model.files()) {
      Path path = folder.resolve(file.name());
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        if (file.length() > 0 && channel.size() < file.length()) {
          // Of its full length from the start; pieces come in any order.
          channel.write(ByteBuffer.allocate(1), file.length() - 1);
        }
      }
      for (long offset = 0; offset < file.length(); offset += limits.pieceBytes()) {
        int number = (int) (offset / limits.pieceBytes());
        if (!journal.has(file, number)) {
          pieces.add(new Piece(file, number, offset, Math.min(limits.pieceBytes(), file.length() - offset)));
        }
      }
    }
    return pieces;
  }

  /** Fetches a piece; returns when it is on the disk. */
  private void fetch(Piece piece) throws InterruptedException {
    String name = model.address() + "/" + piece.file().name();
    try {
      limits.backOff().run(
          "Reading " + name + " at " + piece.offset(),
          () -> {
            copy(piece);
            return null;
          });
    } catch (IOException e) {
      throw remote(piece.file(), e);
    }
  }

  private void copy(Piece piece) throws IOException {
    byte[] buffer = new byte[(int) Math.min(BUFFER_BYTES, piece.bytes())];
    long done = 0;
    Path path = folder.resolve(piece.file().name());
    try (FileChannel out = local(() -> FileChannel.open(path, StandardOpenOption.WRITE));
        InputStream in = source.open(piece.file().name(), piece.offset())) {
      while (done < piece.bytes()) {
        int n = in.read(buffer, 0, (int) Math.min(buffer.length, piece.bytes() - done));
        if (n < 0) {
          throw new EOFException("it ends " + (piece.bytes() - done) + " bytes early");
        }
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        long at = piece.offset() + done;
        local(
            () -> {
              while (bytes.hasRemaining()) {
                out.write(bytes, at + bytes.position());
              }
              return null;
            });
        done += n;
        fetched.addAndGet(n);
      }
      local(
          () -> {
            out.force(false);
            return null;
          });
    } catch (IOException | RuntimeException | Error e) {
      fetched.addAndGet(-done);
      throw e;
    }
  }

  private interface DiskAction<T> {
    T run() throws IOException;
  }

  private static <T> T local(DiskAction<T> action) {
    try {
      return action.run();
    } catch (IOException e) {
      throw new DiskException(e);
    }
  }

  private InferenceException remote(RemoteModel.File file, IOException e) {
    if (e instanceof FileNotFoundException || e instanceof NoSuchFileException) {
      return InferenceErrors.remoteModelChanged(model.address(), file.name(), "it is gone");
    }
    if (e instanceof AccessDeniedException) {
      return InferenceErrors.modelNotFetched(
          model.address(), "this host may not read its file " + file.name() + " (" + e.getMessage() + ")",
          "Give the credentials by --conf spark.hadoop.*, which executors get as well.", e);
    }
    return InferenceErrors.modelNotFetched(
        model.address(), "its file " + file.name() + " could not be read in " + limits.backOff().tries() + " tries ("
            + e + ")", "What was fetched is kept: run again, and it goes on from there.", e);
  }

  private RuntimeException failure(Throwable cause) {
    if (cause instanceof IOException journal) {
      return failure(new DiskException(journal));
    }
    if (cause instanceof DiskException disk) {
      return InferenceErrors.modelNotFetched(
          model.address(), "its copy cannot be written to " + folder + " (" + disk.getCause().getMessage() + ")",
          ROOM, disk.getCause());
    }
    if (cause instanceof RuntimeException failure) {
      return failure;
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(cause);
  }
}
