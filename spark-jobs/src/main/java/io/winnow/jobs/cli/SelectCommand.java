// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.SelectSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.StepResult;
import io.winnow.jobs.refine.SelectJob;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;

/** {@code winnow select}. */
public final class SelectCommand implements Command {
  @Override
  public String name() {
    return "select";
  }

  @Override
  public String summary() {
    return "Takes a training set out of judged traces: right ones, best ones, pairs, labels, groups, majorities.";
  }

  @Override
  public List<Setting<?>> settings() {
    return SelectSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow select --traces target/traces --strategy correct --per-prompt 4 --out target/sft",
        "winnow select --traces target/traces --strategy best --rank-by shortest --finish-reason stop --out best",
        "winnow select --traces target/traces --strategy dpo --per-prompt 2 --out target/pairs.jsonl",
        "winnow select --traces target/traces --strategy grpo --zero-variance drop --rates rates --out groups");
  }

  @Override
  public void validate(SettingValues values) {
    SelectSettings.validate(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    SelectJob.Result result = SelectJob.run(session.spark(), values, session.stop()::requested);
    print(session.out(), result, values.get(SelectSettings.STRATEGY));
    return result.step().stopped() ? ExitCode.STOPPED : ExitCode.DONE;
  }

  private static void print(PrintStream out, SelectJob.Result result, String strategy) {
    StepResult step = result.step();
    out.println();
    if (step.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "what this input and these settings select is there already");
    } else if (!step.stopped()) {
      String rows = strategy.equals("dpo") ? "pairs" : strategy.equals("majority") ? "golds" : "traces";
      SummaryPrinter.line(out, rows, SummaryPrinter.count(step.rows()));
      SummaryPrinter.line(
          out, "of prompts",
          SummaryPrinter.count(result.prompts()) + " of " + SummaryPrinter.count(result.inputPrompts()) + " with "
              + SummaryPrinter.count(result.inputRows()) + " samples");
      result.figures().forEach(
          (name, value) -> {
            if (value != null) {
              BigDecimal shown = new BigDecimal(value).round(new MathContext(Math.abs(value) < 1000 ? 4 : 9));
              SummaryPrinter.line(out, name, shown.stripTrailingZeros().toPlainString());
            }
          });
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(step.wallSeconds()));
    SummaryPrinter.line(out, "out", step.out());
    if (step.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }
}
