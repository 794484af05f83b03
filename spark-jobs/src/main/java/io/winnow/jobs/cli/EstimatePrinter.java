// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.jobs.job.EstimateJob;
import io.winnow.jobs.job.EstimateJob.Quantity;
import java.io.PrintStream;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** Prints what a run will take. */
final class EstimatePrinter {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String INTERVAL = "studentized bootstrap over prompts";

  private EstimatePrinter() {}

  static void print(PrintStream out, EstimateJob.Result r) {
    out.println();
    line(
        out, "estimate",
        String.format(
            Locale.ROOT, "by %,d of %,d prompts; %.0f %% intervals (%s)", r.rows(), r.prompts(), 100 * r.level(),
            INTERVAL));
    if (r.share() < 1) {
      String share = String.format(Locale.ROOT, "%.1f %%", 100 * r.share());
      line(out, "to do", share + " of the traces; the table has the others");
    }
    if (r.stopped()) {
      line(out, "stopped", r.stopReason() + "; the sample is not whole, so nothing is predicted");
    } else if (r.traces() != null) {
      line(out, "traces", quantity(r.traces(), EstimatePrinter::count));
      line(out, "prompt tokens", quantity(r.promptTokens(), EstimatePrinter::count));
      line(out, "tokens", quantity(r.tokens(), EstimatePrinter::count));
      if (r.seconds() != null) {
        String batch =
            r.places() == 0
                ? ""
                : String.format(Locale.ROOT, ", mean batch %.1f of %d sequences", r.meanBatch(), r.places());
        line(
            out, "time",
            quantity(r.seconds(), ProgressLine::duration)
                + String.format(Locale.ROOT, " at the sample's %,.0f tokens/s%s", r.tokensPerSecond(), batch));
      }
      line(out, "cost", r.usd() == null ? "unknown; give --prices" : quantity(r.usd(), EstimatePrinter::usd) + " USD");
      for (EstimateJob.Part part : r.parts()) {
        String cost = part.usd() == null ? "" : ", " + quantity(part.usd(), EstimatePrinter::usd) + " USD";
        line(
            out, "  teacher",
            part.model() + ": " + quantity(part.tokens(), EstimatePrinter::count) + " tokens" + cost);
      }
    }
    String cost = r.spentUsd() == null ? "" : String.format(Locale.ROOT, ", %.6f USD", r.spentUsd());
    line(out, "spent", SummaryPrinter.count(r.spentTokens()) + " tokens for this estimate" + cost);
    line(
        out, "kept",
        r.kept() == null
            ? "nothing; with --estimate-keep the traces would be the first of --out"
            : "its traces, in " + r.kept());
  }

  private static void line(PrintStream out, String name, String value) {
    SummaryPrinter.line(out, name, value);
  }

  private static String quantity(Quantity q, DoubleFunction<String> shown) {
    return q.low() == q.high()
        ? shown.apply(q.total())
        : shown.apply(q.total()) + " (" + shown.apply(q.low()) + " to " + shown.apply(q.high()) + ")";
  }

  private static String count(double n) {
    return SummaryPrinter.count(Math.round(n));
  }

  private static String usd(double usd) {
    return String.format(Locale.ROOT, "%.6f", usd);
  }

  static String json(EstimateJob.Result r) {
    ObjectNode out = JSON.createObjectNode();
    out.put("prompts", r.prompts()).put("sample_prompts", r.rows()).put("share_to_do", r.share())
        .put("level", r.level()).put("interval", INTERVAL).put("stopped", r.stopped());
    put(out, "traces", r.traces());
    put(out, "prompt_tokens", r.promptTokens());
    put(out, "completion_tokens", r.tokens());
    put(out, "seconds", r.seconds());
    put(out, "cost_usd", r.usd());
    for (EstimateJob.Part part : r.parts()) {
      ObjectNode one = out.withArray("teachers").addObject().put("model", part.model());
      put(one, "traces", part.traces());
      put(one, "completion_tokens", part.tokens());
      put(one, "cost_usd", part.usd());
    }
    out.put("tokens_per_second", r.tokensPerSecond()).put("mean_batch", r.meanBatch()).put("places", r.places());
    out.putObject("spent").put("completion_tokens", r.spentTokens()).put("cost_usd", r.spentUsd());
    out.put("kept", r.kept());
    return out.toString();
  }

  private static void put(ObjectNode out, String name, Quantity q) {
    if (q == null) {
      out.putNull(name);
    } else {
      out.putObject(name).put("estimate", q.total()).put("low", q.low()).put("high", q.high());
    }
  }
}
