// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.DecontaminateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.DecontaminateJob;
import io.winnow.jobs.job.StepResult;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** {@code winnow decontaminate}: finds what data share with benchmarks. */
public final class DecontaminateCommand implements Command {
  private static final int SHOWN = 200;

  @Override
  public String name() {
    return "decontaminate";
  }

  @Override
  public String summary() {
    return "Marks the rows of a data set that share n-grams with benchmarks, with the evidence, or leaves them out.";
  }

  @Override
  public List<Setting<?>> settings() {
    return DecontaminateSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow decontaminate --in train.jsonl --column question --against gsm8k=gsm8k/test.jsonl:question"
            + " --against math=s3a://bench/math500.parquet:problem --out marked.jsonl",
        "winnow decontaminate --traces target/traces --mode strict --against aime=aime.jsonl:problem --cleanup"
            + " --out target/clean");
  }

  @Override
  public void validate(SettingValues values) {
    DecontaminateSettings.validate(values);
    DecontaminateJob.specs(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    DecontaminateJob.Result result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result =
          DecontaminateJob.run(
              session.spark(), values, session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)));
    }
    print(session.out(), result, values.get(DecontaminateSettings.CLEANUP));
    return result.step().stopped() ? ExitCode.STOPPED : ExitCode.DONE;
  }

  private static void print(PrintStream out, DecontaminateJob.Result result, boolean cleanup) {
    StepResult step = result.step();
    out.println();
    if (step.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "what these settings make of this input is there already");
    } else if (!step.stopped()) {
      SummaryPrinter.line(out, "rows", SummaryPrinter.count(step.rows()));
      SummaryPrinter.line(out, "failed", SummaryPrinter.count(step.failedRows()));
      String left = cleanup ? ", which were left out" : "";
      SummaryPrinter.line(out, "contaminated", share(result.contaminated(), step.rows()) + left);
      result.hits().forEach((name, rows) -> SummaryPrinter.line(out, "  " + name, share(rows, step.rows())));
      result.examples().forEach(example -> SummaryPrinter.line(out, "for example", cut(example)));
      if (step.seconds() > 0) {
        String speed = String.format(Locale.ROOT, "%,.0f", step.rows() / step.seconds());
        SummaryPrinter.line(out, "rows/s", speed);
      }
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(step.wallSeconds()));
    SummaryPrinter.line(out, "out", step.out());
    if (step.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }

  private static String share(long rows, long all) {
    String share = all == 0 ? "" : String.format(Locale.ROOT, " (%.2f %%)", 100.0 * rows / all);
    return SummaryPrinter.count(rows) + (rows == 1 ? " row" : " rows") + share;
  }

  private static String cut(String example) {
    String line = example.replaceAll("\\s+", " ");
    if (line.length() <= SHOWN) {
      return line;
    }
    return line.substring(0, SHOWN - (Character.isHighSurrogate(line.charAt(SHOWN - 1)) ? 1 : 0)) + " ...";
  }
}
