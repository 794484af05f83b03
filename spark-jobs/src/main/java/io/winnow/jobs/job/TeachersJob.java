// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.EngineStats;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.RouteRule;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherSettings;
import io.winnow.jobs.input.Prompts;
import io.winnow.jobs.table.RunsTable;
import io.winnow.jobs.table.TraceTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.SparkSession;

/**
 * {@code generate} with several models: one part of the run for each teacher, all into one table. A part is a run of
 * one model with a run id of its own, which ends in the number of the teacher; so keys, fences, lineage and replay are
 * those of a single model, and what a part lacks is found as always. Which parts go on at the same time, {@link
 * TeacherLanes} say; where prompts go up, a part begins when the one before it has ended, so that who is asked what
 * depends on the table and never on time.
 */
final class TeachersJob {
  private final SparkSession spark;
  private final SettingValues values;
  private final RouteRule rule;
  private final String runId = RunId.next();
  private final long startNanos = System.nanoTime();
  private final RunBudget budget;
  private final Consumer<String> told;
  private final UnaryOperator<Prompts> some;
  /** Whether a teacher has failed for good. */
  private volatile boolean broken;

  /** @param some which of the prompts are meant */
  TeachersJob(
      SparkSession spark, SettingValues values, BooleanSupplier stop, Consumer<String> told,
      UnaryOperator<Prompts> some) {
    this.some = some;
    this.spark = spark;
    this.values = values;
    this.rule = TeacherSettings.route(values);
    this.budget = new RunBudget(values, () -> broken || stop.getAsBoolean(), System::nanoTime, startNanos);
    this.told = told;
  }

  GenerateResult run(GenerateJob.Progress progress) {
    GenerateSettings.validate(values);
    List<Teacher> given = Teacher.of(values);
    VersionedPrompts source = PromptRoutes.opened(spark, values, rule).of(some);
    PromptRoutes routes = PromptRoutes.of(spark, values, rule, given, source.prompts());
    List<List<TeacherLanes.Place>> lanes =
        TeacherLanes.of(spark, values, routes.teachers(), rule.escalates(), told);
    Work work =
        new Work(
            routes, source, given.stream().map(Teacher::address).toList(),
            given.stream().map(teacher -> teacher.info().fingerprint()).toList(), new TeacherProgress(progress));
    if (lanes.size() > 1) {
      // Made once, and not by all of them at the same time.
      Teacher first = routes.teachers().get(0);
      RunsTable.open(new GenerateJob(spark, first, runId, budget).opened(routes.share(0)));
    }
    double seconds = run(lanes, work);
    List<GenerateResult> parts = new ArrayList<>(work.parts.values());
    return combined(
        source.prompts().counts().total(), parts, parts.size() < routes.teachers().size(), seconds);
  }

  /** What the lanes have in common; two states of a model have one name, and fingerprints of their own. */
  private record Work(
      PromptRoutes routes, VersionedPrompts source, List<String> names, List<String> fingerprints,
      TeacherProgress progress, Map<Integer, GenerateResult> parts) {
    Work(
        PromptRoutes routes, VersionedPrompts source, List<String> names, List<String> fingerprints,
        TeacherProgress progress) {
      this(routes, source, names, fingerprints, progress, new ConcurrentSkipListMap<>());
    }
  }

  /** Runs the lanes, each on a thread; returns the seconds of generating of the longest. */
  private double run(List<List<TeacherLanes.Place>> lanes, Work work) {
    if (lanes.size() == 1) {
      return lane(lanes.get(0), work);
    }
    ExecutorService threads = Executors.newFixedThreadPool(lanes.size());
    try {
      List<Future<Double>> all = new ArrayList<>();
      for (List<TeacherLanes.Place> lane : lanes) {
        all.add(
            threads.submit(
                () -> {
                  try {
                    return lane(lane, work);
                  } catch (Exception | Error e) {
                    broken = true; // the others end cleanly
                    throw e;
                  }
                }));
      }
      return longest(all);
    } finally {
      threads.shutdownNow();
    }
  }

  private double longest(List<Future<Double>> lanes) {
    double seconds = 0;
    Throwable why = null;
    for (Future<Double> lane : lanes) {
      try {
        seconds = Math.max(seconds, lane.get());
      } catch (ExecutionException e) {
        if (why == null) {
          why = e.getCause();
        } else {
          why.addSuppressed(e.getCause());
        }
      } catch (InterruptedException e) {
        broken = true;
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while teachers were at work", e);
      }
    }
    if (why instanceof RuntimeException e) {
      throw e;
    }
    if (why instanceof Error e) {
      throw e;
    }
    if (why != null) {
      throw new IllegalStateException(why.getMessage(), why);
    }
    return seconds;
  }

  /** Asks the teachers of a lane, one after the other; returns the seconds of generating. */
  private double lane(List<TeacherLanes.Place> lane, Work work) {
    double seconds = 0;
    Prompts up = null;
    for (int i = 0; i < lane.size() && !budget.getAsBoolean(); i++) {
      int number = lane.get(i).number();
      Teacher teacher = lane.get(i).teacher();
      Prompts share = up == null ? work.routes().share(number) : up;
      told.accept(
          String.format(
              Locale.ROOT, "teacher %d of %d, %s: %,d of %,d prompts", number + 1, work.routes().teachers().size(),
              teacher.address(), share.counts().total(), work.source().prompts().counts().total()));
      RunBudget part = budget.part();
      String partId = runId + "." + (work.fingerprints().indexOf(teacher.info().fingerprint()) + 1);
      GenerateResult result =
          new GenerateJob(spark, teacher, partId, part)
              .run(
                  teacher, new VersionedPrompts(share, work.source().version()), work.names(),
                  work.progress().of(number));
      part.used(result.generatedTokens(), result.costUsd() == null ? 0 : result.costUsd());
      work.progress().ended(number);
      work.parts().put(number, result);
      seconds += result.generateSeconds();
      told.accept(ended(teacher, result));
      if (result.stopped()) {
        break;
      }
      if (rule.escalates() && i + 1 < lane.size()) {
        TraceTable table = TraceTable.existing(spark, teacher.options().out());
        up = work.routes().unsolved(share, GenerateJob.encoded(share, teacher), table);
      }
    }
    return seconds;
  }

  private static String ended(Teacher teacher, GenerateResult r) {
    long decided = r.correct() + r.incorrect();
    String verified =
        decided == 0 ? "" : String.format(Locale.ROOT, ", %.1f %% correct", 100.0 * r.correct() / decided);
    String cost = r.costUsd() == null ? "" : String.format(Locale.ROOT, ", %.6f USD", r.costUsd());
    return String.format(
        Locale.ROOT, "teacher %s: %,d traces now and %,d before%s, %,d tokens%s", teacher.address(), r.written(),
        r.existing(), verified, r.generatedTokens(), cost);
  }

  /** @param open whether some teacher was not asked, because the run was to end */
  private GenerateResult combined(long prompts, List<GenerateResult> parts, boolean open, double seconds) {
    Map<String, Long> failed = new TreeMap<>();
    Accounts accounts = new Accounts(0, 0, 0, 0, 0);
    EngineStats engines = EngineStats.NONE;
    Double cost = null;
    Double engineSeconds = 0.0;
    boolean stopped = open;
    long[] counts = new long[6];
    for (GenerateResult part : parts) {
      part.failedByClass().forEach((name, n) -> failed.merge(name, n, Long::sum));
      Accounts a = part.accounts();
      accounts =
          new Accounts(
              accounts.planned() + a.planned(), accounts.existing() + a.existing(), accounts.written() + a.written(),
              accounts.stillToDo() + a.stillToDo(), accounts.others() + a.others(), accounts.spared() + a.spared());
      engines = part.engines().plus(engines.withLoad(EngineStats.Load.NONE));
      cost = part.costUsd() == null ? cost : Double.valueOf(part.costUsd() + (cost == null ? 0 : cost));
      engineSeconds =
          part.engineSeconds() == null || engineSeconds == null ? null : engineSeconds + part.engineSeconds();
      stopped |= part.stopped();
      counts[0] += part.copied();
      counts[1] += part.correct();
      counts[2] += part.incorrect();
      counts[3] += part.undecided();
      counts[4] += part.generatedTokens();
      counts[5] += part.adopted();
    }
    String table = parts.isEmpty() ? values.get(GenerateSettings.OUT) : parts.get(0).table();
    return new GenerateResult(
        runId, table, prompts, accounts, counts[0], failed, counts[1], counts[2], counts[3], counts[4], seconds,
        (System.nanoTime() - startNanos) / 1e9, counts[5], stopped, !values.get(GenerateSettings.VERIFY).isEmpty(),
        stopped ? budget.reason() : null, engineSeconds, cost, engines);
  }
}
