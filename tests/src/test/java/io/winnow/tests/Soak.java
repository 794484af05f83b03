// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * One big job with the shipped model, whose process is killed again and again and started anew with the same command,
 * until the time is over; then it is left to finish. A run that finishes before goes on with twice the samples.
 */
final class Soak {
  private static final int PROMPTS = 200;
  private static final int FIRST_SAMPLES = 4;
  /** Prompts of the run beside, that nothing disturbs. */
  private static final int CHECKED_PROMPTS = 5;
  private static final int TERMINATED = 4;
  /** A process has loaded its classes and its model by then. */
  private static final int WARM_SECONDS = 30;

  private final Path folder;
  private final PrintStream out;
  private final Random random;
  private final Path table;
  private int samples = FIRST_SAMPLES;
  private int starts;
  private int kills;
  private int terminations;
  private int unlike;
  /** Resident memory of each process in kB, a value a second. */
  private final List<List<Long>> resident = new ArrayList<>();

  Soak(Path folder, long seed, PrintStream out) {
    this.folder = folder;
    this.out = out;
    this.random = new Random(seed);
    this.table = folder.resolve("soak");
  }

  private List<String> words(Path to, String... more) {
    List<String> words =
        new ArrayList<>(
            Invocation.words(
                Invocation.PROMPTS, to, "--id-column", "id", "--verify", "math", "--max-tokens", "256",
                "--commit-interval", "2", "--samples", String.valueOf(samples)));
    words.addAll(List.of(more));
    return words;
  }

  private Process start() throws IOException {
    Path log = folder.resolve("soak-" + starts++ + ".log");
    resident.add(new ArrayList<>());
    return ChildJvm.winnow(log, List.of("-Dspark.master=local[2]"), words(table));
  }

  private String lastLog() throws IOException {
    return Files.readString(folder.resolve("soak-" + (starts - 1) + ".log"), StandardCharsets.UTF_8);
  }

  /**
   * Runs it.
   *
   * @param minutes until when processes are killed
   * @param killSeconds how long each may live; 0 never kills any
   * @return whether every row is there once, those checked are what they should be, and every run ended as it should
   */
  boolean run(double minutes, int killSeconds) throws Exception {
    long begin = System.nanoTime();
    long end = begin + (long) (minutes * 60e9);
    while (System.nanoTime() < end) {
      long left = TimeUnit.NANOSECONDS.toSeconds(end - System.nanoTime()) + 1;
      Process process = start();
      if (watch(process, killSeconds == 0 ? left : Math.min(left, killSeconds))) {
        expect(process.exitValue(), 0);
        samples *= 2;
      } else {
        stop(process);
      }
    }
    double disturbed = seconds(begin);
    Process last = start();
    watch(last, Long.MAX_VALUE);
    expect(last.exitValue(), 0);
    out.printf(
        "soak: %.1f minutes, %d starts, %d killed, %d terminated, %d ended unlike they should; then %.0f s to finish%n",
        disturbed / 60, starts, kills, terminations, unlike, seconds(begin) - disturbed);
    memory();
    return check() && unlike == 0;
  }

  private static double seconds(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }

  /** Watches a process for that long; whether it ended by itself. */
  private boolean watch(Process process, long seconds) throws Exception {
    List<Long> kilobytes = resident.get(resident.size() - 1);
    for (long i = 0; i < seconds; i++) {
      if (process.waitFor(1, TimeUnit.SECONDS)) {
        return true;
      }
      kilobytes.add(residentKilobytes(process));
    }
    return false;
  }

  private static long residentKilobytes(Process process) {
    try {
      return Files.readAllLines(Path.of("/proc", String.valueOf(process.pid()), "status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0; // it has just ended
    }
  }

  /** One in five is asked to stop, and does; the others have no say. */
  private void stop(Process process) throws Exception {
    if (random.nextInt(5) > 0) {
      kills++;
      process.destroyForcibly().waitFor();
      return;
    }
    terminations++;
    boolean begun = Files.exists(table);
    process.destroy();
    int exitCode = ChildJvm.await(process, 120);
    if (exitCode != 0 && begun) {
      expect(exitCode, TERMINATED);
    }
  }

  private void expect(int exitCode, int wanted) throws IOException {
    if (exitCode != wanted) {
      unlike++;
      out.println("exit code " + exitCode + " and not " + wanted + ":\n" + lastLog());
    }
  }

  /** The longest that a process lived: what it held when it was warm, and at its end. */
  private void memory() {
    List<Long> longest = resident.stream().max((a, b) -> Integer.compare(a.size(), b.size())).orElse(List.of());
    if (longest.size() < 3 * WARM_SECONDS) {
      long most = resident.stream().flatMap(List::stream).mapToLong(Long::longValue).max().orElse(0);
      out.printf("resident memory: at most %d MB; no process lived long enough to tell more%n", most / 1024);
      return;
    }
    List<Long> warm = longest.subList(WARM_SECONDS, longest.size() - 5);
    int third = warm.size() / 3;
    double first = warm.subList(0, third).stream().mapToLong(Long::longValue).average().orElse(0);
    double second = warm.subList(third, 2 * third).stream().mapToLong(Long::longValue).average().orElse(0);
    double last = warm.subList(2 * third, warm.size()).stream().mapToLong(Long::longValue).average().orElse(0);
    out.printf(
        "resident memory of the process that lived longest, %d s: means of its thirds %.0f, %.0f, %.0f MB (the last"
            + " %+.1f %% to the middle one), least %d, most %d MB%n",
        longest.size(), first / 1024, second / 1024, last / 1024, 100 * (last / second - 1),
        warm.stream().mapToLong(Long::longValue).min().orElse(0) / 1024,
        warm.stream().mapToLong(Long::longValue).max().orElse(0) / 1024);
  }

  /** Every key once, and the rows of some prompts those of a run that nothing disturbs. */
  private boolean check() throws IOException {
    SparkSession spark = Tables.local("local[2]");
    try {
      long wanted = (long) PROMPTS * samples;
      long rows = Tables.read(spark, table).count();
      long keys = Tables.read(spark, table).select("prompt_id", "trace_id").distinct().count();
      Path quiet = folder.resolve("quiet");
      Invocation.winnow(words(quiet, "--limit", String.valueOf(CHECKED_PROMPTS)).toArray(String[]::new)).expect(0);
      List<String> expected = Tables.comparable(spark, quiet);
      Dataset<Row> checked = Tables.read(spark, quiet).select("prompt_id").distinct();
      Dataset<Row> ofThem = Tables.read(spark, table).join(checked, "prompt_id");
      TableDifference difference = TableDifference.of(expected, Tables.comparable(ofThem));
      List<String> left = Tables.files(table.resolve("_winnow/pending"));
      out.printf(
          "table: %d rows of %d wanted, %d keys, %d commits, %d files left pending; %d rows beside those of a quiet"
              + " run: lost %d, doubled %d, different %d%n",
          rows, wanted, keys, Tables.commits(table).size(), left.size(), expected.size(), difference.lost(),
          difference.doubled(), difference.different());
      return rows == wanted && keys == wanted && difference.none() && left.isEmpty()
          && expected.size() == CHECKED_PROMPTS * samples;
    } finally {
      spark.stop();
    }
  }
}
