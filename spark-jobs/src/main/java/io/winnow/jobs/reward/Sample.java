// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.reward;

/**
 * One completion to reward. A reward reads what {@link Reward#needs} says, the rest may be null.
 *
 * @param completion the text, thinking included; null gives no reward
 * @param gold the reference answer as the data set has it
 * @param tokens how many tokens the completion has
 * @param language of the program that is asked for; null leaves it to the reward's parameter
 */
public record Sample(String completion, String gold, Long tokens, String language) {
  /** A completion without gold and tokens. */
  public static Sample of(String completion) {
    return new Sample(completion, null, null, null);
  }

  /** A completion with its gold. */
  public static Sample of(String completion, String gold) {
    return new Sample(completion, gold, null, null);
  }

  /** A completion of which only the length counts. */
  public static Sample ofTokens(long tokens) {
    return new Sample(null, null, tokens, null);
  }
}
