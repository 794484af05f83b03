// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

/**
 * Where the traces that were wanted have gone: {@code planned = existing + written + stillToDo + others + spared}.
 *
 * @param planned prompts times samples
 * @param existing traces that were there before the run, those left out that it made anew
 * @param written traces that the run has written
 * @param stillToDo traces that the table lacks when the run ends; at most so many where a rule may still end prompts
 * @param others traces that somebody else has written meanwhile; below 0 when rows were deleted
 * @param spared traces that are not needed, because their prompts have enough of them by {@code --stop-when}
 */
public record Accounts(long planned, long existing, long written, long stillToDo, long others, long spared) {
  /** Where every prompt gets as many samples as any other. */
  public Accounts(long planned, long existing, long written, long stillToDo, long others) {
    this(planned, existing, written, stillToDo, others, 0);
  }
}
