// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.PassRateSettings;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.estimate.PromptMean;
import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.refine.PassRateJob;
import io.winnow.jobs.refine.PassRateSummary;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The end of {@code pass-rate}: totals, means with their intervals, a histogram, and a line a group. */
final class PassRatePrinter {
  private static final int BAR = 40;
  private static final int MAX_CELL = 24;
  private static final String[] BINS = {
    "0", "to 0.1", "to 0.2", "to 0.3", "to 0.4", "to 0.5", "to 0.6", "to 0.7", "to 0.8", "to 0.9", "below 1", "1"
  };

  private PassRatePrinter() {}

  static void print(PrintStream out, PassRateJob.Result result, SettingValues values) {
    StepResult step = result.step();
    PassRateSummary summary = result.summary();
    out.println();
    if (step.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "the rates of this input and these settings are there already");
    }
    if (summary != null) {
      totals(out, summary, values);
      if (step.failedRows() > 0) {
        SummaryPrinter.line(out, "left out", SummaryPrinter.count(step.failedRows()) + " rows without a prompt id");
      }
      measures(out, summary, values);
      histogram(out, summary);
      groups(out, summary, values);
      out.println();
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(step.wallSeconds()));
    SummaryPrinter.line(out, "out", step.out());
    if (step.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }

  private static void totals(PrintStream out, PassRateSummary summary, SettingValues values) {
    SummaryPrinter.line(out, "prompts", SummaryPrinter.count(summary.prompts()));
    String bounds = values.get(PassRateSettings.MIN) + " < mean < " + values.get(PassRateSettings.MAX);
    SummaryPrinter.line(
        out, "kept",
        SummaryPrinter.count(summary.kept()) + " (" + percent(summary.kept(), summary.prompts()) + "), " + bounds);
    Map<String, Long> counts = summary.counts();
    SummaryPrinter.line(
        out, "samples",
        SummaryPrinter.count(counts.get("samples")) + " (" + SummaryPrinter.count(counts.get("correct")) + " correct, "
            + SummaryPrinter.count(counts.get("incorrect")) + " incorrect, "
            + SummaryPrinter.count(counts.get("undecided")) + " undecided, "
            + SummaryPrinter.count(counts.get("errors")) + " errors)");
    String excluded = excluded(values);
    SummaryPrinter.line(out, "of them count", SummaryPrinter.count(counts.get("n")) + excluded);
    if (counts.containsKey("ties")) {
      SummaryPrinter.line(out, "ties", SummaryPrinter.count(counts.get("ties")) + " prompts without one majority");
    }
    if (counts.get("samples") > 0 && counts.get("correct") + counts.get("incorrect") == 0) {
      SummaryPrinter.line(out, "note", "no sample is decided: were they judged? winnow verify --traces does it");
    }
  }

  private static String excluded(SettingValues values) {
    return ", undecided " + said(values.get(PassRateSettings.UNDECIDED)) + ", errors "
        + said(values.get(PassRateSettings.ERRORS));
  }

  private static String said(String choice) {
    return choice.equals("exclude") ? "left out" : "as incorrect";
  }

  private static String percent(long part, long all) {
    return all == 0 ? "–" : SummaryPrinter.decimal(100.0 * part / all) + " %";
  }

  private static void measures(PrintStream out, PassRateSummary summary, SettingValues values) {
    String share = String.format(Locale.ROOT, "%s %% interval", plain(100 * values.get(PassRateSettings.CONFIDENCE)));
    out.println();
    out.println(String.format(Locale.ROOT, "%-22s %8s  %-17s %8s", "mean over prompts", "value", share, "prompts"));
    summary.measures().forEach(
        (name, mean) ->
            out.println(
                String.format(
                    Locale.ROOT, "%-22s %8s  %-17s %8s", shown(name), number(mean.value()),
                    interval(mean, summary.z()), SummaryPrinter.count(mean.prompts()))));
    out.println("Intervals are value ± z · standard error clustered by prompt (deviation / √prompts).");
  }

  private static String plain(double x) {
    return new java.math.BigDecimal(x).setScale(4, java.math.RoundingMode.HALF_UP).stripTrailingZeros().toPlainString();
  }

  private static String number(double x) {
    return Double.isNaN(x) ? "–" : String.format(Locale.ROOT, "%.4f", x);
  }

  private static String interval(PromptMean mean, double z) {
    return Double.isNaN(mean.error()) ? "–" : number(mean.low(z)) + "–" + number(mean.high(z));
  }

  /** pass_at_4 as pass@4, g_pass_at_4_tau50 as G-Pass@4, 50 %. */
  private static String shown(String name) {
    String tau = name.contains("_tau") ? ", " + name.replaceAll(".*_tau", "").replace('_', '.') + " %" : "";
    String plain = name.replaceAll("_tau.*", "").replace("_at_", "@");
    return plain.replace("mg_pass", "mG-Pass").replace("g_pass", "G-Pass") + tau;
  }

  private static void histogram(PrintStream out, PassRateSummary summary) {
    long most = 1;
    for (long n : summary.histogram()) {
      most = Math.max(most, n);
    }
    out.println();
    out.println("mean       prompts");
    for (int i = 0; i < BINS.length; i++) {
      long n = summary.histogram()[i];
      // Whatever there is, is seen.
      int length = n == 0 ? 0 : (int) Math.max(1, Math.round((double) BAR * n / most));
      String line = String.format(Locale.ROOT, "%-8s %9s %s", BINS[i], SummaryPrinter.count(n), "█".repeat(length));
      out.println(line.stripTrailing());
    }
  }

  private static void groups(PrintStream out, PassRateSummary summary, SettingValues values) {
    List<String> by = values.get(PassRateSettings.BY);
    if (by.isEmpty()) {
      return;
    }
    List<String> names = new ArrayList<>(List.of("mean"));
    names.addAll(values.get(PassRateSettings.K).stream().map(k -> "pass_at_" + k).toList());
    if (summary.measures().containsKey("maj_at_n")) {
      names.add("maj_at_n");
    }
    List<List<String>> rows = new ArrayList<>();
    List<String> head = new ArrayList<>(by);
    head.addAll(List.of("prompts", "kept"));
    for (String name : names) {
      head.add(shown(name));
      if (name.equals("mean")) {
        head.add("interval");
      }
    }
    rows.add(head);
    for (PassRateSummary.Group group : summary.groups()) {
      List<String> row = new ArrayList<>(group.values());
      row.add(SummaryPrinter.count(group.prompts()));
      row.add(SummaryPrinter.count(group.kept()));
      for (String name : names) {
        PromptMean mean = group.measures().get(name);
        row.add(number(mean.value()));
        if (name.equals("mean")) {
          row.add(interval(mean, summary.z()));
        }
      }
      rows.add(row);
    }
    out.println();
    print(out, rows, by.size());
    if (summary.moreGroups()) {
      out.println("… and more; all of them are in the output");
    }
  }

  private static void print(PrintStream out, List<List<String>> rows, int texts) {
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], cut(row.get(i)).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String cell = cut(row.get(i));
        String gap = " ".repeat(widths[i] - cell.length());
        line.append(i == 0 ? "" : "  ").append(i < texts ? cell + gap : gap + cell);
      }
      out.println(line.toString().stripTrailing());
    }
  }

  private static String cut(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() > MAX_CELL ? line.substring(0, MAX_CELL - 1) + "…" : line;
  }
}
