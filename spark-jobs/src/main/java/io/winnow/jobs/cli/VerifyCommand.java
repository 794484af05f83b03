// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.inference.conf.VerifySettings;
import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.job.VerifyJob;
import io.winnow.jobs.job.VerifyResult;
import io.winnow.jobs.job.VerifyRows;
import io.winnow.jobs.table.TraceTable;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** {@code winnow verify}. */
public final class VerifyCommand implements Command {
  @Override
  public String name() {
    return "verify";
  }

  @Override
  public String summary() {
    return "Judges completions: those of any data set (--in), or the traces of a table again (--traces).";
  }

  @Override
  public List<Setting<?>> settings() {
    return VerifySettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow verify --verifier math --in examples/prompts.jsonl --gold-column answer --completion-column answer"
            + " --out target/verdicts.jsonl",
        "winnow verify --verifier choice:choices=4 --in answers.parquet --out verdicts",
        "winnow verify --verifier math --majority --group-column prompt_id --in samples --out verdicts",
        "winnow verify --verifier math --report golds --group-column prompt_id --in samples --completion-column text",
        "winnow verify --traces target/traces --verifier math");
  }

  @Override
  public void validate(SettingValues values) {
    VerifySettings.validate(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    if (values.isGiven(VerifySettings.REPORT) && !values.isGiven(VerifySettings.OUT)) {
      VerdictPrinter.golds(session.out(), VerifyRows.golds(session.spark(), values, VerdictPrinter.MOST_GOLDS));
      return ExitCode.DONE;
    }
    return values.isGiven(VerifySettings.IN) || values.isGiven(VerifySettings.REPORT)
        ? rows(values, session)
        : traces(values, session);
  }

  private static int rows(SettingValues values, Session session) {
    StepResult result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime, "rows")) {
      result =
          VerifyRows.run(
              session.spark(),
              values,
              session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)));
    }
    VerdictPrinter.rows(session.out(), result);
    if (result.stopped()) {
      return ExitCode.STOPPED;
    }
    return values.get(VerifySettings.STRICT) && result.failedRows() > 0 ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }

  private static int traces(SettingValues values, Session session) {
    VerifyResult result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result =
          VerifyJob.run(
              session.spark(),
              values,
              session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)));
    }
    print(session.out(), values.get(VerifySettings.TRACES), result);
    if (result.stopped()) {
      return ExitCode.STOPPED;
    }
    boolean strict = values.get(VerifySettings.STRICT);
    return strict && result.count("error") > 0 ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }

  private static void print(PrintStream out, String traces, VerifyResult result) {
    out.println();
    if (result.judged() == 0 && !result.stopped()) {
      SummaryPrinter.line(out, "nothing to do", "all traces have their verdicts already");
    }
    if (result.failedTraces() > 0) {
      SummaryPrinter.line(out, "left out", SummaryPrinter.count(result.failedTraces()) + " traces that failed");
    }
    for (VerifyResult.Judged v : result.verifiers()) {
      String before = v.existing() == 0 ? "" : " (and " + SummaryPrinter.count(v.existing()) + " from earlier runs)";
      SummaryPrinter.line(out, "verifier", v.name() + ", version " + v.version());
      SummaryPrinter.line(out, "judged", SummaryPrinter.count(v.judged()) + before);
      v.byValue().forEach((value, n) -> SummaryPrinter.line(out, value, SummaryPrinter.count(n)));
      if (v.judged() > 0) {
        SummaryPrinter.line(out, "agreement", agreement(v.changes()));
      }
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(result.wallSeconds()));
    SummaryPrinter.line(out, "verdicts", result.verdicts());
    if (result.stopped()) {
      SummaryPrinter.line(out, "stopped", "more is to do; the same command goes on from here");
    }
    String name = result.verifiers().get(0).name().replaceAll(":.*", "");
    String stored = "t.verdicts['" + name + "'].value";
    String from = TraceTable.isName(traces) ? traces : "delta.`" + result.traces() + "`";
    out.println();
    out.println("Look at what changed:");
    out.println("  SQL      SELECT t.prompt_id, t.trace_id, " + stored + " AS before, v.value, v.detail");
    out.println("           FROM " + from + " t JOIN delta.`" + result.verdicts() + "` v");
    out.println("             ON v.prompt_id = t.prompt_id AND v.trace_id = t.trace_id");
    out.println("             AND v.created_at >= t.created_at");
    out.println("           WHERE v.verifier = '" + name + "' AND " + stored + " <> v.value");
  }

  /** How the new verdicts stand to those in the traces. */
  private static String agreement(Map<String, Long> changes) {
    long same = 0;
    long compared = 0;
    for (Map.Entry<String, Long> e : changes.entrySet()) {
      String[] values = e.getKey().split(" → ");
      if (values[0].equals("none")) {
        continue;
      }
      compared += e.getValue();
      same += values[0].equals(values[1]) ? e.getValue() : 0;
    }
    if (compared == 0) {
      return "the traces have no verdicts of this verifier";
    }
    String changed =
        changes.entrySet().stream()
            .filter(e -> !e.getKey().startsWith("none") && !isSame(e.getKey()))
            .map(e -> e.getKey() + " " + SummaryPrinter.count(e.getValue()))
            .collect(Collectors.joining(", "));
    return SummaryPrinter.count(same) + " of " + SummaryPrinter.count(compared) + " as in the traces"
        + (changed.isEmpty() ? "" : "; " + changed);
  }

  private static boolean isSame(String change) {
    String[] values = change.split(" → ");
    return values[0].equals(values[1]);
  }
}
