// SPDX-License-Identifier: Apache-2.0
/**
 * When a prompt has samples enough. {@link io.winnow.jobs.sampling.SampleController} is the rule, a pure function of
 * what the samples so far came to; {@link io.winnow.jobs.sampling.AdaptiveSampling} asks it after fixed numbers of
 * samples alone, and only when all of them are there: so neither time, nor batches, nor a kill decides which rows there are.
 * Engines know nothing of it, as they know no right answers: they get the next block as another request, whose samples
 * have the random streams of their indexes. Not here: Spark, tables, how samples are judged.
 */
package io.winnow.jobs.sampling;
