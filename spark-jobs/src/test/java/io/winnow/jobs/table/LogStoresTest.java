// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.delta.kernel.defaults.internal.logstore.LogStoreProvider;
import io.delta.storage.HDFSLogStore;
import io.delta.storage.LogStore;
import io.delta.storage.S3SingleDriverLogStore;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogStoresTest {
  private static final String S3 = "io.delta.storage.S3SingleDriverLogStore";

  private static SparkSession spark;

  @TempDir Path dir;

  @BeforeAll
  static void start() {
    spark = LocalDelta.session();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static String kernel(Map<String, String> sparkConf, Map<String, String> hadoopConf, String path) {
    SparkConf conf = new SparkConf(false);
    sparkConf.forEach(conf::set);
    Configuration hadoop = new Configuration(false);
    hadoopConf.forEach(hadoop::set);
    return LogStores.conf(conf, hadoop, path).get("io.delta.kernel.logStore." + scheme(path) + ".impl");
  }

  private static String scheme(String path) {
    return path.contains(":") ? path.substring(0, path.indexOf(':')) : "hdfs";
  }

  @Test
  void kernelGetsWhatSparkHas() {
    assertEquals(S3, kernel(Map.of("spark.delta.logStore.x.impl", S3), Map.of(), "x://b/t"));
    assertEquals(S3, kernel(Map.of("delta.logStore.x.impl", S3), Map.of(), "x://b/t"));
    assertEquals(S3, kernel(Map.of("spark.delta.logStore.class", S3), Map.of(), "x://b/t"));
    assertNull(kernel(Map.of("spark.delta.logStore.y.impl", S3), Map.of(), "x://b/t"));
    assertNull(kernel(Map.of(), Map.of(), "x://b/t"));
  }

  @Test
  void ofTwoCommitsOfOneVersionOnALocalDiskOneWinsAndStaysWhole() throws Exception {
    Configuration conf = LogStores.conf(spark, dir.toString());
    ExecutorService both = Executors.newFixedThreadPool(2);
    try {
      for (int version = 0; version < 300; version++) {
        var commit = new org.apache.hadoop.fs.Path(String.format("file://%s/%020d.json", dir, version));
        CyclicBarrier start = new CyclicBarrier(2);
        List<Future<Boolean>> won = new ArrayList<>();
        for (String who : List.of("a", "b")) {
          won.add(both.submit(() -> {
            LogStore store = LogStoreProvider.getLogStore(conf, "file");
            start.await();
            try {
              store.write(commit, List.of(who, who.repeat(1000)).iterator(), false, conf);
              return true;
            } catch (FileAlreadyExistsException e) {
              return false;
            }
          }));
        }
        boolean first = won.get(0).get();
        assertEquals(!first, won.get(1).get(), "of both commits of version " + version + " one wins");
        String who = first ? "a" : "b";
        try (var lines = LogStoreProvider.getLogStore(conf, "file").read(commit, conf)) {
          assertEquals(who, lines.next());
          assertEquals(who.repeat(1000), lines.next());
        }
      }
    } finally {
      both.shutdownNow();
    }
  }

  @Test
  void theStoresOwnSettingsGoAlong() {
    SparkConf conf = new SparkConf(false).set("spark.io.delta.storage.S3DynamoDBLogStore.ddb.region", "eu-1");
    Configuration out = LogStores.conf(conf, new Configuration(false), "s3a://b/t");
    assertEquals("eu-1", out.get("spark.io.delta.storage.S3DynamoDBLogStore.ddb.region"));
  }

  @Test
  void aPathWithoutASchemeIsThatOfTheDefaultFileSystem() {
    Map<String, String> hadoop = Map.of("fs.defaultFS", "hdfs://n/");
    assertEquals(S3, kernel(Map.of("spark.delta.logStore.hdfs.impl", S3), hadoop, "/t"));
  }

  @Test
  void whatKernelIsToldItselfStays() {
    Map<String, String> told = Map.of("io.delta.kernel.logStore.x.impl", "mine");
    assertEquals("mine", kernel(Map.of("spark.delta.logStore.x.impl", S3), told, "x://b/t"));
  }

  /** Delta still takes the names of its old classes, which Kernel cannot use; each has a twin that it can. */
  @Test
  void oldNamesBecomeThoseThatKernelKnows() throws Exception {
    for (String name : new String[] {"S3SingleDriverLogStore", "HDFSLogStore", "AzureLogStore", "LocalLogStore"}) {
      String old = "org.apache.spark.sql.delta.storage." + name;
      Class.forName(old);
      String twin = kernel(Map.of("spark.delta.logStore.x.impl", old), Map.of(), "x://b/t");
      assertTrue(LogStore.class.isAssignableFrom(Class.forName(twin)), twin);
    }
  }

  @Test
  void nothingIsCopiedWhereNothingIsToSet() {
    assertSame(spark.sparkContext().hadoopConfiguration(), LogStores.conf(spark, "hdfs://host/t"));
  }

  /** Without it Kernel would take the log store of HDFS, which needs an atomic rename. */
  @Test
  void aTableOnAnObjectStoreNeedsIt() {
    String address = ObjectStoreFileSystem.address(dir) + "/t";
    Configuration plain = spark.sparkContext().hadoopConfiguration();
    String scheme = ObjectStoreFileSystem.SCHEME;
    assertInstanceOf(HDFSLogStore.class, LogStoreProvider.getLogStore(plain, scheme));
    assertInstanceOf(
        S3SingleDriverLogStore.class, LogStoreProvider.getLogStore(LogStores.conf(spark, address), scheme));
    assertEquals(0, TraceTable.open(spark, address, new StructType()).version());
    assertTrue(TraceTable.exists(spark, address));
  }

  /** The store that these tests use is what it claims to be. */
  @Test
  void theObjectStoreHasTheMannersOfOne() throws Exception {
    org.apache.hadoop.fs.Path root = new org.apache.hadoop.fs.Path(ObjectStoreFileSystem.address(dir));
    FileSystem fs = root.getFileSystem(spark.sparkContext().hadoopConfiguration());
    org.apache.hadoop.fs.Path object = new org.apache.hadoop.fs.Path(root, "folder/a");
    try (FSDataOutputStream upload = fs.create(object, false)) {
      upload.write(new byte[100_000]);
      upload.hflush();
      assertTrue(!fs.exists(object), "an upload is not there before it is complete");
      try (FSDataOutputStream other = fs.create(object, false)) {
        other.write(1);
      }
      assertEquals(1, fs.getFileStatus(object).getLen());
    }
    assertEquals(100_000, fs.getFileStatus(object).getLen(), "the later upload wins");
    assertThrows(java.io.IOException.class, () -> fs.create(object, false));
    assertThrows(UnsupportedOperationException.class, () -> fs.append(object));
    ObjectStoreFileSystem.breakRenameTo("folder/b");
    org.apache.hadoop.fs.Path moved = new org.apache.hadoop.fs.Path(root, "folder/b");
    assertThrows(java.io.IOException.class, () -> fs.rename(object, moved));
    assertTrue(fs.exists(object) && fs.exists(moved), "a rename that stops in the middle leaves both");
    assertTrue(fs.delete(object, false) && !fs.delete(object, false));
    assertTrue(Files.isRegularFile(dir.resolve("folder/b")));
  }
}
