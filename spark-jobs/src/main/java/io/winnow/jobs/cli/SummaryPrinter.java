// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

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
    if (run.costUsd() != null) {
      line(out, "cost", String.format(Locale.ROOT, "%.6f USD by the price table", run.costUsd()));
    }
    if (run.accounts() != null) {
      line(out, "accounted", accounted(run.accounts()));
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

  private static String accounted(Accounts a) {
    String others = "";
    if (a.others() != 0) {
      others = (a.others() > 0 ? " + " : " - ") + count(Math.abs(a.others())) + " by others meanwhile";
    }
    return count(a.planned()) + " wanted = " + count(a.existing()) + " before + " + count(a.written()) + " now + "
        + count(a.stillToDo()) + " to do" + others;
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
