// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.conf.ReplaySettings;
import io.winnow.inference.conf.Setting;
import io.winnow.inference.conf.SettingValues;
import io.winnow.jobs.job.ReplayJob;
import io.winnow.jobs.job.ReplayResult;
import io.winnow.jobs.job.ReplayResult.Difference;
import io.winnow.jobs.job.ReplayResult.Found;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

/** {@code winnow replay}. */
public final class ReplayCommand implements Command {
  @Override
  public String name() {
    return "replay";
  }

  @Override
  public String summary() {
    return "Makes traces again from their rows and says where they differ, if anywhere: exit code 1 then.";
  }

  @Override
  public List<Setting<?>> settings() {
    return ReplaySettings.ALL;
  }

  @Override
  public List<String> examples() {
    return List.of(
        "winnow replay --traces target/traces --sample 1%",
        "winnow replay --traces target/traces --sample 500 --model /models/small");
  }

  @Override
  public boolean usesKernels() {
    return true;
  }

  @Override
  public void validate(SettingValues values) {
    values.get(ReplaySettings.TRACES);
  }

  @Override
  public int run(SettingValues values, Session session) {
    ReplayResult result;
    try (ProgressLine line = new ProgressLine(session.err(), session.terminal(), System::nanoTime)) {
      result =
          ReplayJob.run(
              session.spark(),
              values,
              session.stop()::requested,
              (done, total, failed, correct, decided, tokens, engines) ->
                  line.update(new ProgressLine.Snapshot(done, total, failed, tokens, correct, decided, engines)));
    }
    print(session.out(), values.get(ReplaySettings.TRACES), result);
    Found found = result.found();
    if (found.differentTraces() > 0 || found.differentVerdictCount() > 0) {
      return ExitCode.FAILED;
    }
    if (result.stopped()) {
      return ExitCode.STOPPED;
    }
    boolean strict = values.get(ReplaySettings.STRICT);
    return strict && found.notReplayedTraces() > 0 ? ExitCode.ROWS_FAILED : ExitCode.DONE;
  }

  private static void print(PrintStream out, String table, ReplayResult result) {
    Found found = result.found();
    out.println();
    line(out, "sample", count(result.sampled()) + " of " + count(result.traces()) + " traces");
    line(out, "same", count(found.sameTraces()));
    line(out, "different", count(found.differentTraces()));
    line(out, "not replayed", count(found.notReplayedTraces()));
    found.notReplayedByReason().forEach((reason, n) -> line(out, "", count(n) + ": " + reason));
    long judged = found.sameVerdictCount() + found.differentVerdictCount();
    String others =
        found.otherVerdictCount() == 0 ? ""
            : "; " + count(found.otherVerdictCount()) + " of other verifiers or versions left out";
    line(
        out, "verdicts",
        count(judged) + " judged again, " + count(found.differentVerdictCount()) + " different" + others);
    line(out, "tokens", count(found.generatedTokens()));
    line(out, "wall time", ProgressLine.duration(result.wallSeconds()));
    line(out, "table", table);
    if (result.stopped()) {
      line(out, "stopped", "the rest of the sample was not looked at");
    }
    if (!found.differences().isEmpty()) {
      out.println();
      out.println("The first traces that differ:");
      found.differences().forEach(d -> out.println("  " + d.promptId() + " / " + d.traceId() + ": " + words(d)));
    }
    if (!found.verdictDifferences().isEmpty()) {
      out.println();
      out.println("The first verdicts that differ:");
      for (ReplayResult.VerdictDifference d : found.verdictDifferences()) {
        out.println(
            "  " + d.promptId() + " / " + d.traceId() + ": " + d.verifier() + ", " + d.field() + ": recorded "
                + d.recorded() + ", now " + d.now());
      }
    }
  }

  private static String words(Difference d) {
    return switch (d.part()) {
      case TOKEN -> "first difference at token " + d.position() + " of " + d.length() + ": " + token(d);
      case FINISH_REASON ->
          "ended by " + d.recorded() + ", now by " + d.replayed() + ", after " + d.length() + " tokens";
      case LOGPROB ->
          "the same tokens, but the log-probability of token " + d.position() + " was " + d.recorded() + " and is now "
              + d.replayed();
      case TEXT ->
          "the text differs from character " + d.position() + " of " + d.length() + " on: recorded "
              + quoted(d.recorded()) + ", now " + quoted(d.replayed());
    };
  }

  /** Token and log-probability of both; the gap is how much likelier the replayed one is. */
  private static String token(Difference d) {
    String recorded = d.recorded() == null ? "the end" : d.recorded() + " (" + number(d.recordedLogprob()) + ")";
    String replayed = d.replayed() == null ? "the end" : d.replayed() + " (" + number(d.replayedLogprob()) + ")";
    boolean known = d.recordedLogprob() != null && d.replayedLogprob() != null;
    String gap = known ? number(d.replayedLogprob() - d.recordedLogprob()) : "n/a";
    return "recorded " + recorded + ", now " + replayed + ", log-probability gap " + gap;
  }

  private static String number(Float value) {
    return value == null ? "n/a" : String.format(Locale.ROOT, "%.6f", value);
  }

  private static String quoted(String text) {
    return text == null ? "the end" : "'" + text.replace("\n", "\\n") + "'";
  }

  private static void line(PrintStream out, String name, String value) {
    SummaryPrinter.line(out, name, value);
  }

  private static String count(long n) {
    return SummaryPrinter.count(n);
  }
}
