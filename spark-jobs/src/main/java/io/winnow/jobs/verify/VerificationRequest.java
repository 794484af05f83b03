// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.verify;

/**
 * One completion to judge.
 *
 * @param gold the reference answer as the data set has it; may be null or empty, which is undecided
 * @param text the completion, thinking included; null counts as empty
 * @param truncated whether generation was cut off by the token limit, so that the answer is not the model's last word
 */
public record VerificationRequest(String gold, String text, boolean truncated) {
  /** A completion that ended by itself. */
  public static VerificationRequest of(String gold, String text) {
    return new VerificationRequest(gold, text, false);
  }
}
