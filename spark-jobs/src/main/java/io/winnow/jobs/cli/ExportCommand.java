// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.ExportSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.export.CardFacts;
import io.winnow.jobs.job.ExportJob;
import io.winnow.jobs.job.ExportResult;
import io.winnow.jobs.job.StepResult;
import java.io.PrintStream;
import java.util.List;

/** {@code winnow export}: writes a data set for trainers. */
public final class ExportCommand implements Command {
  @Override
  public String name() {
    return "export";
  }

  @Override
  public String summary() {
    return "Writes traces, pairs or prompts as a data set for TRL, verl or OpenRLHF, ready for the Hugging Face Hub.";
  }

  @Override
  public List<Setting<?>> settings() {
    return ExportSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow export --traces target/traces --format sft --correct-only --out target/sft",
        "winnow export --traces target/traces --format sft --thinking field --split train=0.98,test=0.02"
            + " --file-format jsonl --license apache-2.0 --name me/my-traces --out target/sft",
        "winnow export --in target/pairs --format dpo --out target/dpo",
        "winnow export --traces target/traces --format verl --data-source openai/gsm8k --out target/verl");
  }

  @Override
  public void validate(SettingValues values) {
    ExportJob.validate(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    ExportResult result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result =
          ExportJob.run(
              session.spark(), values, session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)));
    }
    print(session.out(), result);
    StepResult step = result.step();
    if (step.stopped()) {
      return ExitCode.STOPPED;
    }
    return values.get(ExportSettings.STRICT) && step.failedRows() > 0 ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }

  private static void print(PrintStream out, ExportResult result) {
    StepResult step = result.step();
    out.println();
    if (step.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "the data set of this input and these settings is there already");
    } else if (!step.stopped()) {
      SummaryPrinter.line(out, "rows", SummaryPrinter.count(step.rows()));
      for (CardFacts.Split split : result.splits()) {
        String files = split.files().size() == 1 ? " file" : " files";
        SummaryPrinter.line(
            out, split.name(),
            SummaryPrinter.count(split.rows()) + " rows of " + SummaryPrinter.count(split.prompts()) + " prompts in "
                + SummaryPrinter.count(split.files().size()) + files + ", " + SummaryPrinter.count(split.fileBytes())
                + " bytes");
      }
      result.leftOut().forEach(
          (skip, rows) -> SummaryPrinter.line(out, "left out", SummaryPrinter.count(rows) + ": " + skip.why()));
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(step.wallSeconds()));
    SummaryPrinter.line(out, "out", step.out());
    if (step.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }
}
