// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.remote;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceException;
import io.winnow.inference.RemoteModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCacheTest {
  private static final int PIECE = 4096;
  private static final String ADDRESS = "made://bucket/tiny";
  private static final int WEIGHTS = 10 * PIECE + 17;

  private final long seed = Long.getLong("winnow.seed.remote", new Random().nextInt(1 << 30));

  @TempDir Path store;
  @TempDir Path cache;
  private FolderFiles files;
  private RemoteModel model;

  @BeforeEach
  void write() throws IOException {
    System.out.printf("REPRO -Dtest=ModelCacheTest -Dwinnow.seed.remote=%d%n", seed);
    Random random = new Random(seed);
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors", "empty.json")) {
      byte[] bytes = new byte[name.equals("model.safetensors") ? WEIGHTS : name.equals("empty.json") ? 0 : 3000];
      random.nextBytes(bytes);
      Files.write(store.resolve(name), bytes);
    }
    files = new FolderFiles(store);
    model = look();
  }

  private RemoteModel look() {
    return new RemoteModels(files, ADDRESS, new BackOff(1, Duration.ZERO)).look();
  }

  private static ModelCache.Limits limits(int threads, long room, Duration patience) {
    return new ModelCache.Limits(
        threads, PIECE, new BackOff(4, Duration.ofMillis(1)), patience, folder -> room + ModelFetch.SPARE_BYTES);
  }

  private ModelCache cache() {
    return new ModelCache(cache, limits(3, 1 << 20, Duration.ofMinutes(2)));
  }

  private Path open() {
    return cache().open(model, () -> files);
  }

  private void assertWhole(Path copy) throws IOException {
    assertEquals("tiny", copy.getFileName().toString());
    for (RemoteModel.File file : model.files()) {
      assertArrayEquals(
          Files.readAllBytes(store.resolve(file.name())), Files.readAllBytes(copy.resolve(file.name())), file.name());
    }
  }

  private List<String> entries() throws IOException {
    try (Stream<Path> all = Files.list(cache)) {
      return all.map(f -> f.getFileName().toString()).filter(f -> !f.endsWith(".lock")).sorted().toList();
    }
  }

  private InferenceException refused(ModelCache of, String... said) {
    InferenceException e = assertThrows(InferenceException.class, () -> of.open(model, () -> files));
    assertEquals("model_not_fetched", e.errorClass());
    for (String part : said) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertTrue(e.getMessage().contains(ADDRESS), e.getMessage());
    return e;
  }

  @Test
  void isFetchedOnceAndThenFoundWithoutAsking() throws IOException {
    Path copy = open();
    assertWhole(copy);
    assertEquals(List.of(model.key()), entries());
    assertEquals(model.bytes(), files.read.get());
    assertEquals(copy, cache().open(model, () -> {
      throw new AssertionError("nobody has to be asked");
    }));
  }

  @Test
  void aSingleFileKeepsItsName() throws IOException {
    Path gguf = Files.write(store.resolve("m.gguf"), new byte[PIECE + 1]);
    FolderFiles single = new FolderFiles(gguf);
    RemoteModel only = new RemoteModels(single, "made://bucket/m.gguf", new BackOff(1, Duration.ZERO)).look();
    Path copy = cache().open(only, () -> single);
    assertEquals("m.gguf", copy.getFileName().toString());
    assertArrayEquals(Files.readAllBytes(gguf), Files.readAllBytes(copy));
  }

  @Test
  void faultsOfTheNetworkAreTriedAgain() throws IOException {
    files.faults.set(3);
    assertWhole(open());
  }

  @Test
  void whoGivesUpKeepsWhatIsThereAndTheNextGoesOn() throws IOException {
    ModelCache one = new ModelCache(cache, limits(1, 1 << 20, Duration.ofMinutes(2)));
    files.beforeRead = name -> {
      if (files.read.get() > WEIGHTS / 2) {
        files.faults.set(1);
      }
    };
    refused(one, "connection reset", "goes on from there");
    assertEquals(List.of(model.key() + ".part"), entries());
    long before = files.read.get();
    files.beforeRead = name -> {};
    files.read.set(0);
    assertWhole(one.open(model, () -> files));
    assertTrue(files.read.get() <= model.bytes() - before + PIECE, files.read + " bytes after " + before);
    assertEquals(List.of(model.key()), entries());
  }

  @Test
  void theRestOfADamagedHalfIsNotTrusted() throws IOException {
    whoGivesUpKeepsWhatIsThereAndTheNextGoesOn();
    // The same half with a file cut off: all is fetched anew.
    Path part = cache.resolve(model.key() + ".part");
    Files.move(cache.resolve(model.key()), part);
    Path weights = part.resolve("copy/tiny/model.safetensors");
    Files.write(weights, new byte[5]);
    files.read.set(0);
    assertWhole(open());
    assertEquals(model.bytes(), files.read.get());
  }

  /** Fetches the folder of the first argument into that of the second and stops after some pieces, saying so. */
  public static final class Stuck {
    private Stuck() {}

    public static void main(String[] args) {
      FolderFiles files = new FolderFiles(Path.of(args[0]));
      files.beforeRead = name -> {
        if (files.read.get() > WEIGHTS / 2) {
          System.out.println("fetching");
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        }
      };
      RemoteModel model = new RemoteModels(files, ADDRESS, new BackOff(1, Duration.ZERO)).look();
      new ModelCache(Path.of(args[1]), limits(1, 1 << 20, Duration.ofMinutes(2))).open(model, () -> files);
    }
  }

  private static Process child(Class<?> main, Path... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), main.getName()));
    for (Path argument : arguments) {
      command.add(argument.toString());
    }
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  @Test
  void anotherProcessWaitsForTheOneThatFetchesAndGoesOnWhenThatIsKilled() throws Exception {
    Process stuck = child(Stuck.class, store, cache);
    try (BufferedReader out = new BufferedReader(new InputStreamReader(stuck.getInputStream()))) {
      assertEquals("fetching", out.readLine());
      assertEquals(List.of(model.key() + ".part"), entries());
      refused(new ModelCache(cache, limits(1, 1 << 20, Duration.ofMillis(200))), "another process", ".lock");
      assertEquals(0, files.opened.get());
      CompletableFuture<Path> second = new CompletableFuture<>();
      Thread waits = new Thread(() -> second.complete(open()));
      waits.start();
      while (waits.isAlive() && waits.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
      }
      assertFalse(second.isDone());
      stuck.destroyForcibly().waitFor();
      assertWhole(second.get());
      assertTrue(files.read.get() < model.bytes() * 3 / 4, files.read + " of " + model.bytes() + " were fetched again");
      assertEquals(List.of(model.key()), entries());
    } finally {
      stuck.destroyForcibly();
    }
  }

  @Test
  void manyAtOnceFetchOnce() throws Exception {
    List<CompletableFuture<Path>> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      all.add(CompletableFuture.supplyAsync(this::open, task -> new Thread(task).start()));
    }
    for (CompletableFuture<Path> each : all) {
      assertWhole(each.get());
    }
    assertEquals(model.bytes(), files.read.get());
  }

  @Test
  void aModelThatChangedBeforeIsRefused() throws IOException {
    Path weights = store.resolve("model.safetensors");
    Files.write(weights, new byte[WEIGHTS + 1]);
    refused(cache(), "model.safetensors", "has " + (WEIGHTS + 1), "since the driver looked");
    assertEquals(0, files.opened.get());
    Files.write(weights, new byte[WEIGHTS]);
    Files.setLastModifiedTime(weights, FileTime.fromMillis(model.files().get(2).modified() + 1000));
    refused(cache(), "written anew");
    Files.delete(weights);
    refused(cache(), "it is gone");
    assertFalse(Files.exists(cache.resolve(model.key())));
  }

  @Test
  void aModelThatChangesMeanwhileIsRefused() throws IOException {
    Path weights = store.resolve("model.safetensors");
    byte[] other = new byte[WEIGHTS];
    Path changed = Files.write(store.resolve("changed.bin"), other);
    Files.setLastModifiedTime(changed, FileTime.fromMillis(model.files().get(2).modified() + 5));
    AtomicBoolean once = new AtomicBoolean();
    files.beforeRead = name -> {
      if (files.read.get() > WEIGHTS / 2 && once.compareAndSet(false, true)) {
        try {
          Files.move(changed, weights, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
          throw new IllegalStateException(e);
        }
      }
    };
    refused(cache(), "written anew", "Run again");
    assertEquals(List.of(model.key() + ".part"), entries());
    // What lies there now is another model, in a place of its own.
    String before = model.key();
    model = look();
    assertNotEquals(before, model.key());
    assertWhole(open());
  }

  @Test
  void ofAnEtagAloneAsWell() throws IOException {
    String[] tag = {"\"1\""};
    files = new FolderFiles(store) {
      @Override
      String tag(String name) {
        return tag[0];
      }
    };
    model = look();
    tag[0] = "\"2\"";
    refused(cache(), "checksum or etag");
  }

  @Test
  void aDamagedCopyIsFetchedAnew() throws IOException {
    Path weights = open().resolve("model.safetensors");
    byte[] right = Files.readAllBytes(weights);
    byte[] wrong = right.clone();
    wrong[WEIGHTS / 2] ^= 1;
    Files.write(weights, wrong);
    Files.setLastModifiedTime(weights, FileTime.from(Instant.now().plusSeconds(5)));
    assertWhole(open());
    Files.write(weights, new byte[3]);
    assertWhole(open());
    Files.delete(weights);
    assertWhole(open());
    Files.delete(weights);
    Files.createSymbolicLink(weights, store.resolve("model.safetensors"));
    assertWhole(open());
    assertFalse(Files.isSymbolicLink(weights));
    Files.delete(cache.resolve(model.key()).resolve("files"));
    assertWhole(open());
    assertEquals(6 * model.bytes(), files.read.get());
    assertEquals(List.of(model.key()), entries());
  }

  @Test
  void whatIsDiscardedIsFetchedAnew() throws IOException {
    open();
    cache().discard(model);
    assertEquals(List.of(), entries());
    assertWhole(open());
  }

  @Test
  void withoutRoomNothingIsFetched() {
    ModelCache narrow = new ModelCache(cache, limits(3, model.bytes() - 1, Duration.ofMinutes(2)));
    refused(narrow, "the disk has", "WINNOW_CACHE");
    assertEquals(0, files.opened.get());
    new ModelCache(cache, limits(3, model.bytes(), Duration.ofMinutes(2))).open(model, () -> files);
  }

  @Test
  void copiesThatNobodyUsesGoWhenAnotherIsFetched() throws IOException {
    Path used = open().getParent().getParent();
    FileTime old = FileTime.from(Instant.now().minus(Duration.ofDays(31)));
    Files.setLastModifiedTime(used.resolve("files"), old);
    open();
    assertTrue(Files.getLastModifiedTime(used.resolve("files")).compareTo(old) > 0, "use is not noted");
    Path outside = Files.write(store.resolve("outside"), new byte[1]);
    Path unused = Files.createDirectories(cache.resolve("old").resolve("copy"));
    Files.createSymbolicLink(unused.resolve("link"), store);
    Files.setLastModifiedTime(Files.createFile(unused.resolveSibling("files")), old);
    Path half = Files.createDirectories(cache.resolve("half.part"));
    Files.setLastModifiedTime(Files.createFile(half.resolve("fetched")), old);
    Path busy = Files.createDirectories(cache.resolve("busy.part"));
    Files.setLastModifiedTime(Files.createFile(busy.resolve("fetched")), old);
    Files.createDirectories(cache.resolve("x.gone-1/y"));
    Files.setLastModifiedTime(store.resolve("config.json"), FileTime.fromMillis(0));
    String first = model.key();
    model = look();
    try (HostLock lock = HostLock.tryLock(cache.resolve("busy.lock"))) {
      open();
    }
    List<String> left = new ArrayList<>(List.of(first, model.key(), "busy.part"));
    left.sort(null);
    assertEquals(left, entries());
    assertTrue(Files.exists(outside), "a link was followed");
  }

  @Test
  void oneHolderOfALockWithAndWithoutTheNativeLibrary() throws Exception {
    Path file = cache.resolve("a.lock");
    try (HostLock lock = HostLock.tryLock(file)) {
      assertNull(HostLock.tryLock(file));
    }
    HostLock.tryLock(file).close();
    Path java = cache.resolve("b.lock");
    try (HostLock lock = HostLock.tryLockOfJava(java)) {
      assertNull(HostLock.tryLockOfJava(java));
      // The second try must not have cost the first its lock.
      assertEquals("held", elsewhere(java));
    }
    assertEquals("free", elsewhere(java));
    HostLock.tryLockOfJava(java).close();
  }

  /** Says whether Java's lock of a file is free for another process. */
  public static final class Try {
    private Try() {}

    public static void main(String[] args) throws IOException {
      System.out.println(HostLock.tryLockOfJava(Path.of(args[0])) == null ? "held" : "free");
    }
  }

  private static String elsewhere(Path lock) throws Exception {
    Process process = child(Try.class, lock);
    try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
      String said = out.readLine();
      // Until its end the other process keeps what it took.
      process.waitFor();
      return said;
    }
  }
}
