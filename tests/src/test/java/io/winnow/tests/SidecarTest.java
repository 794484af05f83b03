// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Servers beside executors, on GPUs that a script makes up. */
@Tag("cluster")
@EnabledOnOs(OS.LINUX)
class SidecarTest {
  private static final int PROMPTS = 12;
  private static final String MODEL = "teacher@sidecar";

  @TempDir Path folder;
  private SparkSession spark;

  @AfterEach
  void stop() {
    if (spark != null) {
      spark.stop();
    }
  }

  private String teacher() {
    String java = ProcessHandle.current().info().command().orElse("java");
    return "'" + java + "' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '"
        + Invocation.ROOT.resolve("tests/target/test-classes") + "' " + FakeTeacher.class.getName() + " {port} '"
        + folder + "'";
  }

  private String[] words(Path table, String... more) throws IOException {
    return Stream.of(
            new String[] {
              "generate", "--prompts", Tables.firstPrompts(folder, PROMPTS).toString(), "--model", MODEL, "--sidecar",
              teacher(), "--id-column", "id", "--samples", "2", "--endpoint-stream", "false", "--endpoint-concurrency",
              "2", "--sidecar-grace", "1", "--out", table.toString(), "--commit-interval", "1"
            },
            more)
        .flatMap(Stream::of).toArray(String[]::new);
  }

  /** The teachers of this test that run. */
  private List<Long> servers() {
    return ProcessHandle.allProcesses().map(ProcessHandle::pid).filter(this::isServer).sorted().toList();
  }

  private boolean isServer(long pid) {
    try {
      List<String> words =
          List.of(Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1).split("\0"));
      return words.get(0).endsWith("java") && words.contains(FakeTeacher.class.getName())
          && words.contains(folder.toString());
    } catch (IOException e) {
      return false;
    }
  }

  /** The files below a folder that hold a text. */
  private static List<Path> holding(Path root, String text) throws IOException {
    List<Path> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (Files.readString(file, StandardCharsets.ISO_8859_1).contains(text)) {
          found.add(file);
        }
      }
    }
    return found;
  }

  private void awaitServers(Set<Long> expected) throws InterruptedException {
    for (int i = 0; !new HashSet<>(servers()).equals(expected); i++) {
      assertTrue(i < 1500, "servers " + servers() + " and not " + expected);
      Thread.sleep(20);
    }
  }

  @Test
  void eachExecutorAsksItsOwnServerOnItsOwnGpu() throws Exception {
    Path script =
        Files.writeString(
            folder.resolve("gpus.sh"), "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"4\", \"6\"]}'\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    System.setProperty("winnow.log.spark", "error");
    spark =
        Tables.builder("local-cluster[1,2,2048]")
            .config("spark.executor.cores", "1")
            .config("spark.executor.memory", "768m")
            .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .config("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dwinnow.log.spark=error")
            .config("spark.worker.resource.gpu.amount", "2")
            .config("spark.worker.resource.gpu.discoveryScript", script.toString())
            .config("spark.executor.resource.gpu.amount", "1")
            .config("spark.plugins", "io.winnow.inference.udf.SidecarPlugin")
            .config("spark.winnow.sidecar", teacher())
            .config("spark.winnow.sidecarGrace", "1")
            .config("spark.winnow.model", MODEL)
            .getOrCreate();
    Path table = folder.resolve("table");
    Invocation run = Invocation.winnow(words(table)).expect(0);
    assertEquals("24 wanted = 0 before + 24 now + 0 to do", run.summary("accounted"));
    assertEquals("0", run.summary("failed"));
    Set<String> gpus = new TreeSet<>();
    Tables.read(spark, table).select("text").collectAsList()
        .forEach(row -> gpus.add(row.getString(0).split(" ")[0]));
    assertEquals(Set.of("gpus=4", "gpus=6"), gpus);
    // Both servers have ended once on the way, and nothing was lost or doubled by that.
    assertTrue(Files.exists(folder.resolve("ended-4")) && Files.exists(folder.resolve("ended-6")));
    assertEquals(24, Tables.read(spark, table).select("trace_id").distinct().count());

    for (String gpu : List.of("4", "6")) {
      String key = Files.readString(folder.resolve("key-" + gpu));
      assertEquals(48, key.length());
      assertEquals(List.of(), holding(table, key));
    }

    List<Long> before = servers();
    assertEquals(2, before.size(), before::toString);
    ProcessHandle executor =
        ProcessHandle.current().children().filter(p -> p.info().command().orElse("").endsWith("java"))
            .findFirst().orElseThrow();
    assertTrue(executor.destroyForcibly());
    executor.onExit().join();
    // Spark starts another executor, and that another server; one that outlives the session is one too many.
    for (int i = 0; servers().containsAll(before); i++) {
      assertTrue(i < 1500, "the server of the killed executor is still there");
      Thread.sleep(20);
    }
    spark.stop();
    spark = null;
    awaitServers(Set.of());
  }

  @Test
  void inLocalModeTheDriverHasTheServerAndAFailureShowsItsLog() throws Exception {
    spark = Tables.local("local[2]");
    Path table = folder.resolve("local");
    Files.createFile(folder.resolve("ended-null"));
    Invocation.winnow(words(table)).expect(0);
    assertEquals(PROMPTS * 2, Tables.committedRows(table));
    Invocation again = Invocation.winnow(words(table)).expect(0);
    assertFalse(again.out().contains(" 24 now"), again.out());

    Invocation failed =
        Invocation.winnow(
            "generate", "--prompts", Tables.firstPrompts(folder, 1).toString(), "--model", MODEL, "--sidecar",
            "sh -c 'echo CUDA out of memory; exit 4' {port}", "--sidecar-restarts", "0", "--out",
            folder.resolve("failed").toString());
    failed.expect(1);
    assertTrue(failed.err().contains("exit code 4"), failed.err());
    assertTrue(failed.err().contains("| CUDA out of memory"), failed.err());
  }

  @Test
  void whatCannotWorkIsRefusedBeforeAnythingStarts() throws IOException {
    Path table = folder.resolve("refused");
    String prompts = Tables.firstPrompts(folder, 1).toString();
    Invocation none =
        Invocation.winnow("generate", "--prompts", prompts, "--model", MODEL, "--out", table.toString()).expect(2);
    assertTrue(none.err().contains("without --sidecar"), none.err());
    Invocation slip =
        Invocation.winnow(
            "generate", "--prompts", prompts, "--model", MODEL, "--sidecar", "vlm", "--out", table.toString())
            .expect(2);
    assertTrue(slip.err().contains("it is none of llama.cpp, sglang, tensorrt-llm, vllm"), slip.err());
    Invocation idle =
        Invocation.winnow(
            "generate", "--prompts", prompts, "--model", Invocation.MODEL.toString(), "--sidecar", "vllm", "--out",
            table.toString()).expect(2);
    assertTrue(idle.err().contains("no model is one of a side-car"), idle.err());
    Invocation gpus =
        Invocation.winnow(
            "generate", "--prompts", prompts, "--model", MODEL, "--sidecar", "vllm", "--sidecar-gpus", "8", "--out",
            table.toString()).expect(2);
    assertTrue(gpus.err().contains("--sidecar-gpus 8: in local mode there is one executor"), gpus.err());
  }
}
