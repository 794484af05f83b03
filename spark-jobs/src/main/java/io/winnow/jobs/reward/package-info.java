// SPDX-License-Identifier: Apache-2.0
/**
 * Rewards of completions, as reinforcement learning and selection use them. Entry:
 * {@link io.winnow.jobs.reward.Rewards}. In: a group of {@link io.winnow.jobs.reward.Sample}s. Out: a number each, or none.
 *
 * <p>Plain names give Open-R1's numbers to the digit, flaws included; {@code strict=true} gives the sibling that mends
 * them.
 *
 * <p>Not here: verdicts (verify), choosing among samples (selection), anything with Spark.
 */
package io.winnow.jobs.reward;
