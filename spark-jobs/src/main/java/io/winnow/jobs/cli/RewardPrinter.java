// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.jobs.job.RewardCaseFile;
import io.winnow.jobs.job.RewardJob;
import io.winnow.jobs.job.StepResult;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** The block of lines at the end of {@code score --reward} and {@code score --cases}. */
final class RewardPrinter {
  private static final String STOPPED = "nothing was written; the same command begins anew";

  private RewardPrinter() {}

  static void print(PrintStream out, RewardJob.Result result) {
    StepResult step = result.step();
    out.println();
    if (step.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "the rewards of this input and these settings are there already");
    } else if (!step.stopped()) {
      SummaryPrinter.line(out, "rows", SummaryPrinter.count(step.rows()));
      SummaryPrinter.line(out, "failed", SummaryPrinter.count(step.failedRows()));
      result.without().forEach(
          (column, rows) -> {
            if (rows > 0) {
              SummaryPrinter.line(out, "without", SummaryPrinter.count(rows) + " rows have no " + column);
            }
          });
      result.changes().forEach(changes -> SummaryPrinter.line(out, "strict", strict(changes)));
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(step.wallSeconds()));
    SummaryPrinter.line(out, "out", step.out());
    if (step.stopped()) {
      SummaryPrinter.line(out, "stopped", STOPPED);
    }
  }

  private static String strict(RewardJob.Changes changes) {
    List<String> parts = new ArrayList<>();
    add(parts, changes.lower(), "lower");
    add(parts, changes.higher(), "higher");
    add(parts, changes.missing(), "with only one of the two");
    String rows = SummaryPrinter.count(changes.lower() + changes.higher() + changes.missing());
    String how = parts.isEmpty() ? "" : ": " + String.join(", ", parts);
    return changes.column() + " changes in " + rows + " rows" + how;
  }

  private static void add(List<String> parts, long rows, String how) {
    if (rows > 0) {
      parts.add(SummaryPrinter.count(rows) + " " + how);
    }
  }

  static void print(PrintStream out, RewardCaseFile.Result result, String file) {
    out.println();
    SummaryPrinter.line(out, "cases", SummaryPrinter.count(result.cases()));
    SummaryPrinter.line(out, "failed", SummaryPrinter.count(result.failed()));
    if (result.firstFailure() != null) {
      SummaryPrinter.line(out, "the first", result.firstFailure().replaceAll("\\s+", " "));
    }
    SummaryPrinter.line(out, "out", file);
    if (result.stopped()) {
      SummaryPrinter.line(out, "stopped", STOPPED);
    }
  }
}
