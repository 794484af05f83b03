// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.job.VerifyRows;
import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Row;

/** The end of {@code verify} on a data set. */
final class VerdictPrinter {
  /** As many suspicious golds go to the screen. */
  static final int MOST_GOLDS = 50;

  private static final String SUSPICION = "gold_suspicion";
  private static final int MAX_LINE = 160;

  private VerdictPrinter() {}

  static void rows(PrintStream out, StepResult result) {
    out.println();
    if (result.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "the verdicts of this input and these settings are there already");
    } else if (!result.stopped()) {
      SummaryPrinter.line(out, "rows", SummaryPrinter.count(result.rows()));
      result.counts().forEach((name, n) -> SummaryPrinter.line(out, name, SummaryPrinter.count(n)));
      long correct = result.counts().getOrDefault("correct", 0L);
      long decided = correct + result.counts().getOrDefault("incorrect", 0L);
      if (decided > 0) {
        SummaryPrinter.line(
            out, "accuracy", String.format(Locale.ROOT, "%.2f %% of those decided", 100.0 * correct / decided));
      }
      if (result.seconds() > 0) {
        SummaryPrinter.line(
            out, "rows/s",
            String.format(Locale.ROOT, "%.0f, reading and writing included", result.rows() / result.seconds()));
      }
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(result.wallSeconds()));
    SummaryPrinter.line(out, "out", result.out());
    if (result.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }

  /** A list for people. */
  static void golds(PrintStream out, VerifyRows.Golds golds) {
    long all = golds.counts().values().stream().mapToLong(Long::longValue).sum();
    for (Row row : golds.rows()) {
      out.println(line(row));
    }
    if (all > golds.rows().size()) {
      out.println("… and " + (all - golds.rows().size()) + " more: give --out for all of them");
    }
    out.println();
    SummaryPrinter.line(out, "suspicious", SummaryPrinter.count(all) + (all == 1 ? " gold" : " golds"));
    for (Map.Entry<String, Long> kind : golds.counts().entrySet()) {
      SummaryPrinter.line(out, kind.getKey(), SummaryPrinter.count(kind.getValue()));
    }
  }

  /** Kind, reason, and of what row: its first columns. */
  private static String line(Row row) {
    String[] names = row.schema().fieldNames();
    StringBuilder own = new StringBuilder();
    String kind = "";
    String detail = "";
    for (int i = 0; i < names.length; i++) {
      if (names[i].endsWith(SUSPICION)) {
        kind = row.getString(i);
        detail = row.getString(i + 1);
        break;
      }
      String value = String.valueOf(row.get(i)).replaceAll("\\s+", " ");
      own.append(own.isEmpty() ? "" : ", ").append(names[i]).append(' ')
          .append(value.length() > 40 ? value.substring(0, 40) + "…" : value);
    }
    String text = String.format(Locale.ROOT, "- %-13s %s  [%s]", kind, detail, own);
    return text.length() > MAX_LINE ? text.substring(0, MAX_LINE) + "…" : text;
  }
}
