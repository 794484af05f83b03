// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.SparkSession;

/** What can happen to executors in processes of their own, while their driver, this process, lives on. */
final class ClusterFaults {
  private final Path local;
  private final Attempts attempts = new Attempts();

  /** @param spark as {@link #session} gives it, with the same folder */
  ClusterFaults(SparkSession spark, Path local) {
    this.local = local;
    spark.sparkContext().addSparkListener(attempts);
  }

  /** Two executors of one core each, on a master that starts them. */
  static SparkSession session(String master, Path local, boolean speculation) {
    System.setProperty("winnow.log.spark", "off");
    return Tables.builder(master)
        .config("spark.executor.memory", "768m")
        .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .config(
            "spark.executor.extraJavaOptions",
            "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dwinnow.log.spark=off -Dwinnow.log.tasks=off")
        .config("spark.local.dir", local.toString())
        .config("spark.task.maxFailures", "8")
        .config("spark.deploy.maxExecutorRetries", "-1")
        .config("spark.speculation", String.valueOf(speculation))
        .config("spark.speculation.interval", "50ms")
        .config("spark.speculation.multiplier", "1")
        .config("spark.speculation.quantile", "0.01")
        .config("spark.speculation.minTaskRuntime", "50ms")
        .config("spark.speculation.efficiency.enabled", "false")
        .getOrCreate();
  }

  /** What was attempted more than once. */
  private static final class Attempts extends SparkListener {
    final AtomicInteger speculative = new AtomicInteger();
    final AtomicInteger stages = new AtomicInteger();

    @Override
    public void onTaskStart(SparkListenerTaskStart start) {
      if (start.taskInfo().speculative()) {
        speculative.incrementAndGet();
      }
    }

    @Override
    public void onStageSubmitted(SparkListenerStageSubmitted submitted) {
      if (submitted.stageInfo().attemptNumber() > 0) {
        stages.incrementAndGet();
      }
    }
  }

  void disturb(FaultTrial trial) throws Exception {
    awaitExecutors();
    switch (trial.kind) {
      case EXECUTOR_KILLED -> executorKilled(trial);
      case SHUFFLE_LOST -> shuffleLost(trial);
      case SPECULATION -> speculation(trial);
      default -> throw new IllegalArgumentException(trial.toString());
    }
  }

  private static List<ProcessHandle> executors() {
    return ProcessHandle.current().children()
        .filter(process -> process.info().command().orElse("").endsWith("java"))
        .toList();
  }

  private static void awaitExecutors() throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (executors().size() < 2) {
      if (System.nanoTime() > end) {
        throw new AssertionError("there are " + executors().size() + " executors and not 2");
      }
      Thread.sleep(20);
    }
  }

  private static void executorKilled(FaultTrial trial) throws Exception {
    CompletableFuture<Invocation> run = trial.start();
    int deaths = trial.random.nextInt(3) == 0 ? 2 : 1;
    for (int i = 0; i < deaths && trial.awaitMoment(() -> !run.isDone()); i++) {
      List<ProcessHandle> alive = executors();
      int dying = trial.random.nextInt(4) == 0 ? alive.size() : Math.min(1, alive.size());
      int from = dying == 1 ? trial.random.nextInt(alive.size()) : 0;
      alive.subList(from, from + dying).forEach(ProcessHandle::destroyForcibly);
      trial.hit |= dying > 0 && !run.isDone();
    }
    trial.expect(trial.await(run), 0);
  }

  private void shuffleLost(FaultTrial trial) throws Exception {
    int before = attempts.stages.get();
    CompletableFuture<Invocation> run = trial.start();
    // The long job begins when its ledger is open.
    while (!run.isDone() && !Files.isDirectory(trial.table.resolve("_winnow/pending"))) {
      Thread.sleep(5);
    }
    Thread.sleep(trial.random.nextInt(2000));
    deleteShuffles();
    trial.expect(trial.await(run), 0);
    trial.hit = attempts.stages.get() > before;
  }

  private void deleteShuffles() throws IOException {
    try (Stream<Path> files = Files.walk(local)) {
      for (Path file : files.filter(f -> f.getFileName().toString().startsWith("shuffle_")).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (UncheckedIOException e) {
      // Spark deletes files of its own while they are listed.
    }
  }

  private void speculation(FaultTrial trial) {
    int before = attempts.speculative.get();
    trial.expect(trial.run(), 0);
    trial.hit = attempts.speculative.get() > before;
  }
}
