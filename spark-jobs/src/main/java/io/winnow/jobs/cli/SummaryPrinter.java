// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.EngineStats;
import io.winnow.jobs.job.Accounts;
import io.winnow.jobs.table.TraceTable;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The block of lines at the end of a run. */
public final class SummaryPrinter {
  private SummaryPrinter() {}

  /** Prints it, and how to look at the table. */
  public static void print(PrintStream out, RunSummary run) {
    out.println();
    if (run.traces() == 0 && run.alreadyThere() > 0 && !run.stopped()) {
      line(out, "nothing to do", "all traces were there already");
    }
    line(out, "prompts", count(run.prompts()));
    String before = run.alreadyThere() == 0 ? "" : " (and " + count(run.alreadyThere()) + " from earlier runs)";
    line(out, "traces", count(run.traces()) + before);
    if (run.verified() && run.traces() > 0) {
      line(out, "verified", verified(run));
    }
    line(out, "failed", failed(run));
    line(out, "tokens", count(run.tokens()));
    if (run.tokens() > 0) {
      line(out, "tokens/s", run.decodeSeconds() > 0 ? decimal(run.tokens() / run.decodeSeconds()) : "-");
    }
    engines(out, run.engines());
    if (run.costUsd() != null) {
      line(out, "cost", String.format(Locale.ROOT, "%.6f USD by the price table", run.costUsd()));
    }
    if (run.accounts() != null) {
      line(out, "accounted", accounted(run.accounts()));
      spared(out, run.accounts());
    }
    line(out, "wall time", ProgressLine.duration(run.seconds()));
    line(out, "table", run.table());
    if (run.stopped()) {
      String why = run.stopReason() == null ? "" : run.stopReason() + "; ";
      line(out, "stopped", why + "more is to do; the same command goes on from here");
    }
    boolean path = !TraceTable.isName(run.table());
    String from = path ? "delta.`" + run.table() + "`" : run.table();
    out.println();
    out.println("Look at it:");
    out.println("  SQL      SELECT prompt_id, sample_index, correct, answer FROM " + from + " LIMIT 20");
    String read =
        path ? "spark.read.format(\"delta\").load(\"" + run.table() + "\")" : "spark.table(\"" + run.table() + "\")";
    out.println("  PySpark  " + read + ".show()");
    out.println("  Java     " + read.replace("spark.read.", "spark.read().") + ".show();");
  }

  private static void engines(PrintStream out, EngineStats engines) {
    if (engines.steps() == 0) {
      return;
    }
    String hits =
        engines.prefixHitTokens() == 0
            ? ""
            : "; " + count(engines.prefixHitTokens()) + " more were in the cache ("
                + decimal(100 * engines.prefixShare()) + " %)";
    double share = engines.busyNanos() == 0 ? 0 : 100.0 * engines.prefillNanos() / engines.busyNanos();
    String time = decimal(share) + " % of the engine's time";
    line(out, "prefill", count(engines.promptTokens()) + " tokens, " + time + hits);
    EngineStats.Load load = engines.load();
    if (load.pages() > 0) {
      line(out, "mean batch", decimal(engines.meanBatch()) + " of " + load.places() + " sequences");
      String preempted =
          engines.preemptions() == 0
              ? ""
              : "; " + count(engines.preemptions()) + (engines.preemptions() == 1 ? " preemption" : " preemptions");
      line(out, "KV cache", decimal(100.0 * load.peakPages() / load.pages()) + " % at most" + preempted);
    }
  }

  private static void spared(PrintStream out, Accounts a) {
    if (a.spared() > 0) {
      double share = 100.0 * a.spared() / a.planned();
      line(
          out, "spared",
          count(a.spared()) + " traces by --stop-when (" + decimal(share) + " % of the " + count(a.planned())
              + " of a fixed number)");
    }
  }

  private static String accounted(Accounts a) {
    String others = "";
    if (a.others() != 0) {
      others = (a.others() > 0 ? " + " : " - ") + count(Math.abs(a.others())) + " by others meanwhile";
    }
    return count(a.planned()) + " wanted = " + count(a.existing()) + " before + " + count(a.written()) + " now + "
        + count(a.stillToDo()) + " to do" + (a.spared() == 0 ? "" : " + " + count(a.spared()) + " spared") + others;
  }

  private static String verified(RunSummary run) {
    long all = run.decided();
    if (all == 0) {
      return "no trace could be decided";
    }
    return decimal(100.0 * run.correct() / all) + " % correct (" + count(run.correct()) + " of " + count(all)
        + " decided)";
  }

  private static String failed(RunSummary run) {
    if (run.failedByClass().isEmpty()) {
      return "0";
    }
    Map<String, Long> sorted = new TreeMap<>(run.failedByClass());
    return count(run.failed())
        + sorted.entrySet().stream()
            .map(e -> e.getKey() + " " + count(e.getValue()))
            .collect(Collectors.joining(", ", " (", ")"));
  }

  static void line(PrintStream out, String name, String value) {
    out.println(String.format(Locale.ROOT, "%-14s %s", name, value));
  }

  static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  static String decimal(double x) {
    return String.format(Locale.ROOT, "%.1f", x);
  }
}
