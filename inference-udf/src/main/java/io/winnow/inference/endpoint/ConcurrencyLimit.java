// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

/**
 * How many requests may be open at one address, found by trying. A round is as many answers as requests may be open, or
 * some more; it counts only while so many were open. The limit doubles as long as a doubled one gives more tokens a
 * second; from then on an eighth more and an eighth less are tried in turn, the more kept where it brings something,
 * the less where it costs nothing. A server that batches gets faster with each request up to some number, and behind it
 * every request only waits longer (Little's law makes the slope of latency and that of throughput one thing), so the
 * limit stays around that number. What is tried in vain is tried again later and later. A refusal for load cuts the
 * limit to seven tenths, once for all that was sent before the cut, and ends the doubling. Used by the clerk's thread
 * alone.
 */
final class ConcurrencyLimit {
  private static final double CUT = 0.7;
  /** What a doubled limit must bring, a raised one, and what a lowered one must leave. */
  private static final double DOUBLED = 1.15;
  private static final double RAISED = 1.03;
  private static final double LOWERED = 1.0;
  private static final double STEP = 0.125;
  private static final int LEAST_ROUND = 8;
  private static final int LEAST_FINE_ROUND = 32;
  private static final int MOST_REST = 16;
  private static final int START = 8;

  private final int least;
  private final int most;
  private double limit;
  private boolean doubling = true;
  /** The limit before another one that is being tried, and what it gave; 0 while nothing is tried. */
  private double before;
  private double speedBefore;
  private boolean up = true;
  private int rest = 1;
  private int resting;
  private long cutNanos = Long.MIN_VALUE;

  private long roundNanos;
  private int answers;
  private double tokens;
  private boolean full;

  ConcurrencyLimit(int least, int most) {
    this.least = least;
    this.most = most;
    this.limit = Math.min(most, Math.max(least, START));
  }

  /** Requests that may be open now. */
  int now() {
    return (int) limit;
  }

  /** A request goes out; so many are open with it. */
  void sent(int open, long nanos) {
    if (answers == 0 && roundNanos == 0) {
      roundNanos = nanos;
    }
    full |= open >= now();
  }

  /** A request was answered with so many tokens, or none that were counted. */
  void answered(int count, long nanos) {
    answers++;
    tokens += count + 1;
    int round = doubling ? Math.max(LEAST_ROUND, now()) : Math.max(LEAST_FINE_ROUND, 2 * now());
    if (answers >= round && nanos > roundNanos) {
      double speed = tokens / (nanos - roundNanos);
      if (full && least < most) {
        roundEnds(speed);
      }
      startRound(nanos);
    }
  }

  /** A request that went out then was refused because there is too much to do. */
  void refused(long sentNanos, long nanos) {
    doubling = false;
    before = 0;
    if (cutNanos == Long.MIN_VALUE || sentNanos > cutNanos) {
      limit = Math.max(least, limit * CUT);
      cutNanos = nanos;
      rest = Math.min(MOST_REST, rest * 2);
      resting = rest;
      startRound(nanos);
    }
  }

  private void startRound(long nanos) {
    roundNanos = nanos;
    answers = 0;
    tokens = 0;
    full = false;
  }

  private void roundEnds(double speed) {
    if (before == 0) {
      if (--resting <= 0) {
        attempt(speed);
      }
      return;
    }
    double wanted = doubling ? DOUBLED : limit > before ? RAISED : LOWERED;
    if (speed >= speedBefore * wanted) {
      rest = 1;
      before = 0;
      if (doubling) {
        attempt(speed);
      }
      return;
    }
    // Where doubling ends the server is full somewhere between the two; a little more than before is kept.
    limit = doubling ? Math.min(limit, before * (1 + 2 * STEP)) : before;
    doubling = false;
    before = 0;
    rest = Math.min(MOST_REST, rest * 2);
    resting = rest;
  }

  private void attempt(double speed) {
    double other = limit;
    if (doubling) {
      other = Math.min(most, 2 * limit);
    } else {
      other = up ? Math.min(most, Math.max(limit + 1, limit * (1 + STEP))) : Math.max(least, limit * (1 - STEP));
      up = !up;
    }
    if ((int) other != now()) {
      before = limit;
      speedBefore = speed;
      limit = other;
    }
  }
}
