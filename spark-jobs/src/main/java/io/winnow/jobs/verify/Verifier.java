// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

/**
 * Judges completions against ground truth. Parameters belong to the instance ({@link Verifiers#byName}), so that
 * they are checked once and not per row.
 *
 * <p>Instances are immutable and safe for any number of threads. They start no threads, set no timers and use no
 * signals; work is bounded by counted steps, so a verdict does not depend on the speed of the machine.
 */
public interface Verifier {
  /** The name by which {@link Verifiers#byName} finds it. */
  String name();

  /** Changes whenever any verdict may change. */
  String version();

  /**
   * Judges one completion. Never throws: a failure of the verifier itself is a verdict {@code error} with the reason.
   */
  Verdict verify(VerificationRequest request);
}
