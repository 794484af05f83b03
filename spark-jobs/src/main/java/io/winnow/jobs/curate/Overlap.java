// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.curate;

/**
 * What a text shares with one row of a benchmark.
 *
 * @param benchmark place of the benchmark among those asked for, from 0
 * @param row of the benchmark, from 0
 * @param span the words of the longest stretch of the text whose n-grams are all in that row, the first such one; with
 *     one blank between them, as {@link Wording} reads them
 * @param whole whether the texts are equal as a whole, being too short for an n-gram
 */
public record Overlap(int benchmark, long row, String span, boolean whole) {}
