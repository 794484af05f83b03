// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.ModelDefaults;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.DryRun;
import io.winnow.jobs.job.EngineFacts;
import io.winnow.jobs.job.GenerateJob;
import io.winnow.jobs.job.GenerateResult;
import java.util.Optional;

/** Joins the job of {@code generate} to the terminal: progress while it runs, a summary at its end. */
public final class GenerateWork {
  private GenerateWork() {}

  /** The work behind {@link GenerateCommand}. */
  public static Optional<RunSummary> run(SettingValues asked, Session session) {
    SettingValues values = ModelDefaults.applied(asked);
    if (values.get(GenerateSettings.DRY_RUN)) {
      session.out().print(DryRun.describe(session.spark(), values));
      return Optional.empty();
    }
    String defaults = ModelDefaults.described(values);
    if (defaults != null) {
      session.err().println("winnow: " + defaults);
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
              });
      line.close();
      return Optional.of(summary(values, r));
    }
  }

  private static void servers(ProgressLine line) {
    String servers = EngineFacts.servers();
    line.note(servers == null ? null : "winnow: " + servers, servers != null && !servers.contains("starting"));
  }

  private static RunSummary summary(SettingValues values, GenerateResult r) {
    return new RunSummary(
        values.get(GenerateSettings.OUT), r.prompts(), r.written(), r.existing(), r.correct(),
        r.correct() + r.incorrect(), r.failedByClass(), r.generatedTokens(), r.generateSeconds(),
        r.wallSeconds(), r.stopped(), r.verified(), r.stopReason(), r.costUsd(), r.accounts(), r.engines());
  }
}
