// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.UsageException;
import io.winnow.jobs.recipe.PlannedStep;
import io.winnow.jobs.recipe.RecipePlan;
import io.winnow.jobs.recipe.RecipeRecord;
import java.io.PrintStream;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The steps of a plan one after another in one session: those that are up to date are left out, the first that fails or
 * is stopped is the last. What was done is noted step by step, so that a second start goes on.
 */
final class RecipeRun {
  private static final int MOST_SHOWN = 60;

  private final RecipePlan plan;
  private final RecipeRecord record;
  private final Map<String, Command> commands;
  private final Function<String, String> conf;
  private final String version;
  private final Runnable kernels;

  /**
   * @param commands by their names
   * @param conf looks up a Spark configuration key, null when absent
   * @param version of Winnow
   * @param kernels refuses by a UsageException where the kernels cannot be had
   */
  RecipeRun(
      RecipePlan plan, RecipeRecord record, Map<String, Command> commands, Function<String, String> conf,
      String version, Runnable kernels) {
    this.plan = plan;
    this.record = record;
    this.commands = commands;
    this.conf = conf;
    this.version = version;
    this.kernels = kernels;
  }

  /** What became of a step, for the table at the end. */
  private record Line(PlannedStep step, String result, double seconds) {}

  /**
   * Runs the steps.
   *
   * @param force whether those that are up to date run as well
   * @return the exit code of the step that ended the run, or DONE
   * @throws Exception the failure of a step, after the table of what was done
   */
  int run(List<PlannedStep> steps, boolean force, Session session) throws Exception {
    PrintStream out = session.out();
    PlaceStates states = new PlaceStates(session);
    List<Line> lines = new ArrayList<>();
    int exit = ExitCode.DONE;
    int number = 0;
    for (PlannedStep step : steps) {
      number++;
      if (!step.enabled()) {
        lines.add(new Line(step, "left out (when)", -1));
        continue;
      }
      if (session.stop().requested()) {
        exit = ExitCode.STOPPED;
        break;
      }
      SettingValues values = step.values(conf);
      // Of inputs counts how they were before: what is added to them meanwhile is for the next time.
      RecipeRecord.Done before = RecipeRecord.now(step, values, version, states);
      String why = record.why(step, before);
      if (why == null && !force) {
        lines.add(new Line(step, "up to date", -1));
        continue;
      }
      out.println(
          "== " + step.name() + ": " + step.command().name() + ", step " + number + " of " + steps.size() + " ("
              + (why == null ? "--force" : why) + ") ==");
      long start = System.nanoTime();
      try {
        exit = run(step, values, session);
      } catch (Exception | Error e) {
        lines.add(new Line(step, "failed", seconds(start)));
        print(out, steps, lines);
        session.err().println("winnow: step " + step.name() + " of " + plan.recipe().file() + " failed:");
        throw e;
      }
      double seconds = seconds(start);
      out.println();
      lines.add(new Line(step, result(exit), seconds));
      if (exit != ExitCode.DONE) {
        break;
      }
      record.put(
          step,
          new RecipeRecord.Done(
              version, before.command(), before.settings(), before.inputs(),
              RecipeRecord.now(step, values, version, states).output(),
              Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), seconds));
    }
    print(out, steps, lines);
    if (exit != ExitCode.DONE) {
      out.println();
      out.println("The same command goes on from here.");
    }
    return exit;
  }

  private int run(PlannedStep step, SettingValues values, Session session) throws Exception {
    Command command = commands.get(step.command().name());
    if (command.usesKernels(values)) {
      kernels.run();
    }
    record.forget(step);
    return command.run(values, session);
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static String result(int exit) {
    return switch (exit) {
      case ExitCode.DONE -> "done";
      case ExitCode.ROWS_FAILED -> "some rows failed";
      case ExitCode.STOPPED -> "stopped";
      default -> "failed (exit " + exit + ")";
    };
  }

  private void print(PrintStream out, List<PlannedStep> steps, List<Line> lines) {
    out.println(String.format(Locale.ROOT, "%-18s %-14s %-18s %10s", "step", "command", "result", "time"));
    for (Line line : lines) {
      String time = line.seconds() < 0 ? "-" : ProgressLine.duration(line.seconds());
      row(out, line.step(), line.result(), time);
    }
    steps.subList(lines.size(), steps.size()).forEach(step -> row(out, step, "left", "-"));
    out.println(String.format(Locale.ROOT, "%-18s %s", "record", record.file()));
  }

  private static void row(PrintStream out, PlannedStep step, String result, String time) {
    out.println(
        String.format(Locale.ROOT, "%-18s %-14s %-18s %10s", step.name(), step.command().name(), result, time));
  }

  /** Shows what would be done, and why. */
  void show(List<PlannedStep> steps, boolean force, Session session) {
    PrintStream out = session.out();
    PlaceStates states = new PlaceStates(session);
    out.println("recipe   " + plan.recipe().file() + " (" + plan.recipe().name() + ")");
    if (plan.recipe().description() != null) {
      out.println("         " + plan.recipe().description().strip().replaceAll("\\s*\\n\\s*", "\n         "));
    }
    out.println("record   " + record.file());
    Set<String> running = new LinkedHashSet<>();
    for (PlannedStep step : plan.steps()) {
      String state = state(step, steps.contains(step), force, running, states);
      out.println();
      out.println(step.name() + ": " + step.command().name() + "   " + state);
      if (!step.needs().isEmpty()) {
        out.println("  needs " + String.join(", ", step.needs()));
      }
      step.options()
          .forEach((option, texts) -> texts.forEach(text -> out.println("  --" + option + " " + shown(text))));
    }
    out.println();
    out.println(running.size() + " of " + steps.size() + " steps would run. Nothing was done.");
  }

  private String state(
      PlannedStep step, boolean selected, boolean force, Set<String> running, PlaceStates states) {
    if (!step.enabled() || !selected) {
      return step.enabled() ? "not asked for" : "left out by its 'when'";
    }
    List<String> before = step.needs().stream().filter(running::contains).toList();
    String why;
    try {
      why = record.why(step, RecipeRecord.now(step, step.values(conf), version, states));
    } catch (UsageException e) {
      why = e.getMessage();
    }
    if (why == null && !before.isEmpty()) {
      why = "if " + String.join(" or ", before) + " changes its input";
    }
    if (why == null && force) {
      why = "--force";
    }
    if (why == null) {
      RecipeRecord.Done done = record.of(step);
      return "up to date (done at " + done.at() + " in " + ProgressLine.duration(done.seconds()) + ")";
    }
    running.add(step.name());
    return "would run: " + why;
  }

  private static String shown(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() > MOST_SHOWN ? line.substring(0, MOST_SHOWN) + "…" : line;
  }
}
