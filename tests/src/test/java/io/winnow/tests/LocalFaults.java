// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** What can go wrong with a run inside this process: its disk, its tasks, and others at its table. */
final class LocalFaults {
  private static final int MOST_RETRIES = 20;

  private final SparkSession spark;

  LocalFaults(SparkSession spark) {
    this.spark = spark;
  }

  /**
   * A session whose tasks may fail, with cores to spare for statements beside a run.
   *
   * @param local Spark's local files, also those of sessions that come after it: a JVM chooses their place once
   */
  static SparkSession session(Path local) {
    System.setProperty("winnow.log.spark", "off");
    System.setProperty("winnow.log.tasks", "off");
    return Tables.builder("local[5,4]")
        .config("spark.hadoop.fs.file.impl", FaultyFileSystem.class.getName())
        .config("spark.hadoop.fs.AbstractFileSystem.file.impl", FaultyFileSystem.Disk.class.getName())
        // Hadoop keeps one file system a scheme for the whole process: without this, the one of an earlier test.
        .config("spark.hadoop.fs.file.impl.disable.cache", "true")
        .config("spark.hadoop.fs.store.impl", FaultyFileSystem.Store.class.getName())
        .config("spark.hadoop.fs.AbstractFileSystem.store.impl", FaultyFileSystem.StoreFiles.class.getName())
        .config("spark.local.dir", local.toString())
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate();
  }

  void disturb(FaultTrial trial) throws Exception {
    FaultyFileSystem.mend();
    try {
      switch (trial.kind) {
        case TASK_FAILS -> taskFails(trial);
        case DISK_FULL -> diskFull(trial);
        case READ_ONLY -> readOnly(trial);
        case NO_FIRST_COMMIT -> noFirstCommit(trial);
        case OPTIMIZE_BESIDE -> optimizeBeside(trial);
        case DELETE_BESIDE -> deleteBeside(trial);
        default -> throw new IllegalArgumentException(trial.toString());
      }
    } finally {
      FaultyFileSystem.mend();
    }
  }

  /** One or two writes of tasks fail; the tasks are retried, and the run does not notice. */
  private void taskFails(FaultTrial trial) {
    int failures = 1 + trial.random.nextInt(2);
    CompletableFuture<Invocation> run = null;
    for (int i = 0; i < failures; i++) {
      FaultyFileSystem.failTaskWrite(1 + trial.random.nextInt(60));
      run = run == null ? trial.start() : run;
      while (!run.isDone() && !FaultyFileSystem.struck()) {
        Thread.onSpinWait();
      }
      trial.hit |= FaultyFileSystem.struck();
      if (i + 1 < failures) {
        FaultyFileSystem.mend();
      }
    }
    trial.expect(trial.await(run), 0);
  }

  private void diskFull(FaultTrial trial) {
    // A table of this work takes about 100 bytes a trace and 20,000 beside; some disks are large enough.
    long bytes = 20_000 + 150L * trial.work.traces();
    FaultyFileSystem.fillAfter((long) (bytes * trial.random.nextDouble()));
    Invocation run = trial.run();
    trial.hit = FaultyFileSystem.struck();
    trial.expect(run, trial.hit ? new Integer[] {0, 1} : new Integer[] {0});
    expectOneLine(trial, run);
  }

  private void readOnly(FaultTrial trial) {
    boolean fresh = trial.random.nextBoolean();
    if (!fresh) {
      trial.expect(trial.run("--limit", "10"), 0);
    }
    List<String> before = Tables.files(trial.table);
    FaultyFileSystem.makeReadOnly();
    Invocation run = trial.run();
    trial.hit = FaultyFileSystem.struck();
    trial.check(trial.hit, "the run did not notice that the disk is read-only");
    trial.expect(run, 1);
    expectOneLine(trial, run);
    List<String> after = Tables.files(trial.table);
    trial.check(before.equals(after), "a read-only table has other files than before: " + differences(before, after));
    trial.check(fresh != Files.exists(trial.table), "a read-only folder was made or is gone");
  }

  private static List<String> differences(List<String> before, List<String> after) {
    List<String> out = new ArrayList<>(before.stream().filter(file -> !after.contains(file)).toList());
    after.stream().filter(file -> !before.contains(file)).forEach(out::add);
    return out;
  }

  /** A failure says what it is in one line, and no stack trace. */
  private static void expectOneLine(FaultTrial trial, Invocation run) {
    long lines = run.err().lines().filter(line -> line.startsWith("winnow: ")).count();
    trial.check(lines == (run.exitCode() == 0 ? 0 : 1), lines + " lines tell of the failure: " + run.err());
    trial.check(!run.err().contains("\tat "), "a stack trace is shown: " + run.err());
  }

  /** What is left of a process that died while it made the table, and a log that has lost its beginning. */
  private void noFirstCommit(FaultTrial trial) throws IOException {
    Path log = trial.table.resolve("_delta_log");
    Path first = log.resolve("00000000000000000000.json");
    trial.hit = true;
    if (trial.random.nextInt(3) > 0) {
      Files.createDirectories(log);
      if (trial.random.nextBoolean()) {
        Tables.lines(log.resolve(".00000000000000000000.json.5f7c.tmp"), "{\"commitInfo\":{");
        Files.createDirectories(trial.table.resolve("_winnow"));
      }
      trial.expect(trial.run(), 0);
      return;
    }
    trial.expect(trial.run("--limit", "10"), 0);
    Path aside = trial.table.resolveSibling(trial.table.getFileName() + ".first");
    Files.move(first, aside);
    List<String> before = Tables.files(trial.table);
    Invocation run = trial.run();
    trial.expect(run, 1);
    expectOneLine(trial, run);
    trial.check(before.equals(Tables.files(trial.table)), "a damaged table has other files than before");
    Files.move(aside, first);
  }

  private void optimizeBeside(FaultTrial trial) throws Exception {
    CompletableFuture<Invocation> run = trial.start();
    for (int i = 1 + trial.random.nextInt(3); i > 0 && trial.awaitMoment(() -> !run.isDone()); i--) {
      trial.hit |= statement(trial, "OPTIMIZE " + name(trial)) && !run.isDone();
    }
    trial.expect(trial.await(run), 0);
  }

  /** Rows deleted while a run goes on stay away until another run makes them again. */
  private void deleteBeside(FaultTrial trial) throws Exception {
    CompletableFuture<Invocation> run = trial.start();
    String sample = String.valueOf(trial.random.nextInt(4));
    String condition =
        trial.random.nextBoolean() ? "prompt_id LIKE '%" + sample + "'" : "sample_index = " + sample;
    if (trial.awaitMoment(() -> !run.isDone())) {
      trial.hit = statement(trial, "DELETE FROM " + name(trial) + " WHERE " + condition) && !run.isDone();
    }
    trial.expect(trial.await(run), 0);
    Set<String> deleted = new HashSet<>(deleted(trial, condition));
    List<String> expected =
        trial.work.undisturbed(spark).stream().filter(row -> !deleted.contains(key(row))).toList();
    TableDifference difference = TableDifference.of(expected, Tables.comparable(spark, trial.table));
    trial.check(difference.none(), deleted.size() + " rows were deleted beside the run, and then: " + difference);
  }

  private static String key(String row) {
    return row.substring(0, row.indexOf(",\"sample_index\""));
  }

  private static String name(FaultTrial trial) {
    return "delta.`" + trial.place() + "`";
  }

  /** Keys of the rows that deletions took, by the versions before them. */
  private List<String> deleted(FaultTrial trial, String condition) {
    List<Row> history =
        spark.sql("DESCRIBE HISTORY " + name(trial)).filter("operation = 'DELETE'").select("version").collectAsList();
    return history.stream()
        .flatMap(
            row ->
                spark.read().format("delta").option("versionAsOf", row.getLong(0) - 1).load(trial.place())
                    .filter(condition).select("prompt_id", "trace_id").toJSON().collectAsList().stream())
        .map(json -> json.substring(0, json.length() - 1))
        .collect(Collectors.toList());
  }

  /** Whether the statement went through; one that a commit came before is tried again, as a user would. */
  private boolean statement(FaultTrial trial, String sql) {
    for (int i = 0; i < MOST_RETRIES; i++) {
      try {
        spark.sql(sql).collectAsList();
        return true;
      } catch (Exception e) { // Delta's exceptions of concurrent commits are checked and not declared
        if (!e.getClass().getName().contains("Concurrent")) {
          trial.problems.add(sql + ": " + e);
          return false;
        }
      }
    }
    return false;
  }
}
