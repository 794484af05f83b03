// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs with a model that lies on another file system, which nobody but Hadoop knows. */
class RemoteModelTest {
  private static final int SAMPLES = 3;
  private static final String CACHE = "winnow.cacheDir";

  @TempDir Path folder;

  private SparkSession spark;
  private Path prompts;
  private Path store;
  private Path log;

  @BeforeEach
  void writeModel() throws IOException {
    prompts = Tables.firstPrompts(folder, 6);
    store = Files.createDirectory(folder.resolve("tiny"));
    try (Stream<Path> files = Files.list(Invocation.MODEL)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, store.resolve(file.getFileName()));
      }
    }
    log = folder.resolve("opened");
    System.setProperty(CACHE, folder.resolve("cache").toString());
  }

  @AfterEach
  void stop() {
    System.clearProperty(CACHE);
    ModelStoreFileSystem.beforeOpen(null);
    if (spark != null) {
      spark.stop();
    }
  }

  private SparkSession.Builder builder(String master, String key) {
    System.setProperty("winnow.log.spark", "error");
    return Tables.builder(master)
        .config("spark.hadoop.fs.models.impl", ModelStoreFileSystem.class.getName())
        // Hadoop would keep the file system for the whole process, with the key of the session before.
        .config("spark.hadoop.fs.models.impl.disable.cache", "true")
        .config("spark.hadoop.fs.models.log", log.toString())
        .config("spark.hadoop.fs.models.key", key);
  }

  private Invocation generate(String model, Path out) {
    return Invocation.winnow(
        "generate", "--prompts", prompts.toString(), "--id-column", "id", "--model", model, "--out", out.toString(),
        "--samples", String.valueOf(SAMPLES), "--max-tokens", "64", "--verify", "math");
  }

  private List<String> rows(Path table) {
    return Tables.comparable(Tables.read(spark, table).drop("model"));
  }

  private long opened(String name) throws IOException {
    return Files.exists(log) ? Files.readAllLines(log).stream().filter(name::equals).count() : 0;
  }

  private void refused(int exitCode, String model, String... said) {
    Path table = folder.resolve("refused");
    Invocation run = generate(model, table).expect(exitCode);
    assertEquals(1, run.err().lines().count(), run.err());
    for (String part : said) {
      assertTrue(run.err().contains(part), () -> "'" + part + "' is not in: " + run.err());
    }
    assertFalse(run.err().contains(ModelStoreFileSystem.KEY), run.err());
    assertFalse(Files.exists(table), () -> "there is " + Tables.files(table));
  }

  @Test
  void givesTheTracesFingerprintAndIdsOfTheSameFilesHere() throws IOException {
    spark = builder("local[2]", ModelStoreFileSystem.KEY).getOrCreate();
    Path here = folder.resolve("here");
    generate(store.toString(), here).expect(0);
    assertEquals(0, opened("model.safetensors"));
    Path there = folder.resolve("there");
    String address = ModelStoreFileSystem.address(store);
    generate(address + "/", there).expect(0);
    assertEquals(6 * SAMPLES, rows(here).size());
    // Ids and fingerprint among them.
    assertEquals(rows(here), rows(there));
    assertEquals(1, opened("model.safetensors"));
    assertEquals(0, opened("README.md"));
    Row run = Tables.runs(spark, there).get(0);
    assertEquals(Tables.runs(spark, here).get(0).<String>getAs("model_fingerprint"), run.getAs("model_fingerprint"));

    Invocation again = generate(address, there).expect(0);
    assertTrue(again.summary("traces").startsWith("0 "), again.out());
    // What was made with the model here is no other work with the one there.
    Invocation other = generate(address, here).expect(0);
    assertTrue(other.summary("traces").startsWith("0 "), other.out());
    assertEquals(1, opened("model.safetensors"), "it was fetched again");
    Invocation replay = Invocation.winnow("replay", "--traces", there.toString(), "--sample", "100%").expect(0);
    assertTrue(replay.out().contains("18"), replay.out());
    Tables.delete(store);
    Invocation gone = Invocation.winnow("replay", "--traces", there.toString(), "--sample", "100%");
    assertTrue(gone.exitCode() != 0 && gone.err().contains("its model is not there"), gone.out() + gone.err());
  }

  @Test
  void whatIsNotThereIsRefusedBeforeAnyWork() throws IOException {
    spark = builder("local[2]", ModelStoreFileSystem.KEY).getOrCreate();
    refused(2, ModelStoreFileSystem.address(folder.resolve("none")), "no such file or folder");
    refused(2, "nosuch://bucket/x", "no file system for nosuch://", "docs/OBJECT_STORES.md");
    refused(2, "models://me:" + ModelStoreFileSystem.KEY + "@bucket/x", "password");
    refused(2, ModelStoreFileSystem.address(prompts), "does not end in .gguf");
    Files.delete(store.resolve("tokenizer.json"));
    refused(2, ModelStoreFileSystem.address(store), "no tokenizer.json");
    assertEquals(0, opened("model.safetensors"));
  }

  @Test
  void withoutTheKeyNothingIsSaidOfIt() {
    spark = builder("local[2]", "wrong").getOrCreate();
    refused(2, ModelStoreFileSystem.address(store), "credentials", "403");
  }

  @Test
  void aModelThatIsWrittenWhileItIsFetchedIsRefused() throws IOException {
    spark = builder("local[2]", ModelStoreFileSystem.KEY).getOrCreate();
    Path weights = store.resolve("model.safetensors");
    ModelStoreFileSystem.beforeOpen(
        () -> {
          try {
            Files.setLastModifiedTime(weights, FileTime.fromMillis(1));
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
    refused(1, ModelStoreFileSystem.address(store), "model.safetensors has changed", "Run again");
    generate(ModelStoreFileSystem.address(store), folder.resolve("after")).expect(0);
  }

  /** Driver and executors as on different hosts: each side has a cache of its own, which the two executors share. */
  @Test
  @Tag("cluster")
  void twoExecutorsFetchOnce() throws IOException {
    Path theirs = folder.resolve("executors-cache");
    spark =
        builder("local-cluster[2,1,1024]", ModelStoreFileSystem.KEY)
            .config("spark.executor.memory", "768m")
            .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .config(
                "spark.executor.extraJavaOptions",
                "-XX:+UseSerialGC -Dwinnow.log.spark=error -Dwinnow.cacheDir=" + theirs)
            .getOrCreate();
    Path table = folder.resolve("cluster");
    generate(ModelStoreFileSystem.address(store), table).expect(0);
    assertEquals(2, opened("model.safetensors"), "once for the driver, once for both executors");
    List<String> copies = Tables.files(theirs.resolve("models"));
    assertEquals(1, copies.stream().filter(file -> file.endsWith("copy/tiny/model.safetensors")).count());
    List<String> rows = rows(table);
    Path here = folder.resolve("here");
    generate(store.toString(), here).expect(0);
    assertEquals(rows(here), rows);
  }
}
