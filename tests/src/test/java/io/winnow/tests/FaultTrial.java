// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** One work, run under one kind of fault: its draws, and what came of it. */
final class FaultTrial {
  private static final int LONGEST_RUN_SECONDS = 240;

  final FaultKind kind;
  final long seed;
  final FaultWork work;
  final Path table;
  final Random random;
  private final List<String> tuning;
  /** Whether the fault met a run that was under way. */
  boolean hit;
  final List<String> problems = new ArrayList<>();
  TableDifference difference;
  double seconds;
  /** Processes that outlive what started them, to be ended with the trial. */
  final List<ProcessHandle> orphans = new ArrayList<>();

  FaultTrial(FaultKind kind, long seed, FaultWork work, Path folder) {
    this.kind = kind;
    this.seed = seed;
    this.work = work;
    this.table = folder.resolve(kind.label() + "-" + seed);
    this.random = new Random(seed * 31 + kind.ordinal());
    int partitions = kind == FaultKind.SHUFFLE_LOST ? 6 + random.nextInt(4) : 1 + random.nextInt(3);
    this.tuning =
        List.of(
            "--commit-interval", 200 + random.nextInt(800) + "ms", "--partitions", String.valueOf(partitions),
            "--max-sequences", String.valueOf(4 + random.nextInt(12)));
  }

  /** The command; the same each time. */
  List<String> words() {
    return work.words(kind.place == FaultKind.Place.LOCAL ? "faulty:" + table : table.toString(), tuning);
  }

  /** Runs it in this process. */
  Invocation run(String... more) {
    return await(start(more));
  }

  CompletableFuture<Invocation> start(String... more) {
    List<String> words = new ArrayList<>(words());
    words.addAll(List.of(more));
    return CompletableFuture.supplyAsync(() -> Invocation.winnow(words.toArray(String[]::new)));
  }

  Invocation await(CompletableFuture<Invocation> run) {
    try {
      return run.get(LONGEST_RUN_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError(this + " did not end within " + LONGEST_RUN_SECONDS + " s", e);
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(this + " could not be run", e);
    }
  }

  /**
   * Lets a run go on to a random moment: at once, soon after its table is there, or some time after a random share of
   * the rows is committed.
   *
   * @return whether it was still under way then
   */
  boolean awaitMoment(BooleanSupplier running) throws InterruptedException {
    boolean early = random.nextInt(4) == 0;
    long wanted = early ? 0 : 1 + (long) (random.nextDouble() * random.nextDouble() * work.traces());
    long more = random.nextInt(early ? 2000 : 600);
    while (running.getAsBoolean() && (early ? Tables.commits(table).isEmpty() : Tables.committedRows(table) < wanted)) {
      Thread.sleep(5);
    }
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(more);
    while (running.getAsBoolean() && System.nanoTime() < end) {
      Thread.sleep(2);
    }
    return running.getAsBoolean();
  }

  /** Notes that a run ended otherwise than it may. */
  void expect(Invocation run, Integer... codes) {
    expect(run.exitCode(), run.out() + run.err(), codes);
  }

  void expect(int exitCode, String said, Integer... codes) {
    if (!List.of(codes).contains(exitCode)) {
      problems.add("exit code " + exitCode + " and not " + List.of(codes) + ": " + said.strip());
    }
  }

  void check(boolean holds, String otherwise) {
    if (!holds) {
      problems.add(otherwise);
    }
  }

  boolean clean() {
    return problems.isEmpty() && difference != null && difference.none();
  }

  @Override
  public String toString() {
    return kind.label() + " (KIND=" + kind.label() + " SEED=" + seed + ")";
  }
}
