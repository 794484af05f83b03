// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.StatusSettings;
import io.winnow.jobs.table.RunProgress;
import io.winnow.jobs.table.TableStatus;
import io.winnow.jobs.table.TraceTable;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** {@code winnow status}: a table and its runs from another shell, without disturbing them. */
public final class StatusCommand implements Command {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Override
  public String name() {
    return "status";
  }

  @Override
  public String summary() {
    return "Shows how far the runs of a table are, and what earlier ones did; from any shell, at any time.";
  }

  @Override
  public List<Setting<?>> settings() {
    return StatusSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of("winnow status --out target/traces", "winnow status --out target/traces --watch 5");
  }

  @Override
  public void validate(SettingValues values) {
    values.get(StatusSettings.OUT);
  }

  @Override
  public int run(SettingValues values, Session session) throws Exception {
    Optional<Duration> watch = values.find(StatusSettings.WATCH);
    while (true) {
      show(values, session);
      if (watch.isEmpty() || stopped(session.stop(), watch.get())) {
        return ExitCode.DONE;
      }
      session.out().println();
    }
  }

  /** Waits; true if it is to end. */
  private static boolean stopped(StopSignal stop, Duration wait) throws InterruptedException {
    long end = System.nanoTime() + wait.toNanos();
    while (!stop.requested() && System.nanoTime() < end) {
      Thread.sleep(Math.min(100, wait.toMillis() + 1));
    }
    return stop.requested();
  }

  private static void show(SettingValues values, Session session) throws Exception {
    String out = values.get(StatusSettings.OUT);
    // Only a catalog needs a session to say where its table lies.
    TraceTable table =
        TraceTable.isName(out)
            ? TraceTable.existing(session.spark(), out)
            : TraceTable.existing(out, session.hadoop());
    TableStatus status = TableStatus.of(table, values.get(StatusSettings.RUNS));
    session.out().print(values.get(StatusSettings.JSON) ? json(status) + "\n" : text(status, Instant.now()));
  }

  static String text(TableStatus status, Instant now) {
    StringBuilder out = new StringBuilder();
    line(out, "table", status.path() + ", version " + status.version());
    line(out, "last commit", time(status.lastCommit()) + ", " + ago(status.lastCommit(), now));
    String traces =
        status.traces().isPresent() ? SummaryPrinter.count(status.traces().getAsLong()) : "not counted in the log";
    line(out, "traces", traces);
    long failed = status.failedByClass().values().stream().mapToLong(Long::longValue).sum();
    line(out, "failed", SummaryPrinter.count(failed));
    status.failedByClass().forEach((name, n) -> line(out, "", name + " " + SummaryPrinter.count(n)));
    out.append('\n');
    if (status.goingOn().isEmpty()) {
      out.append("No run is going on.\n");
    }
    for (TableStatus.GoingOn run : status.goingOn()) {
      goingOn(out, run, now);
    }
    if (!status.runs().isEmpty()) {
      out.append(
          String.format(
              Locale.ROOT, "%n%-20s %-23s %-9s %-13s %11s %8s %14s  %s%n", "start", "run", "command", "state",
              "written", "failed", "tokens", "wall time"));
    }
    for (TableStatus.Past run : status.runs()) {
      out.append(
          String.format(
              Locale.ROOT, "%-20s %-23s %-9s %-13s %11s %8s %14s  %s%n", time(run.start()), run.runId(),
              run.command(), run.state(), number(run.written()), number(run.failed()), number(run.tokens()),
              run.wallSeconds().map(ProgressLine::duration).orElse("-")));
    }
    return out.toString();
  }

  private static void goingOn(StringBuilder out, TableStatus.GoingOn run, Instant now) {
    String where = "process " + run.pid() + " on " + run.host();
    String state =
        switch (run.life()) {
          case ALIVE -> "running: " + where + ", last sign " + ago(run.lastSign(), now);
          case DEAD -> "cut off: " + where + " is gone; the same command goes on from here";
          case SILENT -> "silent: " + where + ", last sign " + ago(run.lastSign(), now);
        };
    line(out, "run", run.runId() + ", " + state);
    run.progress().ifPresent(progress -> progress(out, run.life(), progress));
    if (run.waitingFiles() > 0) {
      line(out, "waiting", run.waitingFiles() + " finished files for their commit");
    }
  }

  private static void progress(StringBuilder out, TableStatus.Life life, RunProgress p) {
    long there = p.existing() + p.done();
    String share = p.planned() > 0 ? String.format(Locale.ROOT, " (%.1f %%)", 100.0 * there / p.planned()) : "";
    String before = p.existing() == 0 ? "" : ", " + SummaryPrinter.count(p.existing()) + " of them from earlier runs";
    line(out, "done", SummaryPrinter.count(there) + " of " + SummaryPrinter.count(p.planned()) + share + before);
    if (p.failed() > 0) {
      line(out, "failed", SummaryPrinter.count(p.failed()));
    }
    if (p.decided() > 0) {
      line(out, "verified", SummaryPrinter.decimal(100.0 * p.correct() / p.decided()) + " % correct");
    }
    line(out, "tokens", SummaryPrinter.count(p.tokens()));
    if (life == TableStatus.Life.ALIVE) {
      line(out, "tokens/s", SummaryPrinter.decimal(p.tokensPerSecond()));
      etaSeconds(p).ifPresent(seconds -> line(out, "ETA", ProgressLine.duration(seconds)));
    }
  }

  /** Time left at the speed of the run so far; empty as long as there is none. */
  static Optional<Double> etaSeconds(RunProgress p) {
    double seconds = (p.updatedAtMillis() - p.startedAtMillis()) / 1e3;
    long left = p.planned() - p.existing() - p.done();
    return p.done() > 0 && seconds > 0 && left >= 0 ? Optional.of(left * seconds / p.done()) : Optional.empty();
  }

  /** Field names are stable; times are ISO-8601 in UTC. */
  static String json(TableStatus status) throws Exception {
    ObjectNode root = JSON.createObjectNode();
    root.put("table", status.path()).put("version", status.version());
    root.put("lastCommit", status.lastCommit().toString());
    put(root, "traces", status.traces());
    ObjectNode failed = root.putObject("failedByClass");
    status.failedByClass().forEach(failed::put);
    var goingOn = root.putArray("goingOn");
    for (TableStatus.GoingOn run : status.goingOn()) {
      ObjectNode node = goingOn.addObject();
      node.put("runId", run.runId()).put("workSet", run.workSet()).put("host", run.host()).put("pid", run.pid());
      node.put("life", run.life().name().toLowerCase(Locale.ROOT)).put("lastSign", run.lastSign().toString());
      node.put("waitingFiles", run.waitingFiles());
      run.progress().ifPresentOrElse(p -> progress(node.putObject("progress"), p), () -> node.putNull("progress"));
    }
    var runs = root.putArray("runs");
    for (TableStatus.Past run : status.runs()) {
      ObjectNode node = runs.addObject();
      node.put("runId", run.runId()).put("command", run.command()).put("start", run.start().toString());
      node.put("state", run.state());
      put(node, "written", run.written());
      put(node, "failed", run.failed());
      put(node, "tokens", run.tokens());
      node.put("wallSeconds", run.wallSeconds().orElse(null)).put("detail", run.detail());
    }
    return JSON.writeValueAsString(root);
  }

  private static void progress(ObjectNode node, RunProgress p) {
    node.put("startedAt", Instant.ofEpochMilli(p.startedAtMillis()).toString());
    node.put("updatedAt", Instant.ofEpochMilli(p.updatedAtMillis()).toString());
    node.put("planned", p.planned()).put("existing", p.existing()).put("done", p.done()).put("failed", p.failed());
    node.put("correct", p.correct()).put("decided", p.decided()).put("tokens", p.tokens());
    node.put("tokensPerSecond", p.tokensPerSecond()).put("etaSeconds", etaSeconds(p).orElse(null));
  }

  private static void put(ObjectNode node, String name, java.util.OptionalLong value) {
    if (value.isPresent()) {
      node.put(name, value.getAsLong());
    } else {
      node.putNull(name);
    }
  }

  private static String number(java.util.OptionalLong value) {
    return value.isPresent() ? SummaryPrinter.count(value.getAsLong()) : "-";
  }

  private static String time(Instant at) {
    return at.truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString();
  }

  private static String ago(Instant at, Instant now) {
    return ProgressLine.duration(Math.max(0, Duration.between(at, now).toMillis() / 1e3)) + " ago";
  }

  private static void line(StringBuilder out, String name, String value) {
    out.append(String.format(Locale.ROOT, "%-14s %s%n", name, value));
  }
}
