// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.cli;

import io.winnow.inference.EngineStats;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * One line of progress: drawn again in place on a terminal, else a new line every ten seconds. Speed and time left are
 * those of the last half minute. Thread-safe.
 */
public final class ProgressLine implements AutoCloseable {
  /** A line is no longer, so that a terminal of this width can draw it again in place. */
  static final int COLUMNS = 120;

  private static final long WINDOW_NANOS = 30_000_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;
  private static final long REDRAW_NANOS = 100_000_000L;

  private static final String TRACES = "traces";

  private final PrintStream err;
  private final boolean terminal;
  private final LongSupplier nanoClock;
  private final String unit;
  private final Deque<Timed> window = new ArrayDeque<>();
  private long shownAt;
  private int shownLength;
  private boolean shown;
  private String noted;
  private Long notedAt;

  /** @param nanoClock such as {@code System::nanoTime} */
  public ProgressLine(PrintStream err, boolean terminal, LongSupplier nanoClock) {
    this(err, terminal, nanoClock, TRACES);
  }

  /** Of work on something else than traces, which has no tokens: {@code unit} says on what. */
  public ProgressLine(PrintStream err, boolean terminal, LongSupplier nanoClock, String unit) {
    this.unit = unit;
    this.err = err;
    this.terminal = terminal;
    this.nanoClock = nanoClock;
  }

  /**
   * Where a run stands.
   *
   * @param done traces that are there
   * @param total traces wanted, 0 when not known
   * @param failed traces of those done that failed
   * @param tokens tokens generated
   * @param correct traces judged correct
   * @param decided traces judged correct or incorrect
   * @param engines what the engines have done for it
   */
  public record Snapshot(
      long done, long total, long failed, long tokens, long correct, long decided, EngineStats engines) {
    /** Of work without an engine. */
    public Snapshot(long done, long total, long failed, long tokens, long correct, long decided) {
      this(done, total, failed, tokens, correct, decided, EngineStats.NONE);
    }
  }

  private record Timed(long nanos, Snapshot snapshot) {}

  /** Takes a newer snapshot, and shows it if it is time. */
  public synchronized void update(Snapshot snapshot) {
    long now = nanoClock.getAsLong();
    if (window.isEmpty()) {
      shownAt = now; // the first line is not due at once: nothing was measured yet
    }
    window.addLast(new Timed(now, snapshot));
    while (window.size() > 2 && now - window.getFirst().nanos() > WINDOW_NANOS) {
      window.removeFirst();
    }
    if (now - shownAt >= (terminal ? REDRAW_NANOS : LINE_NANOS)) {
      show(now);
    }
  }

  /**
   * Takes a word on what has to be there before anything is done, and shows it as a line of its own if it is another than
   * the last and that was some seconds ago, or if {@code important}.
   *
   * @param text null for none
   */
  public synchronized void note(String text, boolean important) {
    long now = nanoClock.getAsLong();
    boolean due = notedAt == null || important || now - notedAt >= LINE_NANOS;
    if (text == null || text.equals(noted) || !due) {
      return;
    }
    noted = text;
    notedAt = now;
    say(text);
  }

  /** Says something else, in a line of its own. */
  public synchronized void say(String text) {
    if (terminal && shown) {
      err.print("\r" + " ".repeat(shownLength) + "\r");
    }
    err.println("winnow: " + text);
  }

  private void show(long now) {
    shownAt = now;
    String text = text(window.getFirst(), window.getLast());
    if (terminal) {
      err.print("\r" + text + " ".repeat(Math.max(0, shownLength - text.length())));
      err.flush();
      shownLength = text.length();
    } else {
      err.println(text);
    }
    shown = true;
  }

  /** Shows the last snapshot and ends the line. */
  @Override
  public synchronized void close() {
    if (!window.isEmpty()) {
      show(nanoClock.getAsLong());
      window.clear();
    }
    if (terminal && shown) {
      err.println();
      shown = false;
    }
  }

  /** What of a line is left out first where it is too long. */
  private enum Part { PREFILL, QUEUE, PREFIX, KV, PREEMPTED, BATCH, VERIFIED, SPEED, FAILED, ETA, DONE }

  private String text(Timed first, Timed last) {
    Map<Part, String> parts = new LinkedHashMap<>();
    Snapshot s = last.snapshot();
    double seconds = (last.nanos() - first.nanos()) / 1e9;
    String done = s.total() > 0 ? s.done() + "/" + s.total() : String.valueOf(s.done());
    parts.put(Part.DONE, done + " " + unit + (s.total() > 0 ? format(" · %.1f %%", 100.0 * s.done() / s.total()) : ""));
    if (seconds > 0) {
      boolean traces = unit.equals(TRACES);
      double more = traces ? s.tokens() - first.snapshot().tokens() : s.done() - first.snapshot().done();
      parts.put(Part.SPEED, format("%.0f %s/s", Math.max(0, more / seconds), traces ? "tok" : unit));
    }
    engines(parts, first.snapshot().engines(), s.engines(), seconds);
    if (s.decided() > 0) {
      parts.put(Part.VERIFIED, format("verified %.0f %%", 100.0 * s.correct() / s.decided()));
    }
    if (s.failed() > 0) {
      parts.put(Part.FAILED, s.failed() + " failed");
    }
    long more = s.done() - first.snapshot().done();
    if (more > 0 && seconds > 0 && s.done() < s.total()) {
      parts.put(Part.ETA, "ETA " + duration((s.total() - s.done()) * seconds / more));
    }
    for (Part part : Part.values()) {
      if (joined(parts).length() > COLUMNS) {
        parts.remove(part);
      }
    }
    return joined(parts);
  }

  private static String joined(Map<Part, String> parts) {
    return String.join(" · ", parts.values());
  }

  private static void engines(Map<Part, String> parts, EngineStats before, EngineStats now, double seconds) {
    EngineStats late = now.since(before);
    if (seconds > 0 && late.promptTokens() > 0) {
      parts.put(Part.PREFILL, format("prefill %.0f tok/s", late.promptTokens() / seconds));
    }
    if (late.steps() > 0 && now.load().places() > 0) {
      parts.put(Part.BATCH, format("batch %.0f/%d", late.meanBatch(), now.load().places()));
    }
    if (now.load().usedPages() > 0) {
      parts.put(Part.KV, format("KV %.0f %%", 100.0 * now.load().usedPages() / now.load().pages()));
    }
    if (now.prefixHitTokens() > 0) {
      parts.put(Part.PREFIX, format("prefix %.0f %%", 100 * now.prefixShare()));
    }
    if (now.preemptions() > 0) {
      parts.put(Part.PREEMPTED, now.preemptions() + " preempted");
    }
    if (now.load().waiting() > 0) {
      parts.put(Part.QUEUE, "queue " + now.load().waiting());
    }
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** A time in its two largest units: 42 s, 3 min 5 s, 2 h 10 min. */
  static String duration(double seconds) {
    if (seconds < 10) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    }
    long s = Math.round(seconds);
    if (s < 60) {
      return s + " s";
    }
    if (s < 600) {
      return s / 60 + " min" + (s % 60 == 0 ? "" : " " + s % 60 + " s");
    }
    long minutes = Math.round(seconds / 60);
    return minutes < 60 ? minutes + " min"
        : minutes / 60 + " h" + (minutes % 60 == 0 ? "" : " " + minutes % 60 + " min");
  }
}
