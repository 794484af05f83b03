// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.spark.sql.SparkSession;

/**
 * Trials of what must not matter: a run is disturbed at a random moment, the same command is given again until it goes
 * through, and the table is compared with that of a run that nothing disturbed. The draws come from the seed; the
 * moments are those of the machine.
 */
final class FaultTrials {
  /** Different works, so that the runs that nothing disturbs are few. */
  private static final int WORKS = 8;
  private static final int MOST_RUNS = 5;

  private final Path folder;
  private final Path local;
  private final PrintStream out;
  private final Map<Long, FaultWork> works = new HashMap<>();
  private final List<FaultTrial> done = new ArrayList<>();

  FaultTrials(Path folder, PrintStream out) {
    this.folder = folder;
    this.local = folder.resolve("local");
    this.out = out;
  }

  /**
   * Runs trials; their kinds come as often as each other, in an order drawn from the seed.
   *
   * @param kinds those to draw from
   * @return what came of them
   */
  List<FaultTrial> run(int trials, long seed, List<FaultKind> kinds) throws Exception {
    List<FaultTrial> drawn = new ArrayList<>();
    Random random = new Random(seed);
    List<FaultKind> deck = new ArrayList<>();
    for (int i = 0; i < trials; i++) {
      if (deck.isEmpty()) {
        deck.addAll(kinds);
        Collections.shuffle(deck, random);
      }
      long own = seed + i;
      drawn.add(new FaultTrial(deck.remove(deck.size() - 1), own, work(Math.floorMod(own, WORKS)), folder));
    }
    drawn.sort(Comparator.comparing((FaultTrial trial) -> trial.kind.place));
    SparkSession spark = LocalFaults.session(local);
    try {
      for (FaultTrial trial : drawn) {
        trial.work.undisturbed(spark);
      }
      LocalFaults inside = new LocalFaults(spark);
      ChildFaults children = new ChildFaults();
      for (FaultTrial trial : drawn) {
        switch (trial.kind.place) {
          case LOCAL -> run(trial, spark, () -> inside.disturb(trial));
          case CHILD -> run(trial, spark, () -> children.disturb(trial));
          default -> { }
        }
      }
    } finally {
      spark.stop();
    }
    cluster(drawn, FaultKind.Place.CLUSTER);
    cluster(drawn, FaultKind.Place.SPECULATING);
    return done;
  }

  private FaultWork work(long number) throws IOException {
    FaultWork work = works.get(number);
    if (work == null) {
      work = new FaultWork(folder, number);
      works.put(number, work);
    }
    return work;
  }

  private void cluster(List<FaultTrial> drawn, FaultKind.Place place) throws Exception {
    List<FaultTrial> here = drawn.stream().filter(trial -> trial.kind.place == place).toList();
    if (here.isEmpty()) {
      return;
    }
    boolean speculation = place == FaultKind.Place.SPECULATING;
    try (TwoHosts hosts = speculation ? new TwoHosts(local) : null) {
      cluster(here, speculation ? hosts.url() : "local-cluster[2,1,1024]", speculation);
    }
  }

  private void cluster(List<FaultTrial> here, String master, boolean speculation) throws Exception {
    SparkSession spark = ClusterFaults.session(master, local, speculation);
    try {
      ClusterFaults faults = new ClusterFaults(spark, local);
      for (FaultTrial trial : here) {
        run(trial, spark, () -> faults.disturb(trial));
      }
    } finally {
      spark.stop();
    }
  }

  /** What a kind of fault does to a trial. */
  private interface Disturbance {
    void happen() throws Exception;
  }

  private void run(FaultTrial trial, SparkSession spark, Disturbance disturbance) throws Exception {
    long start = System.nanoTime();
    disturbance.happen();
    finish(trial);
    trial.difference = TableDifference.of(trial.work.undisturbed(spark), Tables.comparable(spark, trial.table));
    List<String> left = Tables.files(trial.table.resolve("_winnow/pending"));
    trial.check(left.isEmpty(), "what no run will take up is left: " + left);
    trial.orphans.forEach(ProcessHandle::destroyForcibly);
    trial.seconds = (System.nanoTime() - start) / 1e9;
    done.add(trial);
    if (!trial.clean()) {
      out.println(trial + ": " + trial.difference);
      trial.problems.forEach(problem -> out.println("  " + problem));
      out.println("  " + String.join(" ", trial.words()));
    }
    Tables.delete(trial.table);
  }

  /** The same command again until it goes through. */
  private static void finish(FaultTrial trial) {
    for (int i = 1; ; i++) {
      Invocation run = trial.run();
      if (run.exitCode() == 0) {
        return;
      }
      if (i == MOST_RUNS) {
        trial.expect(run, 0);
        return;
      }
    }
  }

  /** A line for each kind, and the sums. */
  static void print(List<FaultTrial> trials, PrintStream out) {
    Map<FaultKind, List<FaultTrial>> byKind = new EnumMap<>(FaultKind.class);
    trials.forEach(trial -> byKind.computeIfAbsent(trial.kind, k -> new ArrayList<>()).add(trial));
    out.printf(
        "%-28s %7s %7s %7s %8s %10s %9s %8s%n",
        "kind of fault", "trials", "hit", "lost", "doubled", "different", "unlike", "seconds");
    byKind.forEach((kind, of) -> line(kind.label(), of, out));
    line("all", trials, out);
    out.println(
        "hit: the fault met a run under way; lost, doubled, different: rows; unlike: trials in which a run ended or"
            + " left things otherwise than it should");
  }

  private static void line(String name, List<FaultTrial> trials, PrintStream out) {
    out.printf(
        "%-28s %7d %7d %7d %8d %10d %9d %8.1f%n",
        name,
        trials.size(),
        trials.stream().filter(trial -> trial.hit).count(),
        trials.stream().mapToInt(trial -> trial.difference.lost()).sum(),
        trials.stream().mapToInt(trial -> trial.difference.doubled()).sum(),
        trials.stream().mapToInt(trial -> trial.difference.different()).sum(),
        trials.stream().filter(trial -> !trial.problems.isEmpty()).count(),
        trials.stream().mapToDouble(trial -> trial.seconds).sum());
  }
}
