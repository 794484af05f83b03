// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What can happen to a driver in a process of its own. */
final class ChildFaults {
  private static final int LONGEST_RUN_SECONDS = 240;
  /** Cheap to start: a run is short, and much of it is loading classes. */
  private static final List<String> CHEAP =
      List.of(
          "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dspark.sql.shuffle.partitions=2",
          "-Dspark.sql.codegen.wholeStage=false", "-Dspark.databricks.delta.snapshotPartitions=1");

  void disturb(FaultTrial trial) throws Exception {
    switch (trial.kind) {
      case DRIVER_KILLED -> driverKilled(trial);
      case DRIVER_TERMINATED -> driverTerminated(trial);
      case STARTED_TWICE -> startedTwice(trial);
      case DRIVER_AND_EXECUTOR_KILLED -> bothKilled(trial);
      default -> throw new IllegalArgumentException(trial.toString());
    }
  }

  private static Path log(FaultTrial trial, int number) {
    return trial.table.resolveSibling(trial.table.getFileName() + "." + number + ".log");
  }

  private static Process start(FaultTrial trial, int number, String... options) throws IOException {
    List<String> all = new ArrayList<>(CHEAP);
    all.addAll(List.of(options));
    return ChildJvm.winnow(log(trial, number), all, trial.words());
  }

  private static String said(FaultTrial trial, int number) throws IOException {
    return Files.readString(log(trial, number), StandardCharsets.UTF_8);
  }

  private static void driverKilled(FaultTrial trial) throws Exception {
    int deaths = trial.random.nextInt(4) == 0 ? 2 : 1;
    for (int i = 0; i < deaths; i++) {
      Process process = start(trial, i, "-Dspark.master=local[2]");
      boolean alive = trial.awaitMoment(process::isAlive);
      process.destroyForcibly().waitFor();
      trial.hit |= alive;
      if (!alive) {
        trial.expect(process.exitValue(), said(trial, i), 0);
        return;
      }
    }
  }

  private static void driverTerminated(FaultTrial trial) throws Exception {
    Process process = start(trial, 0, "-Dspark.master=local[2]");
    trial.hit = trial.awaitMoment(process::isAlive);
    process.destroy();
    int exitCode = ChildJvm.await(process, LONGEST_RUN_SECONDS);
    trial.expect(exitCode, said(trial, 0), 0, 4);
    List<String> left = Tables.files(trial.table.resolve("_winnow/pending"));
    trial.check(left.isEmpty(), "a run that was stopped left " + left);
  }

  /** Both at once: one at least does the work, and a third finds nothing to do. */
  private static void startedTwice(FaultTrial trial) throws Exception {
    Process one = start(trial, 0, "-Dspark.master=local[2]");
    Process other = start(trial, 1, "-Dspark.master=local[2]");
    int[] codes = {ChildJvm.await(one, LONGEST_RUN_SECONDS), ChildJvm.await(other, LONGEST_RUN_SECONDS)};
    trial.hit = true;
    for (int i = 0; i < 2; i++) {
      trial.expect(codes[i], said(trial, i), 0, 1);
      long lines = said(trial, i).lines().filter(line -> line.startsWith("winnow: ")).count();
      trial.check(codes[i] == 0 || lines == 1, lines + " lines tell of the failure: " + said(trial, i));
    }
    trial.check(codes[0] == 0 || codes[1] == 0, "neither of two runs went through: " + said(trial, 0));
    Invocation third = trial.run();
    trial.expect(third, 0);
    trial.check(third.out().contains("nothing to do"), "there was something left to do: " + third.out());
  }

  private static void bothKilled(FaultTrial trial) throws Exception {
    Process driver =
        start(
            trial, 0, "-Dspark.master=local-cluster[2,1,1024]", "-Dspark.executor.memory=768m",
            "-Dspark.executor.extraClassPath=" + System.getProperty("java.class.path"),
            "-Dspark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dwinnow.log.spark=error");
    trial.hit = trial.awaitMoment(driver::isAlive);
    List<ProcessHandle> executors =
        driver.descendants().filter(p -> p.info().command().orElse("").endsWith("java")).toList();
    List<ProcessHandle> dying = new ArrayList<>(executors.subList(0, Math.min(1, executors.size())));
    dying.add(driver.toHandle());
    Collections.shuffle(dying, trial.random);
    dying.forEach(ProcessHandle::destroyForcibly);
    driver.waitFor();
    if (!trial.hit) {
      trial.expect(driver.exitValue(), said(trial, 0), 0);
    }
    // The other executor may live on for a while, beside the run that takes over; it ends with the trial.
    trial.orphans.addAll(executors);
  }
}
