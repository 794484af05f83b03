// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.EngineBenchmark;
import io.winnow.jobs.job.EngineBenchmark.Round;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code winnow bench}: the engine alone and inside Spark, in turn, medians. */
public final class BenchCommand implements Command {
  private static final int ROUNDS = 3;

  @Override
  public String name() {
    return "bench";
  }

  @Override
  public String summary() {
    return "Measures tokens a second of the engine alone and inside Spark, on the same prompts.";
  }

  @Override
  public List<Setting<?>> settings() {
    return GenerateSettings.ALL.stream()
        .filter(s -> s != GenerateSettings.OUT && s != GenerateSettings.DRY_RUN && s != GenerateSettings.STRICT)
        .toList();
  }

  @Override
  public List<String> examples() {
    return List.of("winnow bench --prompts examples/prompts.jsonl --model examples/model --limit 64 --samples 4");
  }

  @Override
  public boolean usesKernels() {
    return true;
  }

  @Override
  public int run(SettingValues values, Session session) throws Exception {
    List<Round> rounds = EngineBenchmark.run(session.spark(), values, ROUNDS);
    PrintStream out = session.out();
    out.println("round   tokens   engine tok/s   in Spark tok/s   Spark adds   whole run s");
    for (int i = 0; i < rounds.size(); i++) {
      Round r = rounds.get(i);
      row(out, String.valueOf(i + 1), r.tokens(), r.engineSeconds(), r.jobSeconds(), r.wallSeconds());
    }
    row(
        out, "median", rounds.get(0).tokens(), EngineBenchmark.median(rounds, Round::engineSeconds),
        EngineBenchmark.median(rounds, Round::jobSeconds), EngineBenchmark.median(rounds, Round::wallSeconds));
    Round last = rounds.get(rounds.size() - 1);
    out.println();
    out.println(
        String.format(
            Locale.ROOT, "The engine alone, round %d: %.0f sequences a step; of its time", rounds.size(), last.batch()));
    last.shares().entrySet().stream()
        .filter(share -> share.getValue() >= 0.0005)
        .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
        .forEach(
            share ->
                out.println(
                    String.format(Locale.ROOT, "  %-14s %5.1f %%", share.getKey(), 100 * share.getValue())));
    return ExitCode.DONE;
  }

  private static void row(PrintStream out, String name, long tokens, double engine, double job, double wall) {
    out.println(
        String.format(
            Locale.ROOT, "%-7s %6d %14.1f %16.1f %10.1f %% %12.1f", name, tokens, tokens / engine, tokens / job,
            100 * (job - engine) / engine, wall));
  }
}
