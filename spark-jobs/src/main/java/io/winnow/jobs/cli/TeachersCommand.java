// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.TeacherReportSettings;
import io.winnow.jobs.job.TeacherMatrix;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** {@code winnow teachers}: which teacher has solved what, and at what price. */
public final class TeachersCommand implements Command {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SHOWN = 28;

  @Override
  public String name() {
    return "teachers";
  }

  @Override
  public String summary() {
    return "Compares the models of a table of traces: pass rate, length and cost, prompt by prompt and pair by pair.";
  }

  @Override
  public List<Setting<?>> settings() {
    return TeacherReportSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow teachers --traces target/traces", "winnow teachers --traces target/traces --out target/matrix.jsonl");
  }

  @Override
  public void validate(SettingValues values) {
    values.get(TeacherReportSettings.TRACES);
  }

  @Override
  public int run(SettingValues values, Session session) {
    TeacherMatrix.Report report =
        TeacherMatrix.run(
            session.spark(), values.get(TeacherReportSettings.TRACES), values.find(TeacherReportSettings.OUT),
            values.get(TeacherReportSettings.OUT_FORMAT));
    if (values.get(TeacherReportSettings.JSON)) {
      session.out().println(json(report));
    } else {
      print(session.out(), report);
      values.find(TeacherReportSettings.OUT)
          .ifPresent(
              out -> SummaryPrinter.line(session.out(), "matrix", out + (report.unchanged() ? " (as it was)" : "")));
    }
    return ExitCode.DONE;
  }

  private static void print(PrintStream out, TeacherMatrix.Report report) {
    SummaryPrinter.line(
        out, "prompts",
        SummaryPrinter.count(report.prompts()) + ", solved " + SummaryPrinter.count(report.solved()));
    out.println();
    String row = "%-" + SHOWN + "s %9s %9s %7s %9s %9s %9s %8s %12s %12s%n";
    out.printf(
        Locale.ROOT, row, "teacher", "prompts", "traces", "failed", "correct", "solved", "alone", "tokens", "USD",
        "USD/correct");
    for (TeacherMatrix.Teacher t : report.teachers()) {
      out.printf(
          Locale.ROOT, row, shown(t.name()), SummaryPrinter.count(t.prompts()), SummaryPrinter.count(t.traces()),
          SummaryPrinter.count(t.failed()),
          t.passRate() == null ? "-" : SummaryPrinter.decimal(100 * t.passRate()) + " %",
          SummaryPrinter.count(t.solved()), SummaryPrinter.count(t.solvedAlone()),
          t.meanTokens() == null ? "-" : SummaryPrinter.decimal(t.meanTokens()), money(t.costUsd()),
          money(t.costOfCorrect()));
    }
    if (!report.pairs().isEmpty()) {
      out.println();
      out.println("Prompts that both were asked:");
      String pair = "%-" + SHOWN + "s %-" + SHOWN + "s %9s %11s %11s %9s%n";
      out.printf(Locale.ROOT, pair, "first", "second", "both", "only first", "only second", "neither");
      for (TeacherMatrix.Pair p : report.pairs()) {
        out.printf(
            Locale.ROOT, pair, shown(p.first()), shown(p.second()), SummaryPrinter.count(p.both()),
            SummaryPrinter.count(p.onlyFirst()), SummaryPrinter.count(p.onlySecond()),
            SummaryPrinter.count(p.neither()));
      }
    }
    out.println();
  }

  /** The end of a name says more than its beginning. */
  private static String shown(String name) {
    return name.length() <= SHOWN ? name : "…" + name.substring(name.length() - SHOWN + 1);
  }

  private static String money(Double usd) {
    return usd == null ? "-" : String.format(Locale.ROOT, "%.6f", usd);
  }

  private static String json(TeacherMatrix.Report report) {
    ObjectNode out = JSON.createObjectNode();
    out.put("prompts", report.prompts()).put("solved", report.solved());
    for (TeacherMatrix.Teacher t : report.teachers()) {
      out.withArray("teachers").addObject()
          .put("teacher", t.name()).put("model_fingerprint", t.fingerprint()).put("prompts", t.prompts())
          .put("traces", t.traces()).put("failed", t.failed()).put("correct", t.correct())
          .put("decided", t.decided()).put("pass_rate", t.passRate()).put("solved", t.solved())
          .put("solved_alone", t.solvedAlone()).put("mean_tokens", t.meanTokens()).put("cost_usd", t.costUsd())
          .put("cost_usd_per_correct", t.costOfCorrect());
    }
    for (TeacherMatrix.Pair p : report.pairs()) {
      out.withArray("pairs").addObject()
          .put("first", p.first()).put("second", p.second()).put("both", p.both()).put("only_first", p.onlyFirst())
          .put("only_second", p.onlySecond()).put("neither", p.neither());
    }
    return out.toString();
  }
}
