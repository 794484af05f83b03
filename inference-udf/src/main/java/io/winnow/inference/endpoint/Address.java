// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import java.net.URI;

/** One server, as the clerk knows it. */
final class Address {
  /** Failures in a row after which nobody else is sent there for a while. */
  private static final int MOST_FAILURES = 3;

  final String base;
  final URI host;
  final ConcurrencyLimit limit;
  int open;
  /** Of those open, answers that have begun to be streamed; and pieces that have ever come. */
  int begun;
  long pieces;
  /** Whether it has ever answered a request. */
  boolean answered;
  private int failures;
  private boolean dead;
  private long restUntil = Long.MIN_VALUE;

  Address(String base, ConcurrencyLimit limit) {
    this.base = base;
    this.host = URI.create(base);
    this.limit = limit;
  }

  /** Whether it may be asked now; one that was dead gets a single request to show that it lives. */
  boolean usable(long nanos) {
    return !resting(nanos) && !(dead && open > 0);
  }

  private boolean resting(long nanos) {
    return restUntil != Long.MIN_VALUE && nanos - restUntil < 0;
  }

  boolean hasRoom() {
    return open < (dead ? 1 : limit.now());
  }

  /** When it may be asked again; Long.MIN_VALUE where it may now. */
  long restUntil() {
    return restUntil;
  }

  /** It has answered. What it asked for itself, to be left alone until some time, holds on. */
  void lives() {
    failures = 0;
    if (dead) {
      dead = false;
      restUntil = Long.MIN_VALUE;
    }
    answered = true;
  }

  /** It asks to be left alone until then. */
  void rests(long untilNanos) {
    if (restUntil == Long.MIN_VALUE || untilNanos - restUntil > 0) {
      restUntil = untilNanos;
    }
  }

  /** Something went wrong that may be its fault; a connection that cannot be made surely is. */
  void failed(boolean surely, long nanos, Backoff backoff) {
    if (dead && resting(nanos)) {
      return; // what was sent before it was known
    }
    failures++;
    // While many are open, a few that fail may be a few bad prompts.
    if (surely || failures >= Math.max(MOST_FAILURES, open / 2)) {
      dead = true;
      // One that answers, if only with errors, is not left alone for long.
      rests(nanos + backoff.after(surely ? failures : 1));
    }
  }

  boolean dead() {
    return dead;
  }
}
