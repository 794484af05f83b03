// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.winnow.inference.conf.BenchSettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.EngineBenchmark;
import io.winnow.jobs.job.EngineBenchmark.Round;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** {@code winnow bench}: the engine alone and inside Spark, in turn, medians. */
public final class BenchCommand implements Command {
  private static final ObjectMapper JSON = new ObjectMapper();

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
    return BenchSettings.ALL;
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
    PrintStream out = session.out();
    try (EngineBenchmark bench = EngineBenchmark.open(session.spark(), values)) {
      Optional<String> file = values.find(BenchSettings.PROMPT_TOKENS);
      if (file.isPresent()) {
        writeTokens(bench.prompts(), Path.of(file.get()));
      }
      if (values.get(BenchSettings.TURNS)) {
        turns(bench, out);
      } else {
        print(rounds(bench, values), values.get(BenchSettings.ENGINE_ONLY), out);
      }
    }
    return ExitCode.DONE;
  }

  private static void writeTokens(List<int[]> prompts, Path file) throws IOException {
    try (Writer writer = Files.newBufferedWriter(file)) {
      for (int[] prompt : prompts) {
        writer.write(JSON.writeValueAsString(prompt) + "\n");
      }
    }
  }

  /** Measures when it is told to, so that somebody else can let others run meanwhile. */
  private static void turns(EngineBenchmark bench, PrintStream out) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    out.println(JSON.writeValueAsString(Map.of("ready", true)));
    while (in.readLine() != null) {
      EngineBenchmark.Alone alone = bench.alone();
      out.println(JSON.writeValueAsString(Map.of("tokens", alone.tokens(), "seconds", alone.seconds())));
    }
  }

  private static List<Round> rounds(EngineBenchmark bench, SettingValues values) throws Exception {
    boolean engineOnly = values.get(BenchSettings.ENGINE_ONLY);
    List<Round> rounds = new ArrayList<>();
    for (int round = 0; round <= values.get(BenchSettings.ROUNDS); round++) {
      Round measured = engineOnly ? bench.engineRound() : bench.round();
      if (round > 0) {
        rounds.add(measured);
      }
    }
    return rounds;
  }

  private static void print(List<Round> rounds, boolean engineOnly, PrintStream out) {
    out.println("round   tokens   engine tok/s" + (engineOnly ? "" : "   in Spark tok/s   Spark adds   whole run s"));
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
            Locale.ROOT,
            "The engine alone, round %d: %.0f sequences a step, %,d prompt tokens computed, %,d cached; of its time",
            rounds.size(), last.batch(), last.prompts()[0], last.prompts()[1]));
    last.shares().entrySet().stream()
        .filter(share -> share.getValue() >= 0.0005)
        .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
        .forEach(
            share ->
                out.println(
                    String.format(Locale.ROOT, "  %-14s %5.1f %%", share.getKey(), 100 * share.getValue())));
  }

  private static void row(PrintStream out, String name, long tokens, double engine, double job, double wall) {
    String line = String.format(Locale.ROOT, "%-7s %6d %14.1f", name, tokens, tokens / engine);
    if (!Double.isNaN(job)) {
      line +=
          String.format(
              Locale.ROOT, " %16.1f %10.1f %% %12.1f", tokens / job, 100 * (job - engine) / engine, wall);
    }
    out.println(line);
  }
}
