// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.sampling;

/**
 * What became of one sample, as the table of traces tells it.
 *
 * @param correct whether it is correct; null when that is undecided, was not asked or the sample failed
 * @param answer the answer that it ends with, as {@link io.winnow.jobs.verify.AnswerEquality#extract} gives it; null
 *     when it has none, or {@link SampleController#readsAnswers} is false
 * @param failed whether it is a row with an error
 */
public record SampleOutcome(Boolean correct, String answer, boolean failed) {}
