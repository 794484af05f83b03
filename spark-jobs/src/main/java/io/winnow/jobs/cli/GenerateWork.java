// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.EstimateSettings;
import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.DryRun;
import io.winnow.jobs.job.EngineFacts;
import io.winnow.jobs.job.EstimateJob;
import io.winnow.jobs.job.GenerateJob;
import io.winnow.jobs.job.GenerateResult;
import java.util.Optional;

/** Joins the job of {@code generate} to the terminal: progress while it runs, a summary at its end. */
public final class GenerateWork {
  private GenerateWork() {}

  /** The work behind {@link GenerateCommand}. */
  public static Optional<RunSummary> run(SettingValues asked, Session session) {
    boolean one = asked.get(GenerateSettings.MODEL).size() == 1;
    // Each of several models has defaults of its own.
    SettingValues values = one ? ModelDefaults.applied(asked) : asked;
    if (values.get(GenerateSettings.DRY_RUN)) {
      session.out().print(DryRun.describe(session.spark(), values));
      return Optional.empty();
    }
    String defaults = one ? ModelDefaults.described(values) : null;
    if (defaults != null) {
      session.err().println("winnow: " + defaults);
    }
    if (values.get(EstimateSettings.ESTIMATE)) {
      estimate(asked, session);
      return Optional.empty();
    }
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      GenerateResult r =
          GenerateJob.run(
              session.spark(),
              values,
              session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) -> {
                servers(line);
                line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines));
              },
              line::say);
      line.close();
      return Optional.of(summary(values, r));
    }
  }

  private static void servers(ProgressLine line) {
    String servers = EngineFacts.servers();
    line.note(servers, servers != null && !servers.contains("starting"));
  }

  private static void estimate(SettingValues values, Session session) {
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      EstimateJob.Result result =
          EstimateJob.run(
              session.spark(),
              values,
              session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)),
              line::say);
      line.close();
      if (values.get(EstimateSettings.JSON)) {
        session.out().println(EstimatePrinter.json(result));
      } else {
        EstimatePrinter.print(session.out(), result);
      }
    }
  }

  private static RunSummary summary(SettingValues values, GenerateResult r) {
    return new RunSummary(
        values.get(GenerateSettings.OUT), r.prompts(), r.written(), r.existing(), r.correct(),
        r.correct() + r.incorrect(), r.failedByClass(), r.generatedTokens(), r.generateSeconds(),
        r.wallSeconds(), r.stopped(), r.verified(), r.stopReason(), r.costUsd(), r.accounts(), r.engines());
  }
}
