// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Names of runs. */
final class RunId {
  private RunId() {}

  /** A new one: sorts by time, and is unique among runs that start in the same second. */
  static String next() {
    String time = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC).format(Instant.now());
    return String.format("%s-%06x", time, new SecureRandom().nextInt(1 << 24));
  }
}
