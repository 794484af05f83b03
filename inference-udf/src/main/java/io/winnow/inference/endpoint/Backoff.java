// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import java.net.http.HttpHeaders;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.random.RandomGenerator;

/** How long to wait before something is tried again. */
final class Backoff {
  private static final int MOST_DOUBLINGS = 16;

  private final long firstNanos;
  private final long mostNanos;
  private final RandomGenerator random;

  /** @param first the wait after one failure, before it is spread */
  Backoff(Duration first, Duration most, RandomGenerator random) {
    this.firstNanos = first.toNanos();
    this.mostNanos = most.toNanos();
    this.random = random;
  }

  /** Nanoseconds after so many failures in a row, from 1: doubled each time, and spread over its upper half. */
  long after(int failures) {
    long whole = Math.min(mostNanos, firstNanos << Math.min(MOST_DOUBLINGS, Math.max(0, failures - 1)));
    return whole / 2 + (long) (random.nextDouble() * (whole / 2.0));
  }

  /** What a server asks for, and up to a tenth more, so that not all come back at once. */
  long spread(long askedNanos) {
    return askedNanos + (long) (random.nextDouble() * askedNanos / 10);
  }

  /**
   * The wait that a server asks for by Retry-After, in seconds or as a date, or by retry-after-ms; −1 where it asks for
   * none that can be read.
   */
  static long asked(HttpHeaders headers, Instant now) {
    String millis = headers.firstValue("retry-after-ms").orElse(null);
    String text = headers.firstValue("retry-after").orElse(null);
    try {
      if (millis != null) {
        return nanos(Double.parseDouble(millis.strip()) / 1e3);
      }
      return text == null ? -1 : nanos(Double.parseDouble(text.strip()));
    } catch (NumberFormatException e) {
      return text == null ? -1 : untilDate(text.strip(), now);
    }
  }

  private static long untilDate(String text, Instant now) {
    try {
      Instant date = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return Math.max(0, Duration.between(now, date).toNanos());
    } catch (DateTimeParseException | ArithmeticException e) {
      return -1;
    }
  }

  private static long nanos(double seconds) {
    return seconds >= 0 && seconds < 1e9 ? (long) (seconds * 1e9) : -1;
  }
}
