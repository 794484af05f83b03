// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import io.winnow.inference.conf.GenerateSettings;
import io.winnow.inference.conf.SettingValues;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * When a run is to end before all is done: somebody asks for it, or it has used up what {@code --max-duration}, {@code
 * --max-tokens-total} or {@code --max-cost} give it. What it has used is told by the heartbeats of its executors
 * ({@code spark.executor.heartbeatInterval}: one second in local mode, else ten) and looked at twice a second; so far a
 * run can go over, and by what is decoded until its tasks have ended. Thread-safe.
 */
final class RunBudget implements BooleanSupplier {
  private final BooleanSupplier asked;
  private final LongSupplier nanos;
  private final long startNanos;
  private final Optional<Long> maxNanos;
  private final Optional<Long> maxTokens;
  private final Optional<Double> maxCost;
  /** The budget that this one is a part of, or null. */
  private final RunBudget whole;
  private long tokens;
  private double cost;
  private String reason;

  /**
   * @param asked whether somebody asked the run to end
   * @param nanos clock in nanoseconds
   * @param startNanos when the run started, by that clock
   */
  RunBudget(SettingValues values, BooleanSupplier asked, LongSupplier nanos, long startNanos) {
    this.asked = asked;
    this.nanos = nanos;
    this.startNanos = startNanos;
    this.maxNanos = values.find(GenerateSettings.MAX_DURATION).map(Duration::toNanos);
    this.maxTokens = values.find(GenerateSettings.MAX_TOKENS_TOTAL);
    this.maxCost = values.find(GenerateSettings.MAX_COST);
    this.whole = null;
  }

  private RunBudget(RunBudget whole) {
    this.asked = whole.asked;
    this.nanos = whole.nanos;
    this.startNanos = whole.startNanos;
    this.maxNanos = whole.maxNanos;
    this.maxTokens = whole.maxTokens;
    this.maxCost = whole.maxCost;
    this.whole = whole;
  }

  /** For a part of the run: what it uses, others don't have. It is to end when the run is. */
  RunBudget part() {
    return new RunBudget(this);
  }

  /**
   * Notes what the run has used so far; what was noted before is never taken back.
   *
   * @param generated tokens generated
   * @param usd cost of them, of their prompts and of the engine's time, in US dollars
   */
  synchronized void used(long generated, double usd) {
    long more = Math.max(0, generated - tokens);
    double dearer = Math.max(0, usd - cost);
    tokens += more;
    cost += dearer;
    if (whole != null) {
      whole.usedMore(more, dearer);
    }
  }

  private synchronized void usedMore(long more, double dearer) {
    tokens += more;
    cost += dearer;
  }

  /** Whether the run is to end. Once true, always true. */
  @Override
  public synchronized boolean getAsBoolean() {
    if (whole != null) {
      return whole.getAsBoolean();
    }
    if (reason == null) {
      reason = reached();
    }
    return reason != null;
  }

  /** Why the run is to end, in words that name the budget; null while it is not. */
  synchronized String reason() {
    return whole == null ? reason : whole.reason();
  }

  private String reached() {
    if (asked.getAsBoolean()) {
      return "asked to stop";
    }
    long passed = nanos.getAsLong() - startNanos;
    if (maxNanos.isPresent() && passed >= maxNanos.get()) {
      return String.format(Locale.ROOT, "--max-duration %s reached (%.1f s)", seconds(maxNanos.get()), passed / 1e9);
    }
    if (maxTokens.isPresent() && tokens >= maxTokens.get()) {
      return String.format(Locale.ROOT, "--max-tokens-total %,d reached (%,d tokens seen)", maxTokens.get(), tokens);
    }
    if (maxCost.isPresent() && cost >= maxCost.get()) {
      return String.format(
          Locale.ROOT, "--max-cost %s reached (%.6f USD seen)", GenerateSettings.MAX_COST.text(maxCost.get()), cost);
    }
    return null;
  }

  private static String seconds(long nanos) {
    return GenerateSettings.MAX_DURATION.text(Duration.ofNanos(nanos)) + " s";
  }
}
