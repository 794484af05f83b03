// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

/**
 * How many requests may be open at one address, found by trying. A round is as many answers as requests may be open, or
 * some more; it counts only while so many were open. The limit doubles as long as a doubled one gives more tokens a
 * second; from then on an eighth more and an eighth less are tried in turn, the more kept where it brings something,
 * the less where it costs nothing. A server that batches gets faster with each request up to some number, and behind it
 * every request only waits longer (Little's law makes the slope of latency and that of throughput one thing), so the
 * limit stays around that number. What is tried in vain is tried again later and later. A refusal for load cuts the
 * limit to seven tenths, once for all that was sent before the cut, and ends the doubling.
 *
 * <p>Answers may take many minutes, and then rounds of them are too slow to find a number by. So while it doubles, the
 * pieces of streamed answers count as well: once all that is open has begun and some pieces of each have come, or far
 * more pieces than that although some still wait, their speed is held against that before. Used by the clerk's thread
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
  /** Pieces of an answer, on the average, by which a speed is measured; and where some answers do not begin. */
  private static final int PIECES = 16;
  private static final int PIECES_WITHOUT_ALL = 8 * PIECES;

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

  /** The limit that pieces are counted for, and since when; then since when all that was open had begun. */
  private double streaming;
  private long fullNanos;
  private long fullPieces;
  private long begunNanos;
  private long begunPieces;
  /** The speed by pieces, and the limit that gave it; 0 before the first. */
  private double streamed;
  private double streamedAt;

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

  /**
   * How far streamed answers have come.
   *
   * @param open requests
   * @param begun those of them of whose answers something has come
   * @param pieces of answers that have come ever
   */
  void streamed(int open, int begun, long pieces, long nanos) {
    if (!doubling || limit >= most) {
      return;
    }
    if (streaming != limit || open < now()) {
      streaming = open < now() ? 0 : limit;
      fullNanos = nanos;
      fullPieces = pieces;
      begunNanos = 0;
      return;
    }
    if (begun < open) {
      begunNanos = 0;
    } else if (begunNanos == 0) {
      begunNanos = nanos;
      begunPieces = pieces;
    }
    if (begunNanos != 0 && pieces - begunPieces >= (long) PIECES * open && nanos > begunNanos) {
      streamRoundEnds((double) (pieces - begunPieces) / (nanos - begunNanos), nanos);
    } else if (pieces - fullPieces >= (long) PIECES_WITHOUT_ALL * open && nanos > fullNanos) {
      streamRoundEnds((double) (pieces - fullPieces) / (nanos - fullNanos), nanos);
    }
  }

  private void streamRoundEnds(double speed, long nanos) {
    if (streamedAt == 0 || speed >= streamed * DOUBLED) {
      streamed = speed;
      streamedAt = limit;
      attempt(speed);
    } else {
      limit = Math.min(limit, streamedAt * (1 + 2 * STEP));
      doubling = false;
      before = 0;
      rest = Math.min(MOST_REST, rest * 2);
      resting = rest;
    }
    startRound(nanos);
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
