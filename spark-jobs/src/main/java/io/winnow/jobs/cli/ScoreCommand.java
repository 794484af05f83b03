// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.ScoreSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.GenerateJob;
import io.winnow.jobs.job.RewardCaseFile;
import io.winnow.jobs.job.RewardJob;
import io.winnow.jobs.job.ScoreJob;
import io.winnow.jobs.job.ScoreResult;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** {@code winnow score}: adds what can be said of texts that are there already. */
public final class ScoreCommand implements Command {
  @Override
  public String name() {
    return "score";
  }

  @Override
  public String summary() {
    return "Adds to a data set the rewards of its answers (--reward) or how likely a model finds them (--likelihood).";
  }

  @Override
  public List<Setting<?>> settings() {
    return ScoreSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow score --reward accuracy --reward format --reward tag_count --in examples/prompts.jsonl"
            + " --completion-column answer --gold-column answer --out target/rewards.jsonl",
        "winnow score --reward length --reward repetition_penalty:ngram_size=4,weight=0.5 --advantage grpo"
            + " --report strict --in target/traces --completion-column text --out target/rewards",
        "winnow score --cases cases.jsonl --out filled.jsonl",
        "winnow score --likelihood --model examples/model --in examples/prompts.jsonl --prompt-column question"
            + " --completion-column answer --out target/scores.jsonl",
        "winnow score --likelihood --plain --model /models/base --in texts.parquet --completion-column text"
            + " --out perplexity");
  }

  @Override
  public boolean usesKernels() {
    return true;
  }

  @Override
  public boolean usesKernels(SettingValues values) {
    return values.get(ScoreSettings.LIKELIHOOD);
  }

  @Override
  public void validate(SettingValues values) {
    ScoreSettings.validate(values);
    RewardJob.specs(values);
  }

  @Override
  public int run(SettingValues values, Session session) {
    if (values.isGiven(ScoreSettings.CASES)) {
      return cases(values, session);
    }
    return values.isGiven(ScoreSettings.REWARD) ? rewards(values, session) : likelihood(values, session);
  }

  private static int cases(SettingValues values, Session session) {
    RewardCaseFile.Result result =
        RewardCaseFile.fill(values.get(ScoreSettings.CASES), values.get(ScoreSettings.OUT), session.stop()::requested);
    RewardPrinter.print(session.out(), result, values.get(ScoreSettings.OUT));
    return exitCode(values, result.stopped(), result.failed());
  }

  private static int rewards(SettingValues values, Session session) {
    RewardJob.Result result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result = RewardJob.run(session.spark(), values, session.stop()::requested, into(line));
    }
    RewardPrinter.print(session.out(), result);
    return exitCode(values, result.step().stopped(), result.step().failedRows());
  }

  private static GenerateJob.Progress into(ProgressLine line) {
    return (done, total, failed, correct, decided, tokens, engines) ->
        line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines));
  }

  private static int exitCode(SettingValues values, boolean stopped, long failed) {
    if (stopped) {
      return ExitCode.STOPPED;
    }
    return values.get(ScoreSettings.STRICT) && failed > 0 ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }

  private static int likelihood(SettingValues values, Session session) {
    ScoreResult result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result = ScoreJob.run(session.spark(), values, session.stop()::requested, into(line));
    }
    print(session.out(), result);
    return exitCode(values, result.stopped(), result.failedRows());
  }

  private static void print(PrintStream out, ScoreResult result) {
    out.println();
    if (result.unchanged()) {
      SummaryPrinter.line(out, "nothing to do", "the scores of this input and these settings are there already");
    } else if (!result.stopped()) {
      SummaryPrinter.line(out, "rows", SummaryPrinter.count(result.rows()));
      SummaryPrinter.line(out, "failed", SummaryPrinter.count(result.failedRows()));
      SummaryPrinter.line(out, "tokens", SummaryPrinter.count(result.computedTokens()));
      SummaryPrinter.line(out, "scored", SummaryPrinter.count(result.scoredTokens()) + " of them");
      if (result.scoredTokens() > 0) {
        double mean = result.loglikelihood() / result.scoredTokens();
        SummaryPrinter.line(out, "perplexity", String.format(Locale.ROOT, "%.4f over all of them", Math.exp(-mean)));
      }
      if (result.seconds() > 0) {
        double speed = result.computedTokens() / result.seconds();
        SummaryPrinter.line(out, "tokens/s", String.format(Locale.ROOT, "%.1f", speed));
      }
    }
    SummaryPrinter.line(out, "wall time", ProgressLine.duration(result.wallSeconds()));
    SummaryPrinter.line(out, "out", result.out());
    if (result.stopped()) {
      SummaryPrinter.line(out, "stopped", "nothing was written; the same command begins anew");
    }
  }
}
