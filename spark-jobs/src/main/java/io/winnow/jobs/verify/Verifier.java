// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

import java.util.Map;

/**
 * Judges completions against ground truth. Parameters belong to the instance ({@link Verifiers#byName}), so that
 * they are checked once and not per row.
 *
 * <p>Instances are immutable and safe for any number of threads. They start no threads, set no timers and use no
 * signals; work is bounded by counted steps, so a verdict does not depend on the speed of the machine. Those that
 * {@link Verifiers#byName} gives are guarded against implementations that break this, by {@link GuardedVerifier}.
 */
public interface Verifier {
  /** The name by which {@link Verifiers#byName} finds it. */
  String name();

  /** Changes whenever any verdict may change. */
  String version();

  /** Its parameters, as its verdicts name them. */
  default Map<String, String> params() {
    return Map.of();
  }

  /**
   * Whether it counts its steps and ends by itself whatever it gets. One that does not say so is run with a limit of
   * wall clock, on a thread of its own.
   */
  default boolean boundedBySteps() {
    return false;
  }

  /**
   * Judges one completion. Never throws: a failure of the verifier itself is a verdict {@code error} with the reason.
   */
  Verdict verify(VerificationRequest request);
}
