// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.winnow.jobs.Winnow;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Winnow in a process of its own, which can be killed. */
final class ChildJvm {
  private ChildJvm() {}

  /** Starts a command line; both of its streams go to the file. */
  static Process winnow(Path log, List<String> words) throws IOException {
    return winnow(log, List.of("-Dspark.master=local[2]"), words);
  }

  /** As above, with options of the JVM, by which Spark is configured as well. */
  static Process winnow(Path log, List<String> options, List<String> words) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(opens());
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx1g", "-Dspark.ui.enabled=false"));
    command.addAll(options);
    command.add("-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Winnow.class.getName()));
    command.addAll(words);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    // Plain Java: native code is through with a test's work before anybody can kill it. The bytes are the same.
    builder.environment().put("WINNOW_ISA", "reference");
    return builder.start();
  }

  /** What this JVM opens for Arrow and the serializers. */
  static List<String> opens() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens"))
        .toList();
  }

  /** The exit code; a process that does not end in time is killed, and is a failure. */
  static int await(Process process, int seconds) throws InterruptedException {
    if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      throw new AssertionError("the process did not end within " + seconds + " s");
    }
    return process.exitValue();
  }

  /** Waits for something that a running process does. */
  static void awaitWhile(Process process, Path log, String what, BooleanSupplier done) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
    while (!done.getAsBoolean()) {
      if (!process.isAlive()) {
        throw new AssertionError("the process ended before " + what + ":\n" + Files.readString(log));
      }
      if (System.nanoTime() > end) {
        process.destroyForcibly();
        throw new AssertionError("waited 180 s in vain for " + what + ":\n" + Files.readString(log));
      }
      Thread.sleep(20);
    }
  }
}
