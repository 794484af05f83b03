// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.EngineFacts;
import java.util.List;
import java.util.Optional;

/** {@code winnow generate}. */
public final class GenerateCommand implements Command {
  private final Job job;

  /** @param job does the work */
  public GenerateCommand(Job job) {
    this.job = job;
  }

  /** The work behind the command. */
  @FunctionalInterface
  public interface Job {
    /**
     * Generates. Polls {@link Session#stop} and ends cleanly when it is requested.
     *
     * @param values settings that {@link GenerateSettings#validate} accepted
     * @return what it did; empty after a dry run, which prints for itself
     */
    Optional<RunSummary> run(SettingValues values, Session session) throws Exception;
  }

  @Override
  public String name() {
    return "generate";
  }

  @Override
  public String summary() {
    return "Samples answers of a model to prompts, judges them, and adds them to a Delta table of traces.";
  }

  @Override
  public List<Setting<?>> settings() {
    return GenerateSettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow generate --prompts examples/prompts.jsonl --model examples/model --out target/traces \\",
        "    --samples 4 --verify math",
        "winnow generate --prompts gsm8k.jsonl --gold-regex '#### (.*)' --model model.gguf --out traces \\",
        "    --limit 64 --samples 4 --max-tokens 256 --verify math --keep-columns '*'",
        "winnow generate --prompts chats.parquet --messages-column messages --model model --dry-run");
  }

  @Override
  public boolean usesKernels() {
    return true;
  }

  @Override
  public void validate(SettingValues values) {
    GenerateSettings.validate(values);
    EngineFacts.checkSidecar(values);
  }

  @Override
  public int run(SettingValues values, Session session) throws Exception {
    return summary(values, session).map(run -> exitCode(values, run)).orElse(ExitCode.DONE);
  }

  /** Does the work and prints its summary; for callers that want more than an exit code. */
  public Optional<RunSummary> summary(SettingValues values, Session session) throws Exception {
    Optional<RunSummary> summary = job.run(values, session);
    summary.ifPresent(run -> SummaryPrinter.print(session.out(), run));
    return summary;
  }

  private static int exitCode(SettingValues values, RunSummary run) {
    if (run.stopped()) {
      return ExitCode.STOPPED;
    }
    return run.failed() > 0 && values.get(GenerateSettings.STRICT) ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }
}
