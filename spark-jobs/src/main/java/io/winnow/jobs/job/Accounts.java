// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.job;

/**
 * Where the traces that were wanted have gone: {@code planned = existing + written + stillToDo + others}.
 *
 * @param planned prompts times samples
 * @param existing traces that were there before the run, those left out that it made anew
 * @param written traces that the run has written
 * @param stillToDo traces that the table lacks when the run ends
 * @param others traces that somebody else has written meanwhile; below 0 when rows were deleted
 */
public record Accounts(long planned, long existing, long written, long stillToDo, long others) {}
