// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.winnow.inference.checkpoint.Checkpoint;
import io.winnow.inference.checkpoint.Checkpoints;
import io.winnow.kernels.FileMapping;
import io.winnow.kernels.Kernels;
import io.winnow.kernels.KernelsLadder;
import io.winnow.kernels.KvCache;
import io.winnow.kernels.NativeBuffer;
import io.winnow.kernels.RowMap;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightCacheTest {
  private static final Duration PATIENT = Duration.ofMinutes(2);

  private final long seed = Long.getLong("winnow.seed.cache", new Random().nextInt(1 << 30));

  @TempDir Path model;
  @TempDir Path folder;

  /** Reads of matrices: 0 where all came from the file. */
  private final AtomicInteger reads = new AtomicInteger();

  @BeforeEach
  void model() throws IOException {
    try (Kernels kernels = KernelsLadder.open(1)) {
      assumeTrue(kernels.layout() != null, "the kernels of this machine keep no files");
    }
    System.out.printf("REPRO -Dtest=WeightCacheTest -Dwinnow.seed.cache=%d%n", seed);
    TinyCheckpoint.write(model, "llama", "F32", seed);
  }

  @AfterEach
  void nothingLeaks() {
    assertEquals(0, NativeBuffer.outstandingBytes());
    assertEquals(0, FileMapping.outstandingBytes());
  }

  private WeightCache cache() {
    return new WeightCache(folder, 0, PATIENT);
  }

  /** Calls {@code read} before each read of a matrix. */
  private static Checkpoint watched(Checkpoint inner, Runnable read) {
    return (Checkpoint) Proxy.newProxyInstance(
        Checkpoint.class.getClassLoader(), new Class<?>[] {Checkpoint.class}, (proxy, method, args) -> {
          if (method.getName().equals("readRows") && inner.tensor((String) args[0]).rows() > 1) {
            read.run();
          }
          try {
            return method.invoke(inner, args);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        });
  }

  private float[] logits(WeightCache cache, WeightPrecision precision) {
    return logits(cache, precision, reads::incrementAndGet);
  }

  private float[] logits(WeightCache cache, WeightPrecision precision, Runnable read) {
    try (Checkpoint checkpoint = Checkpoints.open(model);
        Kernels kernels = KernelsLadder.open(2);
        DecoderModel decoder =
            new DecoderModel(watched(checkpoint, read), kernels, precision, 8, 8, TinyCheckpoint.CONTEXT, cache);
        KvCache kv =
            new KvCache(
                checkpoint.config().layers(), checkpoint.config().kvHeads(), checkpoint.config().headDim(), 1)) {
      int[] tokens = {1, 17, 99, 4};
      int[] table = {0};
      RowMap rows = new RowMap(4, new int[] {0, 1, 2, 3}, new int[][] {table, table, table, table});
      float[] out = new float[4 * TinyCheckpoint.VOCAB];
      decoder.step(tokens, rows, new int[] {0, 1, 2, 3}, 4, kv).read(0, out, 0, out.length);
      return out;
    }
  }

  private List<Path> files(String ending) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> f.toString().endsWith(ending)).toList();
    }
  }

  private Path only() throws IOException {
    List<Path> files = files(".weights");
    assertEquals(1, files.size(), files.toString());
    assertEquals(List.of(), files(".part"));
    return files.get(0);
  }

  @Test
  void theSameLogitsFromFileAndMemoryInEveryPrecision() throws IOException {
    List<WeightPrecision> precisions = new ArrayList<>(List.of(WeightPrecision.values()));
    if (KernelsLadder.nativeRefusal() != null) {
      precisions.remove(WeightPrecision.BF16_TILES);
    }
    for (WeightPrecision precision : precisions) {
      float[] memory = logits(null, precision);
      reads.set(0);
      assertArrayEquals(memory, logits(cache(), precision), precision + ", packed into the file");
      assertTrue(reads.get() > 0);
      reads.set(0);
      assertArrayEquals(memory, logits(cache(), precision), precision + ", from the file");
      assertEquals(0, reads.get(), precision + " is read again");
    }
    assertEquals(precisions.size(), files(".weights").size());
  }

  @Test
  void smallModelsAndOtherContentMakeNoOrOtherFiles() throws IOException {
    logits(new WeightCache(folder, 1 << 20, PATIENT), WeightPrecision.F32);
    assertEquals(List.of(), files(""));
    logits(cache(), WeightPrecision.F32);
    Path first = only();
    TinyCheckpoint.write(model, "llama", "F32", seed + 1);
    float[] other = logits(null, WeightPrecision.F32);
    assertArrayEquals(other, logits(cache(), WeightPrecision.F32));
    assertEquals(2, files(".weights").size());
    // The other's file under this one's name, of the same size.
    Path second = files(".weights").stream().filter(f -> !f.equals(first)).findFirst().orElseThrow();
    assertEquals(Files.size(first), Files.size(second));
    Files.copy(first, second, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    assertArrayEquals(other, logits(cache(), WeightPrecision.F32));
  }

  @Test
  void everyDamageOfTheHeaderAndEveryCutIsFoundAndMended() throws IOException {
    float[] memory = logits(cache(), WeightPrecision.INT8);
    Path file = only();
    byte[] sound = Files.readAllBytes(file);
    int header = 56 + ((sound[12] & 255) << 24 | (sound[13] & 255) << 16 | (sound[14] & 255) << 8 | sound[15] & 255);
    Random random = new Random(seed);
    for (int round = 0; round < 60; round++) {
      int at = round < 20 ? round : random.nextInt(header);
      boolean cut = round % 4 == 3;
      long size = random.nextInt(sound.length);
      try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
        if (cut) {
          out.setLength(size);
        } else {
          out.seek(at);
          out.write(sound[at] ^ 1 << random.nextInt(8));
        }
      }
      String what = cut ? "cut to " + size : "byte " + at;
      reads.set(0);
      assertArrayEquals(memory, logits(cache(), WeightPrecision.INT8), what);
      assertTrue(reads.get() > 0, what + " was not found");
      assertArrayEquals(sound, Files.readAllBytes(only()), what + " was not mended");
    }
  }

  @Test
  void whateverIsWrongWithTheFolderCostsOnlyTime() throws IOException {
    float[] memory = logits(null, WeightPrecision.BF16);
    WeightCache nowhere = new WeightCache(folder.resolve("missing"), 0, PATIENT);
    assertArrayEquals(memory, logits(nowhere, WeightPrecision.BF16));
    Path file = Files.createFile(folder.resolve("file"));
    assertArrayEquals(memory, logits(new WeightCache(file, 0, PATIENT), WeightPrecision.BF16));
    logits(cache(), WeightPrecision.BF16);
    Files.setPosixFilePermissions(only(), PosixFilePermissions.fromString("rw-rw-rw-"));
    reads.set(0);
    assertArrayEquals(memory, logits(cache(), WeightPrecision.BF16));
    assertTrue(reads.get() > 0, "a file that others may write to was used");
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(only())));
    Files.delete(only());
    Path lock = files(".lock").get(0);
    Files.delete(lock);
    // A folder cannot be locked.
    Files.createDirectory(lock);
    assertArrayEquals(memory, logits(cache(), WeightPrecision.BF16));
  }

  @Test
  void aModelThatCannotBeReadLeavesNoFile() throws IOException {
    AtomicInteger left = new AtomicInteger(5);
    assertThrows(IllegalStateException.class, () -> logits(cache(), WeightPrecision.F32, () -> {
      if (left.decrementAndGet() < 0) {
        throw new IllegalStateException("the disk is gone");
      }
    }));
    assertEquals(List.of(), files(".weights"));
    assertEquals(List.of(), files(".part"));
  }

  @Test
  void oneOfTwoPacksAndTheOtherWaitsForIt() throws Exception {
    CountDownLatch packing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    CompletableFuture<float[]> first = CompletableFuture.supplyAsync(() -> logits(cache(), WeightPrecision.F32, () -> {
      packing.countDown();
      try {
        goOn.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }), task -> new Thread(task).start());
    float[] impatient;
    CompletableFuture<float[]> second = new CompletableFuture<>();
    Thread waits = new Thread(() -> second.complete(logits(cache(), WeightPrecision.F32)));
    try {
      packing.await();
      // Who does not wait packs for himself.
      impatient = logits(new WeightCache(folder, 0, Duration.ZERO), WeightPrecision.F32);
      assertTrue(reads.getAndSet(0) > 0);
      waits.start();
      while (waits.isAlive() && waits.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
      }
      assertFalse(second.isDone());
    } finally {
      goOn.countDown();
    }
    assertArrayEquals(impatient, first.get());
    assertArrayEquals(impatient, second.get());
    waits.join();
    assertEquals(0, reads.get(), "the second packed as well");
    only();
  }

  /** Packs the model of the first argument into the folder of the second, says so at the first matrix and stops there. */
  public static final class Stuck {
    private Stuck() {}

    public static void main(String[] args) throws Exception {
      Checkpoint checkpoint = watched(Checkpoints.open(Path.of(args[0])), () -> {
        System.out.println("packing");
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      });
      WeightCache cache = new WeightCache(Path.of(args[1]), 0, PATIENT);
      new DecoderModel(checkpoint, KernelsLadder.open(1), WeightPrecision.F32, 8, 8, 64, cache).close();
    }
  }

  @Test
  void whoIsKilledWhilePackingLeavesNothingThatIsUsed() throws Exception {
    Process stuck =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Stuck.class.getName(), model.toString(), folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader out = new BufferedReader(new InputStreamReader(stuck.getInputStream()))) {
      assertEquals("packing", out.readLine());
      assertEquals(1, files(".part").size());
      float[] memory = logits(new WeightCache(folder, 0, Duration.ZERO), WeightPrecision.F32);
      assertEquals(List.of(), files(".weights"));
      assertTrue(reads.getAndSet(0) > 0);
      stuck.destroyForcibly().waitFor();
      assertArrayEquals(memory, logits(cache(), WeightPrecision.F32));
      assertTrue(reads.getAndSet(0) > 0);
      only();
      assertArrayEquals(memory, logits(cache(), WeightPrecision.F32));
      assertEquals(0, reads.get());
    } finally {
      stuck.destroyForcibly();
    }
  }

  @Test
  void filesThatNobodyUsesGoWhenAnotherIsWritten() throws IOException {
    Instant now = Instant.now();
    Path old = Files.createFile(folder.resolve("old.weights"));
    Path torn = Files.createFile(folder.resolve("torn.part"));
    Path other = Files.createFile(folder.resolve("fingerprint.sha256"));
    for (Path file : List.of(old, torn, other)) {
      Files.setLastModifiedTime(file, FileTime.from(now.minus(Duration.ofDays(31))));
    }
    Path young = Files.createFile(folder.resolve("young.weights"));
    Files.setLastModifiedTime(young, FileTime.from(now.minus(Duration.ofDays(29))));
    logits(cache(), WeightPrecision.F32);
    assertTrue(Files.notExists(old) && Files.notExists(torn));
    assertTrue(Files.exists(young) && Files.exists(other));
    Files.delete(young);
    Path mine = only();
    Files.setLastModifiedTime(mine, FileTime.from(now.minus(Duration.ofDays(31))));
    logits(cache(), WeightPrecision.F32);
    assertTrue(Files.getLastModifiedTime(mine).toInstant().isAfter(now.minus(Duration.ofDays(1))), "use is not noted");
  }

  @Test
  void plainJavaKeepsItsMatricesInMemory() throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      Kernels plain = (Kernels) Proxy.newProxyInstance(
          Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, args) -> null);
      assertNull(cache().open(checkpoint, plain, WeightPrecision.F32, matrices -> {
        throw new AssertionError("nothing is asked for");
      }));
    }
  }
}
